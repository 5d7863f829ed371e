"""The requests of a query: for each of its endpoints, one for each chunk of ids."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from falusage.api.query import UsageQuery
from falusage.contract import Endpoint


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a query, without its cursor: a window, a chunk of ids, what to expand.

    Attributes:
        chunk: The filters of this request, by parameter: the query's, or a part of its lists.
        workspace: The name of the workspace whose usage it is; None for an organization.
    """

    query: UsageQuery
    endpoint: Endpoint
    start: datetime
    end: datetime
    chunk: tuple[tuple[str, tuple[str, ...]], ...]
    time_series: bool = True
    summary: bool = False
    workspace: str | None = None

    @property
    def expand(self) -> tuple[str, ...]:
        """What to add to every line item, as far as the endpoint can.

        A list of callers that takes several requests adds who called. Otherwise nothing would
        show that a server ignores the list, and answers each part of it with all rows.
        """
        asked = {name for name in self.query.expand if name in self.endpoint.asked}
        expand = {field.name: field.expand for field in self.endpoint.fields}
        for name, values in self.query.filters.items():
            parameter = self.endpoint.asked.get(name)
            if parameter and parameter.most and len(values) > parameter.most:
                asked.add(expand.get(parameter.column or "") or "")
        return tuple(sorted(asked - {""}))

    def params(self, cursor: str | None = None) -> list[tuple[str, str]]:
        """Return the request's parameters. Lists are repeated, because ids may contain commas."""
        wanted = {"time_series": self.time_series, "summary": self.summary}
        pairs = [
            ("start", utc_text(self.start)),
            ("end", utc_text(self.end)),
            *(("expand", name) for name, asked in wanted.items() if asked),
            *(("expand", name) for name in self.expand),
            *((name, value) for name, values in self.chunk for value in values),
            *(
                (name, value)
                for name, value in self.query.settings.items()
                if name in self.endpoint.asked
            ),
        ]
        if cursor is not None:
            pairs.append(("cursor", cursor))
        return pairs

    def during(self, start: datetime, end: datetime) -> Ask:
        """Return the same request for another window."""
        return replace(self, start=start, end=end)

    @property
    def window(self) -> tuple[str, str]:
        """The window as it is sent."""
        return utc_text(self.start), utc_text(self.end)


def asks(
    query: UsageQuery, *, time_series: bool, summary: bool, workspace: str | None = None
) -> Iterator[Ask]:
    """Yield the requests for the query's whole range: for each endpoint, one per chunk of ids."""
    for endpoint in query.endpoints:
        filters = {k: v for k, v in query.filters.items() if k in endpoint.asked}
        for chunk in chunks(filters, endpoint):
            yield Ask(
                query, endpoint, query.start, query.end, chunk, time_series, summary, workspace
            )


def chunks(
    filters: Mapping[str, tuple[str, ...]], endpoint: Endpoint
) -> Iterator[tuple[tuple[str, tuple[str, ...]], ...]]:
    """Yield the filters in parts that are short enough for one request each."""
    parts = [
        [(name, values[at : at + most]) for at in range(0, len(values), most)]
        for name, values in filters.items()
        for most in [endpoint.asked[name].most or len(values)]
    ]
    return itertools.product(*parts)


def utc_text(moment: datetime) -> str:
    """Return an instant as text for the API."""
    return moment.isoformat().replace("+00:00", "Z")
