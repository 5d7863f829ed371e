"""A query: what is asked, as a frozen value that is checked before anything is sent.

The timeframe and the bounds are resolved once, for the whole range. Otherwise a range that is cut
into smaller requests would change its own timeframe, and neighbouring requests would overlap.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Unpack, cast

import attrs
import numpy as np
import numpy.typing as npt

from falusage import timeframes
from falusage.api.arguments import Value, checked_fields, checked_range
from falusage.contract import (
    ASKED,
    USAGE_ENDPOINTS,
    Endpoint,
    Timeframe,
    UsageFields,
)
from falusage.errors import QueryError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(init=False, repr=False)
class UsageQuery:
    """A query of usage: that of an organization's teams, or of one workspace.

    A list of more than 50 ids becomes several requests. One of keys or logins then also loads who
    called, which shows that each request was answered by itself.

    A workspace has two endpoints, for model APIs and for serverless; compute has none. A filter
    that only one of them takes (such as `app` or `api_key_id`) asks only that one.

    Args:
        start: The first instant, inclusive: a date (midnight in `timezone`), a datetime with an
            offset, or ISO 8601 text of either.
        end: The end, exclusive, in the same forms.
        **fields: The other parameters; each is also an attribute of the query.
            {parameters}

    Attributes:
        start: The first instant, in UTC, widened to a whole bucket.
        end: The end, exclusive, in UTC, widened to a whole bucket.

    Raises:
        QueryError: A datetime has no offset, the start is not before the end, a field, zone,
            timeframe or product is unknown, an id is empty, a limit is below 1, or a field is
            not one of the scope.

    Example:
        >>> query = UsageQuery("2025-01-01", "2025-02-01", timezone="America/New_York")
        >>> query.timeframe, query.start.isoformat()
        ('day', '2025-01-01T05:00:00+00:00')
    """

    start: datetime
    end: datetime
    timezone: str
    timeframe: Timeframe
    bound_to_timeframe: bool
    _fields: tuple[tuple[str, Value], ...]

    def __init__(
        self,
        start: date | datetime | str,
        end: date | datetime | str,
        **fields: Unpack[UsageFields],
    ) -> None:
        asked = checked_fields(fields, ASKED)
        timezone, bound = cast("str", asked["timezone"]), cast("bool", asked["bound_to_timeframe"])
        first, last = checked_range(start, end, timezone=timezone)
        timeframe = cast("Timeframe", asked["timeframe"] or timeframes.auto_timeframe(first, last))
        asked["timeframe"] = timeframe
        _require_scope(asked)
        if bound:
            every = timeframes.EVERY[timeframe]
            first = timeframes.floor(first, every=every, timezone=timezone)
            last = timeframes.ceil(last, every=every, timezone=timezone)
        self.__attrs_init__(  # the one that attrs writes from the attributes above
            start=first,
            end=last,
            timezone=timezone,
            timeframe=timeframe,
            bound_to_timeframe=bound,
            fields=tuple(asked.items()),
        )

    def __getattr__(self, name: str) -> Any:
        if name in ASKED:
            return dict(self._fields)[name]
        raise AttributeError(f"a query has no {name!r}; it has start, end, {', '.join(ASKED)}")

    def __repr__(self) -> str:
        usual = {name: parameter.default for name, parameter in ASKED.items()}
        said = {"start": self.start.isoformat(), "end": self.end.isoformat()}
        said |= {name: value for name, value in self._fields if value != usual[name]}
        return f"UsageQuery({', '.join(f'{name}={value!r}' for name, value in said.items())})"

    def fields(self) -> dict[str, Any]:
        """Return the query's arguments: `UsageQuery(**query.fields())` is equal to the query."""
        return {"start": self.start, "end": self.end, **dict(self._fields)}

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that it asks: those of its scope that have the products and filters."""
        return tuple(_endpoints(dict(self._fields)).values())

    @property
    def products(self) -> tuple[str, ...]:
        """The products that it asks for; empty for all of an organization."""
        names = tuple(_endpoints(dict(self._fields)))
        return self.product if names == ("",) else names

    @property
    def expand(self) -> tuple[str, ...]:
        """What to add to every line item."""
        return tuple(
            name for name, value in self._fields if value is True and ASKED[name].kind == "expand"
        )

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The lists of names that the query asks for, but for empty ones, by parameter."""
        return {name: value for name, value in self._fields if value and type(value) is tuple}

    @property
    def settings(self) -> dict[str, str]:
        """The parameters with a single value, as they are sent; without those that are not set."""
        return {
            name: str(value).lower() if type(value) is bool else str(value)
            for name, value in self._fields
            if value is not None and ASKED[name].kind not in {"names", "expand"}
        }

    @property
    def first_bucket(self) -> datetime:
        """The start of the bucket that the first instant falls in."""
        every = timeframes.EVERY[self.timeframe]
        return timeframes.floor(self.start, every=every, timezone=self.timezone)


def _explained() -> str:
    lines: list[str] = []
    for name, parameter in ASKED.items():
        lines += textwrap.wrap(
            f"{name} (default {parameter.default!r}): {parameter.help}",
            width=100,
            initial_indent=" " * 12,
            subsequent_indent=" " * 16,
        )
    return "\n".join(lines)


UsageQuery.__doc__ = (UsageQuery.__doc__ or "").replace("{parameters}", _explained().strip())


def _endpoints(fields: Mapping[str, Any]) -> dict[str, Endpoint]:
    """Return the endpoints that have the products and filters of a query, by product."""
    filters = [
        name
        for name, value in fields.items()
        if value and ASKED[name].kind == "names" and name != "product"
    ]
    products = fields["product"]
    return {
        product: endpoint
        for product, endpoint in USAGE_ENDPOINTS[fields["scope"]].items()
        if all(name in endpoint.asked for name in filters)
        and (not product or not products or product in products)
    }


def _require_scope(fields: Mapping[str, Any]) -> None:
    """Raise if a field is not one of the query's scope, or no endpoint has all of them."""
    scope = fields["scope"]
    endpoints = USAGE_ENDPOINTS[scope]
    taken = {"scope", "product"}.union(*(endpoint.asked for endpoint in endpoints.values()))
    for name, value in fields.items():
        if name not in taken and value != ASKED[name].default:
            other = next(each for each in USAGE_ENDPOINTS if each != scope)
            raise QueryError(
                f"{name} is a field of scope={other!r}, and scope is {scope!r}; leave it out, or "
                "ask for the other scope"
            )
    absent = [each for each in fields["product"] if "" not in endpoints and each not in endpoints]
    if absent:
        raise QueryError(
            f"product {absent[0]!r} has no endpoint for a workspace; it is only in the usage of an "
            f"organization and in the FOCUS report. Expected {' or '.join(endpoints)}"
        )
    if not _endpoints(fields):
        given = [name for name, value in fields.items() if value and ASKED[name].kind == "names"]
        raise QueryError(
            f"no endpoint of a workspace takes {' and '.join(given)} together; "
            f"{' and '.join(USAGE_ENDPOINTS[scope])} have different filters, so ask for each alone"
        )


@functools.lru_cache(maxsize=8)
def edges(query: UsageQuery) -> npt.NDArray[np.int64]:
    """Return the instants at which the query's buckets begin, and its end, as `microseconds`.

    As numbers, because a year has half a million minutes.
    """
    every = timeframes.EVERY[query.timeframe]
    inner = timeframes.boundaries(query.start, query.end, every=every, timezone=query.timezone)
    start, end = microseconds(query.start), microseconds(query.end)
    # Through Arrow's bytes: Ctrl-C during the first conversion of Polars' own is a panic, and that
    # of Arrow imports pandas, which takes 0.2 s.
    held = memoryview(inner.to_physical().to_arrow().buffers()[1] or b"")
    values = np.frombuffer(held, np.int64)[: len(inner)]
    inside = values[(values > start) & (values < end)]
    return np.concatenate(([start], inside, [end]))


def microseconds(moment: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant_at(microseconds: int) -> datetime:
    """Return the instant, in UTC, so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
