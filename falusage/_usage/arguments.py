"""What every transform does with its table: take it lazily, check its columns, give back its kind.

A DataFrame is given back for a DataFrame and a LazyFrame for a LazyFrame; whatever else has the
Arrow interface (pandas, PyArrow, …) is read into Polars, and a DataFrame is given back.

A name that the table does not have is refused with the near one, before any row is read; so is a
grouping column that bears the name of a result. `currency` is part of every key, because money in
two currencies has no sum, and nulls in a key are a group of their own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast, runtime_checkable

import polars as pl

from falusage.columns import ABSURD
from falusage.errors import MissingColumnError, QueryError


@runtime_checkable
class Arrow(Protocol):
    """A table of any library that has the Arrow PyCapsule interface; a DataFrame is one, too."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the table as a stream of Arrow batches."""
        ...


Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame, Arrow)


def plan(usage: pl.LazyFrame | Arrow) -> pl.LazyFrame:
    """Take a table as a LazyFrame, or refuse what is none.

    What comes through Arrow has its categories read as text, which is what usage tables hold.
    """
    if isinstance(usage, pl.DataFrame | pl.LazyFrame):
        return usage.lazy()
    if not isinstance(usage, Arrow) or isinstance(usage, pl.Series):  # pyright: ignore[reportUnnecessaryIsInstance] -- callers without a type checker
        mend = " Its table is its attribute `usage`." if hasattr(usage, "usage") else ""
        raise QueryError(
            f"usage is a {type(usage).__name__}; expected a DataFrame or LazyFrame of Polars, or a "
            "table with the Arrow interface, as those of pandas (2.2 or later) and PyArrow have it."
            f"{mend}"
        )
    try:
        table = pl.DataFrame(usage)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise QueryError(
            f"usage is a {type(usage).__name__} that cannot be read through Arrow: {error}"
        ) from error
    if any(kind.__module__.startswith("pandas") for kind in type(usage).__mro__):
        _refuse_gaps(table)
    return table.lazy().with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def _refuse_gaps(table: pl.DataFrame) -> None:
    """Refuse amounts that are not there: what pandas calls NaN comes through Arrow as null."""
    for name in ("cost", "quantity"):
        if name in table.columns and (gaps := table[name].null_count()):
            raise QueryError(
                f"column {name!r} is NaN in {gaps:,} of {table.height:,} rows, which would add "
                "nothing to a sum; fill it, as with fillna(0), or take these rows away"
            )


def like(usage: Frame, result: pl.LazyFrame) -> Frame:
    """Give a result as the kind of frame that `usage` is: all but a LazyFrame is collected."""
    if isinstance(usage, pl.LazyFrame):
        return result
    # A DataFrame has the Arrow interface, so it is what Arrow is given back as, too.
    return cast("Frame", collected(result))


def collected(result: pl.LazyFrame) -> pl.DataFrame:
    """Collect a result, and refuse in words a number that has no exact sum.

    Raises:
        QueryError: An amount is not finite, or too large for Decimal(38, 12).
    """
    with refusing_inexact():
        return result.collect()


@contextmanager
def refusing_inexact() -> Generator[None]:
    """Say in words what Polars says of a table that it cannot read, or sum in Decimal."""
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


def names(given: str | Sequence[str], *, argument: str) -> tuple[str, ...]:
    """Read one column name or several, each once.

    >>> names("username", argument="by")
    ('username',)
    """
    if not isinstance(given, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] -- as in `plan`
        raise QueryError(f"{argument} is {given!r}; expected the name of a column, or several")
    read = (given,) if isinstance(given, str) else tuple(given)
    for name in read:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] -- as in `plan`
            raise QueryError(f"{argument} holds {name!r}; expected the names of columns")
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise QueryError(f"{argument} holds {name!r}, a pattern; expected the names of columns")
    if len(set(read)) < len(read):
        twice = sorted({name for name in read if read.count(name) > 1})
        raise QueryError(f"{argument} names {', '.join(map(repr, twice))} twice; name it once")
    return read


def key(by: Sequence[str]) -> tuple[str, ...]:
    """Give the columns that sums are grouped by: `by`, and `currency` always.

    >>> key(["username"])
    ('username', 'currency')
    """
    return tuple(by) if "currency" in by else (*by, "currency")


def require(usage: pl.LazyFrame, columns: Iterable[str], *, hint: str = "") -> pl.Schema:
    """Give the table's schema, once each of `columns` is known to be in it."""
    schema = usage.collect_schema()
    for column in columns:
        if column not in schema:
            raise MissingColumnError(column, schema.names(), hint=hint)
    return schema


def require_numbers(usage: pl.LazyFrame, columns: Iterable[str]) -> None:
    """Refuse a table in which one of `columns` is missing or is not a number."""
    columns = tuple(columns)
    schema = require(usage, columns)
    for column in columns:
        if not schema[column].is_numeric():
            raise QueryError(
                f"column {column!r} is {schema[column]}, which has no sum; expected Float64"
            )


def free(
    by: Iterable[str], *, reserved: Iterable[str], argument: str = "by", hidden: bool = True
) -> None:
    """Refuse grouping columns that bear a name of the transform's own.

    Args:
        by: The columns.
        reserved: The names in its result.
        argument: What named the columns.
        hidden: Whether it also has columns on the way, whose names begin with an underscore.
    """
    taken = {name for name in by if hidden and name.startswith("_")} | (set(by) & set(reserved))
    if taken:
        raise QueryError(
            f"{argument} holds {', '.join(map(repr, sorted(taken)))}, which the result names "
            "itself; rename the column first, or leave it out"
        )


def one_thing(columns: Iterable[str], *, argument: str) -> None:
    """Refuse a sum of quantities over several units or endpoints."""
    lacking = [column for column in ("endpoint_id", "unit") if column not in set(columns)]
    if lacking:
        raise QueryError(
            f"quantities of different endpoints or units have no sum; add "
            f"{' and '.join(map(repr, lacking))} to {argument}, or sum cost"
        )


def amounts(
    given: object, *, usage: pl.Schema, keys: Sequence[str], value: str, argument: str
) -> pl.DataFrame:
    """Collect a frame that gives each key a number from 0, once, or refuse it.

    The keys are cast to their dtypes in the usage, so that they can be joined. A frame that goes
    by more of its names is refused: an amount of one team is none of all teams.
    """
    if not isinstance(given, pl.LazyFrame | Arrow):
        raise QueryError(
            f"{argument} is {given!r}; expected a frame of {', '.join((*keys, value))}"
        )
    table = plan(given)
    require(table, keys)
    require_numbers(table, [value])
    for name in table.collect_schema():
        if name not in keys and usage.get(name) == pl.String:
            raise QueryError(
                f"{argument} go by {name!r}, but the question by {', '.join(map(repr, keys))}; ask "
                f"by {name!r}, too, or sum them over it and leave the column out"
            )
    number = pl.col(value).cast(pl.Float64)
    try:
        read = table.select(*(pl.col(name).cast(usage[name]) for name in keys), number).collect()
    except pl.exceptions.PolarsError as error:
        raise QueryError(f"{argument} has keys of another kind than the usage: {error}") from error
    fit = number.is_between(0, ABSURD, closed="left").fill_null(value=False)
    for row in read.filter(~fit).head(1).rows():
        raise QueryError(f"the {value} of {row[:-1]!r} is {row[-1]!r}; expected a number from 0")
    twice = pl.struct(tuple(keys)).is_duplicated()
    for row in read.filter(twice).sort(tuple(keys)).head(1).rows():
        raise QueryError(f"{argument} names {row[:-1]!r} twice; name it once")
    return read
