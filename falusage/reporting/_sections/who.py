"""Who spent it, and on what: teams, products, endpoints and callers, with the change of each."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._usage.periods import Range, within
from falusage._usage.table import collected
from falusage._wording.money import amount
from falusage._wording.names import printable, title
from falusage.columns import exact, total
from falusage.errors import AlignmentError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Drawing, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting._spending import MOST, totals
from falusage.reporting.columns import amounts, bars, names, percents
from falusage.timeframes import floor
from falusage.transforms import cost_share, trend

_CALLERS: Final = ("auth_method", "api_key_id", "login_username")
"""The first of these that was loaded has a table."""
OTHER: Final = "other"
"""What `cost_share` calls the row of the others."""

_DRAWN: Final = timedelta(days=92)
"""The picture of cost per day shows at most so much before the end."""


def spenders(bill: Bill, *, most: int = MOST) -> Section:
    """Return who spent, and on what: tables and pictures for each currency.

    Args:
        bill: What is reported.
        most: How many rows a table has; the others are folded into one.
    """
    found: list[Block] = []
    for currency in bill.currencies:
        mine = bill.only(currency)
        found.append(_daily(mine, bill.team or ("product",)))
        found += [_table(mine, by, currency, most) for by in (*bill.team, "product")]
        endpoints = cost_share(mine.spent, by="endpoint_id", top=plotting.TOP)
        if endpoints.height > 1:
            draw = partial(
                plotting.plot_share,
                endpoints,
                start=bill.subject.start,
                end=bill.subject.end,
                timezone=bill.timezone,
            )
            found.append(Drawing(draw))
        found.append(_table(mine, "endpoint_id", currency, most))
        found += _callers(mine, currency, most)
    heading = "Who spent it, and on what" if bill.team else "What it was spent on"
    return Section("who", heading, found)


def _table(bill: Bill, by: str, currency: str, most: int) -> Table:
    """Return what each member cost, its share, and its change since the earlier range."""
    shares = cost_share(bill.spent, by=by, top=most)
    columns = [
        names(shares, by, labels=bill.labels),
        amounts(shares, "cost"),
        percents(shares, "share"),
    ]
    caption = f"Cost by {title(by)}, {printable(currency)}"
    if bill.pair is not None:
        this, before = bill.pair.named
        caption = f"{caption}; change: {this} compared with {before}"
        columns += [percents(_changes(bill, shares, by), "change", signed=True)]
    columns.append(bars(shares, "share"))
    ((_, spent),) = totals(bill.spent)
    whole = ("total", amount(spent, printable(currency)), *[""] * (len(columns) - 2))
    return Table(caption, columns, whole if shares.height > 1 else ())


def _changes(bill: Bill, shares: pl.DataFrame, by: str) -> pl.DataFrame:
    """Return the change of each member between both ranges; of `other`, that of all the others."""
    assert bill.pair is not None  # noqa: S101 - who asks has looked
    shown = shares.filter(pl.col(by).ne_missing(pl.lit(OTHER)))[by]
    is_shown = pl.col(by).is_in(shown.implode(), nulls_equal=True)
    member = pl.when(is_shown).then(by).otherwise(pl.lit(OTHER)).alias(by)
    placed = shares.select(by)
    for name, ends in (("later", bill.pair.comparison), ("earlier", bill.pair.baseline)):
        sums = bill.of(*ends).group_by(member).agg(total("cost").alias(name))
        placed = placed.join(sums, on=by, how="left", nulls_equal=True, maintain_order="left")
    cost, before = pl.col("later").fill_null(0.0), pl.col("earlier").fill_null(0.0)
    return placed.select(change=pl.when(before > 0).then(cost / before - 1))


def _daily(bill: Bill, by: tuple[str, ...]) -> Block:
    """Draw the cost per day by team or by product."""
    low = min(
        bill.subject.start, floor(bill.subject.end - _DRAWN, every="1d", timezone=bill.timezone)
    )
    try:
        daily = trend(
            bill.items,
            by=by,
            timezone=bill.timezone,
            start=max(bill.since, low),
            end=bill.subject.end,
            coverage=bill.coverage,
        )
    except AlignmentError as error:
        return not_exact("Cost per day", error)
    return Drawing(
        partial(plotting.plot_trend, daily, colors=bill.colors if "username" in by else None)
    )


def _callers(bill: Bill, currency: str, most: int) -> list[Block]:
    """Return the cost of each caller, if callers were loaded."""
    there = [name for name in _CALLERS if name in bill.table.schema]
    if not there:
        return []
    span = Range(bill.subject.start, bill.subject.end)
    rows = bill.table.rows.filter(pl.col("currency") == currency)
    sums = within(rows, (*there, "currency", "cost"), span=span).group_by(*there, "currency")
    found = collected(sums.agg(exact("cost").sum()))
    named = [name for name in there if found[name].null_count() < found.height]
    return [_shares(bill, found, by, currency, most) for by in named[:1]]


def _shares(bill: Bill, rows: pl.DataFrame, by: str, currency: str, most: int) -> Table:
    shares = cost_share(rows, by=by, top=most)
    columns = [
        names(shares, by, labels=bill.labels),
        amounts(shares, "cost"),
        percents(shares, "share"),
    ]
    columns.append(bars(shares, "share"))
    return Table(f"Cost by {title(by)}, {printable(currency)}", columns)
