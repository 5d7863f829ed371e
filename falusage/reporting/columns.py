"""Columns of a table, for page and terminal: each cell has its text and the value it is sorted by.

Money has its currency in every cell, so that no column can be read as if it had one sum.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import polars as pl

from falusage._wording.dates import day, minute
from falusage._wording.forecasts import described
from falusage._wording.money import amount, band
from falusage._wording.names import labelled, printable
from falusage._wording.names import title as title_of
from falusage._wording.numbers import NOTHING, bar, chance, number, percent
from falusage.reporting._labels import NO_LABELS, Labels

_DETAILED: Final = ("username", "product", "endpoint_id")
"""Names of these columns have details in a page."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        text: Its text.
        value: The value that it is sorted by; None is last.
        opens: The kind and the name, as JSON, of the details that a page opens; None for none.
    """

    text: str
    value: float | Decimal | str | None = None
    opens: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        title: Its title.
        cells: Its cells, row by row.
        numeric: Whether it has numbers, which are aligned right.
        shrinks: Whether a terminal may cut its cells in their middle.
        optional: Whether a narrow terminal may leave it out.
        drawn: Whether it draws bars of blocks, which a page leaves out.
    """

    title: str
    cells: Sequence[Cell]
    numeric: bool = False
    shrinks: bool = False
    optional: bool = False
    drawn: bool = False

    @property
    def width(self) -> int:
        """The width that shows all of it."""
        return max(map(len, (self.title, *(cell.text for cell in self.cells))))


def texts(
    title: str, given: Iterable[str], *, numeric: bool = False, optional: bool = False
) -> Column:
    """Return a column of texts as they are."""
    return Column(title, [Cell(text, text) for text in given], numeric, optional=optional)


def names(
    frame: pl.DataFrame,
    column: str,
    title: str | None = None,
    *,
    optional: bool = False,
    labels: Labels = NO_LABELS,
) -> Column:
    """Return a column of names, which a terminal may cut, with their display names if any."""
    cells: list[Cell] = []
    for name in frame[column].cast(pl.String):
        text = labelled(name, labels.get(column, {}))
        opens = (column, json.dumps(name)) if column in _DETAILED else None
        cells.append(Cell(text, text.lower(), opens))
    return Column(title or title_of(column), cells, shrinks=True, optional=optional)


def models(frame: pl.DataFrame, every: str) -> Column:
    """Return a column of what each model does, which a terminal may cut or leave out."""
    cells = [Cell(text, text) for text in (described(name, every) for name in frame["model"])]
    return Column("model", cells, shrinks=True, optional=True)


def amounts(
    frame: pl.DataFrame,
    column: str,
    title: str | None = None,
    *,
    signed: bool = False,
    optional: bool = False,
) -> Column:
    """Return a column of money, each cell with the currency of its row."""
    pairs = zip(frame[column], frame["currency"], strict=True)
    cells = [Cell(amount(value, printable(unit), signed=signed), value) for value, unit in pairs]
    return Column(title or title_of(column), cells, numeric=True, optional=optional)


def bands(frame: pl.DataFrame, level: int, *, optional: bool = False) -> Column:
    """Return a column of the intervals of a level, sorted by their lower ends."""
    rows = frame.select(f"lo_{level}", f"hi_{level}", "currency").iter_rows()
    cells = [Cell(band(low, high, currency), low) for low, high, currency in rows]
    return Column(f"{level}% band", cells, numeric=True, optional=optional)


def percents(
    frame: pl.DataFrame, column: str, title: str | None = None, *, signed: bool = False
) -> Column:
    """Return a column of shares or relative changes, which a terminal may leave out."""
    cells = [Cell(percent(cell, signed=signed), cell) for cell in frame[column]]
    return Column(title or title_of(column), cells, numeric=True, optional=True)


def chances(frame: pl.DataFrame, column: str, title: str | None = None) -> Column:
    """Return a column of chances."""
    cells = [Cell(chance(cell), cell) for cell in frame[column]]
    return Column(title or title_of(column), cells, numeric=True)


def numbers(
    frame: pl.DataFrame, column: str, title: str | None = None, *, optional: bool = False
) -> Column:
    """Return a column of prices, quantities or counts."""
    cells = [Cell(number(cell), cell) for cell in frame[column]]
    return Column(title or title_of(column), cells, numeric=True, optional=optional)


def days(frame: pl.DataFrame, column: str, title: str | None = None) -> Column:
    """Return a column of dates, or of instants in their own zone; midnight is not written."""
    return Column(title or title_of(column), [_day(cell) for cell in frame[column]])


def _day(at: datetime | date | None) -> Cell:
    if at is None:
        return Cell(NOTHING)
    text = day(at)
    if isinstance(at, datetime) and (at.hour or at.minute):
        text = f"{text} {at:%H:%M}"
    return Cell(text, at.isoformat(), ("day", json.dumps(f"{at:%Y-%m-%d}")))


def minutes(
    frame: pl.DataFrame,
    column: str,
    timezone: str,
    title: str | None = None,
    *,
    optional: bool = False,
) -> Column:
    """Return a column of instants in a time zone, to the minute."""
    local = frame[column].dt.convert_time_zone(timezone)
    cells = [Cell(NOTHING) if at is None else Cell(minute(at), at.isoformat()) for at in local]
    return Column(title or title_of(column), cells, optional=optional)


def buckets(usage: pl.DataFrame, timezone: str) -> Column:
    """Return the column of buckets: dates if all of them start at midnight, else minutes."""
    found: list[datetime] = usage["bucket"].dt.convert_time_zone(timezone).to_list()
    midnights = all((at.hour, at.minute) == (0, 0) for at in found)
    return texts("bucket", [f"{at:%Y-%m-%d}" if midnights else minute(at) for at in found])


def bars(frame: pl.DataFrame, column: str) -> Column:
    """Return a column that draws shares as bars."""
    cells = [Cell(bar(cell), cell) for cell in frame[column]]
    return Column("", cells, optional=True, drawn=True)
