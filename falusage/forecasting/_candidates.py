"""The candidate models, from the steadiest to the most flexible.

`rhythm` is the shape of a season times the present level, both robust estimates; the others are
from statsforecast. Those that smooth use the logarithm of cost, in which growth and the weekly
pattern are additive and nothing is below zero. A model that cannot be fitted to a series is not
among its candidates.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from falusage.errors import MissingExtraError
from falusage.forecasting._rhythms import Rhythm

Floats = NDArray[np.float64]
Forecaster = Callable[[Floats, int], Floats]

MODELS: Final = ("rhythm", "blend", "theta", "ets", "mstl", "seasonal_naive", "drift")
"""In order of preference among equals: a model that one odd period moves less comes first."""

BLENDED: Final = ("rhythm", "theta", "ets")
_SEASONS: Final = 8
_OFFSET: Final = 0.1


def forecasters(rhythm: Rhythm) -> Mapping[str, Forecaster]:
    """Return each model as a function of a history and a horizon, without the blend of them.

    Raises:
        MissingExtraError: statsforecast is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from statsforecast import models
        except ImportError as error:
            raise MissingExtraError("forecast", need="a forecast") from error
    season, inner, reach = rhythm.season, rhythm.inner, rhythm.reach
    seasons = [inner, season] if inner not in (1, season) else season

    def theta(history: Floats, horizon: int) -> Floats:
        length = inner if len(history) >= 2 * inner else 1
        model = models.Theta(season_length=length, decomposition_type="additive")
        return _in_logs(model, history[-reach:], horizon)

    def ets(history: Floats, horizon: int) -> Floats:
        seasonal = inner > 1 and len(history) >= 2 * inner + 5
        form, length = ("AAA", inner) if seasonal else ("AAN", 1)
        model = models.AutoETS(season_length=length, model=form, damped=True)
        return _in_logs(model, history[-reach:], horizon)

    def mstl(history: Floats, horizon: int) -> Floats:
        model = models.MSTL(season_length=seasons, trend_forecaster=models.AutoETS(model="ANN"))
        return _in_logs(model, history[-max(reach, 2 * season + 1) :], horizon)

    def seasonal_naive(history: Floats, horizon: int) -> Floats:
        length = season if len(history) >= season else 1
        return _mean(models.SeasonalNaive(season_length=length), history, horizon)

    def drift(history: Floats, horizon: int) -> Floats:
        return _mean(models.RandomWalkWithDrift(), history, horizon)

    def rhythmic(history: Floats, horizon: int) -> Floats:
        return _rhythm(history, horizon, rhythm)

    found: dict[str, Forecaster] = {
        "rhythm": rhythmic,
        "theta": theta,
        "ets": ets,
        "mstl": mstl,
        "seasonal_naive": seasonal_naive,
        "drift": drift,
    }
    return {name: _guarded(one, least) for name, one, least in _with_least(found, season)}


def _with_least(found: Mapping[str, Forecaster], season: int) -> list[tuple[str, Forecaster, int]]:
    """Return each model with the shortest history that it can use."""
    least = {
        "rhythm": 1,
        "seasonal_naive": 1,
        "drift": 3,
        "theta": 6,
        "ets": 10,
        "mstl": 2 * season + 1,
    }
    kept = found if season > 1 else {name: f for name, f in found.items() if name != "mstl"}
    return [(name, forecaster, least[name]) for name, forecaster in kept.items()]


def _guarded(forecaster: Forecaster, least: int) -> Forecaster:
    def guarded(history: Floats, horizon: int) -> Floats:
        """Return the forecast, never below zero; NaN if the model cannot make one."""
        nothing = np.full(horizon, np.nan)
        if len(history) < least:
            return nothing
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                ahead = forecaster(history, horizon)
            except Exception:  # noqa: BLE001 - if a fit fails for any reason, the model is left out
                return nothing
        return np.maximum(ahead, 0.0) if np.isfinite(ahead).all() else nothing

    return guarded


def _mean(model: Any, history: Floats, horizon: int) -> Floats:
    return np.asarray(model.forecast(y=history, h=horizon)["mean"], dtype=np.float64)


def _in_logs(model: Any, history: Floats, horizon: int) -> Floats:
    level = history.mean()
    if level <= 0:
        return np.zeros(horizon)
    # In units of the level, so that the currency does not matter; the offset keeps zeros finite.
    ahead = _mean(model, np.log(history / level + _OFFSET), horizon)
    return (np.exp(ahead) - _OFFSET) * level


def _rhythm(history: Floats, horizon: int, rhythm: Rhythm) -> Floats:
    """Return the shape of the last seasons times the median level of the last periods."""
    season = rhythm.season if len(history) >= 2 * rhythm.season else 1
    seasons = min(_SEASONS if season > 1 else len(history), len(history) // season)
    last = history[-season * seasons :].reshape(seasons, season)
    levels = last.mean(axis=1, keepdims=True)
    active = levels[:, 0] > 0
    shape = (last[active] / levels[active]).mean(axis=0) if active.any() else np.ones(season)
    recent = history[-min(rhythm.level, len(history)) :]
    # The shape at the recent periods: the last one ends a season.
    there = np.resize(shape[::-1], len(recent))[::-1]
    level = np.median(recent[there > 0] / there[there > 0]) if (there > 0).any() else 0.0
    if level > 0:
        return np.resize(shape, horizon) * level
    # Mostly zeros recently: it has ended if it never paused for so long, else it is intermittent.
    silences = np.diff(np.flatnonzero(np.append(history, 1.0)), prepend=-1) - 1
    over = silences[-1] > silences[:-1].max(initial=0)
    return np.full(horizon, 0.0 if over else last.mean())
