"""Where the month will end: what is spent, what is still to come, and whether the budget lasts.

What is still to come is the daily forecast up to the end of the month, with the rest of the
present day in proportion to the hours that it still has. The bands are those of the sum, from
whole paths; a chance is the share of paths that pass the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import overload

import polars as pl

from falusage._usage.arguments import free, key, names
from falusage._usage.periods import Range, within
from falusage._usage.table import Eager, Lazy, Table, rejecting_inexact, take
from falusage.coverage import Coverage
from falusage.errors import IncompletePeriodWarning, QueryError, warn
from falusage.forecasting._exclusions import Excluded
from falusage.forecasting._history import known_until, warn_if_short_of
from falusage.forecasting._month_ahead import month_ahead
from falusage.forecasting._month_rows import RESULTS, month_rows
from falusage.forecasting._paths import PATHS
from falusage.forecasting._settling import late_costs
from falusage.timeframes import after, floor, instant, month_span, zone
from falusage.transforms.budgets import read_budgets, unmatched, warn_of_unmatched


@overload
def month_outlook(
    usage: Lazy,
    *,
    by: str | Sequence[str] = (),
    month: str | None = None,
    budgets: pl.DataFrame | pl.LazyFrame | None = None,
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
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
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
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
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Forecast the month's total, and how likely it is to pass the budget.

    projected = spent + the forecast of every day still to come (`forecast`, `every="1d"`). Of the
    day that `as_of` falls in, it adds the share that days like it still had ahead at that hour,
    over the last eight of its weekday. What was spent counts, settled or not; what is not settled
    is not learned from. The parts of a currency sum to its whole.

    If a store, or its view, has seen restatements within 90 days, each of its days that has ended
    and is not settled is scaled to its expected final cost, by what other days came to that were
    read at its age (`UsageStore.settling`), with their spread in the bands. At least five such
    days must be known. Other tables are taken as they are.

    Args:
        usage: A usage table, of buckets of a day or shorter: a load, a snapshot, a store or a
            frame. Lazy rows are collected at once.
        by: The columns that make a series. `currency` is always among them; nulls are a series of
            their own.
        month: The month, as `"2025-03"`, in `timezone`; by default the one that `as_of` falls in.
        budgets: A frame of `by`, `currency` and `budget` (≥ 0), each key once, as for
            `budget_status`; or None.
        exclude: Ranges that nothing is learned from, as in `forecast`. What was spent in them
            counts.
        known: Costs that are known already, as in `forecast`.
        as_of: Only what lies before it counts: a date, an aware datetime or ISO 8601 text. By
            default the coverage's `read_at`, or for a bare frame now or, if that is earlier, the
            end of the table. What an open bucket holds so far then counts, too.
        timezone: The IANA zone of the month, its days, and dates; by default that of the coverage,
            or UTC.
        end: Where the range of a bare frame ends, if that is later than its last bucket: the time
            between is then known to be without cost. A coverage says so itself.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The columns of `by`, `currency`; `month` (String, as `"2025-03"`) and `as_of` (Datetime in
        `timezone`: until when the cost is known); `model` (String, the model that looked ahead;
        null if there was nothing to forecast); `coverage_80`, `coverage_95` (Float64: the share of
        past days that were within such bands, as measured by the track record; null without one);
        `spent` (Float64, as it was read); `settling` (Float64, what is still expected for days
        already spent, below zero if such days lose; in `projected` and the bands, not in `spent`; 0
        if nothing is known); `projected`, `lo_80`, `hi_80`, `lo_95`, `hi_95` (Float64, the month's
        total and its bands, in `currency`); and, null without a
        budget: `budget`, `remaining` (budget − spent), `chance_over` (Float64, the chance in 0 to
        1 that the month ends above the budget), `runs_out_on` (Date in `timezone`: of the bucket
        in which the spend passed the budget, also with what is still expected for it, or of the
        day on which the forecast does; null if none does) and `status` (String: `"over"` where
        spent > budget, else `"at risk"` where projected > budget, else `"ok"`). A budget whose key
        appears nowhere in the table has the status `"unmatched"`, and no projection, bands or
        chance. One row for each series and each budget, also without spend, sorted by its key. A
        LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a store is.

    Warns:
        UnmatchedWarning: The key of a budget or of a known cost appears nowhere in the table; the
            message names the closest key.
        IncompletePeriodWarning, ShortHistoryWarning: As `forecast`; also if a bare frame begins a
            day or more after the month.

    Raises:
        AlignmentError: The month's start or end, or the given `as_of`, runs through a bucket, or a
            bucket crosses midnight.
        CoverageError: A part of the month so far was never read. A gap before the month is no
            error: the forecast learns from what comes after it.
        MissingColumnError: A table lacks a column.
        MissingExtraError: statsforecast is not installed.
        QueryError: An argument is invalid, a budget has no name or no amount or is there twice,
            budgets have names that are not in `by`, or a bare frame begins after the month.
        ShortHistoryError: Days are still to come, and less than two weeks of whole ones are known.
        StoreError: A file of an earlier version, which shows how days settled, is lost or damaged.

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
    >>> row["spent"], round(row["projected"], 6), row["chance_over"] > 0.9, row["status"]
    (200.0, 300.0, True, 'at risk')
    """
    columns = names(by, argument="by")
    table, group = take(usage, coverage), key(columns)
    timezone = table.zone(timezone)
    if month is not None:
        month_span(month, timezone=timezone)
    free(columns, reserved=(*RESULTS, "cost", "bucket", "bucket_end"))
    table.require(group)
    table.require_numbers(["cost"])
    schema = table.schema
    keyed = {name: schema[name] for name in group}
    none = pl.DataFrame(schema={**keyed, "budget": pl.Float64()})
    kept = none if budgets is None else read_budgets(budgets, schema, group)
    now, span, until = _moments(table, month=month, as_of=as_of, end=end, timezone=timezone)
    _require_month(table, span, until)
    rows = within(table.rows, (*group, "cost"), span=Range(*span))
    if until is not None:
        rows = within(rows, (*group, "cost"), span=Range(None, until))
    spent = rows.collect()
    ahead = month_ahead(
        table, columns, now, span, end=end, timezone=timezone, exclude=exclude, known=known
    )
    _require_begun(table, span)
    there = table.rows.select(group).unique().collect()
    warn_of_unmatched(kept, there, group)
    lost = set(unmatched(kept, there, group).select(group).rows())
    keys = pl.concat([there, kept.select(group), ahead.keys(there)]).unique().sort(group)
    fixed = {"month": f"{span[0].astimezone(zone(timezone)):%Y-%m}", "as_of": now}
    with rejecting_inexact():
        late = late_costs(table, spent, group, paths=PATHS)
        result = month_rows(
            spent, ahead, late, keys, kept, lost=lost, fixed=fixed, timezone=timezone
        )
    local = pl.col("as_of").dt.convert_time_zone(timezone)
    return table.result(result.with_columns(local).lazy())


def _moments(
    table: Table,
    *,
    month: str | None,
    as_of: date | datetime | str | None,
    end: date | datetime | str | None,
    timezone: str,
) -> tuple[datetime, tuple[datetime, datetime], datetime | None]:
    """Return until when the cost is known, the month, and where the rows are to be cut, if at all.

    Without an earlier `as_of`, an open bucket counts with what it held when it was read, and the
    rest of its day is forecast. If it is not known when that was, open buckets are left out.
    """
    asked = None if as_of is None else instant(as_of, timezone=timezone, name="as_of")
    _, last = known_until(table, as_of=None, end=end, timezone=timezone)
    warn_if_short_of(as_of, last, every="1d", timezone=timezone)
    present, cut = asked or datetime.now(UTC), asked
    if table.coverage is not None and present > table.coverage.closed_until:
        if table.coverage.read_at is None:
            present = cut = table.coverage.closed_until
        else:
            present, cut = min(present, table.coverage.read_at), None
    now = min(present, last)
    if month is not None:
        return now, month_span(month, timezone=timezone), cut
    start = floor(asked or now, every="1mo", timezone=timezone)
    return now, (start, after(start, every="1mo", timezone=timezone)), cut


def _require_month(table: Table, span: tuple[datetime, datetime], until: datetime | None) -> None:
    """Raise if a part of the month so far was never read."""
    if table.coverage is not None:
        closed = table.coverage.closed_until
        so_far = min(span[1], closed, closed if until is None else until)
        table.require_covered(span[0], max(span[0], so_far))


def _require_begun(table: Table, span: tuple[datetime, datetime]) -> None:
    """Raise if a bare frame begins after the month, and warn if it begins within it."""
    if table.coverage is not None and table.coverage.known:
        return
    first: datetime | None = table.rows.select(pl.col("bucket").min()).collect().item()
    # A table may well begin some quiet hours after the range that was asked for.
    if first is None or first < span[0] + timedelta(days=1):
        return
    begins = f"the table begins at {first.isoformat()}"
    if span[1] <= first:
        raise QueryError(
            f"{begins}, so it has nothing of a month that ended {span[1].isoformat()}; load that "
            "month"
        )
    warn(
        f"{begins}, the month at {span[0].isoformat()}; what was spent before is not in the sums",
        IncompletePeriodWarning,
    )
