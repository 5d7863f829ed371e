"""Which days cost much more, or much less, than similar days before them, and what caused it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, Final

import polars as pl

from falusage import plotting
from falusage._wording.names import printable
from falusage._wording.numbers import NOTHING, number
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Drawing, Note, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting._spending import MOST
from falusage.reporting.columns import amounts, days, names, texts
from falusage.timeframes import ceil, floor
from falusage.transforms import trend
from falusage.transforms.anomalies import learned_from

_DRAWN: Final = timedelta(days=92)


def unusual(bill: Bill) -> Section:
    """Return the unusual days, each with the endpoint behind it, and draw them."""
    section = partial(Section, "unusual", "Unusual days")
    if bill.indivisible is not None:
        return section([not_exact("The search for unusual days", bill.indivisible)])
    found = bill.unusual_causes.filter(pl.col("period") < bill.subject.end)
    if found.is_empty():
        return section([Note(_usual(bill))])
    shown = found.head(MOST)
    pictures: list[Block] = []
    daily = trend(
        bill.items,
        by="username",
        timezone=bill.timezone,
        start=bill.since,
        end=bill.subject.end,
        coverage=bill.coverage,
    ).filter("complete", pl.col("period") >= bill.subject.end - _DRAWN)
    for currency in bill.currencies:
        mine = pl.col("currency").eq_missing(pl.lit(currency))
        drawn = found.filter(mine, pl.col("period") >= bill.subject.end - _DRAWN)
        if drawn.height:
            draw = partial(
                plotting.plot_anomalies,
                drawn.select(
                    "period", "username", "currency", "cost", "expected", "excess", "score"
                ),
                history=daily.filter(mine),
                colors=bill.colors,
            )
            pictures.append(Drawing(draw))
    columns = [
        days(shown, "period", "day"),
        *(names(shown, by, labels=bill.labels) for by in bill.team),
        amounts(shown, "excess", signed=True),
        names(shown, "endpoint_id", "caused by"),
        texts("quantity", map(_quantity, shown.iter_rows(named=True)), numeric=True),
        amounts(shown, "cost", optional=True),
        amounts(shown, "expected", optional=True),
    ]
    caption = "Unusual days"
    if found.height > shown.height:
        caption = f"The {MOST} most expensive of {found.height:,} unusual days"
    return section([*pictures, Table(caption, columns)])


def _quantity(row: dict[str, Any]) -> str:
    """Return the quantity of the endpoint behind an unusual day, and the usual one."""
    if row["endpoint_id"] is None:
        return NOTHING
    now, usual = (number(round(row[name], 2)) for name in ("quantity", "usual_quantity"))
    return f"{now} {printable(row['unit'])}, usually {usual}"


def _usual(bill: Bill) -> str:
    """Return a sentence: no day was unusual, or no day could be judged."""
    needed, day = learned_from(7), timedelta(days=1)
    start, until = (
        bill.local(edge(at, every="1d", timezone=bill.timezone))
        for edge, at in ((ceil, bill.since), (floor, bill.coverage.closed_until))
    )
    known = (until - start) // day
    if known <= needed:
        return (
            f"No day was judged: {needed} earlier days are needed to know what is usual, and the "
            f"table has {known} days. If it started on {until - (needed + 1) * day:%Y-%m-%d} or "
            "before, its last day would be judged."
        )
    judged = f"Days from {start + needed * day:%Y-%m-%d} on were judged"
    if not bill.team:
        return f"No day cost much more or less than similar days before it. {judged}."
    return (
        f"No day of a team cost much more or less than similar days before it. {judged}; those of "
        "a new team from its sixth week on."
    )
