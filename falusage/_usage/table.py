"""A usage table: its rows as a plan, its schema, and its coverage.

Every public function that takes usage calls `take`. Usage is a frame of Polars, a table of another
library with the Arrow interface (pandas, PyArrow, …), or something with a coverage: a load, a
snapshot, a store or its view. The result is lazy if the rows are lazy: a LazyFrame for a LazyFrame,
a snapshot or a store, and a DataFrame for anything else.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import polars as pl

from falusage._usage.settling import Keeping, Settles
from falusage.columns import ABSURD
from falusage.coverage import Coverage
from falusage.errors import MissingColumnError, QueryError
from falusage.timeframes import zone

Rows_co = TypeVar("Rows_co", pl.DataFrame, pl.LazyFrame, covariant=True)


@runtime_checkable
class Arrow(Protocol):
    """A table of any library with the Arrow PyCapsule interface, a Polars DataFrame among them."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a stream of Arrow batches."""
        ...


@runtime_checkable
class Covered(Protocol[Rows_co]):
    """A usage table that knows its coverage: a load, a snapshot, a store or a store's view."""

    def __usage__(self) -> tuple[Rows_co, Coverage]:
        """Return the rows, and the coverage of just these rows."""
        ...


Lazy: TypeAlias = pl.LazyFrame | Covered[pl.LazyFrame]
"""Usage for which a result is a LazyFrame."""

Eager: TypeAlias = Arrow | Covered[pl.DataFrame]
"""Usage for which a result is a DataFrame."""


@dataclass(frozen=True, slots=True)
class Table:
    """A usage table of any kind.

    Attributes:
        rows: The rows, lazy.
        schema: Their columns, read once.
        coverage: What is known beyond the rows; None for a bare frame.
        is_lazy: Whether a result must be lazy, too.
        settles: Reads how the version of a store settled; None for other usage.
    """

    rows: pl.LazyFrame
    schema: pl.Schema
    coverage: Coverage | None
    is_lazy: bool
    settles: Settles | None = None

    def require(self, columns: Iterable[str], *, hint: str = "") -> None:
        """Raise `MissingColumnError` if one of `columns` is missing."""
        require(self.schema, columns, hint=hint)

    def require_numbers(self, columns: Iterable[str]) -> None:
        """Raise if one of `columns` is missing or is not a number."""
        require_numbers(self.schema, columns)

    def require_covered(self, start: datetime | None = None, end: datetime | None = None) -> None:
        """Raise `CoverageError` if a part of a range, by default the whole, was never read."""
        if self.coverage is not None:
            self.coverage.require(start, end)

    def zone(self, timezone: str | None) -> str:
        """Return the time zone to use: the given one, that of the coverage, or UTC.

        Raises:
            QueryError: There is no time zone of that name.
        """
        if timezone is None:
            return "UTC" if self.coverage is None else self.coverage.timezone
        zone(timezone)
        return timezone

    def as_text(self) -> Table:
        """Return the table with its Categorical columns as text, as the API sends them."""
        rows = self.rows.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
        return replace(self, rows=rows, schema=rows.collect_schema())

    def result(self, plan: pl.LazyFrame) -> Any:
        """Return a result as a LazyFrame if the table is lazy, else as a DataFrame."""
        return plan if self.is_lazy else collected(plan)


def take(usage: Lazy | Eager, coverage: Coverage | None = None) -> Table:
    """Return usage of any kind as a `Table`.

    Args:
        usage: See the module's docstring. Categories that come through Arrow become text.
        coverage: The range, gaps and finality of a bare frame.

    Raises:
        QueryError: It is not a table, or it has a coverage of its own and another one was given.
    """
    if coverage is not None and not isinstance(coverage, Coverage):
        raise QueryError(f"coverage is {coverage!r}; expected a falusage.Coverage")
    rows: Any = usage
    settles: Settles | None = None
    if isinstance(usage, Covered):
        if coverage is not None:
            raise QueryError(
                f"usage is a {type(usage).__name__}, which has its own coverage; leave out "
                "coverage=, or pass its rows, as its attribute `usage`"
            )
        kept = usage.__kept__() if isinstance(usage, Keeping) else None
        rows, coverage = (usage if kept is None else kept).__usage__()
        settles = None if kept is None else kept.settles
    plan = lazy(rows)
    return Table(plan, plan.collect_schema(), coverage, isinstance(rows, pl.LazyFrame), settles)


def lazy(
    frame: object, *, name: str = "usage", amounts: Iterable[str] = ("cost", "quantity")
) -> pl.LazyFrame:
    """Return a table as a LazyFrame.

    Args:
        frame: The table.
        name: What to call it in messages.
        amounts: The columns that must not be NaN in pandas.

    Raises:
        QueryError: It is not a table, or has missing amounts, which are NaN in pandas.
    """
    if isinstance(frame, pl.DataFrame | pl.LazyFrame):
        return frame.lazy()
    if not isinstance(frame, Arrow) or isinstance(frame, pl.Series):
        raise QueryError(
            f"{name} is a {type(frame).__name__}; expected a load, a snapshot, a store, a "
            "DataFrame or LazyFrame of Polars, or a table with the Arrow interface, as those of "
            "pandas (2.2 or later) and PyArrow have it"
        )
    try:
        table = pl.DataFrame(frame)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise QueryError(
            f"{name} is a {type(frame).__name__} that cannot be read through Arrow: {error}"
        ) from error
    if any(kind.__module__.startswith("pandas") for kind in type(frame).__mro__):
        _reject_missing(table, amounts)
    return table.lazy().with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def _reject_missing(table: pl.DataFrame, amounts: Iterable[str]) -> None:
    """Raise if an amount is missing: NaN of pandas becomes null in Arrow."""
    for name in amounts:
        if name in table.columns and (missing := table[name].null_count()):
            raise QueryError(
                f"column {name!r} is NaN in {missing:,} of {table.height:,} rows, which would add "
                "nothing to a sum; fill it, as with fillna(0), or remove these rows"
            )


def require(schema: pl.Schema, columns: Iterable[str], *, hint: str = "") -> None:
    """Raise `MissingColumnError` if one of `columns` is not in a schema."""
    for column in columns:
        if column not in schema:
            raise MissingColumnError(column, schema.names(), hint=hint)


def require_numbers(schema: pl.Schema, columns: Iterable[str]) -> None:
    """Raise if one of `columns` is not in a schema, or is not a number.

    Raises:
        MissingColumnError: It is missing.
        QueryError: It is not a number.
    """
    columns = tuple(columns)
    require(schema, columns)
    for column in columns:
        if not schema[column].is_numeric():
            raise QueryError(
                f"column {column!r} is {schema[column]}, which has no sum; expected Float64"
            )


def collected(result: pl.LazyFrame) -> pl.DataFrame:
    """Collect a result.

    Raises:
        QueryError: An amount is not finite, or too large for Decimal(38, 12).
    """
    with rejecting_inexact():
        return result.collect()


@contextmanager
def rejecting_inexact() -> Generator[None]:
    """Raise `QueryError` for a table that Polars cannot read, or cannot sum in Decimal."""
    try:
        yield
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError) as error:
        said = str(error).splitlines()[0]
        if "decimal" not in said:
            raise QueryError(f"the table cannot be read: {said}") from error
        raise QueryError(
            f"the table cannot be summed exactly: {said}. Expected finite numbers below "
            f"{ABSURD:g}, as validated usage has them"
        ) from error
