"""Whether the invoice agrees: the month's usage compared with FOCUS charges."""

from __future__ import annotations

import polars as pl

from falusage._usage.table import Arrow, lazy
from falusage.errors import AlignmentError, CoverageError
from falusage.focus import tie_out
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Note, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, days, names

_PARTS = ("credits", "tax", "no_team", "only_here", "only_there")


def invoice(bill: Bill, focus: pl.LazyFrame | Arrow) -> Section:
    """Compare the usage of the subject with an invoice, and explain the gap."""
    title = "Does the invoice agree"
    if bill.subject.month is None:
        return Section("invoice", title, [Note("An invoice is for a month; report a month.")])
    try:
        # Of the rows: an invoice's months are those of UTC, whatever the zone of the report.
        whole = tie_out(bill.table.rows, lazy(focus, name="focus"), coverage=bill.coverage)
        found = whole.filter(pl.col("period").dt.strftime("%Y-%m") == bill.subject.month)
    except (AlignmentError, CoverageError) as error:
        return Section("invoice", title, [not_exact("The comparison with the invoice", error)])
    if found.is_empty():
        return Section("invoice", title, [Note("There is no usage and no charge in this month.")])
    by = ["period", "product", "currency"]
    sums = (
        found.group_by(by).agg(pl.col("usage_cost", "billed_cost", "gap", *_PARTS).sum()).sort(by)
    )
    parts = [name for name in _PARTS if (sums[name] != 0).any()]
    columns = [
        days(sums, "period", "month of"),
        names(sums, "product"),
        amounts(sums, "usage_cost"),
        amounts(sums, "billed_cost"),
        *(amounts(sums, name, signed=True) for name in ("gap", *parts)),
    ]
    said = (
        "The invoice and the usage agree."
        if (sums["gap"] == 0).all()
        else "The invoice and the usage differ. Each gap is the sum of the parts to its right."
    )
    return Section("invoice", title, [Note(said), Table("Usage and invoice", columns)])
