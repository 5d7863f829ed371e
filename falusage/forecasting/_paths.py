"""A thousand futures: the forecast plus errors that were made before, whole paths of them.

A band is a quantile of the paths, and the band of a sum is a quantile of the paths' sums; bounds
are never added. The draws are the same on every run and for every series, so that what went wrong
in the same weeks goes wrong together.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from falusage.forecasting._candidates import Floats

PATHS: Final = 1000
_SEED: Final = 20250624
_OTHER: Final = 0.3
"""How much of a second window is in each path: the few windows there are have futures between."""

LEVEL: Final = 0.2
"""The scaled error of level, in every path, that twenty overlapping windows do not show: without
it single days are within their 80 % bands as often as they should be, and months' totals, of which
`benchmarks/forecast.py` had 135, in 75 % of cases only."""

_GUESS: Final = 0.1


def error_paths(errors: Floats, *, horizon: int, paths: int = PATHS) -> Floats:
    """Draw paths of scaled errors (paths × horizon) from windows × periods of them.

    Each is one window's errors with a share of another's, either sign: a model that was too low
    all year may be too high next. Beyond the windows' reach, a path goes on from the mean error
    that it has come to. The fewer the windows, the wider.

    Source: R. J. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd
    edition, 5.5, prediction intervals from bootstrapped residuals; here of rolling origins.
    """
    windows, span = errors.shape
    random = np.random.default_rng(_SEED)
    wider = 1 + 1 / windows
    parts: list[Floats] = []
    reached = LEVEL * random.standard_normal((paths, 1))
    for _ in range(-(-horizon // span)):
        one, other = random.integers(0, windows, (2, paths))
        signs = random.choice([-1.0, 1.0], (2, paths, 1))
        share = _OTHER if windows > 1 else 0.0
        drawn = np.sqrt(1 - share**2) * signs[0] * errors[one] + share * signs[1] * errors[other]
        parts.append(reached + wider * drawn)
        reached = parts[-1].mean(axis=1, keepdims=True)
    return np.concatenate(parts, axis=1)[:, :horizon]


def guessed_paths(*, paths: int = PATHS) -> Floats:
    """Draw what a short history cannot show: each path at a level of its own (paths × 1).

    Twenty days without an error are no promise. The guess is a tenth of the level, normally.
    """
    return _GUESS * np.random.default_rng(_SEED + 1).standard_normal((paths, 1))


def bounds(values: Floats, level: float, *, around: Floats) -> tuple[Floats, Floats]:
    """Give the central band of `level` percent of paths × periods, never without its forecast."""
    tail = (1 - level / 100) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return np.minimum(low, around), np.maximum(high, around)
