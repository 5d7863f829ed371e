"""The past that a forecast learns from: whole, settled periods without gaps, one row per series.

A period is not learned from if the table cuts it short, if it has not ended, or if it holds an
unsettled bucket; the forecast begins with it. Costs are scaled to the usual length of a period, so
that February does not look like a fall, and a day of 25 hours does not look like a rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import numpy as np
import polars as pl

from falusage._usage.arguments import key
from falusage._usage.periods import BUCKET, require_instants
from falusage._usage.table import Table, rejecting_inexact
from falusage.errors import IncompletePeriodWarning, QueryError, ShortHistoryError, warn
from falusage.forecasting._exclusions import Excluded, Exclusion, excluded_periods, replaced
from falusage.forecasting._past import Floats
from falusage.forecasting._rhythms import RHYTHMS, Rhythm
from falusage.timeframes import USUAL_LENGTH, Every, boundaries, ceil, floor, instant, period_end
from falusage.transforms.trend import follow

_LEAST_TIME = timedelta(weeks=2)
_LEAST_PERIODS = 2


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Every series over the same whole periods.

    Attributes:
        keys: One row per series: the columns of the key.
        rates: Series × periods: cost at the usual length of a period.
        until: The end of the last whole period, in UTC. The forecast begins there.
        every: The period.
        timezone: The zone in which periods are cut.
    """

    keys: pl.DataFrame
    rates: Floats
    until: datetime
    every: Every
    timezone: str

    def including(self, keys: pl.DataFrame) -> History:
        """Return the history with further series, which have cost nothing so far."""
        group = self.keys.columns
        new = keys.join(self.keys, on=group, how="anti", nulls_equal=True) if keys.height else keys
        if not new.height:
            return self
        names = pl.concat([self.keys, new.select(group)]).with_row_index("row").sort(group)
        rates = np.concatenate([self.rates, np.zeros((new.height, self.rates.shape[1]))])
        return replace(self, keys=names.drop("row"), rates=rates[names["row"].to_numpy()])

    def ahead(self, horizon: int) -> pl.DataFrame:
        """Return the next periods: `period` (in `timezone`), `until`, `length` (usual is 1)."""
        usual = USUAL_LENGTH[self.every]
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
    start: datetime | None = None,
    exclude: Excluded = (),
) -> list[History]:
    """Return the history of one table by each of `keys`, over the same periods.

    Args:
        table: The usage.
        keys: Lists of columns; `currency` is always added.
        every: The period.
        timezone: The zone in which periods are cut.
        as_of: See `known_until`.
        end: See `known_until`.
        start: Learn from nothing before it; by default from the whole table.
        exclude: What else nothing is learned from.

    Warns:
        IncompletePeriodWarning: The table reaches beyond the last whole, settled period, or a
            period lies between its end and `as_of`.

    Raises:
        CoverageError: A part of the history was never read.
        ShortHistoryError: The whole periods span less than two weeks.
    """
    Rhythm.from_every(every)
    exclusion = Exclusion.read(exclude, timezone=timezone)
    known, last = known_until(table, as_of=as_of, end=end, timezone=timezone)
    warn_if_short_of(as_of, last, every=every, timezone=timezone)
    stop: datetime | None = last
    if table.coverage is not None:
        stop = ceil(known, every=every, timezone=timezone)
        stop = stop if stop < table.coverage.end else None
    trends = [
        follow(table, by=by, every=every, timezone=timezone, window=1, start=start, end=stop)
        for by in keys
    ]
    began = pl.col("period").dt.convert_time_zone("UTC")
    length = (pl.col("until") - began) / USUAL_LENGTH[every]
    ended = period_end(pl.col("period"), every=every, timezone=timezone)
    with rejecting_inexact():
        found = pl.collect_all(trends)
    tables = [
        excluded_periods(
            exclusion,
            costs.with_columns(until=ended.dt.convert_time_zone("UTC")),
            group=key(by),
            every=every,
            timezone=timezone,
        )
        .filter("complete", pl.col("until") <= known)
        .select("period", *key(by), "until", "excluded", rate=pl.col("cost") / length)
        .collect()
        for costs, by in zip(found, keys, strict=True)
    ]
    ends = tables[0]["until"].unique().sort()
    _require_enough(tables[0]["period"].unique().sort(), ends, every=every)
    until = cast("datetime", ends[-1])
    reached = last if as_of is None else min(last, instant(as_of, timezone=timezone))
    if until < reached:
        warn(
            f"the table reaches to {reached.isoformat()}, but its last whole, settled period of "
            f"{every!r} ends at {until.isoformat()}; the forecast begins there and ignores the "
            "cost so far of the period after it",
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

    Buckets that end after `as_of` (by default now), or after the coverage's `closed_until`, are
    still open. If the table has a column `settled`, as a store's has, nothing counts as settled
    from its first unsettled bucket on. The table ends with its last bucket, or later: at the
    coverage's `closed_until`, or, for a bare frame, at `end`.

    Raises:
        QueryError: The table has a coverage, and `end` was given, too.
    """
    if end is not None and table.coverage is not None:
        raise QueryError(
            f"end is {end!r}, but the coverage of the table says where it ends; leave out end=, "
            "which is for a bare frame"
        )
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


def warn_if_short_of(
    as_of: date | datetime | str | None, last: datetime, *, every: Every, timezone: str
) -> None:
    """Warn if a whole period lies between the table's end and `as_of`.

    Its rows may be missing, or the API may have had none to send.
    """
    if as_of is None:
        return
    asked = instant(as_of, timezone=timezone, name="as_of")
    whole = ceil(last, every=every, timezone=timezone)
    if whole < floor(asked, every=every, timezone=timezone):
        warn(
            f"as_of is {asked.isoformat()}, but the table ends at {last.isoformat()}; the time "
            "between is forecast, not taken as free. If the table was read until then and nothing "
            f"was used, pass the load itself, or end={asked.isoformat()!r}",
            IncompletePeriodWarning,
        )


def _require_enough(starts: pl.Series, ends: pl.Series, *, every: str) -> None:
    spanned = ends[-1] - starts[0] if len(starts) else timedelta()
    if spanned < _LEAST_TIME or len(starts) < _LEAST_PERIODS:
        raise ShortHistoryError(
            f"the table holds {len(starts)} whole, settled periods of {every!r}, which is "
            f"{spanned.days} days of history; a forecast needs at least two weeks and two periods: "
            "load an earlier start, or ask for shorter periods",
            periods=len(starts),
        )


def _history(
    table: pl.DataFrame, group: Sequence[str], *, until: datetime, every: Every, timezone: str
) -> History:
    series = table.sort("period").group_by(group).agg("rate", "excluded").sort(group)
    rates = np.array(series["rate"].to_list(), dtype=np.float64)
    excluded = np.array(series["excluded"].to_list(), dtype=bool)
    if excluded.any():
        rates = replaced(rates, excluded, RHYTHMS[every].season)
    return History(series.select(group), rates, until, every, timezone)
