"""A query of billing events: the range and the fields, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

from falusage.api.arguments import Value, checked_fields, checked_range
from falusage.api.asks import chunks, utc_text
from falusage.contract import EVENT_ENDPOINTS, EVENTS_ASKED, Endpoint, Scope
from falusage.errors import QueryError

ZONE: Final = "UTC"
"""The zone in which a date is midnight: events have no buckets, and so no zone of their own."""

Chunk = tuple[tuple[str, tuple[str, ...]], ...]
"""The filters of one request, by parameter."""


@dataclass(frozen=True, slots=True)
class EventQuery:
    """A query of billing events; `make_event_query` checks and makes it.

    Attributes:
        start: The first instant, in UTC.
        end: The end, exclusive, in UTC.
        fields: The other parameters, by name.
    """

    start: datetime
    end: datetime
    fields: Mapping[str, Value]

    @property
    def scope(self) -> Scope:
        """Whose events they are."""
        return cast("Scope", self.fields["scope"])

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that it asks."""
        return EVENT_ENDPOINTS[self.scope]

    @property
    def limit(self) -> int:
        """The most events on a page: by default as many as the endpoint takes."""
        return cast("int | None", self.fields["limit"]) or self.endpoint.most_on_page or 1

    @property
    def expand(self) -> tuple[str, ...]:
        """What to add to every event."""
        return tuple(
            name
            for name, value in self.fields.items()
            if value is True and EVENTS_ASKED[name].kind == "expand"
        )

    def chunks(self) -> Iterator[Chunk]:
        """Yield the filters in parts that are short enough for one request each."""
        filters = {
            name: value for name, value in self.fields.items() if value and type(value) is tuple
        }
        return chunks(filters, self.endpoint)

    def params(
        self, start: datetime, end: datetime, chunk: Chunk, cursor: str | None
    ) -> list[tuple[str, str]]:
        """Return the parameters of the request for a page of a window."""
        source = self.fields["source"]
        return [
            ("start", utc_text(start)),
            ("end", utc_text(end)),
            ("limit", str(self.limit)),
            *(("expand", name) for name in self.expand),
            *((name, value) for name, values in chunk for value in values),
            *([("source", str(source))] if source is not None else []),
            *([("cursor", cursor)] if cursor is not None else []),
        ]


def make_event_query(
    start: date | datetime | str, end: date | datetime | str, fields: Mapping[str, Any]
) -> EventQuery:
    """Return the query of a range with the given fields.

    Raises:
        QueryError: A datetime has no offset, the start is not before the end, a field is unknown,
            invalid or not one of the scope, or `limit` is more than a page can have.
    """
    asked = checked_fields(fields, EVENTS_ASKED)
    first, last = checked_range(start, end, timezone=ZONE)
    query = EventQuery(first, last, asked)
    for name, value in asked.items():
        if name not in {"scope", *query.endpoint.asked} and value != EVENTS_ASKED[name].default:
            other = next(each for each in EVENT_ENDPOINTS if each != query.scope)
            raise QueryError(f"{name} is a field of scope={other!r}, and scope is {query.scope!r}")
    most = query.endpoint.most_on_page or query.limit
    if query.limit > most:
        raise QueryError(
            f"limit is {query.limit:,}; expected {most:,} at most, because a page of "
            f"{query.endpoint.path} has no more"
        )
    return query
