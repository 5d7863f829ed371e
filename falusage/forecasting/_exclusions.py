"""Ranges that nothing is learned from: unusual days whose cost will not come again.

What such a period cost is replaced by the mean of the nearest periods at the same place in the
season, one before and one after. Nothing else changes: what was spent stays spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from falusage._suggestions import did_you_mean
from falusage.errors import QueryError
from falusage.forecasting._past import Floats
from falusage.forecasting._rhythms import Rhythm
from falusage.timeframes import Every, instant
from falusage.transforms.anomalies import THRESHOLD, judged

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]
Moment = date | datetime | str
Excluded = Literal["anomalies"] | Sequence[tuple[Moment, Moment]]
"""Ranges of (start, end), end exclusive; or the spikes that `anomalies` finds."""

_WORD: Final = "anomalies"
_FORM: Final = "ranges of a start and an end, as [('2025-06-01', '2025-06-03')]"
_LEAST: Final = 2
_LONGEST_RUN: Final = 3
"""A longer run of unusual periods is a new level, and is learned from."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What nothing is learned from.

    Attributes:
        ranges: The ranges, as instants.
        spikes: Whether the spikes that `anomalies` finds are excluded.
    """

    ranges: tuple[tuple[datetime, datetime], ...] = ()
    spikes: bool = False

    @classmethod
    def read(cls, exclude: Excluded, *, timezone: str) -> Exclusion:
        """Read what was given as `exclude`.

        Raises:
            QueryError: It is not the word, and not pairs of a start and a later end.
        """
        if exclude == _WORD:
            return cls(spikes=True)
        if isinstance(exclude, str) or not isinstance(exclude, Iterable):
            near = did_you_mean(exclude, [_WORD]) if isinstance(exclude, str) else ""
            raise QueryError(f"exclude is {exclude!r}; expected {_WORD!r}, or {_FORM}.{near}")
        ranges: list[tuple[datetime, datetime]] = []
        for pair in exclude:
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise QueryError(f"exclude has {pair!r}; expected {_FORM}")
            start, end = (instant(at, timezone=timezone, name="exclude") for at in pair)
            if end <= start:
                raise QueryError(f"exclude has {pair!r}, which ends at its start or before it")
            ranges.append((start, end))
        return cls(tuple(ranges))


def excluded_periods(
    exclusion: Exclusion,
    periods: pl.DataFrame,
    *,
    group: Sequence[str],
    every: Every,
    timezone: str,
) -> pl.LazyFrame:
    """Add `excluded` (Boolean) to periods: whether nothing is learned from them.

    Args:
        exclusion: What to exclude.
        periods: What `follow` returned, collected, with `until`, the end of each period in UTC.
        group: The columns that make a series.
        every: The period.
        timezone: The zone of the periods.
    """
    if exclusion.spikes:
        rhythm = Rhythm.from_every(every)
        season = rhythm.season if every == "1h" else rhythm.short_season
        judgement = judged(
            periods.lazy(), group=group, every=every, timezone=timezone, season=season
        )
        unusual = (pl.col("score") > THRESHOLD).fill_null(value=False)
        run = unusual.rle_id().over(group)
        return judgement.with_columns(unusual.alias("_unusual"), run.alias("_run")).with_columns(
            excluded=pl.col("_unusual") & (pl.len().over(*group, "_run") <= _LONGEST_RUN)
        )
    inside = pl.lit(value=False)
    for start, end in exclusion.ranges:
        inside |= (pl.col("period").dt.convert_time_zone("UTC") < end) & (pl.col("until") > start)
    return periods.lazy().with_columns(excluded=inside)


def replaced(rates: Floats, excluded: Bools, season: int) -> Floats:
    """Return series × periods with other values in place of the excluded ones.

    Each is the mean of the nearest other values at the same place in the season, one before and
    one after; without any, the nearest values of any place.

    Raises:
        QueryError: Fewer than two periods of a series are left.
    """
    if ((~excluded).sum(axis=1) < _LEAST).any():
        raise QueryError(
            "exclude leaves fewer than two periods to learn from; exclude less, or load more"
        )
    found = rates.copy()
    for series, period in np.argwhere(excluded):
        kept = np.flatnonzero(~excluded[series])
        alike = kept[kept % season == period % season]
        near = _beside(alike, period) or _beside(kept, period)
        found[series, period] = rates[series, near].mean()
    return found


def _beside(places: Places, period: int) -> list[int]:
    """Return the nearest place before a period and the nearest one after it, if there are any."""
    return [*places[places < period][-1:].tolist(), *places[places > period][:1].tolist()]
