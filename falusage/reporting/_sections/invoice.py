"""Whether the invoice agrees: the month's usage compared with FOCUS charges."""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage._usage.table import Arrow, lazy
from falusage.errors import AlignmentError, CoverageError
from falusage.focus import PARTS, tie_out
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Note, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, days, names
from falusage.reporting.tying import verdict, without_usage

_TITLES: Final = {"only_here": "not charged", "only_there": "not in usage"}
"""The titles of parts that their names alone would not explain."""


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
    sums = found.group_by(by).agg(pl.col("usage_cost", "billed_cost", "gap", *PARTS).sum()).sort(by)
    parts = [name for name in PARTS if (sums[name] != 0).any()]
    columns = [
        days(sums, "period", "month of"),
        names(sums, "product"),
        amounts(sums, "usage_cost"),
        amounts(sums, "billed_cost"),
        amounts(sums, "gap", signed=True),
        *(amounts(sums, name, _TITLES.get(name), signed=True) for name in parts),
    ]
    said = [verdict(found)]
    if parts:
        said.append("Each gap is the sum of the parts to its right.")
    if lacking := without_usage(found):
        said.append(
            f"Only in the charges: {', '.join(lacking)}, which the usage was not asked for."
        )
    return Section("invoice", title, [Note(" ".join(said)), Table("Usage and invoice", columns)])
