"""One page of billing events: its items as a table of events, checked against the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from falusage.api._event_query import Chunk, EventQuery
from falusage.api._pages.answers import Expected
from falusage.api._pages.documents import instant
from falusage.api._pages.page import check_filters, read_answer
from falusage.api.asks import utc_text
from falusage.api.line_items import Kinds, LineItems
from falusage.columns import EVENTS, INSTANT
from falusage.errors import ProtocolError

_ISO: Final = "%Y-%m-%dT%H:%M:%S%.f%#z"


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page that keeps the contract.

    Attributes:
        rows: The events: the columns of `columns.EVENTS`, then unknown fields.
        next_cursor: The cursor of the next page, or None at the end.
        ignored: Names of unknown fields outside the events.
    """

    rows: LineItems
    next_cursor: str | None
    ignored: tuple[str, ...]

    @property
    def row_count(self) -> int:
        """How many events it has."""
        return self.rows.table.height


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a query's range."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    def as_sent(self) -> tuple[str, str]:
        """Return its ends as they are sent."""
        return utc_text(self.start), utc_text(self.end)


def read_event_page(
    body: bytes,
    query: EventQuery,
    window: Window,
    chunk: Chunk,
    *,
    kinds: Kinds,
    workspace: str | None,
) -> EventPage:
    """Read one answer to a query.

    Args:
        body: The decoded body of a 200.
        query: What was asked.
        window: The range that was asked for.
        chunk: The filters that were asked for.
        kinds: Unknown fields that earlier pages had, so that this page can be read fast.
        workspace: The name of the workspace; None for an organization.

    Raises:
        ProtocolError: The answer is outside the contract, a timestamp names no instant, or an
            event is outside the window or the filters.
        PaginationError: `has_more` and `next_cursor` disagree.
    """
    expected = Expected(query.endpoint, query.expand)
    answer = read_answer(body, expected, kinds)
    assert answer.rows is not None  # noqa: S101 (events are always listed)
    table = answer.rows.table
    check_filters(table, expected, chunk)
    instants = _instants(table["timestamp"])
    _require_within(instants, window)
    derived = dict(query.endpoint.derived)
    if workspace is not None:
        derived["username"] = pl.lit(workspace)
    table = table.with_columns(instants, **derived)
    further = (name for name in table.columns if name not in EVENTS)
    rows = LineItems(table.select(*EVENTS, *further), answer.rows.kinds)
    return EventPage(rows, answer.next_cursor, answer.ignored)


def _instants(texts: pl.Series) -> pl.Series:
    """Return timestamps as instants, in UTC; null stays null.

    Raises:
        ProtocolError: One is not ISO 8601, or has no UTC offset.
    """
    read = texts.str.to_datetime(_ISO, time_unit="us", time_zone="UTC", strict=False)
    if read.null_count() == texts.null_count():
        return read
    # Other forms of ISO 8601 are rare.
    return pl.Series(
        texts.name,
        [None if text is None else instant(text, "timestamp") for text in texts],
        INSTANT,
    )


def _require_within(instants: pl.Series, window: Window) -> None:
    inside = instants.is_between(window.start, window.end, closed="left")
    for stray in instants.filter(~inside).head(1):
        start, end = window.as_sent()
        raise ProtocolError(
            f"the event of {utc_text(stray)} is outside the window {start} to {end}"
        )
