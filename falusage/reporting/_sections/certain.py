"""How sure the numbers are; if a part of the range is missing, the totals of the others."""

from __future__ import annotations

from typing import Final

from falusage._wording.dates import span
from falusage._wording.money import amount
from falusage._wording.names import printable
from falusage.errors import FalUsageError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Facts, Note, Section, Table
from falusage.reporting._sentences import final
from falusage.reporting._spending import totals
from falusage.reporting.certainty import facts
from falusage.reporting.columns import texts

LEFT_OUT: Final = (
    "Shares, the comparison, price changes and unusual days are left out as well: each of them "
    "needs the whole range."
)


def certain(bill: Bill) -> Section:
    """Return how sure the numbers are."""
    found: list[Block] = [Note(final(bill)), Facts(facts(bill))]
    if bill.gaps:
        found += [Note(LEFT_OUT), _read(bill)]
    return Section("sure", "How reliable this is", found)


def _read(bill: Bill) -> Table:
    """Return the totals of each part that was read without a gap."""
    rows = [
        (span(start, end), amount(cost, printable(currency)))
        for start, end, usage in bill.parts
        for currency, cost in totals(usage)
    ]
    ranges, costs = ([row[place] for row in rows] for place in (0, 1))
    return Table("What was read", [texts("range", ranges), texts("cost", costs, numeric=True)])


def not_exact(what: str, error: FalUsageError) -> Note:
    """Return a note that something is left out, and why."""
    return Note(f"{what} is not shown: {error}.")
