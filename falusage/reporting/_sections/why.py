"""How cost moved between two ranges, and exactly why."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._wording.dates import span
from falusage._wording.money import amount
from falusage._wording.names import printable
from falusage.columns import total
from falusage.errors import AlignmentError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Note, Section, Table
from falusage.reporting._months import NOTHING_BEFORE, Months, compared, folded
from falusage.reporting._pictures import picture
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, names, percents
from falusage.transforms import cost_bridge

_DRIVERS: Final = 25
_MEANINGS: Final = {
    "price": "unit prices rose or fell",
    "discount": "a larger or smaller part of the price is taken off",
    "days": "the range has more or fewer days",
    "volume": "more or less was used",
    "mix": "a shift to more, or less, expensive endpoints",
    "new": "endpoints that were not used before",
    "retired": "endpoints that are not used any more",
}


def moved(bill: Bill) -> Section:
    """Return how cost moved, and exactly why."""
    section = partial(Section, "why", "How it moved, and why")
    ranges = bill.compared
    if ranges is None:
        return section([Note(NOTHING_BEFORE)])
    this, before = ranges.named
    if not _has_both(bill, ranges):
        whole = span(bill.start, bill.closed_until)
        return section(
            [
                Note(
                    f"{this} and {before} are not compared: the table has all of {whole} only. "
                    "Missing days would look like a saving, or like a rise."
                )
            ]
        )
    ends = (ranges.before_start, ranges.before_end), (ranges.start, ranges.end)
    try:
        teams = compared(bill.usage, ranges, bill.timezone, ["username"])
        why = cost_bridge(
            bill.usage,
            by=("username", "endpoint_id"),
            baseline=ends[0],
            comparison=ends[1],
            timezone=bill.timezone,
            coverage=bill.coverage,
        )
    except AlignmentError as error:
        return section([not_exact("A comparison", error)])
    found: list[Block] = []
    for currency in bill.currencies:
        rows = teams.filter(pl.col("currency") == currency)
        effects = why.filter(pl.col("currency") == currency)
        if rows.is_empty():
            said = f"Nothing was spent in {printable(currency)} in either range"
            found.append(Note(f"{said}: {this}, and {before}."))
            continue
        found.append(Note(_change(rows, effects, this, before, currency)))
        if not (effects["amount"] != 0).any():
            found.append(_movers(rows, this, before, currency))
            continue
        draw = partial(
            plotting.plot_bridge,
            effects,
            baseline=ends[0],
            comparison=ends[1],
            timezone=bill.timezone,
        )
        found += [
            picture(draw),
            _effects(effects, currency),
            _movers(rows, this, before, currency),
            _drivers(effects, currency),
        ]
    return section(found or [Note(f"Nothing was spent in either range: {this}, and {before}.")])


def _change(
    rows: pl.DataFrame, effects: pl.DataFrame, this: str, before: str, currency: str
) -> str:
    """Return a sentence that says by how much two ranges differ."""
    change = effects.select(total("amount")).item()
    if change:
        said = f"{amount(abs(change), printable(currency))} {'more' if change > 0 else 'less'} than"
        return f"{this} cost {said} {before}. The effects below sum to this change."
    spent = amount(rows.select(total("cost")).item(), printable(currency))
    same = f"{this} cost as much as {before}: {spent}."
    return f"{same} The effects below add up to zero." if (effects["amount"] != 0).any() else same


def _has_both(bill: Bill, ranges: Months) -> bool:
    """Return whether the table has all of both ranges.

    The first and the last row of a bare table may be within a day that began or ended without
    spend, so a day may be missing there.
    """
    quiet = timedelta() if bill.coverage.known else timedelta(days=1)
    first = min(ranges.start, ranges.before_start)
    last = max(ranges.end, ranges.before_end)
    return bill.coverage.start - first <= quiet and last - bill.coverage.closed_until <= quiet


def _effects(effects: pl.DataFrame, currency: str) -> Table:
    order = pl.col("effect").replace_strict(
        list(_MEANINGS), range(len(_MEANINGS)), return_dtype=pl.Int8
    )
    sums = (
        effects.group_by("effect", "currency")
        .agg(total("amount"))
        .sort(order)
        .with_columns(pl.col("effect").replace_strict(_MEANINGS).alias("means"))
    )
    columns = [
        names(sums, "effect"),
        names(sums, "means"),
        amounts(sums, "amount", "change", signed=True),
    ]
    change = amount(effects.select(total("amount")).item(), printable(currency), signed=True)
    caption = f"Why cost changed, {printable(currency)}"
    return Table(caption, columns, ("total", "", change))


def _movers(rows: pl.DataFrame, this: str, before: str, currency: str) -> Table:
    rows = folded(rows).with_columns(change=pl.col("cost") - pl.col("previous"))
    columns = [
        names(rows, "username"),
        amounts(rows, "previous", before),
        amounts(rows, "cost", this),
        amounts(rows, "change", signed=True),
        percents(rows, "pct_change", signed=True),
    ]
    whole = [
        amount(rows.select(total(name)).item(), printable(currency), signed=name == "change")
        for name in ("previous", "cost", "change")
    ]
    caption = f"Change by team, {printable(currency)}"
    return Table(caption, columns, ("total", *whole, "") if rows.height > 1 else ())


def _drivers(effects: pl.DataFrame, currency: str) -> Table:
    """Return the largest single changes, up or down; the others are one row.

    For a single endpoint, volume and mix are one effect: its quantity.
    """
    key = ["username", "endpoint_id", "effect", "currency"]
    alone = effects.with_columns(
        pl.col("effect").replace({"volume": "quantity", "mix": "quantity"})
    )
    sums = alone.group_by(key).agg(total("amount")).filter(pl.col("amount") != 0)
    ranked = sums.sort(pl.col("amount").abs(), *key, descending=[True, *(False for _ in key)])
    first = ranked.head(_DRIVERS)
    rest = ranked.slice(_DRIVERS)
    columns = [
        names(first, "username"),
        names(first, "endpoint_id"),
        names(first, "effect"),
        amounts(first, "amount", "change", signed=True),
    ]
    left = amount(rest.select(total("amount")).item(), printable(currency), signed=True)
    others = (f"{rest.height:,} others", "", "", left) if rest.height else ()
    return Table(f"The largest single changes, {printable(currency)}", columns, others)
