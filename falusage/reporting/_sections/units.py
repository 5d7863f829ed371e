"""What a unit costs: the quantity, cost and price of each endpoint, and how the price moved."""

from __future__ import annotations

import polars as pl

from falusage.columns import exact
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Note, Section, Table
from falusage.reporting._spending import MOST
from falusage.reporting.columns import amounts, names, numbers, percents

_KEY = ("endpoint_id", "unit", "currency")


def units(bill: Bill) -> Section:
    """Return the cost per unit. Quantities of different endpoints or units are never added."""
    each = _unit_costs(bill.spent)
    if bill.pair is None:
        each = each.with_columns(before=pl.lit(None, pl.Float64))
    else:
        earlier = _unit_costs(bill.of(*bill.pair.baseline))
        before = earlier.select(*_KEY, before="per_unit")
        each = each.join(before, on=_KEY, how="left", nulls_equal=True)
    change = pl.when(pl.col("before") > 0).then(pl.col("per_unit") / pl.col("before") - 1)
    each = each.with_columns(change=change).sort("cost", *_KEY, descending=[True] + [False] * 3)
    shown = each.head(MOST)
    if shown.is_empty():
        return Section("units", "What a unit costs", [Note("Nothing was used.")])
    columns = [
        names(shown, "endpoint_id"),
        names(shown, "unit"),
        numbers(shown, "quantity"),
        amounts(shown, "cost"),
        numbers(shown, "per_unit", "cost per unit"),
    ]
    caption = "Cost per unit"
    if bill.pair is not None:
        columns += [
            numbers(shown, "before", "before"),
            percents(shown, "change", signed=True),
        ]
        caption = f"Cost per unit; before: {bill.pair.named[1]}"
    if each.height > shown.height:
        caption = f"{caption}. The {MOST} with the most cost, of {each.height:,}"
    return Section("units", "What a unit costs", [Table(caption, columns)])


def _unit_costs(rows: pl.DataFrame) -> pl.DataFrame:
    """Return quantity, cost and cost per unit of each endpoint, unit and currency."""
    sums = rows.group_by(_KEY).agg(exact("quantity").sum(), exact("cost").sum())
    cost, quantity = pl.col("cost").cast(pl.Float64), pl.col("quantity").cast(pl.Float64)
    return sums.with_columns(
        cost, quantity, per_unit=pl.when(quantity > 0).then((cost / quantity).round_sig_figs(6))
    )
