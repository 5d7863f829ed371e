"""Who spent what, as text. Each currency has its own shares; currencies are never added."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from falusage._usage.currencies import currencies
from falusage.columns import MONEY
from falusage.reporting.columns import amounts, bars, names, percents
from falusage.reporting.layout import lay_out
from falusage.transforms import cost_share, rollup

MOST: Final = 100
"""How many rows a table has in a page or a terminal; the others are folded into one."""

_EXACT: Final = 2.0**33
"""Sums up to here are the same to the cent as a double and as a Decimal."""


def spending(
    usage: pl.DataFrame, *, by: str, top: int | None = None, width: int | None = None
) -> list[str]:
    """Return the lines of a table of what each value of a column cost, by falling cost.

    Args:
        usage: A usage table; nulls in `by` are a line of their own.
        by: The column whose values share the cost.
        top: How many of each currency to show, the rest as `other`; None shows all.
        width: The width to keep to.

    >>> usage = pl.DataFrame({
    ...     "username": ["ads", "labs", "shop"], "cost": [6.0, 2.0, 3.0],
    ...     "currency": ["USD", "USD", "EUR"],
    ... })
    >>> for line in spending(usage, by="username"):
    ...     print(line)
    team      cost   share
    ads   6.00 USD   75.0%  ████████████
    labs  2.00 USD   25.0%  ████
    <BLANKLINE>
    shop  3.00 EUR  100.0%  ████████████████
    """
    shares = in_order(cost_share(usage, by=by, top=top), currencies(usage))
    columns = [
        names(shares, by),
        amounts(shares, "cost"),
        percents(shares, "share"),
        bars(shares, "share"),
    ]
    return list(lay_out(columns, width=width, parts=shares["currency"]))


def totals(usage: pl.DataFrame) -> list[tuple[str, float | Decimal]]:
    """Return each currency and its total, exact at any size, in the order of `currencies`.

    >>> usage = pl.DataFrame({"cost": [1e16, 0.01], "currency": "USD"})
    >>> totals(usage)
    [('USD', Decimal('10000000000000000.010000000000'))]
    """
    sums = in_order(rollup(usage), currencies(usage)).select("currency", "cost")
    if sums.filter(pl.col("cost").abs() >= _EXACT).height:
        # By way of text, which has a double's own digits. `exact` is off by some thousandths here.
        cost = pl.col("cost").cast(pl.Float64).cast(pl.String).cast(MONEY)
        each = usage.group_by("currency").agg(cost.sum())
        sums = sums.select("currency").join(each, on="currency", maintain_order="left")
    return list(sums.iter_rows())


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
