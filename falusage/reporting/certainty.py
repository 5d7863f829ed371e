"""How sure the numbers of a table are: whole, compared, closed, settled.

A total without this cannot go into a budget review, so every report has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from falusage import _spans as spans
from falusage._wording.dates import day, minute, span
from falusage._wording.money import amount
from falusage._wording.names import printable
from falusage.columns import total
from falusage.coverage import Coverage

if TYPE_CHECKING:
    from falusage.reporting._bill import Bill


def facts(bill: Bill) -> list[tuple[str, str]]:
    """Return what is known of a table, in pairs of a heading and a text."""
    coverage = bill.coverage
    found = [("not whole", gap_text(bill))] if bill.gaps else _other_gaps(bill)
    if not coverage.known:
        return [
            *found,
            (
                "not known",
                "the table came without its coverage, so nothing says whether it was compared "
                "with the API's totals, or whether its buckets had ended",
            ),
        ]
    closed = (
        ("ended", "every bucket had ended when it was read")
        if coverage.closed_until >= bill.subject.end
        else (
            "not ended",
            f"buckets from {minute(bill.closed_until)} on had not ended when they were read",
        )
    )
    return [
        *found,
        ("reconciled", _reconciled(coverage)),
        closed,
        *_settled(bill),
        ("complete", _left_out(coverage) or "no row was left out"),
        *_included(coverage),
    ]


def let_through(coverage: Coverage) -> list[str]:
    """Return what was let through when a table was read: differing totals, and invalid rows."""
    differs = coverage.differing or coverage.reconciled is False
    return [
        *([_reconciled(coverage)] if differs else []),
        *([_left_out(coverage)] if coverage.quarantined else []),
    ]


def gap_text(bill: Bill) -> str:
    """Return which parts of a range were never read, and what that means."""
    return (
        f"{_named(bill, bill.gaps)} was never read, so the total of {bill.subject.name} would be "
        "too small and is left out. Sync or load what is missing, or report a range without a gap."
    )


def _other_gaps(bill: Bill) -> list[tuple[str, str]]:
    """Return the gaps of the table outside of the subject, which does not need them."""
    if not bill.coverage.gaps:
        return []
    lacking = _named(bill, bill.coverage.gaps)
    return [("gaps", f"{lacking} was never read; {bill.subject.name} does not need it")]


def _included(coverage: Coverage) -> list[tuple[str, str]]:
    """Return which products the usage of a workspace has; that of an organization can have all."""
    if coverage.scope != "workspace":
        return []
    has = " and ".join(coverage.products)
    return [("included", f"{has}, of one workspace; compute is only on the invoice")]


def _named(bill: Bill, gaps: spans.Spans) -> str:
    return "; ".join(span(bill.local(start), bill.local(end)) for start, end in gaps)


def _reconciled(coverage: Coverage) -> str:
    if coverage.reconciled is None:
        return "not known whether it was compared with the API's own totals"
    said: list[str] = []
    if coverage.differing:
        said.append(f"{coverage.differing:,} keys differ from the API's own totals")
    if not coverage.reconciled:
        said.append("not all of it was compared with the API's own totals")
    return "; ".join(said) or "all of it agrees with the API's own totals"


def _left_out(coverage: Coverage) -> str:
    count = coverage.quarantined
    return f"{count:,} invalid rows are left out of every total" if count else ""


def _settled(bill: Bill) -> list[tuple[str, str]]:
    """Return how much may still be corrected; nothing if that is not known."""
    young = bill.provisional
    if young is None or bill.settled is None:
        return []
    if young.is_empty():
        return [("final", "no row is recent enough to be corrected by the API")]
    sums = young.group_by("currency").agg(total("cost")).sort("currency")
    said = " and ".join(amount(cost, printable(unit)) for unit, cost in sums.iter_rows())
    since = day(bill.settled)
    rows = young["rows"].sum()
    text = f"{said}, in {rows:,} rows from {since} on, may still be corrected by the API"
    return [("not final", text)]
