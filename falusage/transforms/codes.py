"""Names as numbers, while rows are grouped by them and their sums put in order.

A name is wide to copy, hash and compare, and grouping does all three with the key of every row.
Where a key has many names, they are grouped as Categorical, four bytes each; and millions of sums
are sorted by one number each, made of the places that their names have in order. Names come back
before anyone sees them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final, cast

import polars as pl

CODE: Final = pl.Categorical(pl.Categories("falusage"))
"""A name as a number; of its own, so that a caller's Categorical is not taken for one."""

_SOME, _MANY = 3, 5
"""From how many names on it pays to have a code for the currency, and for all of them."""

_WHOLE = 2**63


def coded(usage: pl.LazyFrame, group: Sequence[str]) -> pl.LazyFrame:
    """Give a table with its key's names as `CODE`, where that is faster.

    A code costs a look-up for each row, which is more than a short key saves; but the currency is
    mostly the same in all rows, and then its code costs next to nothing.
    """
    schema = usage.collect_schema()
    names = [column for column in group if schema[column] == pl.String]
    if len(names) < _SOME or "currency" not in names:
        return usage
    others = [column for column in names if column != "currency" and len(names) >= _MANY]
    return usage.with_columns(
        pl.col(others).cast(CODE),
        pl.col("currency").map_batches(_mostly_one, return_dtype=CODE, is_elementwise=True),
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
    sums, words = sums.rechunk(), dict[str, pl.Series]()
    for name in group:
        if sums.schema[name] in (CODE, pl.String):
            words[name], ranks = _ranked(sums[name].cast(CODE))
            sums = sums.with_columns(ranks.alias(name))
    place = _place(sums, group, ranks=words)
    ordered = sums.sort(group) if place is None else sums[place.arg_sort()]
    return ordered.with_columns(
        pl.lit(words[name]).gather(pl.col(name)).alias(name) for name in words
    )


def _ranked(codes: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Give the distinct names in order, after null, and the place of each code's name there."""
    seen = codes.unique().drop_nulls()
    order = seen.cast(pl.String).arg_sort()
    words, numbers = seen.cast(pl.String).gather(order), seen.to_physical().gather(order)
    places = pl.zeros(1 + cast("int", numbers.max() or 0), dtype=pl.UInt32, eager=True)
    places.scatter(numbers, pl.int_range(1, len(words) + 1, dtype=pl.UInt32, eager=True))
    return words.clear(1).append(words), places.gather(codes.to_physical()).fill_null(0)


def _place(sums: pl.DataFrame, group: Sequence[str], *, ranks: Collection[str]) -> pl.Series | None:
    """Number the keys in their order, nulls first; None where 64 bits don't hold the numbers."""
    places, size = pl.lit(0, dtype=pl.Int64), 1
    for column in group:
        dtype, number = sums.schema[column], pl.col(column)
        if not (dtype.is_temporal() or dtype.is_integer()):
            return None
        if column not in ranks:
            number = number.to_physical().rank("dense").fill_null(0)
        numbers = sums.select(number.cast(pl.Int64)).to_series()
        values = 1 + cast("int", numbers.max() or 0)
        places, size = places * values + numbers, size * values
    return sums.select(places).to_series() if size < _WHOLE else None
