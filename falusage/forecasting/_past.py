"""A history, and the same without its seasonal pattern: the part that the models share.

The pattern is that of the classical decomposition: the mean ratio of each place in the season to a
centred moving average. Few seasons with much noise seem to have a pattern, so it is shrunk by
the share of it that noise explains.

Source: R. J. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition,
3.4, the decomposition; D. M. Miller and D. Williams, Shrinkage estimators of time series seasonal
factors and their effect on forecasting accuracy, International Journal of Forecasting 19 (2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from falusage.forecasting._rhythms import Rhythm

Floats = NDArray[np.float64]

_SEASONS: Final = 8
_FAINT: Final = 0.05
"""Where the pattern is lower than this, as on free weekends, a period does not show the level."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What a model learns from.

    Attributes:
        history: The cost of each period.
        pattern: The pattern of the next season, around 1.
        adjusted: The history without its pattern.
    """

    history: Floats
    pattern: Floats
    adjusted: Floats

    @classmethod
    def from_history(cls, history: Floats, rhythm: Rhythm) -> Past:
        """Return a history with its pattern."""
        pattern = seasonal_pattern(history, rhythm.season)
        there = np.resize(pattern[::-1], len(history))[::-1]
        shown = there > _FAINT
        adjusted = np.where(shown, history / np.where(shown, there, 1.0), np.nan)
        return cls(history, pattern, _filled(adjusted))

    def shaped(self, levels: Floats) -> Floats:
        """Return levels ahead with the pattern."""
        return np.resize(self.pattern, len(levels)) * levels


def seasonal_pattern(history: Floats, season: int) -> Floats:
    """Return how much each place of the next season costs, where 1 is the mean.

    It is 1 everywhere if the history has fewer than three seasons.
    """
    flat = np.ones(season)
    seasons = min(_SEASONS, len(history) // season)
    if season == 1 or seasons < 3:
        return flat
    last = history[-season * seasons :]
    weights = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    trend = np.convolve(last, weights / season, "valid")
    half = len(weights) // 2
    ratios = np.full(len(last), np.nan)
    middle = last[half : half + len(trend)]
    ratios[half : half + len(trend)] = np.where(
        trend > 0, middle / np.where(trend > 0, trend, 1), np.nan
    )
    table = ratios.reshape(seasons, season)
    counts = (~np.isnan(table)).sum(axis=0)
    if counts.min() < 2:
        return flat
    means = np.nanmean(table, axis=0)
    if means.mean() <= 0:
        return flat
    means /= means.mean()
    by_noise = (np.nanvar(table, axis=0) / (counts - 1)).mean()
    moved = ((means - 1) ** 2).mean()
    real = max(0.0, 1 - by_noise / moved) if moved > 0 else 0.0
    return 1 + real * (means - 1)


def _filled(values: Floats) -> Floats:
    """Return values where each gap repeats what came before it, or what comes first."""
    shown = ~np.isnan(values)
    if shown.all() or not shown.any():
        return np.nan_to_num(values)
    places = np.where(shown, np.arange(len(values)), -1)
    places = np.maximum.accumulate(places)
    return values[np.where(places < 0, np.flatnonzero(shown)[0], places)]
