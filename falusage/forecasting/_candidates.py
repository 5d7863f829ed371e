"""The candidate models, from the steadiest to the most flexible.

`average` is the mean of the next four by their track records. These forecast the level without the
seasonal pattern, and put the pattern back.
`smoothing`, `theta` and `trend` fit the logarithm of the level, in which growth is additive and
nothing is below zero; single spikes do not move it. The mean of a logarithm is below the logarithm
of the mean, so they are raised by the mean of their own residuals: days add up to months, and only
means add up. A model that cannot be fitted to a series is not among its candidates.

Source: V. Assimakopoulos and K. Nikolopoulos, The theta model, International Journal of Forecasting
16 (2000); N. Duan, Smearing estimate: a nonparametric retransformation method, Journal of the
American Statistical Association 78 (1983), here without the highest 5 % of the residuals.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from falusage.errors import MissingExtraError
from falusage.forecasting._past import Floats, Past
from falusage.forecasting._rhythms import Rhythm
from falusage.forecasting._spikes import without_spikes

Forecaster = Callable[[Past, int], Floats]

MODELS: Final = ("average", "level", "smoothing", "theta", "trend", "seasonal_naive", "drift")
"""All of them. They were chosen on the choosing set of `benchmarks/forecast.py`."""

AVERAGED: Final = ("level", "smoothing", "theta", "trend")
"""Those that are averaged: the ones that a single spike does not move."""
_OFFSET: Final = 0.1
_KEPT: Final = 0.95
_LEAST: Final = {
    "level": 1,
    "smoothing": 3,
    "theta": 6,
    "trend": 10,
    "seasonal_naive": 1,
    "drift": 3,
}
"""The shortest history that each model can use."""


def forecasters(rhythm: Rhythm) -> Mapping[str, Forecaster]:
    """Return each model as a function of a past and a horizon, without the average of them.

    Raises:
        MissingExtraError: statsforecast is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from statsforecast import models
        except ImportError as error:
            raise MissingExtraError("forecast", need="a forecast") from error
    smooth = models.SimpleExponentialSmoothingOptimized

    def level(past: Past, horizon: int) -> Floats:
        return past.shaped(np.full(horizon, _present(past, rhythm)))

    def smoothing(past: Past, horizon: int) -> Floats:
        return _in_logs(smooth(), past, horizon, rhythm)

    def theta(past: Past, horizon: int) -> Floats:
        return _in_logs(models.Theta(season_length=1), past, horizon, rhythm)

    def trend(past: Past, horizon: int) -> Floats:
        return _in_logs(smooth(), past, horizon, rhythm, with_line=True)

    def seasonal_naive(past: Past, horizon: int) -> Floats:
        length = rhythm.season if len(past.history) >= rhythm.season else 1
        return _mean(models.SeasonalNaive(season_length=length), past.history, horizon)

    def drift(past: Past, horizon: int) -> Floats:
        return _mean(models.RandomWalkWithDrift(), past.history, horizon)

    found = {f.__name__: f for f in (level, smoothing, theta, trend, seasonal_naive, drift)}
    return {name: _guarded(one, _LEAST[name]) for name, one in found.items()}


def all_forecasts(
    history: Floats, horizon: int, rhythm: Rhythm, models: Mapping[str, Forecaster]
) -> dict[str, Floats]:
    """Return the forecast of each model that can make one."""
    past = Past.from_history(history, rhythm)
    said = {name: model(past, horizon) for name, model in models.items()}
    return {name: ahead for name, ahead in said.items() if np.isfinite(ahead).all()}


def _guarded(forecaster: Forecaster, least: int) -> Forecaster:
    def guarded(past: Past, horizon: int) -> Floats:
        """Return the forecast, never below zero; NaN if the model cannot make one."""
        nothing = np.full(horizon, np.nan)
        if len(past.history) < least:
            return nothing
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                ahead = forecaster(past, horizon)
            except Exception:  # noqa: BLE001 - if a fit fails for any reason, the model is left out
                return nothing
        return np.maximum(ahead, 0.0) if np.isfinite(ahead).all() else nothing

    return guarded


def _mean(model: Any, history: Floats, horizon: int) -> Floats:
    return np.asarray(model.forecast(y=history, h=horizon)["mean"], dtype=np.float64)


def _present(past: Past, rhythm: Rhythm) -> float:
    """Return the median of the last periods; of what comes now and then, the mean."""
    level = float(np.median(past.adjusted[-rhythm.level :]))
    if level > 0:
        return level
    # Mostly zeros recently: it has ended if it never paused for so long, else it is intermittent.
    history = past.history
    silences = np.diff(np.flatnonzero(np.append(history, 1.0)), prepend=-1) - 1
    over = silences[-1] > silences[:-1].max(initial=0)
    return 0.0 if over else float(history[-8 * rhythm.level :].mean())


def _in_logs(
    model: Any, past: Past, horizon: int, rhythm: Rhythm, *, with_line: bool = False
) -> Floats:
    """Fit a model to the logarithm of the level; with a line, to what is left beside it.

    A line is no steeper than either half of the history shows it, so that a single step is no
    trend. It is followed for no longer than a third of the history.
    """
    fitted = past.adjusted[-rhythm.reach :]
    mean, length = fitted.mean(), len(fitted)
    if mean <= 0:
        return np.zeros(horizon)
    # In units of the mean, so that the currency does not matter; the offset keeps zeros finite.
    real = np.log(fitted / mean + _OFFSET)
    logs = without_spikes(real)
    third = max(1, length // 3)
    slope = 0.0
    if with_line:
        slope = 2 * _shown_twice(logs, third) / (length - third)
    line = slope * np.arange(length)
    logs = logs - line
    found = model.forecast(y=logs, h=horizon, fitted=True)
    ahead = np.resize(np.asarray(found["mean"], dtype=np.float64), horizon)
    ahead[third:] = ahead[min(third, horizon) - 1]
    steps = np.minimum(np.arange(1.0, horizon + 1), third)
    ahead += slope * (length - 1 + steps)
    residuals = np.exp(real - line - np.asarray(found["fitted"], dtype=np.float64))
    # A model needs some periods to begin with; its first residuals say nothing.
    residuals = residuals[third:][-4 * rhythm.level :]
    raised = np.minimum(residuals, np.quantile(residuals, _KEPT)).mean()
    return past.shaped(np.maximum(np.exp(ahead) * raised - _OFFSET, 0.0) * mean)


def _shown_twice(logs: Floats, third: int) -> float:
    """Return by how much the first and the second half both rise, or both fall."""
    middle = np.median(logs[third:-third])
    first, second = middle - np.median(logs[:third]), np.median(logs[-third:]) - middle
    return float(np.sign(first) * min(abs(first), abs(second))) if first * second > 0 else 0.0
