"""The track record of each model: its forecasts of the series' own past, and their errors.

From up to twenty earlier periods, each model forecasts the periods that followed, from the history
before them alone. Errors are kept window by window, because a model that is wrong on Monday is
mostly wrong on Tuesday, too, and the band of a month's total depends on that.

The average of models is weighted by this record: a model that is twice as wrong as the best has
next to no share. On the choosing set of `benchmarks/forecast.py` it was better than any single
model, than the model that did best so far, and than equal weights.

Source: J. M. Bates and C. W. J. Granger, The combination of forecasts, Operational Research
Quarterly 20 (1969), weights by the inverse of past errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from falusage.forecasting._candidates import AVERAGED, MODELS, Forecaster, all_forecasts
from falusage.forecasting._past import Floats
from falusage.forecasting._rhythms import Rhythm

_WINDOWS: Final = 20
_AVERAGE: Final = "average"
_POWER: Final = 8
"""A weight is the inverse of the error to the power of the number of windows, eight at most."""
_SMALL: Final = 0.05
"""An error below this is as good as none."""

_SMALL_TOTAL: Final = 0.02
"""The share of the largest total that is added to each, so that zero is not infinitely far."""

_SEASONS: Final = 8
_QUIET: Final = 0.1
_OLD: Final = 2
_WEEK: Final = 7
"""A history of fewer periods than two seasons, of seven at most, is new."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackRecord:
    """The forecasts of the models on one series, and what happened.

    Attributes:
        origins: How many periods of history each window had, the latest first.
        actual: Windows × periods: what happened.
        forecasts: For each model and for their average, windows × periods.
        scales: For each window, the error of repeating the last season.
        weights: The share of each averaged model.
        is_new: Whether the history is too short to tell models apart.
    """

    origins: tuple[int, ...]
    actual: Floats
    forecasts: Mapping[str, Floats]
    scales: Floats
    weights: Mapping[str, float]
    is_new: bool = False

    @property
    def span(self) -> int:
        """How many periods each window looked ahead."""
        return self.actual.shape[1]

    @property
    def apart(self) -> int:
        """How many periods after the one before it a window begins."""
        return self.origins[0] - self.origins[1] if len(self.origins) > 1 else self.span

    def errors(self, model: str) -> Floats:
        """Return windows × periods: actual − forecast, in units of each window's scale."""
        return (self.actual - self.forecasts[model]) / self.scales[:, None]

    def off(self, model: str) -> tuple[float, float]:
        """Return a model's mean absolute error, and that of a window's mean."""
        return _off(self.errors(model))

    def disagreement(self, window: int, model: str) -> float | None:
        """Return how far the models of the average were apart in a window; None for another."""
        if model != _AVERAGE:
            return None
        return disagreement(
            {name: self.forecasts[name][window] for name in self.weights}, self.weights
        )

    @property
    def chosen(self) -> str:
        """The model to use: the average, or the median level if the history is too short."""
        return "level" if self.is_new else _AVERAGE


def _off(errors: Floats) -> tuple[float, float]:
    return float(np.abs(errors).mean()), float(np.abs(errors.mean(axis=1)).mean())


def shares(actual: Floats, forecasts: Mapping[str, Floats], scales: Floats) -> dict[str, float]:
    """Return the share of each model in the average: the smaller its errors, the larger.

    The error of the total counts as much as that of the periods: for a team that spends twice a
    month, zero is the best forecast of every day and the worst of the month.
    """
    losses = {
        name: sum(_off((actual - ahead) / scales[:, None])) for name, ahead in forecasts.items()
    }
    power = min(_POWER, len(actual))
    best = min(losses.values(), default=0.0)
    raw = {name: ((best + _SMALL) / (loss + _SMALL)) ** power for name, loss in losses.items()}
    total = sum(raw.values())
    return {name: weight / total for name, weight in raw.items()}


def track_record(
    history: Floats, *, horizon: int, rhythm: Rhythm, models: Mapping[str, Forecaster]
) -> TrackRecord | None:
    """Return the track record of each model, or None if the history is a single period."""
    origins, span = _origins(len(history), horizon, rhythm)
    if not origins:
        return None
    actual = np.stack([history[origin : origin + span] for origin in origins])
    scales = np.array([scale(history[:origin], rhythm) for origin in origins])
    windows = [all_forecasts(history[:origin], span, rhythm, models) for origin in origins]
    now = all_forecasts(history, 1, rhythm, models)
    able = [name for name in MODELS if name in now and all(name in w for w in windows)]
    forecasts = {name: np.stack([window[name] for window in windows]) for name in able}
    scales = np.maximum(scales, _QUIET * scales.max())
    weights = shares(actual, {n: forecasts[n] for n in AVERAGED if n in forecasts}, scales)
    average = {_AVERAGE: weighted(forecasts, weights)} if weights else {}
    return TrackRecord(
        origins,
        actual,
        {**average, **forecasts},
        scales,
        weights,
        is_new=len(history) < _OLD * min(rhythm.season, _WEEK),
    )


def weighted(forecasts: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Return the average of forecasts by their weights."""
    parts = [weight * forecasts[name] for name, weight in weights.items()]
    return np.sum(parts, axis=0)


def disagreement(forecasts: Mapping[str, Floats], weights: Mapping[str, float]) -> float:
    """Return how far models are apart: the deviation of the logarithms of their totals."""
    totals = np.array([forecasts[name].sum() for name in weights])
    if totals.max() <= 0:
        return 0.0
    logs = np.log(totals / totals.max() + _SMALL_TOTAL)
    shares = np.array(list(weights.values()))
    return float(np.sqrt(shares @ (logs - shares @ logs) ** 2))


def scale(history: Floats, rhythm: Rhythm) -> float:
    """Return how much the series moves: its recent mean absolute seasonal difference.

    It is at least a hundredth of the level, so that a quiet time does not make an error infinite.
    """
    lag = rhythm.season if len(history) > rhythm.season else 1
    moves = np.abs(history[lag:] - history[:-lag])
    late = moves[-_SEASONS * max(rhythm.season, rhythm.level) :]
    found = max(late.mean() if late.size else history.mean(), 0.01 * history.mean())
    return float(found) or 1.0


def _origins(length: int, horizon: int, rhythm: Rhythm) -> tuple[tuple[int, ...], int]:
    """Return the origins of the windows, latest first, and how far they look ahead.

    A window looks ahead by the horizon or a season of days, months or quarters, but by at most a
    third of the history. The step between windows shares no factor with the season, or all of them
    would begin on the same weekday.
    """
    span = min(max(horizon, rhythm.short_season), max(1, length // 3))
    latest, least = length - span, max(1, min(4 * rhythm.season, length // 2))
    step = max(1, min(rhythm.season + 2, (latest - least) // (_WINDOWS - 1)))
    while math.gcd(step, rhythm.season) > 1:
        step -= 1
    return tuple(range(latest, least - 1, -step)[:_WINDOWS]), span
