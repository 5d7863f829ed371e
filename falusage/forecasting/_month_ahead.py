"""What is still to come of a month: each series' future, and how much of each day counts.

Days that lie before the month, or that have passed, count nothing. The present day counts for the
share of its cost that such weekdays still had ahead at this hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from falusage._usage.periods import BUCKET
from falusage._usage.table import Table
from falusage.columns import total
from falusage.errors import QueryError
from falusage.forecasting._exclusions import Excluded
from falusage.forecasting._futures import LONGEST_AHEAD, Future, futures
from falusage.forecasting._history import histories
from falusage.forecasting._past import Floats
from falusage.forecasting._planned import Planned, read_planned
from falusage.timeframes import after, period_start, zone

_LIKE_DAYS = 8
"""How many days of the same weekday show how a day's cost is spread over its hours."""


@dataclass(frozen=True, slots=True, eq=False)
class MonthAhead:
    """What is still to come of a month.

    Attributes:
        futures: The future of each series, by its key.
        weights: For each currency, how much of each day counts, from 0 to 1.
        days: The start of each day, in UTC.
        planned: Known costs, which count in full on every day that is not over.
    """

    futures: dict[tuple[Any, ...], Future]
    weights: dict[str, Floats]
    days: list[datetime]
    planned: Planned

    def keys(self, there: pl.DataFrame) -> pl.DataFrame:
        """Return the keys that only have known costs, in the columns of the keys of the table."""
        known = self.planned.keys
        return known.select(there.columns) if known.height else there.clear()

    def costs(self, series: tuple[Any, ...], currency: str) -> tuple[Floats, Floats]:
        """Return the cost still to come of a series: by day, and in paths × days."""
        future = self.futures.get(series)
        if future is None:
            return np.zeros(len(self.days)), np.zeros((1, len(self.days)))
        weight = self.weights[currency]
        known = self.planned.of(series) * (weight > 0)
        return future.cost * weight + known, future.paths * weight + known


def month_ahead(
    table: Table,
    columns: Sequence[str],
    now: datetime,
    span: tuple[datetime, datetime],
    *,
    end: date | datetime | str | None,
    timezone: str,
    exclude: Excluded = (),
    known: object = None,
) -> MonthAhead:
    """Forecast the days from the last whole one to the end of the month.

    Args:
        table: The usage.
        columns: The columns that make a series.
        now: What lies before it is known.
        span: The month.
        end: Where the range of a bare frame ends.
        timezone: The zone of the days.
        exclude: What nothing is learned from.
        known: Known costs of the future.

    Raises:
        QueryError: The month is too far ahead.
        ShortHistoryError: Less than two weeks of whole days are known.
    """
    if span[1] <= now:
        return MonthAhead({}, {}, [], Planned(0))
    parts, whole = histories(
        table,
        [columns, ()],
        every="1d",
        timezone=timezone,
        as_of=now,
        end=end,
        start=after_last_gap(table, now),
        exclude=exclude,
    )
    horizon = round((span[1] - parts.until) / timedelta(days=1))
    if horizon > LONGEST_AHEAD:
        raise QueryError(
            f"the month ends {horizon:,} days after what is known; expected one of the next "
            f"{LONGEST_AHEAD:,} days"
        )
    planned = read_planned(
        known, parts, usage=table.schema, group=parts.keys.columns, horizon=horizon
    )
    parts, whole = planned.included(parts, whole)
    days = parts.ahead(horizon)
    made = futures(parts, whole, horizon=horizon, model="auto")
    starts = days["period"].dt.convert_time_zone("UTC").to_list()
    weights: dict[str, Floats] = {}
    for currency in whole.keys["currency"]:
        weight = np.array([float(start >= max(now, span[0])) for start in starts])
        for day, (start, until) in enumerate(zip(starts, days["until"], strict=True)):
            if start < now < until and start >= span[0]:
                weight[day] = 1 - elapsed(table, currency, start, now, timezone=timezone)
        weights[currency] = weight
    by_key = dict(zip(parts.keys.rows(), made, strict=True))
    return MonthAhead(by_key, weights, starts, planned)


def after_last_gap(table: Table, now: datetime) -> datetime | None:
    """Return the end of the last gap: a gap before the month is no error, but has no costs."""
    if table.coverage is None:
        return None
    return max((last for first, last in table.coverage.gaps if first < now), default=None)


def elapsed(table: Table, currency: str, start: datetime, now: datetime, *, timezone: str) -> float:
    """Return the share of such a weekday's cost that is usually spent by this hour.

    Buckets shorter than a day show it. Within a bucket, cost is taken as spent evenly.
    """
    zoned = zone(timezone)
    bucket, end = (pl.col(name).dt.convert_time_zone("UTC") for name in BUCKET)
    day = period_start(bucket, every="1d", timezone=timezone)
    part = ((day.dt.convert_time_zone("UTC") + (now - start) - bucket) / (end - bucket)).clip(0, 1)
    earliest = start - timedelta(weeks=_LIKE_DAYS, hours=1)
    known = (
        table.rows.filter(pl.col("currency") == currency, bucket >= earliest, bucket < start)
        .filter(day.dt.weekday() == start.astimezone(zoned).isoweekday())
        .select("cost", sofar=pl.col("cost") * part)
        .select(total("sofar"), total("cost"))
        .collect()
    )
    sofar, whole = known.row(0)
    if whole > 0:
        return sofar / whole
    return (now - start) / (after(start, every="1d", timezone=timezone) - start)
