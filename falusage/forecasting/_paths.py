"""Paths: possible futures, each the forecast plus errors that the model made in the past.

A band is a quantile of the paths, and the band of a sum is a quantile of the paths' sums; bounds
are never added. The random draws are the same on every run and for every series, so that errors of
the same weeks occur together.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from falusage.forecasting._candidates import Floats

PATHS: Final = 1000
_SEED: Final = 20250624
_OTHER: Final = 0.3
"""The share of a second window in each path, because the true future lies between the few windows
that there are."""

LEVEL: Final = 0.2
"""The scaled error of the level, added to every path, because twenty overlapping windows do not
show it. Without it, single days are within their 80 % bands as often as they should be, but the
totals of 135 months in `benchmarks/forecast.py` only in 75 % of cases."""

_GUESS: Final = 0.1


def error_paths(errors: Floats, *, horizon: int, paths: int = PATHS) -> Floats:
    """Draw paths of scaled errors (paths × horizon) from windows × periods of them.

    Each is one window's errors with a share of another's, both with a random sign: a model that
    was too low all year may be too high next year. After the length of a window, a path goes on
    from its mean error so far. Fewer windows make wider paths.

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
    """Draw an error of level for each path (paths × 1), for a history too short to show one.

    It is a guess: normally distributed, with a standard deviation of a tenth of the level.
    """
    return _GUESS * np.random.default_rng(_SEED + 1).standard_normal((paths, 1))


def bounds(values: Floats, level: float, *, around: Floats) -> tuple[Floats, Floats]:
    """Return the central band of `level` percent of paths × periods; it contains the forecast."""
    tail = (1 - level / 100) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return np.minimum(low, around), np.maximum(high, around)
