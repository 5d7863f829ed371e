"""Billing events as a table: one row for each request to a model API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Unpack

import polars as pl

from falusage.api.client import UsageClient
from falusage.api.line_items import LineItems, concat
from falusage.api.ways import Invalid
from falusage.columns import EVENTS
from falusage.contract import EventFields

_BATCH = 65_536


class _Parts:
    """A sink that keeps all tables in memory."""

    def __init__(self) -> None:
        self.parts: list[LineItems] = []

    def restart(self) -> None:
        self.parts = []

    def write(self, items: LineItems) -> None:
        self.parts.append(items)


def load_events(
    start: date | datetime | str,
    end: date | datetime | str,
    *,
    client: UsageClient | None = None,
    invalid: Invalid = "raise",
    **fields: Unpack[EventFields],
) -> pl.DataFrame:
    """Load billing events: one row for each request to a model API, in the order of time.

    The range is read in windows of at most the 90 days that the API takes, and shorter ones where
    there are many events. No row is dropped. An event that comes on two pages
    is an error, because it would be counted twice. The API has no totals to compare with:
    `tie_out_events` compares events with usage.

    Args:
        start: The first instant, inclusive: a date (midnight in UTC), a datetime with an offset,
            or ISO 8601 text of either.
        end: The end, exclusive, in the same forms. A request has its event within minutes; one
            that is asked for by `request_id` before is not in the table.
        client: The client to ask with; by default one from the environment.
        invalid: `"raise"` if events break the table's rules, among them that `cost` and
            `cost_nano` are the same amount, or `"quarantine"`: leave them out, with a warning.
        **fields: What else to ask, as listed in `tables.md`. `scope="workspace"` asks for the
            events of the key's own workspace. Only this has `login_username`, `tag` and `source`;
            only an organization has `team_username`. More than 50 ids become several requests.

    Returns:
        The columns of `columns.EVENTS`, then `tags` (JSON text) if they were asked for, then any
        that are new. `timestamp` is in UTC. `cost_nano` (Int64, in nano dollars) adds up without
        an error; `cost` is the same in dollars. `username` is the team, or the workspace's own
        name. Sorted by `timestamp` and `request_id`.

    Raises:
        QueryError: An argument is invalid, or not one of the scope.
        ConfigError: There is no key or no address.
        SchemaError: Events break the rules; they are in its `failures`.
        ApiError: The exchange failed; a `PaginationError` if an event is on two pages.

    Example:
        >>> import falusage as fu
        >>> with fu.Emulator() as emulator, fu.UsageClient(
        ...     emulator.api_key, base_url=emulator.base_url
        ... ) as client:
        ...     events = fu.load_events("2025-06-01", "2025-06-02", client=client)
        >>> events.select("timestamp", "username", "endpoint_id", "cost_nano").height > 1000
        True
    """
    if client is None:
        with UsageClient(progress=True) as own:
            return load_events(start, end, client=own, invalid=invalid, **fields)
    return events_and_quarantine(client, start, end, invalid=invalid, **fields)[0]


def events_and_quarantine(
    client: UsageClient,
    start: date | datetime | str,
    end: date | datetime | str,
    *,
    invalid: Invalid = "raise",
    **fields: Unpack[EventFields],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Load events as `load_events` does; return them, and the rows in quarantine."""
    sink = _Parts()
    quarantine = client.load_events_into(
        sink, start, end, invalid=invalid, batch_rows=_BATCH, **fields
    )
    return concat(sink.parts, EVENTS).table.rechunk(), quarantine
