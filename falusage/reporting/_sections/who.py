"""Who spent it, and on what."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import polars as pl

from falusage import plotting
from falusage._wording.money import amount
from falusage._wording.names import printable, title
from falusage.errors import AlignmentError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Section, Table
from falusage.reporting._pictures import picture
from falusage.reporting._sections.certain import not_exact
from falusage.reporting._spending import MOST, totals
from falusage.reporting.columns import amounts, names, percents
from falusage.transforms import cost_share, trend


def spenders(bill: Bill) -> Section:
    """Return who spent, and on what: tables and pictures for each currency."""
    found: list[Block] = []
    for currency in bill.currencies:
        usage = bill.in_currency(currency)
        ((_, spent),) = totals(usage)
        found.append(_daily(bill, usage))
        for by in ("username", "product", "endpoint_id"):
            shares = cost_share(usage, by=by, top=MOST)
            if by == "endpoint_id" and shares.height > 1:
                few = cost_share(usage, by=by, top=plotting.TOP)
                draw = partial(
                    plotting.plot_share,
                    few,
                    colors=bill.colors,
                    start=bill.start,
                    end=bill.end,
                    timezone=bill.timezone,
                )
                found.append(picture(draw))
            columns = [
                names(shares, by),
                amounts(shares, "cost"),
                percents(shares, "share"),
            ]
            whole = ("total", amount(spent, printable(currency)), "") if shares.height > 1 else ()
            found.append(Table(f"Cost by {title(by)}, {printable(currency)}", columns, whole))
        found += _hours(bill, usage)
    return Section("who", "Who spent it, and on what", found)


def _daily(bill: Bill, usage: pl.DataFrame) -> Block:
    """Draw the cost per day by team."""
    try:
        daily = trend(usage, by="username", timezone=bill.timezone, coverage=bill.coverage)
    except AlignmentError as error:
        return not_exact("Cost per day", error)
    return picture(partial(plotting.plot_trend, daily, colors=bill.colors))


def _hours(bill: Bill, usage: pl.DataFrame) -> list[Block]:
    """Draw the hours of the week, if the table has buckets of an hour and a week of them."""
    length = usage.select((pl.col("bucket_end") - pl.col("bucket")).max()).item()
    if length > timedelta(hours=1) or bill.coverage.end - bill.coverage.start < timedelta(days=7):
        return []
    draw = partial(plotting.plot_heatmap, usage, timezone=bill.timezone, coverage=bill.coverage)
    try:
        return [picture(draw)]
    except AlignmentError as error:  # an hour in UTC is not an hour in Kathmandu
        return [not_exact("Cost by hour of the week", error)]
