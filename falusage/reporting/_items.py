"""A usage table as the line items of its days: few rows, with exact sums.

Everything on a page is a sum over days or longer. So the rows are added up once, in one pass that
streams, and a page over a store of millions of rows needs little memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from falusage._usage.codes import coded, decoded
from falusage._usage.periods import literal, with_period
from falusage._usage.table import Table, collected
from falusage.columns import INSTANT, MONEY, exact
from falusage.errors import AlignmentError

KEY: Final = (
    *("username", "product", "endpoint_id", "unit", "currency"),
    *("unit_price", "percent_discount"),
)
_LARGE: Final = 2.0**33
"""Sums up to here are the same to the cent as a double and as a Decimal."""

SUMS: Final = ("quantity", "cost_subtotal", "cost")


def items(
    table: Table, edges: Sequence[datetime], *, timezone: str
) -> tuple[pl.DataFrame, AlignmentError | None]:
    """Return a usage table with one row for each line item and day, and why not by day, if so.

    Args:
        table: A usage table.
        edges: Instants at which a sum ends as well, such as the ends of the ranges to compare.
        timezone: The zone of the days.

    Returns:
        The columns `bucket`, `bucket_end`, `KEY`, `SUMS` (Decimal(38, 12); a sum of subtotals is
        null if one is missing) and `rows`, how many rows each is the sum of; sorted. If a bucket
        is longer than a day, or crosses midnight, each bucket has its own rows, and the second
        value is the error.
    """
    rows = table.rows.with_columns(
        pl.lit(None, pl.Float64).alias(name)
        for name in ("percent_discount", "cost_subtotal")
        if name not in table.schema
    ).with_columns(pl.col("bucket", "bucket_end").cast(INSTANT))
    carried = (*KEY, *SUMS)
    try:
        daily = with_period(rows, carried, every="1d", timezone=timezone)
        start = pl.max_horizontal(pl.col("period").cast(INSTANT), _edge(edges))
        return _exact(daily.with_columns(bucket=start), ("bucket",)), None
    except AlignmentError as error:
        return _exact(rows, ("bucket", "bucket_end")), error


def _edge(edges: Sequence[datetime]) -> pl.Expr:
    """Return the last edge at or before the start of a bucket; null if there is none."""
    moments = [literal(edge) for edge in edges]
    passed = [pl.when(pl.col("bucket") >= edge).then(edge) for edge in moments]
    return pl.max_horizontal(pl.lit(None, dtype=INSTANT), *passed)


def _exact(rows: pl.LazyFrame, when: Sequence[str]) -> pl.DataFrame:
    found = _summed(rows, when)
    # `exact` is off by some thousandths for amounts of billions; their text is not, but slow.
    if found.filter(pl.col("cost").abs() >= _LARGE).height:
        texts = (pl.col(name).cast(pl.Float64).cast(pl.String).cast(MONEY) for name in SUMS)
        found = _summed(rows.with_columns(texts), when)
    return found


def _summed(rows: pl.LazyFrame, when: Sequence[str]) -> pl.DataFrame:
    key = (*when, *KEY)
    whole = pl.col("cost_subtotal").is_not_null().all()
    # Names as numbers: groups of text would keep the text of every batch in memory.
    found = (
        coded(rows, rows.collect_schema(), key)
        .group_by(key)
        .agg(
            *([] if "bucket_end" in key else [pl.col("bucket_end").max()]),
            *(exact(name).sum() for name in ("quantity", "cost")),
            pl.when(whole).then(exact("cost_subtotal").sum()),
            pl.len().alias("rows"),
        )
    )
    return collected(decoded(found).sort(*key)).select("bucket", "bucket_end", *KEY, *SUMS, "rows")
