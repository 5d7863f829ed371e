"""Paths: possible futures, each the forecast with errors that the model made in the past.

A band is a quantile of the paths, and the band of a sum is a quantile of the paths' sums; bounds
are never added. The draws are the same on every run. Windows are drawn alike for every series, so
that errors of the same weeks occur together; what a level may do is drawn for each series alone.

A path takes one window of the track record and repeats its errors:

- relative to what was expected, because the errors of a large bill are large;
- but no unusual error becomes larger than it was in money, because a step from 1 to 100 dollars
  does not foretell one from 100 to 10,000;
- moved by up to a week of days, so that one odd day does not make every fourth day of the band
  odd;
- and a period without cost, where some was expected, is one without cost.

Three things are added that twenty overlapping windows do not show: few of them are independent, so
errors may be larger; the level itself is known only so well; and it may step, as often as it did.

Source: R. J. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition,
5.5, prediction intervals from bootstrapped residuals, here of rolling origins; Student, The
probable error of a mean, Biometrika 6 (1908), the spread of a few errors.

The constants were chosen on the choosing set of `benchmarks/forecast.py` alone. Weights that prefer
late windows (R. F. Barber and others, Conformal prediction beyond exchangeability, Annals of
Statistics 51, 2023) and a width that follows the measured coverage (I. Gibbs and E. Candès,
Adaptive conformal inference under distribution shift, NeurIPS 2021) were measured there, too. They
changed the coverage of no kind of series by more than four points, so they are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from falusage.forecasting._past import Floats
from falusage.forecasting._rhythms import Rhythm
from falusage.transforms.anomalies import MAD_TO_SIGMA

Places = NDArray[np.intp]
PATHS: Final = 1000
_SEED: Final = 20250624
_NOTHING: Final = 1e-6

# How errors are repeated.
_EVEN: Final = 0.2
"""The share of the mean forecast that is added before errors are made relative, so that a period
that was expected to cost little does not make an error infinite."""
_WIDTH: Final = 0.7
"""What errors are multiplied by, because what a level may do widens paths, too."""
_WIDTH_ALONE: Final = 0.76
"""The same for a model alone, which has no others to disagree with."""
_FEW: Final = 1
"""The degrees of freedom of no window at all; each that shares no period with others adds one."""
_WIDER: Final = 3.0
"""By what factor few windows widen an error at most."""
_UNUSUAL: Final = 4.0
"""So many typical errors are an unusual one, which becomes no larger than it was in money."""
_TYPICAL: Final = (0.02, 0.4)
"""The least and the most that counts as a typical relative error."""
_BESIDE: Final = 3
"""How many neighbours on either side a bound is smoothed over."""
_MOVED: Final = 7
"""By how many periods a window is moved at most."""

# How well the level is known.
_OF_TOTALS: Final = 0.5
"""The share of the mean error of the totals of windows, because there are few windows."""
_OF_MEAN: Final = 0.75
"""The share of the standard error of the mean of the last periods."""
_OF_MODELS: Final = 2.0
"""What the disagreement of the models counts: after a step, some still forecast the old level."""
_RECENT: Final = 56
_KEPT: Final = 0.95
"""The highest values count as this quantile, so that one spike does not make the level unknown."""
_LEVEL: Final = (0.02, 0.5)
"""The least and the most relative error of the level."""

# How the level steps.
_UNSEEN_STEPS: Final = 0.5
"""How many steps a history counts that shows none."""
_AGAIN: Final = 2.5
"""How many steps to expect for each that was seen."""
_MOST_STEPS: Final = 4
_STEP: Final = float(np.log(10))
"""The logarithm of the largest step, up or down; all steps below it are equally likely."""
_CLEAR_STEP: Final = 0.35


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the windows of a track record do not show of a series.

    Attributes:
        level: The relative error with which the level is known.
        steps: How often the level steps, in steps per period.
        models: How far the averaged models are apart; None for a model alone.
    """

    level: float
    steps: float
    models: float | None = None

    @classmethod
    def from_history(cls, history: Floats, rhythm: Rhythm, *, least: float = 0.0) -> Doubt:
        """Return the standard error of the mean, at least `least`, and how often it stepped."""
        recent = history[-_RECENT:]
        recent = np.minimum(recent, np.quantile(recent, _KEPT))
        mean = recent.mean()
        varies = recent.std() / mean if mean > 0 else 0.0
        level = min(_OF_MEAN * varies / np.sqrt(len(recent)), _LEVEL[1])
        steps = min(steps_seen(history, rhythm.block), _MOST_STEPS)
        return cls(max(float(level), least), (_UNSEEN_STEPS + _AGAIN * steps) / len(history))


def steps_seen(history: Floats, block: int) -> int:
    """Return how many times the typical cost of a block of periods is far from the one before."""
    blocks = len(history) // block
    if blocks < 3 or history.mean() <= 0:
        return 0
    table = history[-blocks * block :].reshape(blocks, block)
    typical = np.median(table, axis=1) if block > 2 else table.mean(axis=1)
    moves = np.abs(np.diff(np.log(typical / history.mean() + 0.05)))
    return int((moves > max(_CLEAR_STEP, 3 * MAD_TO_SIGMA * np.median(moves))).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What a model expected in the windows of its track record, and what happened.

    Attributes:
        expected: Windows × periods.
        actual: Windows × periods.
        apart: How many periods after the one before it a window begins.
    """

    expected: Floats
    actual: Floats
    apart: int

    def without(self, windows: NDArray[np.bool_]) -> Errors:
        """Return the errors of the other windows."""
        return Errors(self.expected[~windows], self.actual[~windows], self.apart)

    @property
    def independent(self) -> float:
        """How many windows share no period with another."""
        windows, span = self.actual.shape
        return 1 + (windows - 1) * min(self.apart / span, 1.0)

    def smallest(self) -> float:
        """Return what counts as next to nothing."""
        return _NOTHING * (float(max(self.actual.max(), self.expected.max())) or 1.0)

    def relative(self) -> tuple[Floats, Floats]:
        """Return the relative errors (windows × periods), and the mean forecast of each window."""
        means = np.maximum(self.expected.mean(axis=1), self.smallest())
        even = self.expected + _EVEN * means[:, None]
        return (self.actual - self.expected) / even, means


def draw(ahead: Floats, errors: Errors, doubt: Doubt, *, seed: int, paths: int = PATHS) -> Floats:
    """Draw paths (paths × periods), none below zero.

    After the length of a window, a path goes on with another one.

    Args:
        ahead: The forecast.
        errors: The record of the model that made it.
        doubt: What the record does not show.
        seed: That of the series.
        paths: How many.
    """
    relative, means = errors.relative()
    windows, span = relative.shape
    typical = float(np.clip(np.median(np.abs(relative)), *_TYPICAL))
    mean = ahead.mean()
    common, own = np.random.default_rng(_SEED), np.random.default_rng([_SEED, seed])
    width = (_WIDTH_ALONE if doubt.models is None else _WIDTH) * _spread(
        errors.independent, paths, own
    )
    parts: list[Floats] = []
    for start in range(0, len(ahead), span):
        expected = ahead[start : start + span]
        window = np.floor(common.random((paths, 1)) * windows).astype(int)
        moved = np.arange(len(expected)) + common.integers(-_MOVED, _MOVED + 1, (paths, 1))
        place = _reflected(moved, span)
        even = expected + _EVEN * mean
        money = np.abs(errors.actual - errors.expected)[window, place]
        error = width * relative[window, place] * even
        error = np.minimum(error, np.maximum(_UNUSUAL * typical * even, money))
        idle = errors.actual[window, place] == 0
        idle &= errors.expected[window, place] >= 0.5 * means[window]
        parts.append(np.where(idle, 0.0, np.maximum(expected + error, 0.0)))
    return np.concatenate(parts, axis=1) * _levels(len(ahead), errors, doubt, paths, own)


def _spread(independent: float, paths: int, own: np.random.Generator) -> Floats:
    """Return by which factor errors are larger (paths × 1), as Student's t is than the normal."""
    freedom = _FEW + independent
    factor = np.sqrt(freedom / own.chisquare(freedom, (paths, 1)))
    return np.minimum(factor, _WIDER)


def _levels(
    horizon: int, errors: Errors, doubt: Doubt, paths: int, own: np.random.Generator
) -> Floats:
    """Return by which factor the level of each path differs (paths × periods)."""
    expected, actual = errors.expected.mean(axis=1), errors.actual.mean(axis=1)
    missed = np.abs(actual - expected) / np.maximum((1 + _EVEN) * expected, errors.smallest())
    of_totals = _OF_TOTALS * min(float(np.minimum(missed, 1.5).mean()), 1.0)
    parts = (of_totals, doubt.level, _OF_MODELS * (doubt.models or 0.0))
    deviation = max(float(np.linalg.norm(parts)), _LEVEL[0])
    level = deviation * own.standard_normal((paths, 1))
    begins = own.exponential(1 / doubt.steps, (paths, 1))
    step = own.uniform(-_STEP, _STEP, (paths, 1))
    return np.exp(level + np.where(np.arange(1, horizon + 1) >= begins, step, 0.0))


def _reflected(places: Places, span: int) -> Places:
    """Return places that turn back at both ends of a window."""
    places = np.abs(places)
    return np.clip(np.where(places >= span, 2 * (span - 1) - places, places), 0, span - 1)


def bounds(
    values: Floats, levels: Sequence[float], *, around: Floats
) -> dict[float, tuple[Floats, Floats]]:
    """Return the central band of each level, in percent, of paths × periods.

    It contains the forecast.

    The quantiles are those of a period and the three on either side of it, in proportion to what
    is expected of each, so that neighbours have like bands. Where nothing is expected, they are
    those of the period alone.
    """
    tails = [(1 - level / 100) / 2 for level in levels]
    wanted = [*tails, *(1 - tail for tail in tails)]
    some = around > 0
    ratios = values / np.where(some, around, 1.0)
    found = np.empty((len(wanted), len(around)))
    for place, expected in enumerate(around):
        near = slice(max(0, place - _BESIDE), place + _BESIDE + 1)
        pooled = ratios[:, near][:, some[near]] if expected > 0 else values[:, [place]]
        factor = expected if expected > 0 else 1.0
        found[:, place] = factor * np.quantile(pooled, wanted)
    lows, highs = np.split(found, 2)
    return {
        level: (np.minimum(low, around), np.maximum(high, around))
        for level, low, high in zip(levels, lows, highs, strict=True)
    }
