"""How each model would have done: the series' own past, forecast again and again.

From some twenty earlier days on, each model forecasts what then came, having seen only what was
before. The errors are kept whole, path by path, because what a model misses on Monday it mostly
misses on Tuesday, and the band of a month's total stands or falls with that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from falusage.forecasting._candidates import BLENDED, MODELS, Floats, Forecaster
from falusage.forecasting._rhythms import Rhythm

_WINDOWS: Final = 20
_NOISE: Final = 2.0
"""How many standard errors of the difference count as noise; windows overlap, so not one."""

_SEASONS: Final = 8
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class TrackRecord:
    """What the models did on one series.

    Attributes:
        origins: How many periods each window had seen.
        errors: For each model, windows × periods: actual − forecast, in units of the scale that
            the history had at that origin.
        scales: The scale at each origin.
        forecasts: For each model, windows × periods.
    """

    origins: tuple[int, ...]
    errors: Mapping[str, Floats]
    scales: Floats
    forecasts: Mapping[str, Floats]

    @property
    def span(self) -> int:
        """How many periods each window looked ahead."""
        return next(iter(self.errors.values())).shape[1]

    def off(self) -> dict[str, tuple[Floats, Floats]]:
        """Give each model's mean absolute error, and that of the window's mean, by window."""
        return {
            name: (np.abs(errors).mean(axis=1), np.abs(errors.mean(axis=1)))
            for name, errors in self.errors.items()
        }

    def behind(self) -> dict[str, tuple[float, float]]:
        """Give how far each model is behind the best, and how far it could be by chance.

        The error of the total counts as much as that of the periods: of a team that spends twice
        a month, nothing is the best guess for every day and the worst for the month.
        """
        losses = {name: periods + total for name, (periods, total) in self.off().items()}
        best = losses[min(losses, key=lambda name: (losses[name].mean(), MODELS.index(name)))]
        return {name: _difference(loss - best) for name, loss in losses.items()}

    def chosen(self) -> str:
        """Give the steadiest model that is behind the best by no more than noise."""
        behind = self.behind()
        return next(n for n in MODELS if n in behind and behind[n][0] <= behind[n][1] + _ROUNDING)


def _difference(losses: Floats) -> tuple[float, float]:
    if len(losses) < 2:
        return float(losses.mean()), math.inf
    return float(losses.mean()), float(_NOISE * losses.std(ddof=1) / math.sqrt(len(losses)))


def track_record(
    history: Floats, *, horizon: int, rhythm: Rhythm, models: Mapping[str, Forecaster]
) -> TrackRecord | None:
    """Put each model to the history's own past; None where it is a single period."""
    origins, span = _origins(len(history), horizon, rhythm)
    if not origins:
        return None
    actual = np.stack([history[origin : origin + span] for origin in origins])
    scales = np.array([scale(history[:origin], rhythm) for origin in origins])
    windows = [all_forecasts(history[:origin], span, models) for origin in origins]
    now = all_forecasts(history, 1, models)
    able = [name for name in MODELS if name in now and all(name in w for w in windows)]
    forecasts = {name: np.stack([window[name] for window in windows]) for name in able}
    errors = {name: (actual - f) / scales[:, None] for name, f in forecasts.items()}
    return TrackRecord(origins, errors, scales, forecasts)


def all_forecasts(
    history: Floats, horizon: int, models: Mapping[str, Forecaster]
) -> dict[str, Floats]:
    """Give what each model that can says, and the blend of those that blend."""
    said = {name: model(history, horizon) for name, model in models.items()}
    able = {name: ahead for name, ahead in said.items() if np.isfinite(ahead).all()}
    if all(name in able for name in BLENDED):
        able["blend"] = np.mean([able[name] for name in BLENDED], axis=0)
    return able


def scale(history: Floats, rhythm: Rhythm) -> float:
    """Give how much the series moves: its mean absolute seasonal difference, of late.

    Never less than a tenth of what it was over the whole history, nor than a hundredth of the
    level, so that a quiet spell makes no error infinite.
    """
    lag = rhythm.season if len(history) > rhythm.season else 1
    moves = np.abs(history[lag:] - history[:-lag])
    late = moves[-_SEASONS * max(rhythm.season, rhythm.level) :]
    found = max(
        late.mean() if late.size else 0.0,
        0.1 * moves.mean() if moves.size else history.mean(),
        0.01 * history.mean(),
    )
    return float(found) or 1.0


def _origins(length: int, horizon: int, rhythm: Rhythm) -> tuple[tuple[int, ...], int]:
    """Give the windows' origins, latest first, and how far they look ahead.

    A short history is looked at over a third of itself at most. The step between windows shares
    no factor with the season: else each would begin on the same weekday.
    """
    span = min(horizon, max(1, length // 3))
    latest, least = length - span, max(1, min(4 * rhythm.season, length // 2))
    step = max(1, min(rhythm.season + 2, (latest - least) // (_WINDOWS - 1)))
    while math.gcd(step, rhythm.season) > 1:
        step -= 1
    return tuple(range(latest, least - 1, -step)[:_WINDOWS]), span
