"""The report as text: what was spent, by whom, on what, since when, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from falusage._usage.table import Eager, Lazy
from falusage._wording.dates import span
from falusage._wording.money import amount
from falusage._wording.names import printable
from falusage.coverage import Coverage
from falusage.errors import AlignmentError
from falusage.reporting._bill import Bill
from falusage.reporting._months import month_so_far
from falusage.reporting._spending import MOST, spending, totals
from falusage.reporting.certainty import facts, gap_text
from falusage.reporting.layout import wrapped

TOP_ENDPOINTS = 7
_NARROW = 40
"""Below this width, the text of a fact is not beside its heading, but under it."""


def summary(
    usage: Lazy | Eager,
    *,
    timezone: str | None = None,
    width: int | None = None,
    coverage: Coverage | None = None,
) -> str:
    """Return the report of a usage table as text.

    Args:
        usage: A load, a snapshot, a store or its view, or a usage table.
        timezone: The IANA zone of days and months; by default that of the coverage, or UTC.
        width: The width to keep to; None is any. A number is never cut.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        Lines: the total of each currency; the cost by team and by product (the hundred that cost
        most, and the others together), and of the endpoints that cost most; the month so far and
        the same days of the month before; how sure the numbers are. If a part of the range was
        never read, only the totals of the parts that were read.

    Raises:
        MissingColumnError: It is not a usage table.
        QueryError: An argument is invalid, or the table is empty and has no coverage.

    >>> import falusage as fu
    >>> usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    >>> print(summary(usage).splitlines()[0])
    SPENT
    """
    bill = Bill.from_usage(usage, coverage=coverage, timezone=timezone)
    return "\n\n".join(
        "\n".join([*wrapped(title.upper(), width), *lines]) for title, lines in _parts(bill, width)
    )


def _parts(bill: Bill, width: int | None) -> Iterator[tuple[str, list[str]]]:
    """Yield the sections: their titles and lines."""
    usage = bill.usage
    if bill.coverage.gaps:
        yield "Not whole", wrapped(gap_text(bill), width)
        for start, end, rows in bill.parts:
            yield f"Spent {span(start, end)}", _spent(rows, bill.timezone, width)
    else:
        yield "Spent", _spent(usage, f"{span(bill.start, bill.end)}, {bill.timezone}", width)
    if usage.height and not bill.coverage.gaps:
        yield "By team", spending(usage, by="username", top=MOST, width=width)
        yield "By product", spending(usage, by="product", top=MOST, width=width)
        title = f"Top {TOP_ENDPOINTS} endpoints"
        yield title, spending(usage, by="endpoint_id", top=TOP_ENDPOINTS, width=width)
        yield "The month so far, and the same days of the month before", _months(bill, width)
    indent = 12 if width is None or width >= _NARROW else 2
    lines = [f"{word:<12}{text}" for word, text in facts(bill) if word != "not whole"]
    sure = [part for line in lines for part in wrapped(line, width, indent=indent)]
    yield "How sure this is", sure


def _spent(usage: pl.DataFrame, when: str, width: int | None) -> list[str]:
    sums = [amount(cost, printable(currency)) for currency, cost in totals(usage)]
    room = max(map(len, sums), default=0)
    return [*(text.rjust(room) for text in sums or ["nothing"]), *wrapped(when, width)]


def _months(bill: Bill, width: int | None) -> list[str]:
    try:
        return month_so_far(bill.usage, bill.compared, timezone=bill.timezone, width=width)
    except AlignmentError:
        said = "No comparison: the buckets are longer than a day; load with --timeframe day."
        return wrapped(said, width)
