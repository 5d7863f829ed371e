"""What is asked, as a frozen value that was checked before anything is sent.

The timeframe and the bounds are resolved once, for the whole range: a range that is cut into
smaller requests would otherwise change its own timeframe, and neighbouring requests would
overlap. `Ask` is one request of a query: a window, a chunk of at most 50 ids, an `expand`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from falusage import timeframes
from falusage._suggestions import did_you_mean
from falusage.columns import PRODUCTS
from falusage.errors import QueryError
from falusage.timeframes import TIMEFRAMES, Timeframe

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
IDS_PER_REQUEST: Final = 50
"""The most `endpoint_id`s or `api_key_id`s that the API takes in one request."""


class QueryFields(TypedDict, total=False):
    """What `load_usage` hands on to `UsageQuery`, besides its range."""

    timezone: str
    timeframe: Timeframe | None
    bound_to_timeframe: bool
    endpoint_id: str | Iterable[str]
    team_username: str | Iterable[str]
    product: str | Iterable[str]
    api_key_id: str | Iterable[str]
    auth_method: bool
    auth_method_structured: bool
    limit: int | None


@dataclass(frozen=True, slots=True, init=False)
class UsageQuery:
    """A question to the Organization Usage API.

    Args:
        start: The first instant, inclusive: a date (midnight in `timezone`), a datetime with an
            offset, or ISO 8601 text of either.
        end: The last instant, exclusive, in the same forms.
        timezone: The IANA zone that decides where buckets begin.
        timeframe: `minute`, `hour`, `day`, `week` or `month`; None takes the API's rule for the
            range, once (minute under 2 h, hour under 2 d, day under 64 d, week under 183 d).
        bound_to_timeframe: Widen both ends to whole buckets, as the API does by default. Otherwise
            the first bucket has the name of a whole one, and holds what came from `start` on.
        endpoint_id: Only these endpoints; any number, sent 50 at a time.
        team_username: Only these teams.
        product: Only these of `model_apis`, `serverless`, `compute`.
        api_key_id: Only these keys; any number, sent 50 at a time.
        auth_method: Ask who called, as text.
        auth_method_structured: Ask who called, as `auth_detail`, `api_key_id`, `login_username`.
        limit: The most items on a page; None leaves it to the API.

    Attributes:
        start: The first instant asked for, in UTC, widened to a whole bucket.
        end: The end, exclusive, in UTC, widened likewise.

    Raises:
        QueryError: Dates out of order or without an offset, an unknown zone, timeframe or
            product, an empty id, a limit below 1.

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
    endpoint_id: tuple[str, ...]
    team_username: tuple[str, ...]
    product: tuple[str, ...]
    api_key_id: tuple[str, ...]
    auth_method: bool
    auth_method_structured: bool
    limit: int | None

    def __init__(
        self,
        start: date | datetime | str,
        end: date | datetime | str,
        *,
        timezone: str = "UTC",
        timeframe: Timeframe | None = None,
        bound_to_timeframe: bool = True,
        endpoint_id: str | Iterable[str] = (),
        team_username: str | Iterable[str] = (),
        product: str | Iterable[str] = (),
        api_key_id: str | Iterable[str] = (),
        auth_method: bool = False,
        auth_method_structured: bool = False,
        limit: int | None = None,
    ) -> None:
        first = timeframes.instant(start, timezone=timezone, name="start")
        last = timeframes.instant(end, timezone=timezone, name="end")
        if first >= last:
            raise QueryError(
                f"start {first.isoformat()} is not before end {last.isoformat()}; "
                "end is exclusive, so one day runs from its date to the next"
            )
        if timeframe is None:
            timeframe = timeframes.auto_timeframe(first, last)
        elif timeframe not in TIMEFRAMES:
            raise QueryError(
                f"timeframe {timeframe!r} is not one of {', '.join(TIMEFRAMES)}."
                f"{did_you_mean(timeframe, TIMEFRAMES)}"
            )
        for name, flag in (
            ("bound_to_timeframe", bound_to_timeframe),
            ("auth_method", auth_method),
            ("auth_method_structured", auth_method_structured),
        ):
            if type(flag) is not bool:
                raise QueryError(f"{name} is {flag!r}; expected True or False")
        if bound_to_timeframe:
            every = timeframes.EVERY[timeframe]
            first = timeframes.floor(first, every=every, timezone=timezone)
            last = timeframes.ceil(last, every=every, timezone=timezone)
        if limit is not None and (type(limit) is not int or limit < 1):
            raise QueryError(f"limit is {limit!r}; expected a whole number from 1 up, or None")
        products = _names("product", product)
        if unknown := [name for name in products if name not in PRODUCTS]:
            raise QueryError(
                f"product {unknown[0]!r} is not one of {', '.join(PRODUCTS)}."
                f"{did_you_mean(unknown[0], PRODUCTS)}"
            )
        for name, value in {
            "start": first,
            "end": last,
            "timezone": timezone,
            "timeframe": timeframe,
            "bound_to_timeframe": bound_to_timeframe,
            "endpoint_id": _names("endpoint_id", endpoint_id),
            "team_username": _names("team_username", team_username),
            "product": products,
            "api_key_id": _names("api_key_id", api_key_id),
            "auth_method": auth_method,
            "auth_method_structured": auth_method_structured,
            "limit": limit,
        }.items():
            object.__setattr__(self, name, value)

    @property
    def first_bucket(self) -> datetime:
        """The start of the bucket that the first instant falls in."""
        every = timeframes.EVERY[self.timeframe]
        return timeframes.floor(self.start, every=every, timezone=self.timezone)


def _names(field: str, value: str | Iterable[str]) -> tuple[str, ...]:
    """Take one name or several; a name given twice is asked once, or it would count twice."""
    if not isinstance(value, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] -- callers without a type checker
        raise QueryError(f"{field} is {value!r}; expected a name or several, or () for all")
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        if type(name) is not str or not name.strip():
            raise QueryError(f"{field} holds {name!r}; expected names that are not empty")
    return tuple(dict.fromkeys(names))


def query_of(
    start: date | datetime | str, end: date | datetime | str, fields: QueryFields
) -> UsageQuery:
    """Make the query that a function is given by its fields, and name a field that is none."""
    known = {each.name for each in dataclass_fields(UsageQuery)} - {"start", "end"}
    for name in fields:
        if name not in known:
            guess = did_you_mean(name, sorted(known))
            raise QueryError(
                f"there is no argument {name!r}.{guess} Expected {', '.join(sorted(known))}"
            )
    return UsageQuery(start, end, **fields)


@functools.lru_cache(maxsize=8)
def edges(query: UsageQuery) -> npt.NDArray[np.int64]:
    """Give the instants at which the query's buckets begin, and its end, as `microseconds`.

    Numbers, because a year has half a million minutes.
    """
    every = timeframes.EVERY[query.timeframe]
    inner = timeframes.boundaries(query.start, query.end, every=every, timezone=query.timezone)
    ends = np.array([microseconds(query.start), microseconds(query.end)])
    return np.union1d(inner.to_physical().to_numpy(), ends)


def microseconds(moment: datetime) -> int:
    """Give an instant as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant_at(microseconds: int) -> datetime:
    """Give the instant, in UTC, so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a query, but for its cursor: a window, a chunk of ids, what to expand."""

    query: UsageQuery
    start: datetime
    end: datetime
    endpoint_id: tuple[str, ...]
    api_key_id: tuple[str, ...]
    time_series: bool = True
    summary: bool = False

    def params(self, cursor: str | None = None) -> list[tuple[str, str]]:
        """Give the request's parameters; lists are repeated, for ids may hold commas."""
        query = self.query
        wanted = {
            "time_series": self.time_series,
            "summary": self.summary,
            "auth_method": query.auth_method,
            "auth_method_structured": query.auth_method_structured,
        }
        pairs = [
            ("start", utc_text(self.start)),
            ("end", utc_text(self.end)),
            ("timezone", query.timezone),
            ("timeframe", query.timeframe),
            ("bound_to_timeframe", "true" if query.bound_to_timeframe else "false"),
            *(("expand", name) for name, asked in wanted.items() if asked),
            *(("team_username", name) for name in query.team_username),
            *(("product", name) for name in query.product),
            *(("endpoint_id", name) for name in self.endpoint_id),
            *(("api_key_id", name) for name in self.api_key_id),
        ]
        if query.limit is not None:
            pairs.append(("limit", str(query.limit)))
        if cursor is not None:
            pairs.append(("cursor", cursor))
        return pairs

    def during(self, start: datetime, end: datetime) -> Ask:
        """Give the same request for another window."""
        return replace(self, start=start, end=end)

    @property
    def window(self) -> tuple[str, str]:
        """The window as it is sent."""
        return utc_text(self.start), utc_text(self.end)


def asks(query: UsageQuery, *, time_series: bool, summary: bool) -> Iterator[Ask]:
    """Give the requests that ask for the query's whole range, one for each chunk of ids."""
    for endpoints, keys in itertools.product(_chunks(query.endpoint_id), _chunks(query.api_key_id)):
        yield Ask(query, query.start, query.end, endpoints, keys, time_series, summary)


def _chunks(ids: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [ids[at : at + IDS_PER_REQUEST] for at in range(0, len(ids), IDS_PER_REQUEST)] or [()]


def utc_text(moment: datetime) -> str:
    """Write an instant as the API takes it."""
    return moment.isoformat().replace("+00:00", "Z")
