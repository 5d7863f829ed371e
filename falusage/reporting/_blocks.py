"""The parts of a page before any markup: sections of tables, pictures, facts and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import polars as pl

from falusage.reporting.columns import (
    Cell,
    Column,
    amounts,
    chances,
    days,
    names,
    numbers,
    percents,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that readers can sort, with a row of totals that stays at the end."""

    kind: ClassVar = "table"
    caption: str
    columns: Sequence[Column]
    totals: Sequence[str] = ()

    @property
    def rows(self) -> list[tuple[Cell, ...]]:
        """The cells, row by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as SVG markup in two sizes, for a page and for a phone, with its description."""

    kind: ClassVar = "picture"
    wide: str
    narrow: str
    alt: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Short statements, each with its heading."""

    kind: ClassVar = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, such as why something is left out."""

    kind: ClassVar = "note"
    text: str


Block: TypeAlias = Table | Picture | Facts | Note


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, with the title that says what it answers."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def unless_empty(table: Table, otherwise: str) -> Table | Note:
    """Return a table, or a sentence if the table has no rows."""
    return table if table.columns and table.columns[0].cells else Note(otherwise)


def whole(frame: pl.DataFrame, caption: str) -> Table:
    """Return any frame as a table; Float64 is money in the currency of its row, or a ratio."""
    found: list[Column] = []
    for column, dtype in frame.schema.items():
        if dtype.is_temporal():
            found.append(days(frame, column))
        elif (
            dtype.is_float() and "currency" in frame.columns and not _RATIOS & {*column.split("_")}
        ):
            found.append(amounts(frame, column))
        elif dtype.is_float() and _RATIOS & {*column.split("_")}:
            of_chance = bool(_CHANCES & {*column.split("_")})
            found.append((chances if of_chance else percents)(frame, column))
        elif dtype.is_numeric():
            found.append(numbers(frame, column))
        elif column != "currency":
            found.append(names(frame, column))
    return Table(caption, found)


_CHANCES = frozenset(("probability", "chance"))
_RATIOS = _CHANCES | {"share", "pct", "coverage"}
