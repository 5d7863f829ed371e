"""Where the month will end: what is spent, what is still to come, and whether the budget holds.

What is still to come is the daily forecast up to the end of the month, with the rest of the
present day in proportion to the hours that it still has. The bands are those of the sum, from
whole paths; a chance is the share of paths that pass the budget.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, overload

import numpy as np
import polars as pl

from falusage._usage.arguments import (
    free,
    key,
    names,
)
from falusage._usage.periods import BUCKET, Range, within
from falusage._usage.table import Eager, Lazy, Table, rejecting_inexact, take
from falusage.columns import INSTANT, exact, total
from falusage.coverage import Coverage
from falusage.errors import IncompletePeriodWarning, QueryError, warn
from falusage.forecasting._candidates import Floats
from falusage.forecasting._history import histories, known_until, say_if_short_of
from falusage.forecasting._futures import LONGEST_AHEAD, Future, futures
from falusage.forecasting._paths import bounds
from falusage.timeframes import after, floor, instant, month_span, period_start, zone
from falusage.transforms.budget_status import (
    read_budgets,
    unmatched,
    warn_of_unmatched,
)

_LEVELS: Final = (80, 95)
_ROUNDING: Final = 1 + 1e-9
_LIKE_DAYS: Final = 8
_RESULTS: Final = {
    "month": pl.String(),
    "as_of": INSTANT,
    "model": pl.String(),
    "spent": pl.Float64(),
    "projected": pl.Float64(),
    **{f"{side}_{level}": pl.Float64() for level in _LEVELS for side in ("lo", "hi")},
    "budget": pl.Float64(),
    "remaining": pl.Float64(),
    "chance_over": pl.Float64(),
    "runs_out_on": pl.Date(),
    "status": pl.String(),
}


@overload
def month_outlook(
    usage: Lazy,
    *,
    by: str | Sequence[str] = (),
    month: str | None = None,
    budgets: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def month_outlook(
    usage: Eager,
    *,
    by: str | Sequence[str] = (),
    month: str | None = None,
    budgets: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def month_outlook(
    usage: Lazy | Eager,
    *,
    by: str | Sequence[str] = (),
    month: str | None = None,
    budgets: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Say where the month will end, and how likely it is to pass the budget.

    projected = spent + the forecast of every day still to come (`forecast`, `every="1d"`); of the
    day that `as_of` falls in, the part that days like it still had ahead at that hour, over the
    last eight of its weekday. What was spent counts as it stands, settled or not; what is not
    settled is not learned from. The parts of a currency sum to its whole.

    Args:
        usage: A usage table, of buckets of a day or shorter. A LazyFrame is collected at once.
        by: The columns that make a series. `currency` is always among them; nulls are a series of
            their own.
        month: The month, as `"2025-03"`, in `timezone`. None is the one that `as_of` falls in.
        budgets: A frame of `by`, `currency` and `budget` (≥ 0), each key once, as for
            `budget_status`; or None.
        as_of: Only what lies before it counts: a date, an aware datetime or ISO 8601 text. None is
            now or, if that is earlier, the end of the table; what an open bucket holds so far
            then counts, too.
        timezone: The IANA zone of the month, its days, and dates.
        end: Where the table's range ends, if that is later than its last bucket, as it is where
            nothing was used at the end: the time between is then known to be without cost. A
            date, an aware datetime or ISO 8601 text. None is the last `bucket_end`.
        coverage: What is known of a bare frame beyond its rows.

    Returns:
        The columns of `by`, `currency`; `month` (String, as `"2025-03"`) and `as_of` (Datetime in
        `timezone`: until when the table tells, or was asked to); `model` (String, the candidate
        that looked ahead; null where nothing was to be forecast); `spent`, `projected`, `lo_80`,
        `hi_80`, `lo_95`, `hi_95` (Float64, the month's total and its bands, in `currency`); and,
        null where there is no budget: `budget`, `remaining` (budget − spent), `chance_over`
        (Float64, the chance in 0 to 1 that the month ends above the budget), `runs_out_on` (Date
        in `timezone`: of the bucket in which the spend passed the budget, or of the day on which
        the forecast does; null if neither does) and `status` (String: `"over"` where spent >
        budget, else `"at risk"` where projected > budget, else `"ok"`). A budget whose key appears
        nowhere in the table has the status `"unmatched"`, and no projection, bands or chance. One
        row for each series and each budget, also without spend, sorted by its key.

    Warns:
        UnmatchedWarning: If a budget's key appears nowhere in the table; the message names the
            closest key.
        IncompletePeriodWarning, ShortHistoryWarning: As `forecast`; also where the table begins a
            day or more after the month.

    Raises:
        AlignmentError: If the month's start or end, or the given `as_of`, runs through a bucket,
            or a bucket reaches over midnight.
        MissingColumnError: If a table lacks a column.
        MissingExtraError: If statsforecast is not installed.
        QueryError: If an argument is out of its range or form, a budget names nobody, is no
            amount, or is there twice, budgets go by names that are not in `by`, or the table begins
            after the month.
        ShortHistoryError: If days are still to come, and less than two weeks of whole ones known.

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 3, 3, tzinfo=UTC) + timedelta(days=n) for n in range(49)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "cost": 10.0,
    ...     "currency": "USD",
    ... })
    >>> budgets = pl.DataFrame({"currency": ["USD"], "budget": [250.0]})
    >>> row = month_outlook(usage, budgets=budgets).row(0, named=True)
    >>> row["spent"], round(row["projected"], 6), row["chance_over"], row["status"]
    (200.0, 300.0, 1.0, 'at risk')
    """
    columns = names(by, argument="by")
    table, group = take(usage, coverage), key(columns)
    timezone = table.zone(timezone)
    if month is not None:
        month_span(month, timezone=timezone)
    free(columns, reserved=(*_RESULTS, "cost", "bucket", "bucket_end"))
    table.require(group)
    table.require_numbers(["cost"])
    schema = table.schema
    keyed = {name: schema[name] for name in group}
    none = pl.DataFrame(schema={**keyed, "budget": pl.Float64()})
    kept = none if budgets is None else read_budgets(budgets, schema, group)
    now, span, reach = _moments(table, month=month, as_of=as_of, end=end, timezone=timezone)
    rows = within(table.rows, (*group, "cost"), span=Range(*span))
    if reach is not None:
        rows = within(rows, (*group, "cost"), span=Range(None, reach))
    spent = rows.collect()
    ahead = _ahead(table, columns, now, span, end=end, timezone=timezone)
    _require_begun(table, span)
    there = table.rows.select(group).unique().collect()
    warn_of_unmatched(kept, there, group)
    lost = set(unmatched(kept, there, group).select(group).rows())
    every = pl.concat([there, kept.select(group)])
    said = {"month": f"{span[0].astimezone(zone(timezone)):%Y-%m}", "as_of": now}
    keys = every.unique().sort(group)
    with rejecting_inexact():
        result = _joined(
            spent, ahead, keys, kept, lost=lost, said=said, timezone=timezone
        ).with_columns(pl.col("as_of").dt.convert_time_zone(timezone))
    return table.result(result.lazy())


@dataclass(frozen=True, slots=True, eq=False)
class _Ahead:
    """What is still to come of the month: each series' future, and each day's part in it."""

    futures: dict[tuple[Any, ...], Future]
    weights: dict[str, Floats]
    days: list[datetime]


def _moments(
    table: Table,
    *,
    month: str | None,
    as_of: date | datetime | str | None,
    end: date | datetime | str | None,
    timezone: str,
) -> tuple[datetime, tuple[datetime, datetime], datetime | None]:
    """Give until when the table tells, the month, and the cut that was asked for."""
    asked = None if as_of is None else instant(as_of, timezone=timezone, name="as_of")
    _, last = known_until(table, as_of=None, end=end, timezone=timezone)
    say_if_short_of(as_of, last, every="1d", timezone=timezone)
    now = min(datetime.now(UTC) if asked is None else asked, last)
    if month is not None:
        return now, month_span(month, timezone=timezone), asked
    start = floor(now if asked is None else asked, every="1mo", timezone=timezone)
    return now, (start, after(start, every="1mo", timezone=timezone)), asked


def _require_begun(table: Table, span: tuple[datetime, datetime]) -> None:
    """Refuse a month of which the table holds nothing, and warn of one that it begins within."""
    if table.coverage is not None:
        table.coverage.require(span[0], max(span[0], min(span[1], table.coverage.closed_until)))
        return
    first: datetime | None = table.rows.select(pl.col("bucket").min()).collect().item()
    # A table may well begin some quiet hours after the range that was asked for.
    if first is None or first < span[0] + timedelta(days=1):
        return
    begins = f"the table begins at {first.isoformat()}"
    if span[1] <= first:
        raise QueryError(
            f"{begins}, so it says nothing of a month that ended {span[1].isoformat()}; load that "
            "month"
        )
    warn(
        f"{begins}, the month at {span[0].isoformat()}: what was spent before is in no sum here",
        IncompletePeriodWarning,
    )


def _ahead(
    table: Table,
    columns: Sequence[str],
    now: datetime,
    span: tuple[datetime, datetime],
    *,
    end: date | datetime | str | None,
    timezone: str,
) -> _Ahead:
    """Forecast the days from the last whole one to the end of the month."""
    if span[1] <= now:
        return _Ahead({}, {}, [])
    parts, whole = histories(
        table, [columns, ()], every="1d", timezone=timezone, as_of=now, end=end
    )
    horizon = round((span[1] - parts.until) / timedelta(days=1))
    if horizon > LONGEST_AHEAD:
        raise QueryError(
            f"the month ends {horizon:,} days after what is known; expected one of the next "
            f"{LONGEST_AHEAD:,} days"
        )
    days = parts.ahead(horizon)
    made = futures(parts, whole, horizon=horizon, model="auto")
    starts = days["period"].dt.convert_time_zone("UTC").to_list()
    weights: dict[str, Floats] = {}
    for currency in whole.keys["currency"]:
        weight = np.array([float(start >= max(now, span[0])) for start in starts])
        for day, (start, until) in enumerate(zip(starts, days["until"], strict=True)):
            if start < now < until and start >= span[0]:
                weight[day] = 1 - _elapsed(table, currency, start, now, timezone=timezone)
        weights[currency] = weight
    return _Ahead(dict(zip(parts.keys.rows(), made, strict=True)), weights, starts)


def _elapsed(
    table: Table, currency: str, start: datetime, now: datetime, *, timezone: str
) -> float:
    """Give the share of such a weekday's cost that is mostly spent at this hour.

    The buckets say so where they are finer than a day; within a bucket, cost is spent evenly.
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


def _joined(
    spent: pl.DataFrame,
    ahead: _Ahead,
    keys: pl.DataFrame,
    budgets: pl.DataFrame,
    *,
    lost: Container[tuple[Any, ...]],
    said: Mapping[str, Any],
    timezone: str,
) -> pl.DataFrame:
    """Put together, key by key, what was spent, what is to come, and the budget."""
    group = keys.columns
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").cast(INSTANT).alias("bucket")
    spending = {
        row[:-2]: (row[-2], row[-1])
        for row in spent.group_by(*group, bucket)
        .agg(exact("cost").sum())
        .sort("bucket")
        .group_by(group)
        .agg("bucket", pl.col("cost").cum_sum())
        .iter_rows()
    }
    budget_of = {row[:-1]: row[-1] for row in budgets.iter_rows()}
    place = group.index("currency")
    rows: list[dict[str, Any]] = []
    for one in keys.rows():
        buckets, sums = spending.get(one, ([], []))
        future, weight = ahead.futures.get(one), ahead.weights.get(one[place])
        so_far = float(sums[-1]) if sums else 0.0
        days, paths = np.zeros(len(ahead.days)), np.zeros((1, len(ahead.days)))
        if future is not None and weight is not None:
            days, paths = future.cost * weight, future.paths * weight
        projected, totals = so_far + float(days.sum()), so_far + paths.sum(axis=1)
        told: dict[str, Any] = {
            **dict(zip(group, one, strict=True)),
            **said,
            "model": None if future is None else future.model,
            "spent": so_far,
        }
        budget = budget_of.get(one)
        if one in lost:
            rows.append(told | {"budget": budget, "remaining": budget, "status": "unmatched"})
            continue
        told["projected"] = projected
        for level in _LEVELS:
            low, high = bounds(totals[:, None], level, around=np.array([projected]))
            told[f"lo_{level}"], told[f"hi_{level}"] = float(low[0]), float(high[0])
        if budget is not None:
            course = [*map(float, sums), *(so_far + days.cumsum())]
            moments = [*buckets, *ahead.days]
            over = [
                at for at, sofar in zip(moments, course, strict=True) if sofar > budget * _ROUNDING
            ]
            remaining = Decimal(str(budget)) - (sums[-1] if sums else 0)
            risky = "at risk" if projected > budget * _ROUNDING else "ok"
            told |= {
                "budget": budget,
                "remaining": float(remaining),
                "chance_over": float((totals > budget * _ROUNDING).mean()),
                "runs_out_on": over[0].astimezone(zone(timezone)).date() if over else None,
                "status": "over" if remaining < 0 else risky,
            }
        rows.append(told)
    return pl.DataFrame(rows, schema={**keys.schema, **_RESULTS})
