"""Names as numbers, while rows are grouped by them and their sums are sorted.

Text is slow to copy, hash and compare, and grouping does all three with the key of every row. So a
key with many names is grouped as Categorical, four bytes each, and millions of sums are sorted by
one number each, made from the places of their names in order. Results have the names again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Final, cast

import polars as pl

CODE: Final = pl.Categorical(pl.Categories("falusage"))
"""A name as a number; of its own, so that a caller's Categorical is not taken for one."""

_SOME, _MANY = 3, 5
"""From how many names on a code for the currency is faster, and a code for all of them."""

_LONG, _WHOLE = 2**63, 2**127
"""What an Int64 and an Int128 cannot hold."""


def coded(usage: pl.LazyFrame, schema: pl.Schema, group: Sequence[str]) -> pl.LazyFrame:
    """Return a table with its key's names as `CODE`, where that is faster.

    A code costs a look-up for each row, which is more than a short key saves. But the currency is
    mostly the same in all rows, and then its code costs almost nothing.
    """
    names = [column for column in group if schema.get(column) == pl.String]
    if len(names) < _SOME or "currency" not in names:
        return usage
    others = [column for column in names if column != "currency" and len(names) >= _MANY]
    return usage.with_columns(
        pl.col(others).cast(CODE),
        pl.col("currency").map_batches(_mostly_one, return_dtype=CODE, is_elementwise=True),
    )


def decoded(sums: pl.LazyFrame) -> pl.LazyFrame:
    """Return sums with names in place of codes."""
    codes = [column for column, dtype in sums.collect_schema().items() if dtype == CODE]
    return sums.with_columns(pl.col(codes).cast(pl.String))


def in_order(sums: pl.LazyFrame, group: Sequence[str]) -> pl.LazyFrame:
    """Sort sums by their key, as `sort` would, with names in place of codes."""
    names = [column for column in group if sums.collect_schema()[column] == pl.String]
    sums = sums.with_columns(pl.col(names).cast(CODE))
    # A function runs on one core of the streaming engine; names are decoded outside, on all cores.
    ordered = sums.map_batches(partial(_in_order, group=group), schema=sums.collect_schema())
    return decoded(ordered)


def _mostly_one(names: pl.Series) -> pl.Series:
    first = names.head(1)
    if first.is_empty() or not names.eq_missing(first).all():
        return names.cast(CODE)
    return first.cast(CODE).new_from_index(0, len(names))


def _in_order(sums: pl.DataFrame, *, group: Sequence[str]) -> pl.DataFrame:
    sums = sums.rechunk()
    order = _order(sums, group)
    return sums.sort(group) if order is None else sums[order]


def _order(sums: pl.DataFrame, group: Sequence[str]) -> pl.Series | None:
    """Return the row numbers in the order of the keys, null first; None if they do not fit.

    A row becomes one number: the place of its key, followed by the row's own number. Sorting such
    numbers takes half the time of sorting keys with their positions.
    """
    numbered = [_numbered(sums[column]) for column in group]
    rows = 1 << sums.height.bit_length()
    size = math.prod((values + 1 for _, values in numbered), start=rows)
    if size >= _WHOLE:
        return None
    place = pl.lit(0, dtype=pl.Int64 if size < _LONG else pl.Int128)
    for number, values in numbered:
        place = place * (values + 1) + number.fill_null(0)
    return sums.select((place * rows + pl.int_range(pl.len())).sort() & (rows - 1)).to_series()


def _numbered(column: pl.Series) -> tuple[pl.Expr, int]:
    """Number the values of a column in their order, from 1; return also the largest number."""
    if column.dtype == CODE:
        ranks, names = _ranks(column)
        return pl.lit(ranks).gather(pl.col(column.name).to_physical()), names
    if column.dtype.is_temporal():
        return _steps(column)
    return pl.col(column.name), _WHOLE


def _ranks(codes: pl.Series) -> tuple[pl.Series, int]:
    """Return the place of each code's name among the names in order, and how many there are."""
    seen = codes.unique().drop_nulls()
    numbers = seen.to_physical().gather(seen.cast(pl.String).arg_sort())
    ranks = pl.zeros(1 + cast("int", numbers.max() or 0), dtype=pl.UInt32, eager=True)
    return ranks.scatter(numbers, pl.int_range(1, len(seen) + 1, dtype=pl.UInt32, eager=True)), len(
        seen
    )


def _steps(times: pl.Series) -> tuple[pl.Expr, int]:
    """Number times by the longest step that reaches all of them from the first."""
    seen = times.to_physical().cast(pl.Int64).unique().drop_nulls().sort().to_list() or [0]
    first, last = seen[0], seen[-1]
    step = math.gcd(*(time - first for time in seen)) or 1
    number = (pl.col(times.name).to_physical().cast(pl.Int64) - first) // step + 1
    return number, (last - first) // step + 1 if last - first < _LONG - 1 else _WHOLE
