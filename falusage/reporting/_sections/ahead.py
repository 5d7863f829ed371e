"""Where the month will end, and whether budgets last."""

from __future__ import annotations

from functools import partial

import polars as pl

from falusage._usage.table import Arrow, lazy
from falusage._wording.dates import minute
from falusage.errors import AlignmentError, CoverageError, QueryError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Note, Section, Table, unless_empty
from falusage.reporting._outlook import Outlook, by_of
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, bands, chances, days, names
from falusage.transforms import budget_status


def ahead(bill: Bill, outlook: Outlook) -> Section | None:
    """Return where the month will end; None for a month that is over, or another range."""
    section = partial(Section, "outlook", "Where the month will end")
    if outlook.otherwise:
        return section([Note(outlook.otherwise)])
    if outlook.whole is None:
        return None
    found = outlook.whole
    columns = [
        names(found, "currency"),
        amounts(found, "spent", "spent so far"),
        amounts(found, "projected"),
        bands(found, 80),
        bands(found, 95),
        names(found, "model"),
    ]
    caption = f"{bill.subject.month}, as of {minute(found['as_of'][0])}"
    blocks: list[Block] = [Table(caption, columns)]
    return section(blocks)


def budgeted(bill: Bill, budgets: pl.LazyFrame | Arrow, outlook: Outlook) -> Section:
    """Compare the month's spend with its budgets, with the outlook if there is one."""
    section = partial(Section, "budgets", "Budgets")
    month = bill.subject.month
    if month is None or bill.subject.start.day != 1:
        return section([Note("Budgets are for a month, and the report is not about a whole one.")])
    frame = lazy(budgets, name="budgets").collect()
    if outlook.budgeted is not None:
        return section([_judged(bill, outlook.budgeted.filter(pl.col("budget").is_not_null()))])
    by = by_of(frame)
    try:
        status = budget_status(
            bill.items,
            frame,
            by=by,
            month=month,
            as_of=min(bill.coverage.closed_until, bill.subject.end),
            timezone=bill.timezone,
            coverage=bill.coverage,
        )
    except (AlignmentError, CoverageError) as error:
        return section([not_exact("The month", error)])
    until = minute(min(bill.closed_until, bill.subject.end))
    caption = f"{month}, as of {until}" + ("" if bill.subject.is_over else ", if it goes on so")
    shown = [
        *(names(status, column) for column in by),
        *(amounts(status, column) for column in ("budget", "spent", "projected")),
        amounts(status, "remaining", signed=True),
        days(status, "runs_out_on"),
        names(status, "status"),
    ]
    return section([unless_empty(Table(caption, shown), "No budget is given.")])


def _judged(bill: Bill, found: pl.DataFrame) -> Table | Note:
    """Return the budgets of an outlook, with the chance that each is passed."""
    own = ("month", "as_of", "model", "spent", "projected", "lo_80", "hi_80", "lo_95", "hi_95")
    rest = ("budget", "remaining", "chance_over", "runs_out_on", "status", "currency")
    columns = [
        *(names(found, name) for name in found.columns if name not in (*own, *rest)),
        *(amounts(found, name) for name in ("budget", "spent", "projected")),
        bands(found, 80),
        chances(found, "chance_over"),
        days(found, "runs_out_on"),
        names(found, "status"),
    ]
    caption = f"{bill.subject.month}, as of {minute(bill.closed_until)}"
    return unless_empty(Table(caption, columns), "No budget is given.")


def require_budgets(budgets: object) -> None:
    """Raise `QueryError` if budgets are no frame."""
    if not isinstance(budgets, pl.LazyFrame | Arrow):
        raise QueryError(
            f"budgets is {budgets!r}; expected a frame of username (or other columns), currency "
            "and budget"
        )
