"""Whether a month's budget will last: what is spent, what is projected, and when it runs out.

The projection is the run rate: the month goes on at its pace so far. It ignores weekdays and
growth, which `forecasting` does not, but anyone can check it in their head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import overload

import polars as pl

from falusage._usage.arguments import free, key, names
from falusage._usage.periods import Range, within
from falusage._usage.table import Arrow, Eager, Lazy, take
from falusage.columns import INSTANT, MONEY, exact
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import instant, month_span
from falusage.transforms.budgets import read_budgets, warn_of_unmatched

_RESULTS = {
    "budget": pl.Float64(),
    "spent": pl.Float64(),
    "projected": pl.Float64(),
    "remaining": pl.Float64(),
    "runs_out_on": pl.Date(),
    "status": pl.String(),
}
_ROUNDING = 1 + 1e-9


@overload
def budget_status(
    usage: Lazy,
    budgets: pl.LazyFrame | Arrow,
    *,
    by: str | Sequence[str] = "username",
    month: str,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def budget_status(
    usage: Eager,
    budgets: pl.LazyFrame | Arrow,
    *,
    by: str | Sequence[str] = "username",
    month: str,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def budget_status(
    usage: Lazy | Eager,
    budgets: pl.LazyFrame | Arrow,
    *,
    by: str | Sequence[str] = "username",
    month: str,
    as_of: date | datetime | str | None = None,
    timezone: str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Compare a month's spend with its budgets.

    projected = spent · (length of the month) / (time from its start to `as_of`), the run rate,
    null before the month has begun; remaining = budget − spent, negative when over.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Dates missing from a bare
            frame count as zero, so it should have the month up to `as_of`.
        budgets: A frame of `by`, `currency` and `budget` (≥ 0), each key once. It is checked, and
            so collected, at once. Spend without a budget is not listed.
        by: The columns that a budget is for.
        month: The month, as `"2025-03"`, from local midnight to local midnight in `timezone`.
        as_of: Only what lies before it counts: a date, an aware datetime or ISO 8601 text. By
            default the `closed_until` of the coverage; required for a bare frame.
        timezone: The IANA zone of the month and of dates; by default that of the coverage, or UTC.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The columns of `by`, `currency`; `budget`, `spent`, `projected` and `remaining` (Float64,
        in `currency`); `runs_out_on` (Date in `timezone`: of the bucket in which the spend passed
        the budget, or on which the run rate will have used it up; null if it lasts the month);
        `status` (String): `"unmatched"` where the key appears nowhere in the table, in any month,
        and nothing is projected; else `"over"` where spent > budget, else `"at risk"` where
        projected > budget, else `"ok"`. One row for each budget, also without spend, sorted by its
        key. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a store is; then none of
        it is collected.

    Warns:
        UnmatchedWarning: A budget's key appears nowhere in the table; the message names the
            closest key. From a LazyFrame, when it is collected.

    Raises:
        AlignmentError: The month's start or end, or `as_of` within it, runs through a bucket. From
            a LazyFrame, when it is collected.
        CoverageError: A part of the month up to `as_of` was never read.
        MissingColumnError: A table lacks a column.
        QueryError: An argument is invalid; a budget has no name or no amount, or is there twice;
            or budgets have names that are not in `by`.

    Source: the run-rate forecast of the FinOps Foundation's Budgeting and Forecasting
    capabilities.

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 4, day, tzinfo=UTC) for day in range(1, 11)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "username": ["ads", "labs"] * 5,
    ...     "cost": [20.0, 1.0] * 5,
    ...     "currency": "USD",
    ... })
    >>> budgets = pl.DataFrame({
    ...     "username": ["ads", "labs"], "currency": "USD", "budget": [200.0, 50.0]
    ... })
    >>> budget_status(usage, budgets, month="2025-04", as_of="2025-04-11").drop("currency")
    shape: (2, 7)
    ┌──────────┬────────┬───────┬───────────┬───────────┬─────────────┬─────────┐
    │ username ┆ budget ┆ spent ┆ projected ┆ remaining ┆ runs_out_on ┆ status  │
    │ ---      ┆ ---    ┆ ---   ┆ ---       ┆ ---       ┆ ---         ┆ ---     │
    │ str      ┆ f64    ┆ f64   ┆ f64       ┆ f64       ┆ date        ┆ str     │
    ╞══════════╪════════╪═══════╪═══════════╪═══════════╪═════════════╪═════════╡
    │ ads      ┆ 200.0  ┆ 100.0 ┆ 300.0     ┆ 100.0     ┆ 2025-04-21  ┆ at risk │
    │ labs     ┆ 50.0   ┆ 5.0   ┆ 15.0      ┆ 45.0      ┆ null        ┆ ok      │
    └──────────┴────────┴───────┴───────────┴───────────┴─────────────┴─────────┘
    """
    columns = names(by, argument="by")
    free(columns, reserved=(*_RESULTS, "cost", "bucket", "bucket_end"))
    table = take(usage, coverage)
    zone = table.zone(timezone)
    span = month_span(month, timezone=zone)
    until = min(max(_as_of(as_of, table.coverage, zone), span[0]), span[1])
    if table.coverage is not None and until > span[0]:
        table.coverage.require_closed(span[0], until, name="the month up to as_of")
    group = key(columns)
    table.require(group)
    table.require_numbers(["cost"])
    schema = table.schema
    kept = read_budgets(budgets, schema, group)
    # The whole month first, so that its end is checked even if it lies ahead.
    rows = within(table.rows, (*group, "cost"), span=Range(*span))
    rows = within(rows, (*group, "cost"), span=Range(None, until))
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").cast(INSTANT).alias("bucket")
    sums = rows.group_by(*group, bucket).agg(exact("cost").sum())
    # Every key of the table is added, without a bucket: a budget must match one of them.
    there = table.rows.select(group).unique()
    there = there.with_columns(bucket=pl.lit(None, dtype=INSTANT), cost=pl.lit(None, dtype=MONEY))
    status = pl.concat([sums, there]).map_batches(
        partial(_status, budgets=kept, group=group, span=span, until=until, timezone=zone),
        schema={**{name: schema[name] for name in group}, **_RESULTS},
    )
    return table.result(status)


def _as_of(
    given: date | datetime | str | None, coverage: Coverage | None, timezone: str
) -> datetime:
    """Return the instant before which spend counts: the given one, or that of the coverage."""
    if given is not None:
        return instant(given, timezone=timezone, name="as_of")
    if coverage is None:
        raise QueryError(
            "as_of is missing, and a bare frame does not show when it was read; pass as_of=, or "
            "the load, snapshot or store itself"
        )
    return coverage.closed_until


def _status(
    sums: pl.DataFrame,
    *,
    budgets: pl.DataFrame,
    group: Sequence[str],
    span: tuple[datetime, datetime],
    until: datetime,
    timezone: str,
) -> pl.DataFrame:
    there = sums.filter(pl.col("bucket").is_null()).select(group)
    sums = sums.filter(pl.col("bucket").is_not_null())
    warn_of_unmatched(budgets, there, group)
    budget, spent, projected = pl.col("budget"), pl.col("spent"), pl.col("projected")
    whole, elapsed = ((end - span[0]).total_seconds() for end in (span[1], until))
    rate = whole / elapsed if elapsed else None
    budgets = budgets.with_columns(exact("budget"))
    passed = (
        sums.join(budgets, on=group)
        .sort(*group, "bucket")
        .filter(pl.col("cost").cum_sum().over(group) > budget)
        .group_by(group)
        .agg(pl.col("bucket").min().alias("_passed"))
    )
    totals = sums.group_by(group).agg(pl.col("cost").sum().alias("spent"))
    left = pl.col("remaining").cast(pl.Float64) / spent.cast(pl.Float64) * elapsed
    runs_out = pl.lit(until, dtype=INSTANT) + pl.duration(seconds=left.round())
    at_risk = projected > budget.cast(pl.Float64) * _ROUNDING
    matched = pl.col("_there")
    return (
        budgets.join(totals, on=group, how="left")
        .join(passed, on=group, how="left")
        .join(there.with_columns(_there=True), on=group, how="left")
        .with_columns(spent.fill_null(0), matched.fill_null(value=False))
        .with_columns(
            pl.when(matched)
            .then(spent.cast(pl.Float64) * pl.lit(rate, dtype=pl.Float64))
            .alias("projected"),
            (budget - spent).alias("remaining"),
        )
        .with_columns(
            pl.when(~matched)
            .then(pl.lit("unmatched"))
            .when(spent > budget)
            .then(pl.lit("over"))
            .when(at_risk)
            .then(pl.lit("at risk"))
            .otherwise(pl.lit("ok"))
            .alias("status"),
            pl.coalesce("_passed", pl.when(at_risk).then(runs_out))
            .dt.convert_time_zone(timezone)
            .dt.date()
            .alias("runs_out_on"),
        )
        .select(*group, *(pl.col(name).cast(dtype) for name, dtype in _RESULTS.items()))
        .sort(group)
    )
