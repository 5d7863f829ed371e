"""The engines that rows may lie in, and what each calls the things that Narwhals has no word for.

A relation of DuckDB and a DataFrame of Spark are told from other tables by the library that they
come from, which is not imported for the sake of the question. Narwhals says the rest in every
engine's language; it knows no instants as numbers, and no way to fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar


class SparkFrame(Protocol):
    """A DataFrame of Spark, told by a method that no other frame has."""

    def createOrReplaceTempView(self, name: str) -> None:  # noqa: N802 -- Spark's name
        """Name the frame for Spark's SQL."""
        ...


class DuckRelation(Protocol):
    """A relation of DuckDB, told by a method that no other frame has."""

    def create_view(self, view_name: str, replace: bool = True) -> Any:
        """Name the relation for DuckDB's SQL."""
        ...


Elsewhere = TypeVar("Elsewhere", bound=SparkFrame | DuckRelation)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine's words, as SQL with `{}` for what they are said of."""

    select: Callable[[Any, Mapping[str, str]], Any]
    """Gives a frame of just these columns, each by its SQL; their names need no quotes."""
    quote: str
    """What stands around a name, and twice for one within it."""
    micros: str
    """The microseconds from 1970 to an instant."""
    instant: str
    """The instant that lies so many microseconds after 1970."""
    item: str
    """Of the numbers `{0}`, the one at the place `{1}`, counted from 1."""
    text: str
    """An instant as text, with its offset."""
    fail: str
    """No number: the query fails, with this text."""

    def name(self, column: str) -> str:
        """Write a column's name.

        >>> ENGINES["pyspark"].name("my `own`")
        '`my ``own```'
        """
        return self.quote + column.replace(self.quote, 2 * self.quote) + self.quote

    def add(self, rows: Any, columns: Mapping[str, str]) -> Any:
        """Add columns to a frame whose names need no quotes, or replace them."""
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
"""By the name that Narwhals has for each."""


def is_elsewhere(usage: object) -> bool:
    """Tell whether a table's rows lie in an engine, where a plan can go to them.

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
