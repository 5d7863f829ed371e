"""Which unit prices changed, and what that has cost since."""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Note, Section, Table
from falusage.reporting.columns import Column, amounts, days, names, numbers, percents

_CHANGED: Final = {"list": "list price", "discount": "discount"}
"""A change of the discount is between prices after the discount."""


def prices(bill: Bill) -> Section:
    """Return the steps of list prices and of discounts, and what each has cost since."""
    steps = bill.price_changes.sort(pl.col("impact").abs(), descending=True)
    steps = steps.with_columns(pl.col("since").dt.convert_time_zone(bill.timezone))
    if steps.is_empty():
        return Section("prices", "Price changes", [Note("No price changed in this range.")])
    columns = [
        names(steps, "endpoint_id"),
        names(steps, "unit", optional=True),
        _kind(steps),
        days(steps, "since"),
        numbers(steps, "previous_price", optional=True),
        numbers(steps, "price"),
        percents(steps, "pct_change", signed=True),
        amounts(steps, "impact", "impact since", signed=True),
    ]
    return Section("prices", "Price changes", [Table("Changes of unit prices", columns)])


def _kind(steps: pl.DataFrame) -> Column:
    """Return a column that says whether the list price or the discount changed."""
    return names(steps.select(pl.col("kind").replace(_CHANGED)), "kind", "what changed")
