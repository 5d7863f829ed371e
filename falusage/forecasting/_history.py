"""What a forecast learns from: whole, settled periods without gaps, one row of cost a series.

A period that the table cuts short, that has not ended, or that holds an unsettled bucket is not
learned from; it is the first that is forecast. Cost is brought to the usual length of a period, so
that a February is not a fall and a day of 25 hours no rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import cast

import numpy as np
import polars as pl

from falusage._usage.arguments import key
from falusage._usage.periods import BUCKET, require_instants
from falusage._usage.table import Table, rejecting_inexact
from falusage.errors import (
    IncompletePeriodWarning,
    ShortHistoryError,
    warn,
)
from falusage.forecasting._candidates import Floats
from falusage.forecasting._rhythms import RHYTHMS, rhythm_of
from falusage.timeframes import Every, boundaries, ceil, floor, instant, period_end
from falusage.transforms.trend import follow

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
    table: Table,
    keys: Sequence[Sequence[str]],
    *,
    every: Every,
    timezone: str,
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
) -> list[History]:
    """Give the history of one table by each of `keys`, over the same periods.

    Warns:
        IncompletePeriodWarning: If the table reaches beyond the last whole, settled period, or a
            period lies between its end and `as_of`.

    Raises:
        ShortHistoryError: If the whole periods span less than two weeks.
    """
    rhythm_of(every)
    known, last = known_until(table, as_of=as_of, end=end, timezone=timezone)
    say_if_short_of(as_of, last, every=every, timezone=timezone)
    trends = [
        follow(table, by=by, every=every, timezone=timezone, window=1, start=None, end=last)
        .filter("complete")
        .select("period", *key(by), "cost")
        for by in keys
    ]
    start = pl.col("period").dt.convert_time_zone("UTC")
    length = (pl.col("until") - start) / RHYTHMS[every].usual
    ended = period_end(pl.col("period"), every=every, timezone=timezone)
    with rejecting_inexact():
        found = pl.collect_all(trends)
    tables = [
        costs.with_columns(until=ended.dt.convert_time_zone("UTC"))
        .filter(pl.col("until") <= known)
        .with_columns(rate=pl.col("cost") / length)
        for costs in found
    ]
    ends = tables[0]["until"].unique().sort()
    _require_enough(tables[0]["period"].unique().sort(), ends, every=every)
    until = cast("datetime", ends[-1])
    reached = last if as_of is None else min(last, instant(as_of, timezone=timezone))
    if until < reached:
        warn(
            f"the table reaches to {reached.isoformat()}, but its last whole, settled period of "
            f"{every!r} ends at {until.isoformat()}: the forecast begins there, and nothing is "
            "learned from the cost so far of the period after it",
            IncompletePeriodWarning,
        )
    return [
        _history(table, key(by), until=until, every=every, timezone=timezone)
        for table, by in zip(tables, keys, strict=True)
    ]


def known_until(
    table: Table,
    *,
    as_of: date | datetime | str | None,
    end: date | datetime | str | None,
    timezone: str,
) -> tuple[datetime, datetime]:
    """Return the instant until which buckets have ended and are settled, and the table's end.

    Buckets that end after `as_of` (None is now), or after the coverage's `closed_until`, are still
    open. If the table has a column `settled`, as a store's has, nothing counts as settled from the
    first bucket on that is not. The table ends with its last bucket, or later: at `end`, or at the
    coverage's `closed_until`.
    """
    now = instant(datetime.now(UTC) if as_of is None else as_of, timezone=timezone, name="as_of")
    closed = None if table.coverage is None else table.coverage.closed_until
    stated = closed if end is None else instant(end, timezone=timezone, name="end")
    require_instants(table.schema, BUCKET, hint="A forecast needs to know where each bucket ends.")
    start, until = (pl.col(name).dt.convert_time_zone("UTC") for name in BUCKET)
    unsettled = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    if "settled" in table.schema:
        unsettled = start.filter(~pl.col("settled").fill_null(value=False)).min()
    ended, unsettled_from = table.rows.select(until.max(), unsettled=unsettled).collect().row(0)
    last = max((moment for moment in (ended, stated) if moment is not None), default=now)
    known = min(moment for moment in (now, last, closed, unsettled_from) if moment is not None)
    return known, last


def say_if_short_of(
    as_of: date | datetime | str | None, last: datetime, *, every: Every, timezone: str
) -> None:
    """Warn where a whole period lies between the table's end and the moment that is asked about.

    Its rows may be missing, or the API may have had none to send.
    """
    if as_of is None:
        return
    asked = instant(as_of, timezone=timezone, name="as_of")
    whole = ceil(last, every=every, timezone=timezone)
    if whole < floor(asked, every=every, timezone=timezone):
        warn(
            f"as_of is {asked.isoformat()}, but the table ends at {last.isoformat()}: what lies "
            "between is forecast, not taken as free. If the table was read until then, and nothing "
            f"was used, say so with end={asked.isoformat()!r}",
            IncompletePeriodWarning,
        )


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
