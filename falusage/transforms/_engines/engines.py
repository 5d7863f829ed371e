"""The engines that may have the rows, and the SQL of each for what Narwhals cannot express.

A relation of DuckDB and a DataFrame of Spark are recognized by the name of their library, which is
not imported for this. Narwhals has no instants as numbers, and no way to fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar


class SparkFrame(Protocol):
    """A DataFrame of Spark, recognized by a method that no other frame has."""

    def createOrReplaceTempView(self, name: str) -> None:  # noqa: N802 -- Spark's name
        """Name the frame for Spark's SQL."""
        ...


class DuckRelation(Protocol):
    """A relation of DuckDB, recognized by a method that no other frame has."""

    def create_view(self, view_name: str, replace: bool = True) -> Any:
        """Name the relation for DuckDB's SQL."""
        ...


Elsewhere = TypeVar("Elsewhere", bound=SparkFrame | DuckRelation)


@dataclass(frozen=True, slots=True)
class Engine:
    """SQL templates of an engine; `{}` is the operand."""

    select: Callable[[Any, Mapping[str, str]], Any]
    """Returns a frame of just these columns, each from its SQL; their names need no quotes."""
    quote: str
    """The quote around a name; inside a name it is doubled."""
    micros: str
    """The microseconds from 1970 to an instant."""
    instant: str
    """The instant so many microseconds after 1970."""
    item: str
    """The item of the list `{0}` at the place `{1}`, counted from 1."""
    text: str
    """An instant as text, with its offset."""
    fail: str
    """An expression that fails with this text."""

    def name(self, column: str) -> str:
        """Return a column's name in quotes.

        >>> ENGINES["pyspark"].name("my `own`")
        '`my ``own```'
        """
        return self.quote + column.replace(self.quote, 2 * self.quote) + self.quote

    def add(self, rows: Any, columns: Mapping[str, str]) -> Any:
        """Add or replace columns of a frame whose names need no quotes."""
        return self.select(rows, {**{name: name for name in rows.columns}, **columns})


def _select_in_duckdb(rows: Any, columns: Mapping[str, str]) -> Any:
    return rows.project(", ".join(f"{sql} AS {new}" for new, sql in columns.items()))


def _select_in_spark(rows: Any, columns: Mapping[str, str]) -> Any:
    from pyspark.sql import functions

    return rows.select(*(functions.expr(sql).alias(new) for new, sql in columns.items()))


_SPARK: Final = Engine(
    select=_select_in_spark,
    quote="`",
    micros="unix_micros({})",
    instant="timestamp_micros({})",
    item="element_at(array({0}), CAST({1} AS INT))",
    text="date_format({}, \"yyyy-MM-dd'T'HH:mm:ssXXX\")",
    fail="CAST(raise_error({}) AS BIGINT)",
)
ENGINES: Final = {
    "duckdb": Engine(
        select=_select_in_duckdb,
        quote='"',
        micros="epoch_us({})",
        instant="make_timestamptz({})",
        item="list_extract([{0}], {1})",
        text="CAST({} AS VARCHAR)",
        fail="CAST(error({}) AS BIGINT)",
    ),
    "pyspark": _SPARK,
    "pyspark[connect]": _SPARK,
}
"""The engines, by their names in Narwhals."""


def is_elsewhere(usage: object) -> bool:
    """Return whether a table's rows are in an engine that can run a plan.

    >>> is_elsewhere([])
    False
    """
    home = type(usage).__module__.split(".")[0]
    named = {
        "duckdb": "create_view",
        "_duckdb": "create_view",
        "pyspark": "createOrReplaceTempView",
    }
    return home in named and hasattr(usage, named[home])
