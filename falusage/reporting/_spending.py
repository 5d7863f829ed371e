"""How much was spent in each currency, and in which order currencies are shown."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from falusage._usage.currencies import currencies

MOST: Final = 100
"""How many rows a table has in a page or a terminal; the others are folded into one."""


def totals(items: pl.DataFrame) -> list[tuple[str, Decimal]]:
    """Return each currency and its exact total, in the order of `currencies`.

    >>> items = pl.DataFrame({"cost": [Decimal("0.10"), Decimal("0.20")], "currency": "USD"})
    >>> totals(items)
    [('USD', Decimal('0.30'))]
    """
    sums = items.group_by("currency").agg(pl.col("cost").sum())
    return list(in_order(sums, currencies(items)).select("currency", "cost").iter_rows())


def others_named(count: pl.Expr) -> pl.Expr:
    """Return the name of a row that several names were folded into."""
    return pl.when(count == 1).then(pl.lit("1 other")).otherwise(pl.format("{} others", count))


def in_order(frame: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Sort a frame's currencies as in `order`, keeping the order within each."""
    place = pl.DataFrame(
        {"currency": order, "_place": range(len(order))}, schema_overrides={"currency": pl.String}
    )
    placed = frame.join(place, on="currency", how="left", maintain_order="left")
    return placed.sort("_place", maintain_order=True).drop("_place")
