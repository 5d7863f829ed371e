"""Which days cost much more, or much less, than similar days before them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import polars as pl

from falusage import plotting
from falusage.errors import AlignmentError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Note, Section, Table
from falusage.reporting._pictures import picture
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, days, names
from falusage.timeframes import ceil, floor
from falusage.transforms import anomalies, trend
from falusage.transforms.anomalies import learned_from


def unusual(bill: Bill) -> Section:
    """Return the unusual days, and draw them."""
    section = partial(Section, "unusual", "Unusual days")
    known: dict[str, Any] = {"by": "username", "timezone": bill.timezone, "coverage": bill.coverage}
    try:
        found = anomalies(bill.usage, **known)
    except AlignmentError as error:
        return section([not_exact("The search for unusual days", error)])
    if found.is_empty():
        return section([Note(_usual(bill))])
    daily = trend(bill.usage, **known).filter("complete")
    pictures: list[Block] = []
    for currency in bill.currencies:
        mine = found.filter(pl.col("currency") == currency)
        if mine.height:
            draw = partial(plotting.plot_anomalies, mine, history=daily, colors=bill.colors)
            pictures.append(picture(draw))
    columns = [
        days(found, "period", "day"),
        names(found, "username"),
        amounts(found, "cost"),
        amounts(found, "expected"),
        amounts(found, "excess", signed=True),
    ]
    return section([*pictures, Table("Unusual days", columns)])


def _usual(bill: Bill) -> str:
    """Return a sentence: no day was unusual, or no day could be judged."""
    needed, day = learned_from(7), timedelta(days=1)
    start, until = (
        bill.local(edge(at, every="1d", timezone=bill.timezone))
        for edge, at in ((ceil, bill.coverage.start), (floor, bill.coverage.closed_until))
    )
    known = (until - start) // day
    if known <= needed:
        return (
            f"No day was judged: {needed} earlier days are needed to know what is usual, and the "
            f"table has {known} days. If it started on {until - (needed + 1) * day:%Y-%m-%d} or "
            "before, its last day would be judged."
        )
    return (
        "No day of a team cost much more or less than similar days before it. Days from "
        f"{start + needed * day:%Y-%m-%d} on were judged; those of a new team from its sixth week "
        "on."
    )
