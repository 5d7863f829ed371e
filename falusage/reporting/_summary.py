"""The whole report as text: what was spent, by whom, on what, since when, and how sure that is."""

from __future__ import annotations

import polars as pl

from falusage._wording.amounts import amount, printable
from falusage._wording.dates import span
from falusage.errors import AlignmentError
from falusage.reporting._certainty import Certainty
from falusage.reporting._months import month_so_far
from falusage.reporting._spending import MOST, spending, totals
from falusage.reporting._tables import wrapped

TOP_ENDPOINTS = 7
_NARROW = 40
"""Below this width, what is said of a word does not stand beside it, but under it."""


def summary(usage: pl.DataFrame, certainty: Certainty, *, width: int | None = None) -> str:
    """Give the report of a usage table as text.

    Args:
        usage: A usage table.
        certainty: What is known of how it came about.
        width: The width to keep to; None is any. A number is never cut for it.

    Returns:
        Lines: the total of each currency; the cost by team and by product, of the hundred that
        cost most and of the others together, and of the endpoints that cost most; the month so far
        against the month before, over the same days; how sure the numbers are.
    """
    start, end = map(certainty.local, (certainty.start, certainty.end))
    sections = [("Spent", _spent(usage, f"{span(start, end)}, {certainty.timezone}", width))]
    if usage.height:
        sections += [
            ("By team", spending(usage, by="username", title="team", top=MOST, width=width)),
            ("By product", spending(usage, by="product", title="product", top=MOST, width=width)),
            (
                f"Top {TOP_ENDPOINTS} endpoints",
                spending(usage, by="endpoint_id", title="endpoint", top=TOP_ENDPOINTS, width=width),
            ),
            (
                "The month so far, against as many days of the month before",
                _months(usage, certainty, width),
            ),
        ]
    indent = 12 if width is None or width >= _NARROW else 2
    lines = certainty.lines(usage)
    sure = [part for line in lines for part in wrapped(line, width, indent=indent)]
    sections.append(("How sure this is", sure))
    return "\n\n".join(
        "\n".join([*wrapped(title.upper(), width), *lines]) for title, lines in sections
    )


def _spent(usage: pl.DataFrame, when: str, width: int | None) -> list[str]:
    sums = [amount(cost, printable(currency)) for currency, cost in totals(usage)]
    room = max(map(len, sums), default=0)
    return [*(text.rjust(room) for text in sums or ["nothing"]), *wrapped(when, width)]


def _months(usage: pl.DataFrame, certainty: Certainty, width: int | None) -> list[str]:
    try:
        return month_so_far(
            usage,
            start=certainty.start,
            closed_until=certainty.closed_until,
            timezone=certainty.timezone,
            width=width,
        )
    except AlignmentError:
        said = "No comparison: the buckets are longer than a day; load with --timeframe day."
        return wrapped(said, width)
