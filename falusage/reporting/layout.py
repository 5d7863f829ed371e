"""Tables as lines of text, in the width that there is.

If the width is short, optional columns are left out first, then long names are cut in their middle.
Numbers are never cut: if there is no room for them side by side, each row becomes a few lines, one
for each column.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import polars as pl

from falusage._wording.names import shorten
from falusage.reporting.columns import Column, amounts, buckets, names, numbers

_GAP: Final = "  "
_LEGIBLE: Final = 20
"""Names are cut to this width before an optional column is left out, and shorter only then."""

_SHORTEST: Final = 6
_NUMBER: Final = re.compile(r"\W*\d[\d.,]*\W*")


def lay_out(
    columns: Sequence[Column], *, width: int | None = None, parts: Iterable[object] = ()
) -> Iterator[str]:
    """Yield the lines of a table, titles first; a table without rows has its titles only.

    Args:
        columns: The columns, from left to right. Of the optional ones, the last are left out first.
        width: The width to keep to; None is any. If there is no room for the columns side by side,
            each row has a line for each of them.
        parts: A value for each row. Where it changes, there is an empty line.

    >>> usage = pl.DataFrame({
    ...     "username": ["acme-data-platform", "acme"], "cost": [1204.0, 9.5], "currency": "USD",
    ... })
    >>> team, cost = names(usage, "username"), amounts(usage, "cost")
    >>> for line in lay_out([team, cost], width=24):
    ...     print(line)
    team                cost
    acme-…form  1,204.00 USD
    acme            9.50 USD
    >>> for line in lay_out([team, cost], width=18):
    ...     print(line)
    acme-data-platform
      cost
      1,204.00 USD
    acme
      cost 9.50 USD
    """
    shown = list(columns)
    widths = [column.width for column in shown]
    if width is not None:
        while _width([_least(one, _LEGIBLE) for one in shown]) > width and _drop_one(shown):
            pass
        widths = _fitted(shown, width)
    texts = [[cell.text for cell in column.cells] for column in shown]
    rows = list(zip(*texts, strict=True))
    part = list(parts)
    stacked = width is not None and _width(widths) > width
    if not stacked:
        yield _beside([column.title for column in shown], shown, widths)
    for place, row in enumerate(rows):
        if place and part and part[place] != part[place - 1]:
            yield ""
        if stacked:
            yield from _stacked(row, shown, width or 0)
        else:
            yield _beside(row, shown, widths)


def _beside(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = zip(row, columns, widths, strict=True)
    return _GAP.join(_cell(text, column, room) for text, column, room in cells).rstrip()


def _stacked(row: Sequence[str], columns: Sequence[Column], width: int) -> Iterator[str]:
    """Yield a row as lines: its first cell, and below it the others, each after its title."""
    for place, (text, column) in enumerate(zip(row, columns, strict=True)):
        lead = _GAP if place else ""
        short = shorten(text, max(width - len(lead), _SHORTEST)) if column.shrinks else text
        line = f"{lead}{column.title} {short}" if place and column.title else f"{lead}{short}"
        if place and column.title and len(line) > width:
            yield f"{lead}{column.title}"
            line = f"{lead}{short}"
        if len(line) > width >= _LEGIBLE:
            yield from (f"{lead}{part}" for part in wrapped(line.strip(), width - len(lead)))
        elif line.strip():
            yield line


def _cell(text: str, column: Column, width: int) -> str:
    short = shorten(text, width) if column.shrinks else text
    return short.rjust(width) if column.numeric else short.ljust(width)


def _least(column: Column, floor: int) -> int:
    return min(column.width, floor) if column.shrinks else column.width


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _drop_one(columns: list[Column]) -> bool:
    places = [place for place, column in enumerate(columns) if column.optional]
    if places:
        columns.pop(places[-1])
    return bool(places)


def _fitted(columns: Sequence[Column], width: int) -> list[int]:
    widths = [column.width for column in columns]
    while _width(widths) > width:
        widest = max(
            (place for place, column in enumerate(columns) if column.shrinks),
            key=lambda place: widths[place],
            default=None,
        )
        if widest is None or widths[widest] <= _SHORTEST:
            break
        widths[widest] -= 1
    return widths


def wrapped(line: str, width: int | None, *, indent: int = 0) -> list[str]:
    """Break a sentence into lines at its spaces, so that no number or date is cut.

    A name that is wider than a line is cut in its middle, as in a table.

    >>> wrapped("more use at acme-data-platform (+715.93 USD)", 12)
    ['more use at', 'acme-d…tform', '(+715.93', 'USD)']
    """
    room = max(width or len(line), indent + 1)
    if room - indent >= _SHORTEST:
        words = (
            word if _NUMBER.fullmatch(word) else shorten(word, room - indent)
            for word in line.split(" ")
        )
        line = " ".join(words)
    return textwrap.wrap(
        line,
        room,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def usage_table(
    usage: pl.DataFrame, *, timezone: str = "UTC", width: int | None = None
) -> Iterator[str]:
    """Yield the main columns of a usage table as lines of text.

    Columns that follow from others (`bucket_end`) or were not asked for are left out, and so is
    `unit_price` if rows differ without it; CSV and JSON have them all.

    Args:
        usage: The usage table.
        timezone: The zone in which buckets are shown.
        width: The width to keep to; None is any.
    """
    asked = [
        name for name in ("auth_method", "api_key_id") if usage[name].null_count() < usage.height
    ]
    callers = [names(usage, name, optional=True) for name in asked]
    alike = usage.select("bucket", "username", "product", "endpoint_id", "unit", "currency", *asked)
    prices = [numbers(usage, "unit_price", "price")] if alike.is_duplicated().any() else []
    yield from lay_out(
        [
            buckets(usage, timezone),
            names(usage, "username"),
            names(usage, "endpoint_id"),
            names(usage, "product", optional=True),
            *callers,
            numbers(usage, "quantity", optional=True),
            names(usage, "unit", optional=True),
            *prices,
            amounts(usage, "cost"),
        ],
        width=width,
    )
