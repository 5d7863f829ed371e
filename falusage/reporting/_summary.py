"""The report as text: the first screen of the page, and its tables in short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from falusage._usage.table import Arrow, Eager, Lazy
from falusage.coverage import Coverage
from falusage.reporting._answer import answers
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Facts, Note, Section, Table
from falusage.reporting._labels import read_labels
from falusage.reporting._outlook import outlook
from falusage.reporting._ranges import Ends
from falusage.reporting._sections.certain import certain
from falusage.reporting._sections.prices import prices
from falusage.reporting._sections.unusual import unusual
from falusage.reporting._sections.who import spenders
from falusage.reporting._sections.why import moved
from falusage.reporting._sentences import Screen, screen
from falusage.reporting.layout import lay_out, wrapped

MOST: Final = 10
"""How many rows a table has; the others are folded into one."""

_SINGLE: Final = 5
_NARROW: Final = 40
"""Below this width, the text of a fact is not beside its heading, but under it."""


def summary(
    usage: Lazy | Eager,
    *,
    month: str | None = None,
    baseline: Ends | str | None = None,
    comparison: Ends | None = None,
    timezone: str | None = None,
    teams: pl.LazyFrame | Arrow | None = None,
    keys: pl.LazyFrame | Arrow | None = None,
    width: int | None = None,
    heading: Callable[[str], str] = str,
    coverage: Coverage | None = None,
) -> str:
    """Return the report of a usage table as text.

    Args:
        usage: A load, a snapshot, a store or its view, or a usage table.
        month: The month, as in `report`.
        baseline: The range to compare with, as in `report`.
        comparison: A range instead of a month, as in `report`.
        timezone: The IANA zone of days and months; by default that of the coverage, or UTC.
        teams: The display names of teams, as in `report`.
        keys: The display names of keys, as in `report`.
        width: The width to keep to; None is any. A number is never cut.
        heading: What to write for a line of a heading: by default, the line.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        Lines: the first screen of the page, then who spent it and on what, why it changed, price
        changes and unusual days, and how reliable the numbers are. If a part of the month was
        never read, only the totals of the parts that were read.

    Raises:
        AlignmentError: `month`, `baseline` or `comparison` would split a bucket.
        MissingColumnError: It is not a usage table.
        QueryError: An argument is invalid, or the table is empty and has no coverage.

    >>> import falusage as fu
    >>> usage = fu.sample_usage(start="2025-04-01", end="2025-06-01", every="1d").usage
    >>> print(summary(usage, month="2025-05").splitlines()[0].split(":")[0])
    May 2025
    """
    bill = Bill.from_usage(
        usage,
        coverage=coverage,
        timezone=timezone,
        month=month,
        baseline=baseline,
        comparison=comparison,
        labels=read_labels(teams, keys),
    )
    return "\n".join(_lines(bill, width, heading)).rstrip()


def _lines(bill: Bill, width: int | None, heading: Callable[[str], str]) -> Iterator[str]:
    coming = outlook(bill, None)
    yield from _first(screen(bill, answers(bill, coming.whole), coming), width, heading)
    sections: list[Section] = []
    if not bill.gaps and bill.spent.height:
        sections = [
            spenders(bill, most=MOST),
            moved(bill, most=_SINGLE),
            prices(bill),
            unusual(bill),
        ]
    for section in (*sections, certain(bill)):
        yield from ("", *map(heading, wrapped(section.title.upper(), width)))
        for block in section.blocks:
            yield from _block(block, width)


def _first(said: Screen, width: int | None, heading: Callable[[str], str]) -> Iterator[str]:
    """Yield the first screen: the sentences of a currency below its headline."""
    if said.warning:
        yield from map(heading, wrapped(said.warning, width))
    for head, lines in said.parts:
        yield from map(heading, wrapped(head, width))
        for line in lines:
            yield from (f"  {part}" for part in wrapped(line, None if width is None else width - 2))
    yield from wrapped(said.final, width)
    yield from wrapped(said.range, width)


def _block(block: Block, width: int | None) -> Iterator[str]:
    if isinstance(block, Note):
        yield from wrapped(block.text, width)
    elif isinstance(block, Facts):
        indent = 12 if width is None or width >= _NARROW else 2
        for word, text in block.pairs:
            yield from wrapped(f"{word:<12}{text}", width, indent=indent)
    elif isinstance(block, Table):
        yield from ("", *wrapped(block.caption, width))
        yield from lay_out(block.columns, width=width)
        if block.totals:
            said = " ".join(text for text in block.totals if text)
            yield from wrapped(said, width)
