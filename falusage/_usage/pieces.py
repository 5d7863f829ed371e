"""Time cut into pieces of about as many rows, so that the rows of one piece are in memory at once.

What belongs to a period is never cut: pieces end where periods do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from falusage._usage.periods import Range, literal
from falusage._usage.table import collected
from falusage.columns import INSTANT
from falusage.timeframes import period_start

MOST: Final = 250_000
"""A piece has more rows only if a single period has."""

EACH_BUCKET: Final = "1m"
"""Periods that never hold two buckets: none is shorter."""


def pieces(rows: pl.LazyFrame, *, every: str) -> Iterator[Range]:
    """Yield ranges, in order, that hold all rows by their `bucket`; the outer ones have no limit.

    Args:
        rows: A usage table. If a bucket is null, there is one piece.
        every: The periods that are not cut, in UTC.
    """
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    start = period_start(bucket, every=every, timezone="UTC").cast(INSTANT).alias("start")
    counts = collected(rows.group_by(start).len().sort("start"))
    first, held = None, 0
    if not counts["start"].has_nulls():
        for at, count in counts.iter_rows():
            if held and held + count > MOST:
                yield Range(first, at)
                first, held = at, 0
            held += count
    yield Range(first, None)


def of_piece(piece: Range) -> pl.Expr:
    """Return whether a row is in a piece, by where its bucket starts."""
    start = pl.col("bucket")
    after = pl.lit(True) if piece.start is None else start >= literal(piece.start)
    before = pl.lit(True) if piece.end is None else start < literal(piece.end)
    return after & before
