"""Will the month's budget last: what is spent, where that leads, and the day it runs out.

The projection is the run rate: the month so far, at its own pace to its end. It knows neither
weekdays nor growth (that is forecasting's business), but anyone can check it in their head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import overload

import polars as pl

from falusage._suggestions import closest
from falusage._usage.arguments import amounts, free, key, names
from falusage._usage.periods import Range, within
from falusage._usage.table import Arrow, Eager, Lazy, take
from falusage.columns import INSTANT, MONEY, exact
from falusage.coverage import Coverage
from falusage.errors import QueryError, UnmatchedWarning, warn
from falusage.timeframes import instant, month_span

_RESULTS = {
    "budget": pl.Float64(),
    "spent": pl.Float64(),
    "projected": pl.Float64(),
    "remaining": pl.Float64(),
    "runs_out_on": pl.Date(),
    "status": pl.String(),
}
_ROUNDING = 1 + 1e-9
_NAMED = 10
"""The most budgets that a warning names."""


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
    """Set a month's spend against its budgets, and say which will not last.

    projected = spent · (length of the month) / (time from its start to `as_of`), the run rate,
    null before the month has begun; remaining = budget − spent, negative when over.

    Args:
        usage: A usage table, of Polars or through Arrow, which holds the month up to `as_of`: what
            it lacks counts as nothing spent.
        budgets: A frame of `by`, `currency` and `budget` (≥ 0), each key once. It is checked, and
            so collected, at once. Spend that no budget names is not listed.
        by: The columns that a budget is for.
        month: The month, as `"2025-03"`, from local midnight to local midnight in `timezone`.
        as_of: Only what lies before it counts: a date, an aware datetime or ISO 8601 text. By
            default, `closed_until` of the coverage; a bare frame needs it.
        timezone: The IANA zone of the month and of dates; by default that of the coverage, or UTC.
        coverage: What is known of a bare frame beyond its rows.

    Returns:
        The columns of `by`, `currency`; `budget`, `spent`, `projected` and `remaining` (Float64,
        in `currency`); `runs_out_on` (Date in `timezone`: of the bucket in which the spend passed
        the budget, or on which the run rate will have used it up; null if it lasts the month);
        `status` (String): `"unmatched"` where the key appears nowhere in the table, in any month,
        and nothing is projected; else `"over"` where spent > budget, else `"at risk"` where
        projected > budget, else `"ok"`. One row for each budget, also without spend, sorted by its
        key. A LazyFrame if `usage` is lazy, as a
        LazyFrame, a snapshot or a store is; then none of it is collected.

    Warns:
        UnmatchedWarning: If a budget's key appears nowhere in the table; the message names the
            closest key. From a LazyFrame, when it is collected.

    Raises:
        AlignmentError: If the month's start or end, or `as_of` within it, runs through a bucket;
            from a LazyFrame, when it is collected.
        CoverageError: If a part of the range was never read.
        MissingColumnError: If a table lacks a column.
        QueryError: If an argument is out of its range or form, or a budget names nobody, is no
            amount, or is there twice, or budgets go by names that are not in `by`.

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
    if until > span[0]:
        table.require_covered(span[0], until)
    group = key(columns)
    table.require(group)
    table.require_numbers(["cost"])
    schema = table.schema
    kept = read_budgets(budgets, schema, group)
    # Up to `until` and from there, so that an end of the month is checked even if it lies ahead.
    rows = within(table.rows, (*group, "cost"), span=Range(*span))
    rows = within(rows, (*group, "cost"), span=Range(None, until))
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").cast(INSTANT).alias("bucket")
    sums = rows.group_by(*group, bucket).agg(exact("cost").sum())
    # The keys of the whole table go along without a bucket: a budget must match one of them.
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
    """Return the instant before which spend counts: the given one, or where the table ends."""
    if given is not None:
        return instant(given, timezone=timezone, name="as_of")
    if coverage is None:
        raise QueryError(
            "as_of is missing, and a bare frame does not say up to when it was read; pass as_of=, "
            "or the load, snapshot or store itself"
        )
    return coverage.closed_until


def read_budgets(budgets: object, usage: pl.Schema, keys: Sequence[str]) -> pl.DataFrame:
    """Give budgets as a frame of `keys` and `budget`, each key once.

    Raises:
        MissingColumnError: A column is missing.
        QueryError: A budget names nobody, is no amount, or is there twice, or they go by names
            that are not in `keys`.
    """
    read = amounts(budgets, usage=usage, keys=keys, value="budget", argument="budgets")
    for name in keys:
        if read[name].null_count():
            raise QueryError(f"a budget has no {name}; say whose it is, and in which currency")
    return read


def unmatched(budgets: pl.DataFrame, there: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    """Return the budgets whose key is not among those that are there, sorted by key."""
    return budgets.join(there.unique(), on=group, how="anti").sort(group)


def warn_of_unmatched(budgets: pl.DataFrame, there: pl.DataFrame, group: Sequence[str]) -> None:
    """Warn of budgets whose key appears nowhere, with the closest key of each.

    Args:
        budgets: Budgets, each with a key of `group`.
        there: The keys of the table.
        group: The columns of a key.

    Warns:
        UnmatchedWarning: If there is such a budget.
    """
    lost = unmatched(budgets, there, group).select(group).rows()
    if not lost:
        return
    known = there.unique().sort(group).rows()
    said = [f"{_named(key)} ({_meant(key, known)})" for key in lost[:_NAMED]]
    more = f"; and {len(lost) - _NAMED:,} more" if len(lost) > _NAMED else ""
    what = "budget matches" if len(lost) == 1 else "budgets match"
    warn(
        f"{len(lost):,} {what} no row of the table: {'; '.join(said)}{more}. Correct the names, or "
        "load the range in which they spent",
        UnmatchedWarning,
    )


def _named(key: Sequence[object]) -> str:
    return ", ".join(map(repr, key))


def _meant(key: tuple[object, ...], known: Sequence[tuple[object, ...]]) -> str:
    """Return the closest of the known keys in words, or some of them where none is close."""
    if not known:
        return "the table has no rows"
    columns = list(zip(*known, strict=True))
    parts = [
        part if part in column else closest(str(part), (str(each) for each in column))
        for part, column in zip(key, columns, strict=True)
    ]
    # The currency alone is no likeness: every key of a table may have it.
    alike = {
        other: sum(part == each for part, each in zip(parts, other, strict=True))
        for other in known
        if len(key) == 1 or any(p == e for p, e in zip(parts[:-1], other[:-1], strict=True))
    }
    near = max(alike, key=alike.__getitem__, default=None)
    if near is not None and alike[near]:
        return f"the closest is {_named(near)}"
    some = "; ".join(map(_named, known[:_NAMED]))
    return f"the table has {some}{' and more' if len(known) > _NAMED else ''}"


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
