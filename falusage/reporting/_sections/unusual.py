"""Which days cost much more, or much less, than similar days before them, and what caused it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._wording.names import printable
from falusage._wording.numbers import number
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Drawing, Note, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting._spending import MOST
from falusage.reporting.columns import amounts, days, names
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
    causes = [_cause(row) for row in found.iter_rows(named=True)]
    shown = found.with_columns(pl.Series("cause", causes, pl.String)).head(MOST)
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
        names(shown, "username"),
        amounts(shown, "cost"),
        amounts(shown, "expected"),
        amounts(shown, "excess", signed=True),
        names(shown, "cause"),
    ]
    caption = "Unusual days"
    if found.height > shown.height:
        caption = f"The {MOST} most expensive of {found.height:,} unusual days"
    return section([*pictures, Table(caption, columns, key="username")])


def _cause(row: dict[str, object]) -> str:
    """Return the endpoint behind an unusual day, with its quantity and the usual one."""
    if row["endpoint_id"] is None:
        return ""
    now, usual = row["quantity"], row["usual_quantity"]
    assert isinstance(now, float) and isinstance(usual, float)  # noqa: S101, PT018 - of `causes`
    unit = printable(str(row["unit"]))
    return (
        f"{printable(str(row['endpoint_id']))}: {number(round(now, 2))} {unit} instead of "
        f"{number(round(usual, 2))}"
    )


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
    return (
        "No day of a team cost much more or less than similar days before it. Days from "
        f"{start + needed * day:%Y-%m-%d} on were judged; those of a new team from its sixth week "
        "on."
    )
