"""The track record of each model: its forecasts of the series' own past, and their errors.

From up to twenty earlier periods, each model forecasts the periods that followed, from the history
before them alone. Errors are kept window by window, because a model that is wrong on Monday is
mostly wrong on Tuesday, too, and the band of a month's total depends on that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from falusage.forecasting._candidates import MODELS, Forecaster, all_forecasts
from falusage.forecasting._past import Floats
from falusage.forecasting._rhythms import Rhythm

_WINDOWS: Final = 20
_NOISE: Final = 2.0
"""How many standard errors of the difference count as noise: two, because windows overlap."""

_SEASONS: Final = 8
_QUIET: Final = 0.1
_OLD: Final = 2
_WEEK: Final = 7
"""A history of fewer periods than two seasons, of seven at most, is new."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class TrackRecord:
    """The forecasts of the models on one series, and what happened.

    Attributes:
        origins: How many periods of history each window had, the latest first.
        actual: Windows × periods: what happened.
        forecasts: For each model, windows × periods.
        scales: For each window, the error of repeating the last season.
        is_new: Whether the history is too short to tell models apart.
    """

    origins: tuple[int, ...]
    actual: Floats
    forecasts: Mapping[str, Floats]
    scales: Floats
    is_new: bool = False

    @property
    def span(self) -> int:
        """How many periods each window looked ahead."""
        return self.actual.shape[1]

    def errors(self, model: str) -> Floats:
        """Return windows × periods: actual − forecast, in units of each window's scale."""
        return (self.actual - self.forecasts[model]) / self.scales[:, None]

    def off(self) -> dict[str, tuple[Floats, Floats]]:
        """Return each model's mean absolute error, and that of the window's mean, by window."""
        return {
            name: (np.abs(errors).mean(axis=1), np.abs(errors.mean(axis=1)))
            for name in self.forecasts
            for errors in [self.errors(name)]
        }

    def behind(self) -> dict[str, tuple[float, float]]:
        """Return how far each model is behind the best, and how far it could be by chance.

        The error of the total counts as much as that of the periods: for a team that spends twice
        a month, zero is the best forecast of every day and the worst of the month.
        """
        losses = {name: periods + total for name, (periods, total) in self.off().items()}
        best = losses[min(losses, key=lambda name: (losses[name].mean(), MODELS.index(name)))]
        return {name: _difference(loss - best) for name, loss in losses.items()}

    def chosen(self) -> str:
        """Return the steadiest model that is behind the best by no more than noise.

        Of a history that is too short to tell, it is the median level.
        """
        if self.is_new:
            return "level"
        behind = self.behind()
        return next(n for n in MODELS if n in behind and behind[n][0] <= behind[n][1] + _ROUNDING)


def _difference(losses: Floats) -> tuple[float, float]:
    if len(losses) < 2:
        return float(losses.mean()), math.inf
    return float(losses.mean()), float(_NOISE * losses.std(ddof=1) / math.sqrt(len(losses)))


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
    return TrackRecord(
        origins,
        actual,
        forecasts,
        np.maximum(scales, _QUIET * scales.max()),
        is_new=len(history) < _OLD * min(rhythm.season, _WEEK),
    )


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
