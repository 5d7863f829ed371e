"""The order of currencies, for every page, terminal and picture.

Amounts in different currencies do not compare, so their order cannot follow the amounts.
"""

from __future__ import annotations

import polars as pl

from falusage.columns import HOME


def currencies(table: pl.DataFrame, *, amount: str = "cost") -> list[str]:
    """Return the currencies of a table, the one with the most nonzero amounts first.

    On a tie, the currency that fal bills in comes first, then they go by name. Free rows do not
    count, so a currency without any cost never comes first.

    Args:
        table: A usage table, or the result of a transform, with a column `currency`.
        amount: The column of amounts.

    >>> table = pl.DataFrame({"currency": ["EUR", "USD"], "cost": [9.0, 1.0]})
    >>> currencies(table)
    ['USD', 'EUR']
    """
    paid = (pl.col(amount) != 0).sum().cast(pl.Int64)
    order = (-pl.col("_paid"), pl.col("currency") != HOME, "currency")
    return table.group_by("currency").agg(paid.alias("_paid")).sort(*order)["currency"].to_list()
