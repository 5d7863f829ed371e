"""The parts of a page before any markup: sections of tables, pictures, facts and notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from falusage.reporting.columns import Cell, Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Table:
    """A table that readers can sort, with a row of totals that stays at the end.

    Attributes:
        caption: Its caption.
        columns: Its columns.
        totals: The last row.
    """

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
class Drawing:
    """A picture that is still to be drawn; a terminal leaves it out.

    Attributes:
        draw: A function that takes `ax` and returns it, as every `plot_` function does.
    """

    kind: ClassVar = "drawing"
    draw: Callable[..., Axes]


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


Block: TypeAlias = Table | Drawing | Facts | Note


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, with the title that says what it answers."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def unless_empty(table: Table, otherwise: str) -> Table | Note:
    """Return a table, or a sentence if the table has no rows."""
    return table if table.columns and table.columns[0].cells else Note(otherwise)
