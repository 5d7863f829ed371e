"""The arguments of a question, checked before any row is read.

A grouping column must not have the name of a result. `currency` is part of every key, because
money in two currencies has no sum. Nulls in a key are a group of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from falusage._usage.table import Arrow, lazy, require, require_numbers
from falusage.columns import ABSURD
from falusage.errors import QueryError


def names(given: str | Sequence[str], *, argument: str) -> tuple[str, ...]:
    """Return one column name or several as a tuple, each once.

    >>> names("username", argument="by")
    ('username',)
    """
    if not isinstance(given, Iterable):
        raise QueryError(f"{argument} is {given!r}; expected the name of a column, or several")
    read = (given,) if isinstance(given, str) else tuple(given)
    for name in read:
        if not isinstance(name, str):
            raise QueryError(f"{argument} has {name!r}; expected the names of columns")
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise QueryError(f"{argument} has {name!r}, a pattern; expected the names of columns")
    if len(set(read)) < len(read):
        twice = sorted({name for name in read if read.count(name) > 1})
        raise QueryError(f"{argument} names {', '.join(map(repr, twice))} twice; name it once")
    return read


def key(by: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that sums are grouped by: `by`, and always `currency`.

    >>> key(["username"])
    ('username', 'currency')
    """
    return tuple(by) if "currency" in by else (*by, "currency")


def free(
    by: Iterable[str], *, reserved: Iterable[str], argument: str = "by", hidden: bool = True
) -> None:
    """Raise if a grouping column has a name that the result uses itself.

    Args:
        by: The columns.
        reserved: The names in the result.
        argument: The argument that named the columns.
        hidden: Whether names that start with an underscore are used, too, for temporary columns.
    """
    taken = {name for name in by if hidden and name.startswith("_")} | (set(by) & set(reserved))
    if taken:
        raise QueryError(
            f"{argument} has {', '.join(map(repr, sorted(taken)))}, which the result names "
            "itself; rename the column first, or leave it out"
        )


def one_thing(columns: Iterable[str], *, argument: str) -> None:
    """Raise if quantities would be summed over several units or endpoints."""
    lacking = [column for column in ("endpoint_id", "unit") if column not in set(columns)]
    if lacking:
        raise QueryError(
            f"quantities of different endpoints or units have no sum; add "
            f"{' and '.join(map(repr, lacking))} to {argument}, or sum cost"
        )


def amounts(
    given: object,
    *,
    usage: pl.Schema,
    keys: Sequence[str],
    value: str,
    argument: str,
    by: str = "by",
) -> pl.DataFrame:
    """Return a checked frame with one number from 0 for each key, such as budgets.

    The keys are cast to their dtypes in the usage, so that they can be joined. A frame with more
    names of the usage than `keys` is rejected: a team's budget is not a total.

    Args:
        given: The frame, which is collected.
        usage: The columns of the usage table.
        keys: The columns of a key.
        value: The column of numbers.
        argument: The argument that the frame was passed as.
        by: The argument that named the keys.

    Raises:
        MissingColumnError: A column is missing.
        QueryError: It is not a frame, its keys do not fit, a number is out of range, or a key is
            there twice.
    """
    if not isinstance(given, pl.LazyFrame | Arrow):
        raise QueryError(
            f"{argument} is {given!r}; expected a frame of {', '.join((*keys, value))}"
        )
    table = lazy(given, name=argument)
    schema = table.collect_schema()
    require(schema, keys)
    require_numbers(schema, [value])
    for name in schema:
        if name not in keys and usage.get(name) == pl.String:
            raise QueryError(
                f"{argument} has the column {name!r}, which is not in {by}; add it there, or sum "
                f"{argument} over it and drop the column"
            )
    number = pl.col(value).cast(pl.Float64)
    try:
        read = table.select(*(pl.col(name).cast(usage[name]) for name in keys), number).collect()
    except pl.exceptions.PolarsError as error:
        raise QueryError(f"{argument} has keys of another dtype than the usage: {error}") from error
    fit = number.is_between(0, ABSURD, closed="left").fill_null(value=False)
    for row in read.filter(~fit).head(1).rows():
        raise QueryError(f"the {value} of {row[:-1]!r} is {row[-1]!r}; expected a number from 0")
    twice = pl.struct(tuple(keys)).is_duplicated()
    for row in read.filter(twice).sort(tuple(keys)).head(1).rows():
        raise QueryError(f"{argument} has {row[:-1]!r} twice; expected each key once")
    return read
