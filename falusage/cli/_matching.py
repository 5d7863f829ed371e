"""Filters that matched nothing: an error, with the closest name.

The API matches names exactly and returns nothing for a misspelt one. A name that is not in the
answer is looked up in the API's own summary of the same range without filters.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from falusage._suggestions import closest
from falusage.cli._options import option_name
from falusage.cli._terminal import say
from falusage.contract import ASKED, CALLERS, EVENTS_ASKED, Scope

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient
    from falusage.api.query import UsageQuery
    from falusage.api.receipt import Receipt
    from falusage.store import SyncResult, UsageStore

_LISTED: Final = 10
"""How many names that would match are listed at most."""

UNMATCHED: Final = 1
"""The exit code where a filter or a budget matched nothing."""

FILTERS: Final = {name: parameter.column for name, parameter in ASKED.items() if parameter.column}
"""The query's filters, and the columns that they compare."""

_COLUMNS: Final = FILTERS | {name: each.column for name, each in EVENTS_ASKED.items()}

_Names: TypeAlias = Mapping[str, tuple[str, ...]]
"""Names, by the parameter that asked for them."""

_EXPANDED: Final = {field.name: field.expand for field in CALLERS if field.expand}
"""The columns that are null unless they are asked for, and how to ask."""


def say_if_unmatched(client: UsageClient, receipt: Receipt) -> bool:
    """Print on stderr which filters of a load matched nothing, with the closest names.

    Args:
        client: The client that loaded; it is asked once more if a name was not found.
        receipt: The load's receipt.

    Returns:
        Whether there was such a filter.
    """
    # A receipt has no API keys; if there are no rows, none of them matched.
    there = receipt.reconciliation
    return say_unmatched(client, receipt.query, there, empty=not receipt.rows_received)


def say_if_store_unmatched(
    client: UsageClient, store: UsageStore, result: SyncResult, options: Mapping[str, Any]
) -> bool:
    """Print which filters of a sync match nothing in the store; see `say_if_unmatched`."""
    from falusage.api.query import UsageQuery

    filters = {field: options[field] for field in FILTERS if options[field]}
    if not filters:
        return False
    rows = store.scan()
    there = rows.collect_schema().names()
    columns = {column for column in FILTERS.values() if column in there} - _EXPANDED.keys()
    found = rows.select(columns).unique().collect()
    asked = {name: options[name] for name in ("scope", "timezone")}
    query = UsageQuery(result.start, result.end, **asked, **filters)
    return say_unmatched(client, query, found, empty=found.is_empty())


def say_unmatched(
    client: UsageClient, query: UsageQuery, there: pl.DataFrame, *, empty: bool
) -> bool:
    """Print which filters of a query match nothing in a table; see `say_if_unmatched`."""
    asked = {field: getattr(query, field) for field in (*FILTERS, "tag")}
    return _say_lost(client, query, lost(asked, there, empty=empty))


def say_if_no_event(
    client: UsageClient, asked: Mapping[str, Any], events: pl.DataFrame | pl.LazyFrame
) -> bool:
    """Print which filters of a load of events matched nothing; see `say_if_unmatched`.

    Args:
        client: The client that loaded.
        asked: The arguments of the load.
        events: What it returned, or where it was written.
    """
    from falusage.api.query import UsageQuery

    filters = {
        name: asked[name]
        for name, parameter in EVENTS_ASKED.items()
        if parameter.kind == "names" and asked[name]
    }
    if not filters:
        return False
    rows = events.lazy()
    columns = {EVENTS_ASKED[name].column for name in filters} & {*rows.collect_schema()}
    there = rows.select(columns - _EXPANDED.keys()).unique().collect()
    empty = rows.select("cost").head(1).collect().is_empty()
    query = UsageQuery(asked["start"], asked["end"], scope=asked["scope"])
    return _say_lost(client, query, lost(filters, there, empty=empty))


def _say_lost(client: UsageClient, query: UsageQuery, lost: _Names) -> bool:
    if not lost:
        return False
    searched = [FILTERS[field] for field in lost if field in FILTERS]
    known = _known(client, query, searched) if searched else {}
    hints = _hints(lost, known, scope=query.scope) or ["names must match exactly", *_ways(lost)]
    say(f"error: nothing matched {_named(lost)} in that range; {'; '.join(hints)}")
    return True


def _ways(lost: _Names) -> list[str]:
    """Return how to see the valid names: those of callers are not printed unless asked for."""
    expands = [_EXPANDED.get(_COLUMNS.get(field) or "") for field in lost]
    shown = [
        f"falusage load {option_name(expand)} --format csv shows the ids of the keys, and the "
        "logins, that were used"
        for expand in dict.fromkeys(expands)
        if expand
    ]
    return [*shown, *([] if all(expands) else ["run without the filter to see the valid ones"])]


def say_if_not_saved(rows: pl.LazyFrame, options: Mapping[str, Any], place: object) -> bool:
    """Print which filters match nothing in saved usage, with the closest names.

    Raises:
        QueryError: A filter is of a column that the usage does not have.
    """
    import polars as pl

    from falusage.errors import QueryError

    asked = {field: options[field] for field in FILTERS if options.get(field)}
    there = rows.collect_schema()
    for field in asked:
        if FILTERS[field] not in there:
            raise QueryError(
                f"{option_name(field)} needs the column {FILTERS[field]}, which this usage does "
                "not have"
            )
    columns = {FILTERS[field] for field in asked}
    found = {
        column: rows.select(pl.col(column).unique().drop_nulls()).collect()[column]
        for column in columns
    }
    missing = {
        field: names
        for field, asked_names in asked.items()
        if (names := tuple(each for each in asked_names if each not in found[FILTERS[field]]))
    }
    if not missing:
        return False
    known = {column: sorted(names) for column, names in found.items()}
    hints = _hints(missing, known, scope="organization") or ["names must match exactly"]
    say(f"error: nothing matches {_named(missing)} in {place}; {'; '.join(hints)}")
    return True


def _named(lost: _Names) -> str:
    return " and ".join(
        f"{option_name(field)} {' or '.join(names)}" for field, names in lost.items()
    )


def lost(
    asked: Mapping[str, tuple[str, ...]], there: pl.DataFrame, *, empty: bool
) -> dict[str, tuple[str, ...]]:
    """Return the names of each filter that a table does not have; of an empty table, all."""
    return {
        field: names
        for field, given in asked.items()
        if (names := _missing(given, there, _COLUMNS.get(field) or "", empty=empty))
    }


def _missing(
    names: tuple[str, ...], there: pl.DataFrame, column: str, *, empty: bool
) -> tuple[str, ...]:
    if empty:
        return names
    found = set(there[column]) if column in there.columns else set(names)
    return tuple(name for name in names if name not in found)


def _hints(lost: _Names, known: Mapping[str, list[str]], *, scope: Scope) -> list[str]:
    """Return a hint for each name: the closest known name, or all of them."""
    said: list[str] = []
    for field, names in lost.items():
        if field not in FILTERS:
            continue
        others = known.get(FILTERS[field], [])
        for name in names:
            near = closest(name, others)
            if name in others and scope == "workspace" and field == "endpoint_id":
                said.append(f"{name} is a serverless app; name it with {option_name('app')}")
            elif name in others:
                said.append(
                    f"{option_name(field)} {name} has usage, but not with the other filters"
                )
            elif near is not None:
                said.append(f"did you mean {option_name(field)} {near!r}?")
            elif _may_be_listed(field) and 0 < len(others) <= _LISTED:
                said.append(f"{option_name(field)} can be {', '.join(others)}")
    return said


def _may_be_listed(field: str) -> bool:
    """Return whether to list the names of a filter: not fixed choices, and not API keys."""
    return not ASKED[field].choices and FILTERS[field] not in _EXPANDED


def _known(client: UsageClient, query: UsageQuery, columns: Sequence[str]) -> dict[str, list[str]]:
    """Return the names in the range without filters; empty if the API returns an error."""
    import polars as pl

    from falusage.api.query import UsageQuery
    from falusage.errors import FalUsageError

    expand: Any = {_EXPANDED[column]: True for column in columns if column in _EXPANDED}
    whole = UsageQuery(
        query.start,
        query.end,
        scope=query.scope,
        timezone=query.timezone,
        timeframe=query.timeframe,
        bound_to_timeframe=query.bound_to_timeframe,
        **expand,
    )
    with warnings.catch_warnings(), suppress(FalUsageError):
        warnings.simplefilter("ignore")
        summary = pl.DataFrame(client.fetch_summary(whole))
        return {
            column: sorted(summary[column].drop_nulls().unique())
            for column in FILTERS.values()
            if column in summary.columns
        }
    return {}
