"""What a page is made of: sections of tables, pictures, facts and notes, before any markup.

A cell carries its text, as people read it, and its value, as a table is sorted by; null is last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, TypeAlias

import polars as pl

from falusage._wording.amounts import (
    NOTHING,
    amount,
    band,
    chance,
    number,
    percent,
    printable,
)
from falusage._wording.dates import moment


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text and the value that it is sorted by."""

    text: str
    value: float | Decimal | str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, whether it holds numbers, and its cells."""

    title: str
    cells: Sequence[Cell]
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be sorted, and under it a row of sums that stays where it is."""

    kind: ClassVar = "table"
    caption: str
    columns: Sequence[Column]
    sums: Sequence[str] = ()

    @property
    def rows(self) -> list[tuple[Cell, ...]]:
        """The cells, row by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in two sizes, for a page and for a phone, and in words."""

    kind: ClassVar = "picture"
    wide: str
    narrow: str
    size: tuple[int, int]
    alt: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Short statements, each under its word."""

    kind: ClassVar = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence: what is not there, and why."""

    kind: ClassVar = "note"
    text: str


Block: TypeAlias = Table | Picture | Facts | Note


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, under a title that says what it answers."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def names(frame: pl.DataFrame, column: str, title: str) -> Column:
    """Give a column of names; null is said as such."""
    texts = [printable(cell) for cell in frame[column].cast(pl.String)]
    return Column(title, [Cell(text, text.lower()) for text in texts], numeric=False)


def amounts(frame: pl.DataFrame, column: str, title: str, *, signed: bool = False) -> Column:
    """Give a column of money, each cell with its currency."""
    pairs = zip(frame[column], frame["currency"], strict=True)
    cells = [Cell(amount(value, printable(unit), signed=signed), value) for value, unit in pairs]
    return Column(title, cells)


def ranges(frame: pl.DataFrame, low: str, high: str, title: str) -> Column:
    """Give a column of ranges of numbers, sorted by where they begin."""
    rows = frame.select(low, high).iter_rows()
    return Column(title, [Cell(band(a, b), a) for a, b in rows])


def chances(frame: pl.DataFrame, column: str, title: str) -> Column:
    """Return a column of chances."""
    return Column(title, [Cell(chance(cell), cell) for cell in frame[column]])


def percents(frame: pl.DataFrame, column: str, title: str, *, signed: bool = False) -> Column:
    """Give a column of shares or relative changes."""
    return Column(title, [Cell(percent(cell, signed=signed), cell) for cell in frame[column]])


def numbers(frame: pl.DataFrame, column: str, title: str) -> Column:
    """Give a column of prices or counts, with the digits that they have."""
    return Column(title, [Cell(number(cell), cell) for cell in frame[column]])


def days(frame: pl.DataFrame, column: str, title: str) -> Column:
    """Give a column of dates, or of instants in the zone that they are in."""
    return Column(title, [_day(cell) for cell in frame[column]], numeric=False)


def _day(at: datetime | date | None) -> Cell:
    if at is None:
        return Cell(NOTHING)
    if isinstance(at, datetime):
        return Cell(f"{moment(at)} {at.year}", at.isoformat())
    return Cell(f"{moment(datetime(at.year, at.month, at.day))} {at.year}", at.isoformat())


def unless_empty(table: Table, otherwise: str) -> Table | Note:
    """Give a table, or a sentence in its place where it has no row."""
    return table if table.columns and table.columns[0].cells else Note(otherwise)


def whole(frame: pl.DataFrame, caption: str) -> Table:
    """Give any frame as a table: text and dates as they are, Float64 as money of its row."""
    found: list[Column] = []
    for column, dtype in frame.schema.items():
        title = column.replace("_", " ")
        if dtype.is_temporal():
            found.append(days(frame, column, title))
        elif (
            dtype.is_float() and "currency" in frame.columns and not _RATIOS & {*column.split("_")}
        ):
            found.append(amounts(frame, column, title))
        elif dtype.is_float() and _RATIOS & {*column.split("_")}:
            of_chance = bool(_CHANCES & {*column.split("_")})
            found.append((chances if of_chance else percents)(frame, column, title))
        elif dtype.is_numeric():
            found.append(numbers(frame, column, title))
        elif column != "currency":
            found.append(names(frame, column, title))
    return Table(caption, found)


_CHANCES = frozenset(("probability", "chance"))
_RATIOS = _CHANCES | {"share", "pct", "coverage"}
