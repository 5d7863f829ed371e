"""What a forecast learns from: whole, settled periods without gaps, one row of cost a series.

A period that the table cuts short, that has not ended, or that holds an unsettled bucket is not
learned from; it is the first that is forecast. Cost is brought to the usual length of a period, so
that a February is not a fall and a day of 25 hours no rise.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import cast

import numpy as np
import polars as pl

from falusage.errors import (
    IncompletePeriodWarning,
    ShortHistoryError,
)
from falusage.forecasting.candidates import Floats
from falusage.forecasting.rhythms import RHYTHMS, rhythm_of
from falusage.timeframes import Every, boundaries, instant, period_end
from falusage.transforms.periods import BUCKET, require_instants
from falusage.transforms.tables import key
from falusage.transforms.trend import trend

_LEAST_TIME = timedelta(weeks=2)
_LEAST_PERIODS = 2


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Every series over the same whole periods.

    Attributes:
        keys: One row a series: the columns of the key.
        rates: Series × periods: cost at the usual length of a period.
        until: The end of the last whole period, in UTC, where the forecast begins.
        every: The period.
        timezone: The zone in which periods are cut.
    """

    keys: pl.DataFrame
    rates: Floats
    until: datetime
    every: Every
    timezone: str

    def ahead(self, horizon: int) -> pl.DataFrame:
        """Give the next periods: `period` (in `timezone`), `until` and `length` (usual is 1)."""
        usual = RHYTHMS[self.every].usual
        end = self.until + (horizon + 1) * usual * 1.1 + timedelta(days=1)
        edges = boundaries(self.until, end, every=self.every, timezone=self.timezone)
        edges = edges.head(horizon + 1)
        return pl.DataFrame({"period": edges.head(-1), "until": edges.slice(1)}).select(
            pl.col("period").dt.convert_time_zone(self.timezone),
            "until",
            length=(pl.col("until") - pl.col("period")) / usual,
        )


def histories(
    usage: pl.LazyFrame,
    keys: Sequence[Sequence[str]],
    *,
    every: Every,
    timezone: str,
    as_of: date | datetime | str | None = None,
) -> list[History]:
    """Give the history of one table by each of `keys`, over the same periods.

    Warns:
        IncompletePeriodWarning: If the table reaches beyond the last whole, settled period.

    Raises:
        ShortHistoryError: If the whole periods span less than two weeks.
    """
    rhythm_of(every)
    known, last = known_until(usage, as_of=as_of, timezone=timezone)
    trends = [
        trend(usage, by=by, every=every, timezone=timezone, window=1)
        .filter("complete")
        .select("period", *key(by), "cost")
        for by in keys
    ]
    start = pl.col("period").dt.convert_time_zone("UTC")
    length = (pl.col("until") - start) / RHYTHMS[every].usual
    until = period_end(pl.col("period"), every=every, timezone=timezone)
    tables = [
        table.with_columns(until=until.dt.convert_time_zone("UTC"))
        .filter(pl.col("until") <= known)
        .with_columns(rate=pl.col("cost") / length)
        for table in pl.collect_all(trends)
    ]
    ends = tables[0]["until"].unique().sort()
    _require_enough(tables[0]["period"].unique().sort(), ends, every=every)
    end = cast("datetime", ends[-1])
    if end < last:
        warnings.warn(
            f"the table reaches to {last.isoformat()}, but its last whole, settled period of "
            f"{every!r} ends at {end.isoformat()}: the forecast begins there, and nothing is "
            "learned from the cost so far of the period after it",
            IncompletePeriodWarning,
            stacklevel=3,
        )
    return [
        _history(table, key(by), until=end, every=every, timezone=timezone)
        for table, by in zip(tables, keys, strict=True)
    ]


def known_until(
    usage: pl.LazyFrame, *, as_of: date | datetime | str | None, timezone: str
) -> tuple[datetime, datetime]:
    """Give the instant until which buckets have ended and are settled, and the table's end.

    Buckets that end after `as_of` (None is now) are still open. Where the table has a column
    `settled`, as a store's has, what follows the first bucket that is not settled isn't either.
    """
    zone_now = datetime.now(UTC) if as_of is None else as_of
    now = instant(zone_now, timezone=timezone, name="as_of")
    require_instants(usage, BUCKET, hint="A forecast needs to know where each bucket ends.")
    start, end = (pl.col(name).dt.convert_time_zone("UTC") for name in BUCKET)
    unsettled = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    if "settled" in usage.collect_schema():
        unsettled = start.filter(~pl.col("settled").fill_null(value=False)).min()
    found = usage.select(last=end.max(), unsettled=unsettled).collect().row(0)
    last = now if found[0] is None else cast("datetime", found[0])
    known = min(moment for moment in (now, *found) if moment is not None)
    return known, min(last, now) if as_of is not None else last


def _require_enough(starts: pl.Series, ends: pl.Series, *, every: str) -> None:
    spanned = ends[-1] - starts[0] if len(starts) else timedelta()
    if spanned < _LEAST_TIME or len(starts) < _LEAST_PERIODS:
        raise ShortHistoryError(
            f"the table holds {len(starts)} whole, settled periods of {every!r}, which is "
            f"{spanned.days} days of history; a forecast needs two weeks and two periods at least: "
            "load an earlier start, or ask for shorter periods",
            periods=len(starts),
        )


def _history(
    table: pl.DataFrame, group: Sequence[str], *, until: datetime, every: Every, timezone: str
) -> History:
    series = table.sort("period").group_by(group).agg("rate").sort(group)
    rates = np.array(series["rate"].to_list(), dtype=np.float64)
    return History(series.select(group), rates, until, every, timezone)
