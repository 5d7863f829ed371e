"""Filters that matched nothing: an error, with the closest name.

The API matches names exactly and returns nothing for a misspelt one. A name that is not in the
answer is looked up in the API's own summary of the same range without filters.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from falusage._suggestions import closest
from falusage.cli._options import option_name
from falusage.cli._terminal import say
from falusage.contract import ASKED, CALLERS

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
    lost = {
        field: names
        for field, column in FILTERS.items()
        if (names := _missing(getattr(query, field), there, column, empty=empty))
    }
    if empty and query.tag:
        lost["tag"] = query.tag
    if not lost:
        return False
    filters = " and ".join(
        f"{option_name(field)} {' or '.join(names)}" for field, names in lost.items()
    )
    say(f"error: nothing matched {filters} in that range{_hint(client, query, lost)}")
    return True


def _missing(
    names: tuple[str, ...], there: pl.DataFrame, column: str, *, empty: bool
) -> tuple[str, ...]:
    if empty:
        return names
    found = set(there[column]) if column in there.columns else set(names)
    return tuple(name for name in names if name not in found)


def _hint(client: UsageClient, query: UsageQuery, lost: Mapping[str, tuple[str, ...]]) -> str:
    """Return a hint for each name: the closest name in the range, or all of them."""
    lost = {field: names for field, names in lost.items() if field in FILTERS}
    known = _known(client, query, [FILTERS[field] for field in lost])
    said: list[str] = []
    for field, names in lost.items():
        others = known.get(FILTERS[field], [])
        for name in names:
            near = closest(name, others)
            if name in others and query.scope == "workspace" and field == "endpoint_id":
                said.append(f"{name} is a serverless app; name it with {option_name('app')}")
            elif name in others:
                said.append(
                    f"{option_name(field)} {name} has usage, but not with the other filters"
                )
            elif near is not None:
                said.append(f"did you mean {option_name(field)} {near!r}?")
            elif _may_be_listed(field) and 0 < len(others) <= _LISTED:
                said.append(f"{option_name(field)} can be {', '.join(others)}")
    return "; " + "; ".join(
        said or ["names must match exactly; run without the filter to see the valid ones"]
    )


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
