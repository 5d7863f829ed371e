"""Budgets, and where the month will end: the page's sections that look ahead."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._usage.table import Arrow, lazy
from falusage._wording.amounts import printable
from falusage._wording.dates import every_of
from falusage.errors import AlignmentError, QueryError
from falusage.reporting import _blocks as blocks
from falusage.reporting._blocks import Block, Note, Section, Table
from falusage.reporting._pictures import picture
from falusage.reporting._questions import TITLES, Bill, not_exact
from falusage.transforms import budget_status, trend


def budgeted(bill: Bill, budgets: pl.LazyFrame | Arrow) -> Section:
    """Set the month's spend against its budgets."""
    if not isinstance(budgets, pl.LazyFrame | Arrow):
        raise QueryError(
            f"budgets is {budgets!r}; expected a frame of username (or other columns), currency "
            "and budget"
        )
    section = partial(Section, "budgets", "Budgets")
    until = bill.certainty.closed_until
    month = bill.month
    if bill.certainty.start > month:
        return section([Note(f"The table starts after {month:%Y-%m-%d}: its month is not whole.")])
    columns = lazy(budgets, name="budgets").collect_schema().names()
    by = [column for column in columns if column not in ("currency", "budget")]
    try:
        status = budget_status(
            bill.usage,
            budgets,
            by=by,
            month=f"{month:%Y-%m}",
            as_of=until,
            timezone=bill.timezone,
        )
    except AlignmentError as error:
        return section([not_exact("The month", error)])
    caption = f"{month:%Y-%m}, as of {bill.local(until):%Y-%m-%d %H:%M}, at its own pace"
    shown = [
        *(blocks.names(status, column, TITLES.get(column, column)) for column in by),
        *(blocks.amounts(status, column, column) for column in ("budget", "spent", "projected")),
        blocks.amounts(status, "remaining", "remaining", signed=True),
        blocks.days(status, "runs_out_on", "runs out on"),
        blocks.names(status, "status", "status"),
    ]
    return section([blocks.unless_empty(Table(caption, shown), "No budget is given.")])


def outlook(bill: Bill, frame: pl.DataFrame) -> Section:
    """Show a forecast behind what came before it, or an outlook of the month."""
    found: list[Block] = []
    if {"period", "model"} <= set(frame.columns) and frame.height:
        for (currency,), rows in frame.group_by("currency", maintain_order=True):
            draw = partial(
                plotting.plot_forecast,
                rows,
                history=_before(bill, rows, str(currency)),
                colors=bill.colors,
            )
            found += [
                picture(draw),
                blocks.whole(rows, f"Forecast, {printable(str(currency))}"),
            ]
    elif set(_OUTLOOK) <= set(frame.columns) and frame.height:
        found.append(_month(frame))
    else:
        found.append(blocks.unless_empty(blocks.whole(frame, "Outlook"), "Nothing is forecast."))
    return Section("outlook", "Where it will end", found)


_OUTLOOK: Final = (
    *("month", "as_of", "model", "spent", "projected", "lo_80", "hi_80", "lo_95", "hi_95"),
    *("budget", "remaining", "chance_over", "runs_out_on"),
)


def _month(found: pl.DataFrame) -> Table:
    """Show what `month_outlook` returned: of the bands, the one to plan with."""
    columns = [
        *(
            blocks.names(found, name, TITLES.get(name, name))
            for name in found.columns
            if name not in (*_OUTLOOK, "currency", "status")
        ),
        blocks.amounts(found, "spent", "spent"),
        blocks.amounts(found, "projected", "will end at"),
    ]
    if is_budgeted(found):
        columns += [
            blocks.amounts(found, "budget", "budget"),
            blocks.chances(found, "chance_over", "chance over"),
            blocks.days(found, "runs_out_on", "runs out"),
        ]
        columns += [blocks.names(found, name, name) for name in found.columns if name == "status"]
    columns.append(blocks.ranges(found, "lo_80", "hi_80", "80% band"))
    month, as_of = found.row(0, named=True)["month"], found["as_of"][0]
    return Table(f"{month}, as of {as_of:%Y-%m-%d %H:%M}", columns)


def is_budgeted(outlook: pl.DataFrame) -> bool:
    """Return whether an outlook says of budgets if they last."""
    return set(_OUTLOOK) <= set(outlook.columns) and outlook["budget"].count() > 0


def answers(bill: Bill, outlook: pl.DataFrame, budgets: pl.LazyFrame | Arrow) -> bool:
    """Return whether an outlook says of each of these budgets if it lasts the bill's month."""
    if not is_budgeted(outlook) or f"{bill.month:%Y-%m}" != outlook["month"][0]:
        return False
    asked = lazy(budgets, name="budgets").with_columns(pl.col("budget").cast(pl.Float64)).collect()
    key = [name for name in asked.columns if name in outlook.columns]
    return asked.join(outlook, on=key, how="anti", nulls_equal=True).is_empty()


def _before(bill: Bill, rows: pl.DataFrame, currency: str) -> pl.DataFrame | None:
    """Give the usage that a forecast goes on from, where it can be cut as the forecast is."""
    every = every_of(rows["period"].unique().sort().to_list())
    by = [column for column in rows.columns if column in TITLES]
    if every is None or str(rows["period"].to_list()[0].tzinfo) != bill.timezone:
        return None
    past = bill.ended.filter(pl.col("currency") == currency)
    try:
        return trend(past, by=by, every=every, timezone=bill.timezone, window=1)
    except AlignmentError:
        return None
