"""Budgets: read from a frame, and matched with the keys of a usage table."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from falusage._suggestions import closest
from falusage._usage.arguments import amounts
from falusage.errors import QueryError, UnmatchedWarning, warn

_NAMED = 10
"""The most budgets, or keys, that a warning names."""


def budget_columns(budgets: pl.DataFrame) -> tuple[str, ...]:
    """Return the columns that budgets are by: all but the currency and the amount."""
    return tuple(name for name in budgets.columns if name not in {"currency", "budget"})


def read_budgets(budgets: object, usage: pl.Schema, keys: Sequence[str]) -> pl.DataFrame:
    """Return budgets as a frame of `keys` and `budget`, each key once.

    Raises:
        MissingColumnError: A column is missing.
        QueryError: A budget has no name or no amount, or is there twice, or budgets have names
            that are not in `keys`.
    """
    read = amounts(budgets, usage=usage, keys=keys, value="budget", argument="budgets")
    for name in keys:
        if read[name].null_count():
            raise QueryError(f"a budget has no {name}; expected whose it is, and in which currency")
    return read


def unmatched(budgets: pl.DataFrame, there: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    """Return the budgets whose key is not in the table, sorted by key."""
    return budgets.join(there.unique(), on=group, how="anti").sort(group)


def warn_of_unmatched(budgets: pl.DataFrame, there: pl.DataFrame, group: Sequence[str]) -> None:
    """Warn of budgets whose key is not in the table, and name the closest key of each.

    Args:
        budgets: Budgets, each with a key of `group`.
        there: The keys of the table.
        group: The columns of a key.

    Warns:
        UnmatchedWarning: There is such a budget.
    """
    lost = unmatched(budgets, there, group).select(group).rows()
    if lost:
        what = "budget matches" if len(lost) == 1 else "budgets match"
        warn(
            f"{len(lost):,} {what} no row of the table: {named_lost(lost, there, group)}. Correct "
            "the names, or load the range in which they spent",
            UnmatchedWarning,
        )


def named_lost(
    lost: Sequence[tuple[object, ...]], there: pl.DataFrame, group: Sequence[str]
) -> str:
    """Return keys that are not in a table as text, each with the closest key that is."""
    known = there.unique().sort(group).rows()
    said = [f"{_named(key)} ({_meant(key, known)})" for key in lost[:_NAMED]]
    more = f"; and {len(lost) - _NAMED:,} more" if len(lost) > _NAMED else ""
    return f"{'; '.join(said)}{more}"


def _named(key: Sequence[object]) -> str:
    return ", ".join(map(repr, key))


def _meant(key: tuple[object, ...], known: Sequence[tuple[object, ...]]) -> str:
    """Return the closest of the known keys as text, or some of them if none is close."""
    if not known:
        return "the table has no rows"
    columns = list(zip(*known, strict=True))
    parts = [
        part if part in column else closest(str(part), (str(each) for each in column))
        for part, column in zip(key, columns, strict=True)
    ]
    # The currency alone does not count: every key of a table may have it.
    alike = {
        other: sum(part == each for part, each in zip(parts, other, strict=True))
        for other in known
        if len(key) == 1 or any(p == e for p, e in zip(parts[:-1], other[:-1], strict=True))
    }
    near = max(alike, key=alike.__getitem__, default=None)
    if near is not None and alike[near]:
        return f"the closest is {_named(near)}"
    some = "; ".join(map(_named, known[:_NAMED]))
    return f"the table has {some}{' and more' if len(known) > _NAMED else ''}"
