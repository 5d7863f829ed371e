"""What a command prints: a table for people, and the same as JSON or CSV for programs.

A result is a frame, or a record: a mapping of names to values. JSON has a list of records, or one
object. CSV has a line of titles, and one line for each record. Each command declares the columns,
and its `--help` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

import click

from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import put, put_data
from falusage.contract import Type

if TYPE_CHECKING:
    import polars as pl

_Command = TypeVar("_Command", bound=Callable[..., Any])

Word = Type | Literal["date", "list", "object"]
"""The type of a value, as help names it. Instants and dates are ISO 8601 text, in JSON, too."""

Columns: TypeAlias = Mapping[str, Word]
"""The columns of a result, in order, each with its type."""

_ROWS_OF_A_TABLE: Final = 10_000

FORMATS: Final = ("table", "json", "csv")

format_option: Final = click.option(
    "--format",
    "form",
    type=OneOf(FORMATS),
    default="table",
    show_default=True,
    help="How to print the result: for people, or all of its columns for programs. In csv, text "
    "that a spreadsheet would run as a formula gets a ' before it.",
)


def show(
    result: pl.DataFrame | Mapping[str, Any],
    form: str,
    table: Callable[[], Iterable[str]],
    *,
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Print a result on stdout.

    Args:
        result: A frame, or a record.
        form: One of `FORMATS`.
        table: Returns the lines for people; it is called only for them.
        rows: The lines of CSV for a record that has a list; by default the record is one line.
    """
    if form == "table":
        put(table())
        return
    import polars as pl

    from falusage.reporting.records import data_text, flat, record_text

    if isinstance(result, pl.DataFrame):
        for text in data_text(result, form):
            put_data(text)
    elif form == "json":
        put_data(record_text(result))
    else:
        for text in data_text(flat([result] if rows is None else rows), form):
            put_data(text)


def show_parts(
    parts: Iterable[pl.DataFrame], form: str, table: Callable[[pl.DataFrame], Iterable[str]]
) -> None:
    """Print a frame that comes in parts, however many rows it has; many are several tables.

    Args:
        parts: The parts, at least one; a part may be empty.
        form: One of `FORMATS`.
        table: Returns the lines of some rows for people.
    """
    if form == "table":
        for some in _tables(parts):
            put(table(some))
        return
    from falusage.reporting.records import parts_text

    for text in parts_text(parts, form):
        put_data(text)


def _tables(parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield parts joined to frames of about `_ROWS_OF_A_TABLE` rows; at least one."""
    import polars as pl

    gathered: list[pl.DataFrame] = []
    is_first = True
    for part in parts:
        gathered.append(part)
        if sum(each.height for each in gathered) >= _ROWS_OF_A_TABLE:
            yield from pl.concat(gathered).iter_slices(_ROWS_OF_A_TABLE)
            gathered, is_first = [], False
    if gathered and (is_first or any(part.height for part in gathered)):
        yield pl.concat(gathered)


def words(schema: Mapping[str, pl.DataType]) -> dict[str, Word]:
    """Return the columns of a frame's schema."""
    import polars as pl

    names: dict[type[pl.DataType], Word] = {
        pl.String: "text",
        pl.Float64: "number",
        pl.Decimal: "number",
        pl.Int64: "whole number",
        pl.Boolean: "flag",
        pl.Datetime: "instant",
        pl.Date: "date",
    }
    return {name: names[dtype.base_type()] for name, dtype in schema.items()}
