"""The page's sections: what a reader asks about a bill, in the order in which it is asked.

Each takes a usage table and what is known of it, and gives blocks; nothing is drawn or summed over
two currencies. What cannot be answered exactly from the table is a sentence that says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._usage.currencies import currencies
from falusage._wording.amounts import amount, printable
from falusage._wording.dates import span
from falusage.columns import total
from falusage.errors import AlignmentError
from falusage.plotting._panels import TOP
from falusage.reporting import _blocks as blocks
from falusage.reporting._blocks import Block, Facts, Note, Section, Table
from falusage.reporting._certainty import Certainty
from falusage.reporting._months import Months, compared, folded
from falusage.reporting._pictures import picture
from falusage.reporting._spending import MOST, totals
from falusage.timeframes import ceil, floor, zone
from falusage.transforms import (
    anomalies,
    cost_bridge,
    cost_share,
    price_changes,
    trend,
)
from falusage.transforms.anomalies import learned_from

TITLES: Final = {"username": "team", "product": "product", "endpoint_id": "endpoint"}
_DRIVERS: Final = 25
_INSTANT: Final = timedelta(microseconds=1)
_WHY: Final = {
    "price": "the same things cost more, or less, each",
    "discount": "a larger, or smaller, part of the price is taken off",
    "days": "the range has more, or fewer, days",
    "volume": "more, or less, of the same things",
    "mix": "dearer, or cheaper, things among the same number",
    "new": "things that were not used before",
    "retired": "things that are not used any more",
}
_CHANGED: Final = {"list": "list price", "discount": "discount"}
"""A discount's step is between prices after the discount."""


@dataclass(frozen=True)
class Bill:
    """What the page is about.

    Attributes:
        usage: The usage table.
        certainty: What is known of how it came about.
        timezone: The zone whose days and months are meant.
        compared: The days that are held against each other; None where there are none.
        colors: A colour for each name, the same in every picture.
    """

    usage: pl.DataFrame
    certainty: Certainty
    timezone: str
    compared: Months | None
    colors: Mapping[str, str]

    @property
    def currencies(self) -> list[str]:
        """The currencies, that of the most rows first."""
        return currencies(self.usage)

    def of(self, currency: str) -> pl.DataFrame:
        """The usage in one currency."""
        return self.usage.filter(pl.col("currency") == currency)

    def local(self, at: datetime) -> datetime:
        """An instant in the zone of the page."""
        return at.astimezone(zone(self.timezone))

    @property
    def month(self) -> datetime:
        """The start of the month that its last closed bucket is in."""
        last = self.certainty.closed_until - _INSTANT
        return self.local(floor(last, every="1mo", timezone=self.timezone))

    @property
    def ended(self) -> pl.DataFrame:
        """The usage in buckets that cannot grow any more."""
        return self.usage.filter(pl.col("bucket_end") <= self.certainty.closed_until)


def certain(bill: Bill) -> Section:
    """Say how sure the numbers are."""
    pairs = bill.certainty.facts(bill.usage)
    if bill.usage.is_empty():
        return Section("sure", "How sure this is", [Note("Nothing was spent."), Facts(pairs)])
    return Section("sure", "How sure this is", [Facts(pairs)])


def spenders(bill: Bill) -> Section:
    """Say who spent, and what it went to, in tables of every currency and in pictures."""
    found: list[Block] = []
    start, end = (bill.local(at) for at in (bill.certainty.start, bill.certainty.end))
    for currency in bill.currencies:
        usage = bill.of(currency)
        ((_, spent),) = totals(usage)
        found.append(_daily(bill, usage))
        for by, title in TITLES.items():
            shares = cost_share(usage, by=by, top=MOST)
            if by == "endpoint_id" and shares.height > 1:
                few = cost_share(usage, by=by, top=TOP)
                draw = partial(
                    plotting.plot_share,
                    few,
                    colors=bill.colors,
                    start=start,
                    end=end,
                    timezone=bill.timezone,
                )
                found.append(picture(draw))
            columns = [
                blocks.names(shares, by, title),
                blocks.amounts(shares, "cost", "cost"),
                blocks.percents(shares, "share", "share"),
            ]
            sums = ("in all", amount(spent, printable(currency)), "") if shares.height > 1 else ()
            found.append(Table(f"Cost by {title}, {printable(currency)}", columns, sums))
        found += _hours(bill, usage)
    return Section("who", "Who spent it, and on what", found)


def _daily(bill: Bill, usage: pl.DataFrame) -> Block:
    """Draw cost per day by team, what has not ended as incomplete."""
    ended = floor(bill.certainty.closed_until, every="1d", timezone=bill.timezone)
    try:
        daily = trend(usage, by="username", timezone=bill.timezone)
    except AlignmentError as error:
        return not_exact("Cost per day", error)
    ends = pl.col("period") < pl.lit(ended, pl.Datetime("us", "UTC")).dt.convert_time_zone(
        bill.timezone
    )
    daily = daily.with_columns(complete=pl.col("complete") & ends)
    return picture(partial(plotting.plot_trend, daily, colors=bill.colors))


def _hours(bill: Bill, usage: pl.DataFrame) -> list[Block]:
    """Draw the hours of the week, where the table has hours and a week of them."""
    known = usage.select((pl.col("bucket_end") - pl.col("bucket")).max().dt.total_minutes()).item()
    length = bill.certainty.end - bill.certainty.start
    if known > 60 or length.days < 7:
        return []
    try:
        return [picture(partial(plotting.plot_heatmap, usage, timezone=bill.timezone))]
    except AlignmentError as error:  # an hour of UTC is no hour of Kathmandu
        return [not_exact("Cost by hour of the week", error)]


def moved(bill: Bill) -> Section:
    """Say how cost moved, and exactly why."""
    section = partial(Section, "why", "How it moved, and why")
    ranges = bill.compared
    if ranges is None:
        return section([Note("There is no earlier range in the table to compare with.")])
    this, before = ranges.said
    if not _holds(bill, ranges):
        held = span(bill.local(bill.certainty.start), bill.local(bill.certainty.closed_until))
        return section(
            [
                Note(
                    f"{this} and {before} are not compared: what is known whole is {held}, and "
                    "what a range lacks would look like a saving, or like a rise."
                )
            ]
        )
    ends = (ranges.before_start, ranges.before_end), (ranges.start, ranges.end)
    try:
        teams = compared(bill.usage, ranges, bill.timezone, ["username"])
        bridge = partial(cost_bridge, baseline=ends[0], comparison=ends[1], timezone=bill.timezone)
        why = bridge(bill.usage, by=("username", "endpoint_id"))
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
    """Say in a sentence by how much two ranges differ, and what is below it."""
    change = effects.select(total("amount")).item()
    if change:
        said = f"{amount(abs(change), printable(currency))} {'more' if change > 0 else 'less'} than"
        return f"{this} cost {said} {before}. The effects below sum to that."
    spent = amount(rows.select(total("cost")).item(), printable(currency))
    same = f"{this} cost as much as {before}: {spent}."
    return f"{same} The effects below cancel out." if (effects["amount"] != 0).any() else same


def _holds(bill: Bill, ranges: Months) -> bool:
    """Return whether both ranges are in the table, whole.

    A bare table says only where its rows begin and end, which may be within a quiet day.
    """
    quiet = timedelta() if bill.certainty.known else timedelta(days=1)
    first = min(ranges.start, ranges.before_start)
    last = max(ranges.end, ranges.before_end)
    return bill.certainty.start - first <= quiet and last - bill.certainty.closed_until <= quiet


def _effects(effects: pl.DataFrame, currency: str) -> Table:
    order = pl.col("effect").replace_strict(list(_WHY), range(len(_WHY)), return_dtype=pl.Int8)
    sums = (
        effects.group_by("effect", "currency")
        .agg(total("amount"))
        .sort(order)
        .with_columns(pl.col("effect").replace_strict(_WHY).alias("means"))
    )
    columns = [
        blocks.names(sums, "effect", "effect"),
        blocks.names(sums, "means", "means"),
        blocks.amounts(sums, "amount", "change", signed=True),
    ]
    change = amount(effects.select(total("amount")).item(), printable(currency), signed=True)
    caption = f"Why cost changed, {printable(currency)}"
    return Table(caption, columns, ("in all", "", change))


def _movers(rows: pl.DataFrame, this: str, before: str, currency: str) -> Table:
    rows = folded(rows).with_columns(change=pl.col("cost") - pl.col("previous"))
    columns = [
        blocks.names(rows, "username", "team"),
        blocks.amounts(rows, "previous", before),
        blocks.amounts(rows, "cost", this),
        blocks.amounts(rows, "change", "change", signed=True),
        blocks.percents(rows, "pct_change", "change, %", signed=True),
    ]
    sums = [
        amount(rows.select(total(name)).item(), printable(currency), signed=name == "change")
        for name in ("previous", "cost", "change")
    ]
    caption = f"Change by team, {printable(currency)}"
    return Table(caption, columns, ("in all", *sums, "") if rows.height > 1 else ())


def _drivers(effects: pl.DataFrame, currency: str) -> Table:
    """List the largest single changes, either way; the others are one row.

    Of one thing, volume and mix are together what more or less of it costs.
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
        blocks.names(first, "username", "team"),
        blocks.names(first, "endpoint_id", "endpoint"),
        blocks.names(first, "effect", "effect"),
        blocks.amounts(first, "amount", "change", signed=True),
    ]
    left = amount(rest.select(total("amount")).item(), printable(currency), signed=True)
    sums_row = (f"{rest.height:,} others", "", "", left) if rest.height else ()
    return Table(f"The largest single changes, {printable(currency)}", columns, sums_row)


def prices(bill: Bill) -> Section:
    """List the steps of list prices and of discounts, and what each has cost since."""
    steps = price_changes(bill.usage).sort(pl.col("impact").abs(), descending=True)
    steps = steps.with_columns(pl.col("since").dt.convert_time_zone(bill.timezone))
    if steps.is_empty():
        return Section("prices", "Price changes", [Note("No price changed in this range.")])
    columns = [
        blocks.names(steps, "endpoint_id", "endpoint"),
        blocks.names(steps, "unit", "unit"),
        *_kinds(steps),
        blocks.days(steps, "since", "since"),
        blocks.numbers(steps, "previous_price", "price before"),
        blocks.numbers(steps, "price", "price"),
        blocks.percents(steps, "pct_change", "change, %", signed=True),
        blocks.amounts(steps, "impact", "impact since", signed=True),
    ]
    return Section("prices", "Price changes", [Table("Steps of unit prices", columns)])


def _kinds(steps: pl.DataFrame) -> list[blocks.Column]:
    """Say of each step whether the list price or the discount changed, if the table tells."""
    if "kind" not in steps.columns:
        return []
    said = steps.select(pl.col("kind").replace(_CHANGED))
    return [blocks.names(said, "kind", "what changed")]


def unusual(bill: Bill) -> Section:
    """List the days that were out of their rhythm, and draw them."""
    section = partial(Section, "unusual", "What was out of the ordinary")
    try:
        start, end = bill.certainty.start, bill.certainty.closed_until
        found = anomalies(bill.ended, by="username", timezone=bill.timezone, start=start, end=end)
    except AlignmentError as error:
        return section([not_exact("A rhythm of days", error)])
    if found.is_empty():
        return section([Note(_usual(bill))])
    daily = trend(bill.ended, by="username", timezone=bill.timezone, start=start, end=end)
    pictures: list[Block] = []
    for currency in bill.currencies:
        mine = found.filter(pl.col("currency") == currency)
        if mine.height:
            draw = partial(plotting.plot_anomalies, mine, history=daily, colors=bill.colors)
            pictures.append(picture(draw))
    columns = [
        blocks.days(found, "period", "day"),
        blocks.names(found, "username", "team"),
        blocks.amounts(found, "cost", "cost"),
        blocks.amounts(found, "expected", "expected"),
        blocks.amounts(found, "excess", "beyond it", signed=True),
    ]
    return section([*pictures, Table("Days out of their rhythm", columns)])


def _usual(bill: Bill) -> str:
    """Say that no day was unusual, or that none could be judged."""
    needed, day = learned_from(7), timedelta(days=1)
    start, until = (
        bill.local(to_day(at, every="1d", timezone=bill.timezone))
        for to_day, at in ((ceil, bill.certainty.start), (floor, bill.certainty.closed_until))
    )
    held = (until - start) // day
    if held <= needed:
        return (
            f"No day was judged: it takes {needed} days before one to know what is usual, and the "
            f"table has {held} in all. A table from {until - (needed + 1) * day:%Y-%m-%d} on has "
            "its last day judged."
        )
    return (
        "No day of a team was far from what like days before it cost. Days from "
        f"{start + needed * day:%Y-%m-%d} on were judged, those of a team from its sixth week on."
    )


def not_exact(what: str, error: AlignmentError) -> Note:
    """Say that something is not shown, and why."""
    return Note(f"{what} is not shown: {error}.")
