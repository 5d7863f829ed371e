"""Columns of text laid out side by side, in the width that there is.

Where the width is short, what a reader can do without is left out first, then long names are cut
in their middle. Numbers are never cut: where they have no room side by side, each row is a few
lines, one for each column.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from falusage._wording.amounts import amount, band, bar, number, percent, printable
from falusage._wording.money import shorten

_GAP: Final = "  "
_LEGIBLE: Final = 20
"""A name is cut to this before an optional column is left out, and shorter only after."""

_SHORTEST: Final = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A column of text.

    Attributes:
        title: What stands above it.
        cells: Its text, row by row.
        right: Whether it is set flush right, as numbers are.
        shrinks: Whether its cells may be cut in their middle.
        optional: Whether it may be left out where the width is short.
    """

    title: str
    cells: Sequence[str]
    right: bool = False
    shrinks: bool = False
    optional: bool = False

    @property
    def width(self) -> int:
        """The width that shows it whole."""
        return max(map(len, (self.title, *self.cells)))


def names(frame: pl.DataFrame, name: str, title: str, *, optional: bool = False) -> Column:
    """Give a column of names, which may be cut."""
    cells = [printable(cell) for cell in frame[name].cast(pl.String)]
    return Column(title, cells, shrinks=True, optional=optional)


def amounts(frame: pl.DataFrame, name: str, title: str, *, signed: bool = False) -> Column:
    """Give a column of money, each cell with its own currency."""
    pairs = zip(frame[name], frame["currency"], strict=True)
    cells = [amount(value, printable(currency), signed=signed) for value, currency in pairs]
    return Column(title, cells, right=True)


def percents(frame: pl.DataFrame, name: str, title: str, *, signed: bool = False) -> Column:
    """Give a column of shares or relative changes, which may be left out."""
    cells = [percent(cell, signed=signed) for cell in frame[name]]
    return Column(title, cells, right=True, optional=True)


def bands(
    frame: pl.DataFrame, low: str, high: str, title: str, *, optional: bool = False
) -> Column:
    """Give a column of intervals of money."""
    cells = [band(*ends) for ends in frame.select(low, high).iter_rows()]
    return Column(title, cells, right=True, optional=optional)


def bars(frame: pl.DataFrame, name: str) -> Column:
    """Give a column that draws shares."""
    return Column("", [bar(cell) for cell in frame[name]], optional=True)


def lay_out(
    columns: Sequence[Column], *, width: int | None = None, parts: Iterable[object] = ()
) -> Iterator[str]:
    """Give the lines of a table, its titles first; of no rows, the titles alone.

    Args:
        columns: What to show, from left to right; the optional ones furthest right go first.
        width: The width to keep to; None is any. Where the columns have no room beside each
            other, each row is a line for each of them.
        parts: A value for each row; an empty line stands wherever it changes.

    >>> team = Column("team", ["acme-data-platform", "acme"], shrinks=True)
    >>> cost = Column("cost", ["1,204.00 USD", "9.50 USD"], right=True)
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
    rows = list(zip(*(column.cells for column in shown), strict=True))
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
    """Give a row as lines: its first cell, and under it the others, each after its title."""
    for place, (text, column) in enumerate(zip(row, columns, strict=True)):
        lead = _GAP if place else ""
        short = shorten(text, max(width - len(lead), _SHORTEST)) if column.shrinks else text
        line = f"{lead}{column.title} {short}" if place and column.title else f"{lead}{short}"
        if place and column.title and len(line) > width:
            yield f"{lead}{column.title}"
            line = f"{lead}{short}"
        if line.strip():
            yield line


def _cell(text: str, column: Column, width: int) -> str:
    short = shorten(text, width) if column.shrinks else text
    return short.rjust(width) if column.right else short.ljust(width)


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
    """Break a sentence into lines, at spaces only: neither a number nor a date is cut."""
    return textwrap.wrap(
        line,
        max(width or len(line), indent + 1),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def usage_table(
    usage: pl.DataFrame, *, timezone: str = "UTC", width: int | None = None
) -> Iterator[str]:
    """Give a usage table's main columns as lines of text; buckets are shown in `timezone`.

    Columns that a reader can rebuild (`bucket_end`, `unit_price`) or did not ask for are not
    shown; CSV and JSON have them all.
    """
    callers = [
        names(usage, name, title, optional=True)
        for name, title in (("auth_method", "caller"), ("api_key_id", "key"))
        if usage[name].null_count() < usage.height
    ]
    yield from lay_out(
        [
            Column("bucket", _moments(usage["bucket"].dt.convert_time_zone(timezone))),
            names(usage, "username", "team"),
            names(usage, "endpoint_id", "endpoint"),
            names(usage, "product", "product", optional=True),
            *callers,
            Column("quantity", [number(cell) for cell in usage["quantity"]], True, optional=True),
            names(usage, "unit", "unit", optional=True),
            amounts(usage, "cost", "cost"),
        ],
        width=width,
    )


def _moments(instants: pl.Series) -> list[str]:
    """Write instants as dates where all are midnights, else to the minute."""
    found: list[datetime] = instants.to_list()
    midnights = all((at.hour, at.minute) == (0, 0) for at in found)
    return [f"{at:%Y-%m-%d}" if midnights else f"{at:%Y-%m-%d %H:%M}" for at in found]
