"""Billing events on the fault server's raw socket, truthful until a rule says otherwise.

The server answers from plain events in any order that a test chooses, because the API promises
none. Its cursors are those of a keyset: the last event of the page.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl

from falusage.columns import EVENTS
from tests.faults.fault_server import Answer, FaultServer, Request

Order = Literal["ascending", "descending", "shuffled"]
DAY = datetime(2025, 3, 1, tzinfo=UTC)
FILTERS = {
    "endpoint_id": "endpoint_id",
    "request_id": "request_id",
    "team_username": "username",
    "api_key_id": "key",
    "login_username": "login",
}
PARAMETERS = {
    "/v1/organization/billing-events": {"team_username"},
    "/v1/models/billing-events": {"login_username", "tag", "source"},
}
SHARED = {"start", "end", "limit", "cursor", "expand", "endpoint_id", "request_id", "api_key_id"}
MOST = {"/v1/organization/billing-events": 100, "/v1/models/billing-events": 10_000}


def event(at: datetime, number: int, **further: Any) -> dict[str, Any]:
    """Return an event as the API writes it; one nano dollar more for each number."""
    nano = 1_000_000 * (1 + number % 7) + number
    return {
        "request_id": f"r{number:06}",
        "endpoint_id": ("fal-ai/flux/dev", "fal-ai/veo3")[number % 2],
        "timestamp": at.isoformat(timespec="microseconds"),
        "output_units": 1.0 + number % 3,
        "quantity": 1.0 + number % 3,
        "unit": "image",
        "unit_price": 0.001,
        "percent_discount": None,
        "cost_subtotal": nano / 1e9,
        "cost_discount": 0.0,
        "cost_total": nano / 1e9,
        "cost_estimate_nano_usd": nano,
        "username": ("ads", "labs")[number // 2 % 2],
        **further,
    }


def spread(count: int, over: timedelta, start: datetime = DAY) -> list[dict[str, Any]]:
    """Return events spread evenly over a time."""
    return [event(start + over * n / count, n) for n in range(count)]


def table(events: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Return the table that a load must equal, row for row."""
    rows = [
        {
            **{name: each.get(name) for name in EVENTS},
            "timestamp": datetime.fromisoformat(each["timestamp"]),
            "cost": each["cost_total"],
            "cost_nano": each["cost_estimate_nano_usd"],
            "currency": "USD",
        }
        for each in events
    ]
    return pl.DataFrame(rows, schema=EVENTS).sort("timestamp", "request_id", maintain_order=True)


class EventAnswer(Answer):
    """An answer with events on its way out."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The events."""
        listed = self.envelope.get("billing_events")
        return listed if isinstance(listed, list) else []


class EventServer(FaultServer):
    """The endpoints of events over some events, with rules; a context manager."""

    def __init__(
        self,
        events: Sequence[dict[str, Any]] = (),
        *,
        order: Order = "ascending",
        needs_each_request: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__((), **settings)
        self.needs_each_request = needs_each_request
        self.events = sorted(events, key=_key)
        if order == "descending":
            self.events.reverse()
        elif order == "shuffled":
            random.Random(0).shuffle(self.events)
        self._moments = [datetime.fromisoformat(each["timestamp"]) for each in self.events]

    def _truth(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self._authorization:
            return self._error(request, 401, "authorization_error")
        if request.path == "/v1/account/billing":
            return EventAnswer(self, request, {"username": "acme"})
        if request.path not in PARAMETERS:
            return self._error(request, 404, "not_found")
        params = request.params
        start, end = (datetime.fromisoformat(params[name][0]) for name in ("start", "end"))
        if (
            set(params) - SHARED - PARAMETERS[request.path]
            or not start < end <= start + timedelta(days=90)
            or any(len(params.get(name, ())) > 50 for name in FILTERS if name != "team_username")
        ):
            return self._error(request, 400, "validation_error")
        chosen = [
            each
            for moment, each in zip(self._moments, self.events, strict=True)
            if start <= moment < end
            and all(each.get(FILTERS[name]) in params[name] for name in FILTERS if name in params)
        ]
        asked = set(params.get("request_id", ()))
        if self.needs_each_request and asked - {each["request_id"] for each in chosen}:
            return self._error(request, 404, "not_found")
        first = 0
        if "cursor" in params:
            last = json.loads(base64.b64decode(params["cursor"][0]))
            first = 1 + next(n for n, each in enumerate(chosen) if _key(each) == tuple(last))
        size = min(int(params.get("limit", ["1000"])[0]), self.page_size, MOST[request.path])
        page = chosen[first : first + size]
        more = first + size < len(chosen)
        following = base64.b64encode(json.dumps(_key(page[-1])).encode()).decode() if more else None
        is_workspace = request.path.startswith("/v1/models")
        hidden = {"key", "login", *(["username"] if is_workspace else [])}
        listed = [{name: each[name] for name in each if name not in hidden} for each in page]
        envelope = {"billing_events": listed, "next_cursor": following, "has_more": more}
        return EventAnswer(self, request, envelope, page=2 if first else 1)

    def _error(self, request: Request, status: int, kind: str) -> Answer:
        body = {"error": {"type": kind, "message": "no", "request_id": "req-1"}}
        return EventAnswer(self, request, body, status=status)


def _key(each: dict[str, Any]) -> tuple[str, str]:
    return each["timestamp"], each["request_id"]


def carries_events(answer: Answer) -> bool:
    """A truthful answer with at least one event."""
    return answer.status == 200 and bool(answer.rows) and not answer.edits


def later_events(answer: Answer) -> bool:
    """A truthful answer to a request with a cursor."""
    return carries_events(answer) and answer.page > 1
