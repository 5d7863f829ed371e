"""Who makes up the cost: shares of the whole, the largest first.

A share is part of its period and currency, and there the shares sum to one. `top` folds the small
ones into one row without losing a cent, and folds the same ones in every period.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import polars as pl

from falusage._usage.arguments import free, names
from falusage._usage.table import Eager, Lazy, take
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import Every
from falusage.transforms.rollup import exact_sums

_COST = pl.col("cost")
_OWN = ("period", "cost", "share", "cumulative_share", "rank")


@overload
def cost_share(
    usage: Lazy,
    *,
    by: str | Sequence[str],
    every: Every | None = None,
    timezone: str | None = None,
    top: int | None = None,
    other: str = "other",
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def cost_share(
    usage: Eager,
    *,
    by: str | Sequence[str],
    every: Every | None = None,
    timezone: str | None = None,
    top: int | None = None,
    other: str = "other",
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def cost_share(
    usage: Lazy | Eager,
    *,
    by: str | Sequence[str],
    every: Every | None = None,
    timezone: str | None = None,
    top: int | None = None,
    other: str = "other",
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Return each group's share of the cost of its period and currency, the largest first.

    share(g, t) = cost(g, t) / Σ cost(·, t); cumulative_share adds the shares down the ranks. Where
    a total is zero, both are null. Equal costs rank by name.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Nulls in `by` are a group of
            their own.
        by: The columns whose combinations share the cost.
        every: The period that is shared, as in `rollup`; None takes all time as one.
        timezone: The IANA zone in which periods are cut; by default that of the coverage, or UTC.
        top: How many combinations of a currency to keep, the largest of the whole range, the same
            in every period; the others become one row, last. Columns of `by` then become text.
            None keeps all.
        other: The value of the folded row in every column of `by`. A combination that has this
            value in every column itself is folded too, and takes no place of `top`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (with `every`), the columns of `by`, `currency`, `cost`, `share` and
        `cumulative_share` (Float64, fractions of one), and `rank` (Int64, from 1 in each period
        and currency), sorted by `period`, `currency`, `rank`. A combination without rows in a
        period is absent there. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a
        store is; then nothing is collected.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every` in `timezone`. From a LazyFrame,
            when it is collected.
        CoverageError: A part of the table's range was never read.
        MissingColumnError: The table lacks a column.
        QueryError: An argument is invalid.

    Source: the ordering of Pareto analysis (Juran, Quality Control Handbook, 1951).

    >>> usage = pl.DataFrame({
    ...     "username": ["ads", "labs", "search", "shop"],
    ...     "cost": [6.0, 1.0, 2.0, 1.0],
    ...     "currency": "USD",
    ... })
    >>> cost_share(usage, by="username", top=2)
    shape: (3, 6)
    ┌──────────┬──────────┬──────┬───────┬──────────────────┬──────┐
    │ username ┆ currency ┆ cost ┆ share ┆ cumulative_share ┆ rank │
    │ ---      ┆ ---      ┆ ---  ┆ ---   ┆ ---              ┆ ---  │
    │ str      ┆ str      ┆ f64  ┆ f64   ┆ f64              ┆ i64  │
    ╞══════════╪══════════╪══════╪═══════╪══════════════════╪══════╡
    │ ads      ┆ USD      ┆ 6.0  ┆ 0.6   ┆ 0.6              ┆ 1    │
    │ search   ┆ USD      ┆ 2.0  ┆ 0.2   ┆ 0.8              ┆ 2    │
    │ other    ┆ USD      ┆ 2.0  ┆ 0.2   ┆ 1.0              ┆ 3    │
    └──────────┴──────────┴──────┴───────┴──────────────────┴──────┘
    """
    columns = names(by, argument="by")
    if not columns:
        raise QueryError("by is empty; expected the columns that share the cost")
    free(columns, reserved=_OWN)
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 1):
        raise QueryError(f"top is {top!r}; expected a whole number from 1, or None to keep all")
    if not isinstance(other, str):
        raise QueryError(f"other is {other!r}; expected what the folded row is called")
    members = [column for column in columns if column != "currency"]
    part = ["currency"] if every is None else ["period", "currency"]
    table = take(usage, coverage)
    table.require_covered()
    zone = table.zone(timezone)
    costs = exact_sums(table, by=columns, every=every, timezone=zone, values=["cost"])
    folded = pl.lit(value=False)
    if top is not None and members:
        costs = _folded(costs, members=members, part=part, top=top, other=other)
        folded = pl.all_horizontal(pl.col(column).eq_missing(other) for column in members)
    whole = _COST.sum().over(part)
    share, cumulative = (
        pl.when(whole > 0).then(amount.cast(pl.Float64) / whole.cast(pl.Float64))
        for amount in (_COST, _COST.cum_sum().over(part))
    )
    ranked = costs.sort(
        *part,
        folded,
        _COST,
        *members,
        descending=[*(False for _ in part), False, True, *(False for _ in members)],
        nulls_last=True,
    )
    order = ["period"] if every is not None else []
    return table.result(
        ranked.select(
            *order,
            *columns,
            *(["currency"] if "currency" not in columns else []),
            _COST.cast(pl.Float64),
            share.alias("share"),
            cumulative.alias("cumulative_share"),
            pl.int_range(1, pl.len() + 1).over(part).alias("rank"),
        ),
    )


def _folded(
    costs: pl.LazyFrame, *, members: Sequence[str], part: Sequence[str], top: int, other: str
) -> pl.LazyFrame:
    """Sum everything beyond the `top` of its currency into one row called `other`."""
    called = pl.all_horizontal(pl.col(column).eq_missing(other) for column in members)
    place = pl.struct(members).rle_id().over("currency")
    return (
        costs.with_columns(
            pl.col(members).cast(pl.String), _COST.sum().over("currency", *members).alias("_all")
        )
        .sort(
            called,
            "_all",
            *members,
            descending=[False, True, *(False for _ in members)],
            nulls_last=True,
        )
        .with_columns(
            pl.when(place < top).then(pl.col(column)).otherwise(pl.lit(other)).alias(column)
            for column in members
        )
        .group_by(*part, *members)
        .agg(_COST.sum())
    )
