"""What a key may read: one small request to each endpoint.

A new account starts with this, so no finding is an error here: no key, a malformed one, no network
and a proxy's page are all told in the result. The key itself never is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from falusage import _clocks as clocks
from falusage.api._http.address import find_base_url
from falusage.api._http.exchange import Exchange
from falusage.api._http.key import VARIABLES, find_key
from falusage.api._http.refusal import NotJsonError
from falusage.api._pages.documents import parse, take
from falusage.api.asks import utc_text
from falusage.api.client import UsageClient
from falusage.contract import BALANCE, DENIED, ENDPOINTS, ORGANIZATION_USAGE, PRICES, Endpoint
from falusage.errors import ApiError, ConfigError

_TIMEOUT: Final = 15.0
_SHORT: Final = 20
_PRICED: Final = "fal-ai/flux/dev"
"""An endpoint that has had a list price for years."""

_MEANINGS: Final = {
    401: "the API does not know the key",
    404: "the API does not have it, at this address",
    429: "too many requests; try again later",
}
_ROOMY: Final = {"time_series": ("month", 31), "billing_events": ("", 1)}
"""The timeframe and the days of a request, by what the endpoint lists."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one endpoint answered.

    Attributes:
        path: The endpoint's path.
        status: The HTTP status; None without an answer.
        readable: Whether the key may read it.
        meaning: What that means, in plain words.
    """

    path: str
    status: int | None
    readable: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found.

    Attributes:
        key_from: The variable that the key is from; None without a key.
        unused: The other variable, if it has another key.
        key_length: Whether its length is usual, as text; None without a usable key.
        base_url: The API's address; None if it, or the key, cannot be used.
        problem: What is wrong with the key, the address or the network; None if nothing is.
        answers: What each endpoint answered that was asked.
        username: The name of the key's account; None if it may not be read.
        edition: The editions of `/organization/usage` that have the fields that came, such as
            `"4"` or `"2 or 3"`; None if no line item came.
        new_fields: The fields that came and that no edition has.
        server_time: The server's clock; None if it sends none.
        ahead: How far the server's clock is ahead of this machine's; negative if behind.
        replays: Whether the server is on this machine and replays the past.
    """

    key_from: str | None = None
    unused: str | None = None
    key_length: str | None = None
    base_url: str | None = None
    problem: str | None = None
    answers: tuple[Answered, ...] = ()
    username: str | None = None
    edition: str | None = None
    new_fields: tuple[str, ...] = ()
    server_time: datetime | None = None
    ahead: timedelta | None = None
    replays: bool = False

    def reads(self, endpoint: Endpoint) -> bool:
        """Return whether the key may read an endpoint."""
        return any(each.readable for each in self.answers if each.path == endpoint.path)


def checkup(base_url: str | None = None) -> Checkup:
    """Ask each endpoint for little, with the key from the environment.

    If the first answer shows that there is no network, or that the key is unknown, the others are
    not asked.
    """
    keys = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    first = next(iter(keys), None)
    others = (name for name, key in keys.items() if first is not None and key != keys[first])
    found = Checkup(key_from=first, unused=next(others, None))
    try:
        address = find_base_url(base_url, allow_http=False)
        if first is None:
            return replace(found, base_url=address)
        found = replace(found, base_url=find_key(None).hide(address))
        length = len(keys[first])
        words = f"shorter than {_SHORT} characters" if length < _SHORT else "of the usual length"
        found = replace(found, key_length=words)
        with UsageClient(base_url=base_url, timeout=_TIMEOUT, max_attempts=1) as client:
            return _asked(client.exchange(), found)
    except ConfigError as error:
        return replace(found, problem=str(error))


def _asked(exchange: Exchange, found: Checkup) -> Checkup:
    answers: dict[str, Answered] = {}
    parsed: dict[str, dict[str, Any]] = {}
    for endpoint in (BALANCE, *(each for each in ENDPOINTS if each is not BALANCE)):
        if found.problem is not None:
            break
        now = exchange.tally.server_time or clocks.local_time()
        try:
            parsed[endpoint.path] = exchange.get(
                endpoint, _params(endpoint, now), lambda body, of=endpoint: _read(body, of)
            )
            answers[endpoint.path] = Answered(endpoint.path, 200, True, "readable")
        except ApiError as error:
            answers[endpoint.path] = _refused(endpoint, error)
            # Without a type, it is not the API that answers.
            if error.status in {None, 401} or (endpoint is BALANCE and error.type is None):
                found = replace(found, problem=str(error))
    edition, new = _edition(parsed.get(ORGANIZATION_USAGE.path, {}))
    skew = exchange.tally.skew
    ahead = None if skew is None else skew.server - skew.local
    wrong = skew is not None and skew.is_wrong(on_this_machine=exchange.on_this_machine)
    return replace(
        found,
        answers=tuple(answers[each.path] for each in ENDPOINTS if each.path in answers),
        username=parsed.get(BALANCE.path, {}).get("username"),
        edition=edition,
        new_fields=new,
        server_time=exchange.tally.server_time,
        ahead=ahead,
        replays=not wrong and ahead is not None and abs(ahead) > clocks.TOLERANCE,
    )


def _params(endpoint: Endpoint, now: datetime) -> list[tuple[str, str]]:
    """Return parameters that ask for one item, or for little."""
    params: list[tuple[str, str]] = []
    known = endpoint.parameters
    timeframe, days = _ROOMY.get(endpoint.rows or "", ("", 1))
    if "start" in known:
        params += [("start", utc_text(now - timedelta(days=days))), ("end", utc_text(now))]
    if timeframe:
        params += [("timeframe", timeframe), ("expand", "time_series")]
    if "limit" in known:
        params.append(("limit", "1"))
    if endpoint.media == "text/csv":
        params.append(("source", "estimate"))
    if endpoint is PRICES:
        params.append(("endpoint_id", _PRICED))
    return params


def _read(body: bytes, endpoint: Endpoint) -> dict[str, Any]:
    """Return an answer as far as it shows that it is the API's."""
    if endpoint.media != "application/json":
        if body.lstrip()[:1] in (b"<", b"{"):
            raise NotJsonError(f"the answer is not {endpoint.media}")
        return {}
    answer = parse(body)
    if endpoint.rows is None:
        take(answer, "username", str, "a string")
    else:
        take(answer, endpoint.rows, list, "a list")
    return answer


def _refused(endpoint: Endpoint, error: ApiError) -> Answered:
    """Return what an error means."""
    if error.status is None:
        meaning = "no answer"
    elif error.type is None:
        meaning = "the answer is not the API's; a proxy or a login page may have sent it"
    elif error.status == 403:
        meaning = DENIED[endpoint.needs]
    else:
        meaning = _MEANINGS.get(error.status, str(error))
    return Answered(endpoint.path, error.status, False, meaning)


def _edition(answer: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Return the editions with the fields of a line item, and the fields that none has."""
    buckets: list[dict[str, Any]] = answer.get("time_series") or []
    item = next((each for bucket in buckets for each in bucket.get("results", ())), None)
    if item is None:
        return None, ()
    editions = range(1, ORGANIZATION_USAGE.editions[-1] + 1)
    named = {each: set(ORGANIZATION_USAGE.in_edition(each)) for each in editions}
    every = named[editions[-1]]
    came = every & set(item)
    optional = {
        name
        for name, field in ORGANIZATION_USAGE.in_edition(editions[-1]).items()
        if field.expand is not None
    }
    same = [str(each) for each, names in named.items() if names - optional == came - optional]
    new = tuple(sorted(set(item) - every - set(ORGANIZATION_USAGE.objects)))
    return " or ".join(same) or "unknown", new
