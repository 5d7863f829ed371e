"""Showback: the cost that teams share, divided among them.

Shared cost is divided in proportion to weights, within each currency. A third of a cent has no
decimal, so what rounding leaves goes to the largest share, and the totals are those of the usage
to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, overload

import polars as pl

from falusage._usage.arguments import amounts, free, key, names
from falusage._usage.table import Eager, Lazy, Table, take
from falusage.columns import MONEY, exact
from falusage.coverage import Coverage
from falusage.errors import QueryError

_RESULTS = ("direct", "shared", "total")


@overload
def allocate(
    usage: Lazy,
    *,
    shared: pl.Expr,
    to: str | Sequence[str] = "username",
    weights: Literal["cost"] | pl.DataFrame | pl.LazyFrame = "cost",
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def allocate(
    usage: Eager,
    *,
    shared: pl.Expr,
    to: str | Sequence[str] = "username",
    weights: Literal["cost"] | pl.DataFrame | pl.LazyFrame = "cost",
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def allocate(
    usage: Lazy | Eager,
    *,
    shared: pl.Expr,
    to: str | Sequence[str] = "username",
    weights: Literal["cost"] | pl.DataFrame | pl.LazyFrame = "cost",
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Divide the shared cost among those who bear it, in proportion to weights.

    shared(m) = S · weight(m) / Σ weight, with S the shared cost of a currency, and total(m) =
    direct(m) + shared(m). The shares are rounded to Decimal(38, 12), and what rounding leaves goes
    to the largest, so Σ total is the cost of the usage.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Nulls in `to` are a member of
            their own.
        shared: Which rows are shared: a Polars predicate, as `pl.col("product") == "compute"`.
            Where it is null, the row is not shared. On lazy rows it is tried on the schema alone:
            if only some rows break it, as a cast of text to a number may, the result fails when it
            is collected, with Polars' own error.
        to: The columns whose combinations bear the cost.
        weights: `"cost"`, the cost that each has directly in the currency; or a frame of `to` and
            `weight` (≥ 0). Its weights are the same in every currency, unless `currency` is in
            `to`. Those it leaves out bear nothing; it may name some without usage. It is checked,
            and so collected, at once.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The columns of `to`, `currency`; `direct`, `shared` and `total` (Float64), sorted by its
        key. One row for everyone with rows in a currency (`direct` is zero if all are shared) and
        for everyone who bears something. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot
        or a store is; then nothing of the usage is collected.

    Raises:
        CoverageError: A part of the table's range was never read.
        MissingColumnError: A table lacks a column.
        QueryError: An argument is invalid, weights have names that are not in `to`, or nobody can
            bear the shared cost of a currency. The last, from lazy rows, when it is collected.

    Source: FinOps Foundation, Allocation, proportional and fixed strategies for shared cost;
    rounding to the largest as in the largest remainder method.

    >>> usage = pl.DataFrame({
    ...     "username": ["ads", "labs", "platform"],
    ...     "cost": [30.0, 10.0, 8.0],
    ...     "currency": "USD",
    ... })
    >>> allocate(usage, shared=pl.col("username") == "platform")
    shape: (3, 5)
    ┌──────────┬──────────┬────────┬────────┬───────┐
    │ username ┆ currency ┆ direct ┆ shared ┆ total │
    │ ---      ┆ ---      ┆ ---    ┆ ---    ┆ ---   │
    │ str      ┆ str      ┆ f64    ┆ f64    ┆ f64   │
    ╞══════════╪══════════╪════════╪════════╪═══════╡
    │ ads      ┆ USD      ┆ 30.0   ┆ 6.0    ┆ 36.0  │
    │ labs     ┆ USD      ┆ 10.0   ┆ 2.0    ┆ 12.0  │
    │ platform ┆ USD      ┆ 0.0    ┆ 0.0    ┆ 0.0   │
    └──────────┴──────────┴────────┴────────┴───────┘
    """
    columns = names(to, argument="to")
    members = [column for column in columns if column != "currency"]
    if not members:
        raise QueryError(f"to is {to!r}; expected the columns whose combinations bear the cost")
    free(columns, reserved=(*_RESULTS, "cost", "weight"), argument="to")
    table = take(usage, coverage)
    table.require_covered()
    group = key(columns)
    table.require(group)
    table.require_numbers(["cost"])
    _check_predicate(table, shared)
    schema = table.schema
    cost, is_shared = exact("cost"), pl.col("_shared")
    sums = (
        table.rows.select(*group, "cost", shared.fill_null(value=False).alias("_shared"))
        .group_by(group)
        .agg(
            pl.when(~is_shared).then(cost).sum().alias("direct"),
            pl.when(is_shared).then(cost).sum().alias("shared"),
        )
    )
    given = _weights(weights, schema, columns)
    borne = sums.map_batches(
        partial(_borne, group=group, weights=given),
        schema={**{name: schema[name] for name in group}, **dict.fromkeys(_RESULTS, MONEY)},
    )
    return table.result(borne.with_columns(pl.col(_RESULTS).cast(pl.Float64)).sort(group))


def _check_predicate(table: Table, shared: pl.Expr) -> None:
    """Raise if `shared` is no predicate of the table's rows; for lazy rows, of their schema."""
    if not isinstance(shared, pl.Expr):
        raise QueryError(
            f"shared is {shared!r}; expected a Polars predicate, as pl.col('product') == 'compute'"
        )
    table.require(name for name in shared.meta.root_names() if not name.startswith("^"))
    # Lazy rows are tried empty: the schema of a plan does not show that text has no day.
    rows = table.schema.to_frame(eager=True).lazy() if table.is_lazy else table.rows
    try:
        dtype = rows.select(shared.alias("_shared")).collect()["_shared"].dtype
    except pl.exceptions.PolarsError as error:
        raise QueryError(f"shared does not fit the columns of this table: {error}") from error
    if dtype != pl.Boolean:
        raise QueryError(f"shared gives {dtype}; expected a predicate, true where a row is shared")


def _weights(weights: object, usage: pl.Schema, keys: Sequence[str]) -> pl.DataFrame | None:
    """Return a frame of weights above zero, or None if the weights are the direct cost."""
    if isinstance(weights, str):
        if weights == "cost":
            return None
        raise QueryError(f"weights is {weights!r}; expected 'cost', or a frame")
    read = amounts(weights, usage=usage, keys=keys, value="weight", argument="weights", by="to")
    return read.filter(pl.col("weight") > 0)


def _borne(
    sums: pl.DataFrame, *, group: Sequence[str], weights: pl.DataFrame | None
) -> pl.DataFrame:
    """Return everyone's direct cost and share of the shared cost, in Decimal."""
    pools = sums.group_by("currency").agg(pl.col("shared").sum().alias("_pool"))
    pools = pools.filter(pl.col("_pool") != 0)
    if weights is None:
        weight = pl.col("direct").cast(pl.Float64).alias("weight")
        bearers = sums.filter(pl.col("direct") > 0).select(*group, weight)
    elif "currency" in weights.columns:
        bearers = weights
    else:
        bearers = weights.join(pools.select("currency"), how="cross")
    _require_bearers(pools, bearers)
    pool, share, weight = pl.col("_pool"), pl.col("shared"), pl.col("weight")
    # Sorted, because a sum of floats depends on their order in its last bit.
    fraction = weight / weight.sort().sum().over("currency")
    part = exact(pool.cast(pl.Float64) * fraction)
    first = pl.int_range(pl.len()).over("currency") == 0
    shares = (
        bearers.join(pools, on="currency", nulls_equal=True)
        .with_columns(part.alias("shared"))
        .sort("shared", *group, descending=[True, *(False for _ in group)])
        .with_columns(
            pl.when(first).then(share + pool - share.sum().over("currency")).otherwise(share)
        )
        .select(*group, "shared")
    )
    nothing = pl.lit(0, dtype=MONEY)
    return (
        pl.concat(
            [
                sums.select(*group, "direct", nothing.alias("shared")),
                shares.select(*group, nothing.alias("direct"), "shared"),
            ]
        )
        .group_by(group)
        .agg(pl.col("direct", "shared").sum())
        .with_columns((pl.col("direct") + pl.col("shared")).alias("total"))
    )


def _require_bearers(pools: pl.DataFrame, bearers: pl.DataFrame) -> None:
    unborne = pools.join(bearers, on="currency", how="anti", nulls_equal=True).sort("currency")
    for currency, amount in unborne.iter_rows():
        raise QueryError(
            f"nobody can bear the shared {float(amount)} {currency}, because nobody has a weight "
            "in this currency; share less, pass other weights, or leave the currency out"
        )
