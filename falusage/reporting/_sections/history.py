"""The last six months and the year so far, from what the table has."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from falusage._wording.dates import month_name, span
from falusage._wording.money import amount
from falusage._wording.names import printable
from falusage.errors import AlignmentError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Note, Section, Table
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, percents, texts
from falusage.timeframes import after, floor
from falusage.transforms import rollup, trend

_MONTHS: Final = 6


def months(bill: Bill) -> Section:
    """Return the cost of each of the last six months, and of the year so far."""
    section = ("months", "The last six months, and the year so far")
    end = bill.subject.end
    try:
        monthly = trend(
            bill.items,
            every="1mo",
            timezone=bill.timezone,
            window=1,
            start=bill.since,
            end=end,
            coverage=bill.coverage,
        )
    except AlignmentError as error:
        return Section(*section, [not_exact("Cost by month", error)])
    found: list[Block] = []
    for currency in bill.currencies:
        rows = monthly.filter(pl.col("currency") == currency).tail(_MONTHS)
        columns = [
            texts("month", [_named(bill, row) for row in rows.iter_rows(named=True)]),
            amounts(rows, "cost"),
            percents(rows, "pct_change", "change", signed=True),
        ]
        found.append(Table(f"Cost by month, {printable(currency)}", columns))
    return Section(*section, [*found, _year(bill)])


def _named(bill: Bill, row: dict[str, object]) -> str:
    """Return a month's name; of a month that is not whole, what the table has of it."""
    start = row["period"]
    assert isinstance(start, datetime)  # noqa: S101 - a column of trend
    if row["complete"]:
        return month_name(start)
    last = bill.local(after(start, every="1mo", timezone=bill.timezone))
    first, until = max(start, bill.since), min(last, bill.subject.end)
    return span(first, until)


def _year(bill: Bill) -> Note:
    """Return the total of the year up to the end of the subject, if the table has it."""
    end = bill.subject.end
    start = bill.local(floor(bill.subject.start, every="1y", timezone=bill.timezone))
    if bill.since > start:
        return Note(
            f"No total of {start.year}: the table is whole from {bill.since:%Y-%m-%d} on only. "
            f"Load from {start:%Y-%m-%d} on to see it."
        )
    sums = rollup(bill.of(start, end), timezone=bill.timezone)
    said = " and ".join(amount(cost, printable(unit)) for unit, cost in sums.iter_rows())
    return Note(f"{span(start, end)}: {said or 'nothing'}.")
