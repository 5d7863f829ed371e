"""Names as numbers, while rows are grouped by them and their sums put in order.

A name is wide to copy, hash and compare, and grouping does all three with the key of every row.
Polars groups much faster by keys of at most some forty bytes, so where a key would be longer its
names are grouped as Categorical, four bytes each; and millions of sums are sorted by one number
each. Names come back before anyone sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, cast

import polars as pl

CODE: Final = pl.Categorical(pl.Categories("falusage"))
"""A name as a number; of its own, so that a caller's Categorical is not taken for one."""

_FEW = 3
_WHOLE = 2**63


def coded(usage: pl.LazyFrame, group: Sequence[str]) -> pl.LazyFrame:
    """Give a table with its key's names as `CODE`, where that is faster.

    It costs a look-up for each row, which is more than a short key saves; but `currency` is mostly
    the same in all rows, and then costs nothing.
    """
    schema = usage.collect_schema()
    names = [column for column in group if schema[column] == pl.String]
    if len(names) > _FEW:
        return usage.with_columns(pl.col(names).cast(CODE))
    if "currency" not in names:
        return usage
    return usage.with_columns(
        pl.col("currency").map_batches(_mostly_one, return_dtype=CODE, is_elementwise=True)
    )


def decoded(sums: pl.LazyFrame) -> pl.LazyFrame:
    """Give back the names that `coded` took."""
    codes = [column for column, dtype in sums.collect_schema().items() if dtype == CODE]
    return sums.with_columns(pl.col(codes).cast(pl.String))


def in_order(sums: pl.LazyFrame, group: Sequence[str]) -> pl.LazyFrame:
    """Sort sums by their key, as `sort` would, and give back the names that `coded` took."""
    return sums.map_batches(partial(_in_order, group=group), schema=decoded(sums).collect_schema())


def _mostly_one(names: pl.Series) -> pl.Series:
    first = names.head(1)
    if first.is_empty() or not names.eq_missing(first).all():
        return names.cast(CODE)
    return first.cast(CODE).new_from_index(0, len(names))


def _in_order(sums: pl.DataFrame, *, group: Sequence[str]) -> pl.DataFrame:
    names = [column for column in group if sums.schema[column] in (CODE, pl.String)]
    sums = sums.rechunk().with_columns(
        pl.col(name).cast(pl.Enum(sums[name].unique().drop_nulls().cast(pl.String).sort()))
        for name in names
    )
    place = _place(sums, group)
    ordered = sums.sort(group) if place is None else sums[place.arg_sort()]
    return ordered.with_columns(pl.col(names).cast(pl.String))


def _place(sums: pl.DataFrame, group: Sequence[str]) -> pl.Series | None:
    """Number the keys in their order, nulls first; None where 64 bits don't hold the numbers."""
    places, size = pl.lit(0, dtype=pl.Int64), 1
    for column in group:
        dtype = sums.schema[column]
        if not (dtype.is_temporal() or dtype.is_integer() or isinstance(dtype, pl.Enum)):
            return None
        number = pl.col(column).to_physical()
        number = number if isinstance(dtype, pl.Enum) else number.rank("dense")
        numbers = sums.select(number.cast(pl.Int64).fill_null(-1) + 1).to_series()
        values = 1 + cast("int", numbers.max() or 0)
        places, size = places * values + numbers, size * values
    return sums.select(places).to_series() if size < _WHOLE else None
