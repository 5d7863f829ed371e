"""What was spent: sums of cost, and of quantity where that has a sum, by any columns.

Sums are taken in Decimal, so that the same table gives the same total to the last bit. Every other
view of the usage is made from these sums, and has the same total.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import polars as pl

from falusage._usage.arguments import free, key, names, one_thing
from falusage._usage.codes import coded, decoded, in_order
from falusage._usage.periods import EVER, Range, require_buckets, with_period
from falusage._usage.table import Eager, Lazy, Table, require, require_numbers, take
from falusage.columns import exact
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import Every, zone
from falusage.transforms._engines.elsewhere import outline, sums_there
from falusage.transforms._engines.engines import Elsewhere, is_elsewhere


@overload
def rollup(
    usage: Elsewhere,
    *,
    by: str | Sequence[str] = (),
    every: Every | None = None,
    timezone: str | None = None,
    values: str | Sequence[str] = ("cost",),
) -> Elsewhere: ...


@overload
def rollup(
    usage: Lazy,
    *,
    by: str | Sequence[str] = (),
    every: Every | None = None,
    timezone: str | None = None,
    values: str | Sequence[str] = ("cost",),
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def rollup(
    usage: Eager,
    *,
    by: str | Sequence[str] = (),
    every: Every | None = None,
    timezone: str | None = None,
    values: str | Sequence[str] = ("cost",),
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def rollup(
    usage: Any,
    *,
    by: str | Sequence[str] = (),
    every: Every | None = None,
    timezone: str | None = None,
    values: str | Sequence[str] = ("cost",),
    coverage: Coverage | None = None,
) -> Any:
    """Sum cost, or quantity, by columns and by period.

    A row counts in the period that holds its bucket: total(g, t) = Σ cost over the rows of group
    g whose bucket lies in period t. The sums are taken in Decimal(38, 12). Groups and periods
    without rows are absent; `trend` fills them with zero.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame; or a relation of DuckDB or a
            DataFrame of Spark, where the rollup then runs. Nulls in `by` are a group of their own.
            Null costs and quantities, which a validated table does not have, add nothing.
        by: The columns to group by. `currency` is always among them.
        every: The period: `"1m"`, `"1h"`, `"1d"`, `"1w"` (from Monday), `"1mo"`, `"1q"` or `"1y"`.
            None sums over all time, and then the table needs no buckets.
        timezone: The IANA zone in which periods are cut; by default that of the coverage, or UTC.
        values: `"cost"`, `"quantity"`, or both. Quantities of different endpoints or units have
            no sum, so `"quantity"` needs `endpoint_id` and `unit` among `by`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (with `every`: Datetime in `timezone`, the period's start), the columns of `by`,
        `currency`, and each of `values` (Float64), sorted by its key. A LazyFrame if `usage` is
        lazy, as a LazyFrame, a snapshot or a store is; then nothing is collected. From DuckDB or
        Spark, a lazy relation or DataFrame of theirs with the same rows: `period` is the same
        instant, shown in the time zone of the session.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every` in `timezone`. From a LazyFrame,
            when it is collected. DuckDB and Spark fail with the same words, in an error of their
            own, when they run, and also for buckets outside of the years 2000 to 2099.
        CoverageError: A part of the table's range was never read.
        MissingColumnError: The table lacks a column, such as `bucket_end`.
        QueryError: An argument is invalid.

    Source: the group-by of SQL; exact decimal sums as in General Decimal Arithmetic (Cowlishaw).

    >>> from datetime import UTC, datetime, timedelta
    >>> hours = [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (4, 5, 6)]
    >>> usage = pl.DataFrame({
    ...     "bucket": hours,
    ...     "bucket_end": [hour + timedelta(hours=1) for hour in hours],
    ...     "username": "acme",
    ...     "cost": [0.5, 0.1, 0.2],
    ...     "currency": "USD",
    ... })
    >>> rollup(usage, by="username", every="1d", timezone="America/New_York")
    shape: (2, 4)
    ┌────────────────────────────────┬──────────┬──────────┬──────┐
    │ period                         ┆ username ┆ currency ┆ cost │
    │ ---                            ┆ ---      ┆ ---      ┆ ---  │
    │ datetime[μs, America/New_York] ┆ str      ┆ str      ┆ f64  │
    ╞════════════════════════════════╪══════════╪══════════╪══════╡
    │ 2024-12-31 00:00:00 EST        ┆ acme     ┆ USD      ┆ 0.5  │
    │ 2025-01-01 00:00:00 EST        ┆ acme     ┆ USD      ┆ 0.3  │
    └────────────────────────────────┴──────────┴──────────┴──────┘
    """
    columns = names(values, argument="values")
    if is_elsewhere(usage):
        timezone = timezone or "UTC"
        group = _checked(outline(usage), by=by, every=every, timezone=timezone, values=columns)
        return sums_there(usage, group, every=every, timezone=timezone, values=columns)
    table = take(usage, coverage)
    table.require_covered()
    sums = _sums(table, by=by, every=every, timezone=table.zone(timezone), values=columns)
    group = [name for name in sums.collect_schema() if name not in columns]
    return table.result(in_order(sums.with_columns(pl.col(columns).cast(pl.Float64)), group))


def exact_sums(
    table: Table,
    *,
    by: str | Sequence[str],
    every: str | None,
    timezone: str,
    values: Sequence[str],
    span: Range = EVER,
    also: Sequence[pl.Expr] = (),
) -> pl.LazyFrame:
    """Return the sums of `rollup`, unsorted and still in Decimal, for further sums.

    With `every`, rows outside `span` are summed under a null `period`, and `also` may aggregate
    `bucket` and `bucket_end` beside the sums.
    """
    return decoded(
        _sums(table, by=by, every=every, timezone=timezone, values=values, span=span, also=also)
    )


def _sums(
    table: Table,
    *,
    by: str | Sequence[str],
    every: str | None,
    timezone: str,
    values: Sequence[str],
    span: Range = EVER,
    also: Sequence[pl.Expr] = (),
) -> pl.LazyFrame:
    group = _checked(table.schema, by=by, every=every, timezone=timezone, values=values)
    sums = [exact(value).sum() for value in values]
    rows = coded(table.rows, table.schema, group)
    if every is None:
        return rows.group_by(group).agg(sums)
    group = group[1:]
    rows = with_period(rows, (*group, *values), every=every, timezone=timezone, span=span)
    return rows.group_by("period", *group).agg(*sums, *also)


def _checked(
    schema: pl.Schema,
    *,
    by: str | Sequence[str],
    every: str | None,
    timezone: str,
    values: Sequence[str],
) -> tuple[str, ...]:
    """Check the arguments against a table's columns, and return the key of the sums."""
    zone(timezone)
    by = names(by, argument="by")
    period = () if every is None else ("period",)
    free(by, reserved=(*values, *period), hidden=False)
    _check_values(values, by)
    group = key(by)
    require(schema, group)
    require_numbers(schema, values)
    if every is not None:
        require_buckets(schema, every=every)
    return (*period, *group)


def _check_values(values: Sequence[str], by: Sequence[str]) -> None:
    unknown = [value for value in values if value not in ("cost", "quantity")]
    if unknown or not values:
        raise QueryError(
            f"values is {tuple(values)!r}; expected 'cost', 'quantity' or both, because no other "
            "column of the table has a sum"
        )
    if "quantity" in values:
        one_thing(by, argument="by")
