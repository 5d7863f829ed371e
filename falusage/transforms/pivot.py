"""Sums side by side, with a column for each name.

Nothing is lost on the way to the wide form: every cell is a sum of the rollup, and a name that
would overwrite another column is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import polars as pl
import polars.selectors as cs

from falusage._usage.arguments import free, key, names, one_thing
from falusage._usage.table import Eager, Lazy, collected, take
from falusage.columns import MONEY
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import Every
from falusage.transforms.rollup import exact_sums


@overload
def pivot(
    usage: Lazy,
    *,
    index: str | Sequence[str],
    on: str | Sequence[str],
    values: Literal["cost", "quantity"] = "cost",
    every: Every | None = None,
    timezone: str | None = None,
    totals: bool = False,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def pivot(
    usage: Eager,
    *,
    index: str | Sequence[str],
    on: str | Sequence[str],
    values: Literal["cost", "quantity"] = "cost",
    every: Every | None = None,
    timezone: str | None = None,
    totals: bool = False,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def pivot(
    usage: Lazy | Eager,
    *,
    index: str | Sequence[str],
    on: str | Sequence[str],
    values: Literal["cost", "quantity"] = "cost",
    every: Every | None = None,
    timezone: str | None = None,
    totals: bool = False,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Return sums in wide form: a row for each of `index`, a column for each of `on`.

    cell(i, o, t) = Σ values over the rows of index i and name o whose bucket lies in period t;
    zero where there are none. The sums are taken in Decimal(38, 12).

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Nulls in `index` are a row of
            their own; a null in `on` is the column `"null"`.
        index: The columns that name a row. `currency` is always among them.
        on: The column whose values become columns. With several, a combination is named as in
            Polars' pivot, `{"a","b"}`.
        values: `"cost"` or `"quantity"`. Quantities of different endpoints or units have no sum,
            so `"quantity"` needs `endpoint_id` and `unit` among `index` and `on`, and both in
            `index` with `totals`.
        every: The period, as in `rollup`; each is then a row. None takes all time as one.
        timezone: The IANA zone in which periods are cut; by default that of the coverage, or UTC.
        totals: Whether to add a column `total`, the sum of its row.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (with `every`), the columns of `index`, `currency`, a Float64 column for each of
        `on`, by falling total and then by name, and `total` (with `totals`); sorted by its key.
        Amounts in different currencies (or units) have no total, so in a mixed table the columns
        are ordered by their largest share in any one of them. A LazyFrame if `usage` is lazy, as a
        LazyFrame, a snapshot or a store is; but the names of the columns are in the data, so the
        sums (not the rows) are collected at once.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every` in `timezone`.
        CoverageError: A part of the table's range was never read.
        MissingColumnError: The table lacks a column.
        QueryError: An argument is invalid, or two columns would have one name.

    Source: the PIVOT of Codd's relational model as extended by Cunningham, Galindo-Legaria and
    Graefe, PIVOT and UNPIVOT (VLDB 2004).

    >>> usage = pl.DataFrame({
    ...     "username": ["ads", "ads", "labs"],
    ...     "product": ["compute", "model_apis", "model_apis"],
    ...     "cost": [1.0, 2.0, 4.0],
    ...     "currency": "USD",
    ... })
    >>> pivot(usage, index="username", on="product", totals=True)
    shape: (2, 5)
    ┌──────────┬──────────┬────────────┬─────────┬───────┐
    │ username ┆ currency ┆ model_apis ┆ compute ┆ total │
    │ ---      ┆ ---      ┆ ---        ┆ ---     ┆ ---   │
    │ str      ┆ str      ┆ f64        ┆ f64     ┆ f64   │
    ╞══════════╪══════════╪════════════╪═════════╪═══════╡
    │ ads      ┆ USD      ┆ 2.0        ┆ 1.0     ┆ 3.0   │
    │ labs     ┆ USD      ┆ 4.0        ┆ 0.0     ┆ 4.0   │
    └──────────┴──────────┴────────────┴─────────┴───────┘
    """
    rows, across = names(index, argument="index"), names(on, argument="on")
    _check(rows, across, values=values, totals=totals)
    period = [] if every is None else ["period"]
    group = [*period, *key(rows)]
    table = take(usage, coverage)
    table.require_covered()
    zone = table.zone(timezone)
    sums = collected(
        exact_sums(table, by=[*rows, *across], every=every, timezone=zone, values=[values])
    )
    named = _named(sums, across)
    _require_distinct(named, across, (*group, *(["total"] if totals else [])))
    columns = _by_falling_total(named, values=values)
    wide = named.pivot("_on", on_columns=columns, index=group, values=values)
    # By position: a name from the data may be a pattern, as "*" means all columns.
    cells = pl.nth(range(len(group), wide.width))
    wide = wide.with_columns(cells.fill_null(0)).sort(group)
    if totals:
        wide = wide.with_columns(pl.sum_horizontal(pl.lit(0, dtype=MONEY), cells).alias("total"))
    return table.result(wide.with_columns((~cs.by_name(group)).cast(pl.Float64)).lazy())


def _check(rows: Sequence[str], across: Sequence[str], *, values: str, totals: bool) -> None:
    if not across:
        raise QueryError("on is empty; expected the column whose values become columns")
    if values not in ("cost", "quantity"):
        raise QueryError(f"values is {values!r}; expected 'cost' or 'quantity'")
    both = sorted(set(rows) & set(across))
    if both:
        raise QueryError(f"index and on both hold {', '.join(map(repr, both))}; choose one")
    if "currency" in across:
        raise QueryError(
            "currency is part of the index, so that no row mixes two; remove it from on"
        )
    free(rows, reserved=("total",) if totals else (), argument="index")
    free(across, reserved=(), argument="on")
    if values == "quantity":
        one_thing((*rows, *across), argument="index or on")
        if totals:
            one_thing(rows, argument="index, for a total over on")


def _named(sums: pl.DataFrame, across: Sequence[str]) -> pl.DataFrame:
    """Add `_on`, the name of the column for each sum."""
    text = [pl.col(column).cast(pl.String) for column in across]
    if len(text) == 1:
        return sums.with_columns(text[0].fill_null("null").alias("_on"))
    quoted = [pl.format('"{}"', one).fill_null("null") for one in text]
    return sums.with_columns(
        pl.concat_str(pl.lit("{"), pl.concat_str(quoted, separator=","), pl.lit("}")).alias("_on")
    )


def _require_distinct(named: pl.DataFrame, across: Sequence[str], own: Sequence[str]) -> None:
    """Raise if two columns of the result would have one name."""
    columns = named.select("_on", *across).unique()
    covered = columns.filter(pl.col("_on").is_in(own) | pl.col("_on").is_duplicated())
    if not covered.is_empty():
        name = covered["_on"].min()
        raise QueryError(
            f"on={'+'.join(across)!r} holds a value that makes a second column {name!r}; "
            "rename the value or the column, or fill the nulls, first"
        )


def _by_falling_total(named: pl.DataFrame, *, values: str) -> list[str]:
    alike = ["currency", "unit"] if values == "quantity" else ["currency"]
    total = pl.col(values).sum()
    part = pl.col(values).cast(pl.Float64) / total.over(alike).cast(pl.Float64)
    return (
        named.group_by("_on", *alike)
        .agg(total)
        .with_columns(part.fill_nan(0).alias("_part"))
        .group_by("_on")
        .agg(pl.col("_part").max())
        .sort("_part", "_on", descending=[True, False])["_on"]
        .to_list()
    )
