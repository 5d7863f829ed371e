"""How cost moved between two ranges, and exactly why."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._wording.money import amount, change_shown
from falusage._wording.names import printable
from falusage.columns import total
from falusage.errors import AlignmentError, QueryError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Drawing, Note, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, names

_DRIVERS: Final = 25
_NOISE: Final = 1e-9
"""A smaller change is what prices of quotients of doubles differ by."""
_MEANINGS: Final = {
    "price": "unit prices rose or fell",
    "discount": "a larger or smaller part of the price is taken off",
    "days": "the range has more or fewer days",
    "volume": "more or less was used per day",
    "mix": "a shift to more, or less, expensive endpoints",
    "new": "endpoints that a team did not use before",
    "retired": "endpoints that a team no longer uses",
}


def moved(bill: Bill, *, most: int = _DRIVERS) -> Section:
    """Return how cost moved, and exactly why; of the single changes, the `most` largest."""
    section = partial(Section, "why", "Why it changed")
    pair = bill.pair
    if pair is None:
        return section([Note(bill.subject.otherwise)])
    try:
        why = bill.effects
    except (AlignmentError, QueryError) as error:
        return section([not_exact("A comparison", error)])
    this, before = pair.named
    found: list[Block] = []
    for currency in why["currency"].unique(maintain_order=True):
        effects = why.filter(pl.col("currency").eq_missing(pl.lit(currency)))
        if not (effects["amount"] != 0).any():
            found.append(Note(f"Nothing changed in {printable(currency)}: {this} and {before}."))
            continue
        before_cost, cost = (
            bill.only(currency).of(*ends).select(total("cost")).item()
            for ends in (pair.baseline, pair.comparison)
        )
        moved_by = effects.group_by("effect").agg(total("amount")).filter(pl.col("amount") != 0)
        draw = partial(
            plotting.plot_bridge,
            effects.filter(pl.col("effect").is_in(moved_by["effect"].implode())),
            baseline=(*pair.baseline, before_cost),
            comparison=(*pair.comparison, cost),
            timezone=bill.timezone,
        )
        change = change_shown(cost, before_cost, printable(currency))
        found += [Drawing(draw), _effects(effects, currency, this, before, change)]
        found.append(_drivers(bill, effects, currency, most))
    return section(found or [Note(f"Nothing was spent in either range: {this}, and {before}.")])


def _effects(
    effects: pl.DataFrame, currency: str, this: str, before: str, change: Decimal
) -> Table:
    order = pl.col("effect").replace_strict(
        list(_MEANINGS), range(len(_MEANINGS)), return_dtype=pl.Int8
    )
    sums = (
        effects.group_by("effect", "currency")
        .agg(total("amount"))
        .sort(order)
        .filter(pl.col("amount") != 0)
        .with_columns(pl.col("effect").replace_strict(_MEANINGS).alias("means"))
    )
    columns = [
        names(sums, "effect"),
        names(sums, "means"),
        amounts(sums, "amount", "change", signed=True),
    ]
    exactly: float = effects.select(total("amount")).item()  # perhaps less than a cent
    whole = amount(change or exactly, printable(currency), signed=True)
    caption = f"Why cost changed from {before} to {this}, {printable(currency)}"
    return Table(caption, columns, ("total", "", whole))


def _drivers(bill: Bill, effects: pl.DataFrame, currency: str, most: int) -> Table:
    """Return the largest single changes, up or down; the others are one row.

    For a single endpoint, volume and mix are one effect: its quantity.
    """
    key = ["username", "endpoint_id", "effect", "currency"]
    alone = effects.with_columns(
        pl.col("effect").replace({"volume": "quantity", "mix": "quantity"})
    )
    sums = alone.group_by(key).agg(total("amount")).filter(pl.col("amount").abs() > _NOISE)
    ranked = sums.sort(pl.col("amount").abs(), *key, descending=[True, *(False for _ in key)])
    first = ranked.head(most)
    rest = ranked.slice(most)
    columns = [
        *(names(first, by, labels=bill.labels) for by in (*bill.team, "endpoint_id", "effect")),
        amounts(first, "amount", "change", signed=True),
    ]
    left = amount(rest.select(total("amount")).item(), printable(currency), signed=True)
    named = "1 other" if rest.height == 1 else f"{rest.height:,} others"
    others = (named, *[""] * (len(columns) - 2), left) if rest.height else ()
    return Table(f"The largest single changes, {printable(currency)}", columns, others)
