"""Who spent what: a section of text for each way of looking at it.

Shares are of their currency. Currencies stand one after the other, that of the most rows first,
and are never added.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from falusage.reporting.tables import amounts, bars, lay_out, names, parted, percents
from falusage.transforms import cost_share, rollup


def spending(
    usage: pl.DataFrame, *, by: str, title: str, top: int | None = None, width: int | None = None
) -> list[str]:
    """Give the lines of a table of what each value of a column cost, by falling cost.

    Args:
        usage: A usage table; nulls in `by` are a line of their own.
        by: The column whose values share the cost.
        title: What to call them.
        top: How many of each currency to show, the rest as `other`; None shows all.
        width: The width to keep to.

    >>> usage = pl.DataFrame({
    ...     "username": ["ads", "labs", "shop"], "cost": [6.0, 2.0, 3.0],
    ...     "currency": ["USD", "USD", "EUR"],
    ... })
    >>> for line in spending(usage, by="username", title="team"):
    ...     print(line)
    team      cost   share
    ads   6.00 USD   75.0%  ████████████
    labs  2.00 USD   25.0%  ████
    <BLANKLINE>
    shop  3.00 EUR  100.0%  ████████████████
    """
    shares = in_order(cost_share(usage, by=by, top=top), currencies(usage))
    columns = [
        names(shares, by, title),
        amounts(shares, "cost", "cost"),
        percents(shares, "share", "share"),
        bars(shares, "share"),
    ]
    return parted(lay_out(columns, width=width), by=shares["currency"])


def totals(usage: pl.DataFrame) -> list[tuple[str, float]]:
    """Give each currency and what was spent in it, the currency of the most rows first."""
    sums = in_order(rollup(usage), currencies(usage))
    return list(sums.select("currency", "cost").iter_rows())


def currencies(usage: pl.DataFrame) -> list[str]:
    """Give the currencies of a table, that of the most rows first."""
    counts = usage.group_by("currency").len().sort("len", "currency", descending=[True, False])
    return counts["currency"].to_list()


def in_order(frame: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Sort a frame's currencies as in `order`, keeping the order within each."""
    place = pl.DataFrame(
        {"currency": order, "_place": range(len(order))}, schema_overrides={"currency": pl.String}
    )
    placed = frame.join(place, on="currency", how="left", maintain_order="left")
    return placed.sort("_place", maintain_order=True).drop("_place")
