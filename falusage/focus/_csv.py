"""The cells of a CSV file as text, or a message that names the line where it is not CSV.

A FOCUS report is CSV by RFC 4180: commas, one header, as many cells in every line, in UTF-8. What
departs from that is rejected, because a cell in the wrong column is a wrong amount. Lines are
counted as an editor counts them, so a cell with line breaks does not shift the ones after it.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import polars as pl

from falusage.errors import MissingColumnError, SchemaError

_PART: Final = 500_000
"""How many cells are Python text at the same time, or one row."""

_WIDEST: Final = 1_000
"""The most columns; FOCUS has about 60."""

_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_EMPTY: Final = ("", "null")
"""What an empty cell may say, in any case."""


@dataclass(slots=True)
class Cells:
    """The text of a CSV file, with the name that messages give it.

    Attributes:
        body: The bytes of the file.
        where: The path of the file, or of the endpoint that sent it.
        needed: The columns that it must have.
    """

    body: bytes
    where: str
    needed: tuple[str, ...]
    _read: int = field(init=False, default=0)
    """The last line of the rows that are read."""

    def rows(self) -> tuple[pl.DataFrame, pl.Series]:
        """Return the rows as text, null where a cell is empty or `NULL`, and their lines.

        Raises:
            MissingColumnError: A needed column is missing.
            SchemaError: It is not CSV; the message names the line.
        """
        reader = csv.reader(io.StringIO(self._text(), newline=""), strict=True)
        try:
            header = next(reader, [])
            self._read = reader.line_num
            self._require_header(header)
            parts = [
                (_frame(header, cells), lines) for lines, cells in self._parts(reader, len(header))
            ]
        except csv.Error as error:
            self._reject(
                self._read + 1,
                f"the row that begins here is not CSV: {error}. A quote inside quotes is doubled, "
                "and every quote is closed",
            )
        tables, lines = zip(*parts, strict=True)
        return pl.concat(tables), pl.Series("line", [*itertools.chain(*lines)], pl.UInt32)

    def _text(self) -> str:
        try:
            text = self.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.body.count(b"\n", 0, error.start) + 1
            self._reject(line, "it is not UTF-8 text; save the file as CSV in UTF-8")
        if "\0" in text:
            self._reject(
                text.count("\n", 0, text.index("\0")) + 1,
                "it has a zero byte, as no text has; save the file as CSV in UTF-8",
            )
        return text

    def _require_header(self, header: list[str]) -> None:
        if not any(cell.strip() for cell in header):
            self._reject(1, "it is blank; expected the names of the columns, from BilledCost on")
        for sign, name in _SEPARATORS.items():
            if sign in header[0] and len(header) == 1:
                self._reject(
                    1, f"the cells are separated by {name}; expected commas: save it with commas"
                )
        if len(header) > _WIDEST:
            self._reject(1, f"it has {len(header):,} columns; expected {_WIDEST:,} at most")
        for name in header:
            if header.count(name) > 1:
                self._reject(1, f"it has a column {name!r} twice; remove or rename one")
        for name in self.needed:
            if name not in header:
                hint = f"{self.where} is not a FOCUS file without it."
                raise MissingColumnError(name, header, hint=hint)

    def _parts(self, reader: Any, width: int) -> Iterator[tuple[list[int], list[list[str]]]]:
        """Yield lines and their rows, some thousands at a time."""
        rows: list[list[str]] = []
        lines: list[int] = []
        blank: int | None = None
        for cells in reader:
            line, self._read = self._read + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                blank = blank or line
                continue
            if blank is not None:
                self._reject(blank, "it is blank; expected a charge in every line: remove it")
            if len(cells) != width:
                self._reject(
                    line,
                    f"it has {len(cells):,} cells; expected {width:,}, as in the header. A cell "
                    "that contains a comma must be in quotes, and an amount has a decimal point",
                )
            rows.append(cells)
            lines.append(line)
            if len(rows) * width >= _PART:
                yield lines, rows
                rows, lines = [], []
        yield lines, rows

    def _reject(self, line: int, what: str) -> NoReturn:
        raise SchemaError(f"{self.where}, line {line:,}: {what}", failures=pl.DataFrame()) from None


def _frame(header: list[str], rows: list[list[str]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    table = pl.DataFrame([pl.Series(f"{place}", cells) for place, cells in enumerate(columns)])
    text = pl.all().cast(pl.String)
    is_empty = text.str.strip_chars().str.to_lowercase().is_in(_EMPTY)
    table = table.select(pl.when(~is_empty).then(text))
    table.columns = header  # which may have any text, and none
    return table
