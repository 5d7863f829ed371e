"""The faults of the catalogue, on every other endpoint that answers with items in JSON.

The readers are the same for all endpoints, so each kind of fault is tried once on each. The truth
is the emulator's; a server in front of it breaks the answers on their way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
import requests
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import errors
from falusage.contract import ENDPOINTS, Scope
from tests.faults import fault_kinds as kinds
from tests.faults.fault_judge import KEY
from tests.faults.fault_server import Answer, FaultServer, Request, Rule

DAYS = ("2025-05-01", "2025-05-04")


class Front(FaultServer):
    """A server that answers as the emulator does, until a rule says otherwise.

    The emulator is asked each question once; its organization does not change.

    Attributes:
        deaf: The parameters that it ignores.
    """

    deaf: frozenset[str] = frozenset()

    def __init__(self, emulator: fu.Emulator) -> None:
        super().__init__(key=KEY)
        self._emulator = emulator
        self._asked: dict[str, tuple[bytes, int]] = {}

    def _truth(self, request: Request) -> Answer:
        params = {k: v for k, v in request.params.items() if k not in self.deaf}
        asked = f"{request.path} {params}"
        if asked not in self._asked:
            answer = requests.get(
                self._emulator.base_url + request.path.removeprefix("/v1"),
                params=params,
                headers={"Authorization": f"Key {self._emulator.api_key}"},
                timeout=30,
            )
            self._asked[asked] = answer.content, answer.status_code
        content, status = self._asked[asked]
        return Answer(self, request, json.loads(content), status=status)


def usage(product: str, *, limit: int) -> Callable[[fu.UsageClient], pl.DataFrame]:
    """Return a load of a workspace's usage of one product, on several pages."""
    query = fu.UsageQuery(*DAYS, timeframe="hour", scope="workspace", product=product, limit=limit)
    return lambda client: client.load(query).usage


def events(scope: Scope, *, limit: int) -> Callable[[fu.UsageClient], pl.DataFrame]:
    """Return a load of the first hours' events, on several pages."""
    return lambda client: fu.load_events(
        DAYS[0], "2025-05-01T02:00Z", scope=scope, limit=limit, client=client
    )


def prices(client: fu.UsageClient) -> pl.DataFrame:
    """Return the list prices of two endpoints."""
    return fu.load_prices(["fal-ai/flux/dev", "fal-ai/veo3"], client=client)


LOADS: dict[str, tuple[str, Callable[[fu.UsageClient], pl.DataFrame]]] = {
    "/v1/models/usage": ("time_series", usage("model_apis", limit=100)),
    "/v1/serverless/usage": ("time_series", usage("serverless", limit=25)),
    "/v1/organization/billing-events": ("billing_events", events("organization", limit=60)),
    "/v1/models/billing-events": ("billing_events", events("workspace", limit=12)),
    "/v1/models/pricing": ("prices", prices),
}
"""The endpoints, each with the member that lists its items and a way to load it."""


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """One server for all cases, in front of a few days of the sample."""
    sample = fu.sample_usage(start=DAYS[0], end=DAYS[1]).usage
    with fu.Emulator(sample) as emulator, Front(emulator) as server:
        yield server


@pytest.fixture(scope="module")
def load(front: Front) -> Callable[[str], pl.DataFrame]:
    """Return a function that loads an endpoint's items through the server."""

    def loaded(path: str) -> pl.DataFrame:
        with fu.UsageClient(KEY, base_url=front.base_url, max_attempts=2) as client:
            return LOADS[path][1](client)

    return loaded


@pytest.fixture(scope="module")
def truth(front: Front, load: Callable[[str], pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return what each endpoint has, loaded without a fault."""
    front.reset()
    return {path: load(path) for path in LOADS}


def first_item(answer: Answer, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the first item of an answer, wherever its endpoint lists it."""
    listed = answer.envelope[LOADS[answer.request.path][0]]
    change(listed[0]["results"][0] if "results" in listed[0] else listed[0])


def item(**members: Any) -> kinds.Fault:
    """Set members of the first item."""
    return lambda answer: first_item(answer, lambda found: found.update(members))


def required(answer: Answer) -> str:
    """Return a member that every item of an endpoint must have."""
    path = answer.request.path.removeprefix("/v1")
    return next(each for each in ENDPOINTS if each.path == path).required()[0]


def without(answer: Answer) -> None:
    """Remove a required member of the first item."""
    first_item(answer, lambda found: found.pop(required(answer)))


def null(answer: Answer) -> None:
    """Set a required member of the first item to null."""
    first_item(answer, lambda found: found.update({required(answer): None}))


def listed(value: Any) -> kinds.Fault:
    """Put something else in the place of the list of items."""

    def fault(answer: Answer) -> None:
        answer.envelope[LOADS[answer.request.path][0]] = value

    return fault


def again(answer: Answer) -> None:
    """Send the cursor of this page as that of the next one."""
    asked = answer.request.params.get("cursor", [answer.envelope.get("next_cursor")])
    answer.envelope |= {"next_cursor": asked[0] or "Mg==", "has_more": True}


def twice(answer: Answer) -> None:
    """Name a member of the first item twice."""
    answer.edits.append(lambda body: body.replace(b'"unit":', b'"unit":"other","unit":', 1))


PROTOCOL, TRANSPORT = errors.ProtocolError, errors.TransportError
FAULTS: dict[str, tuple[type[fu.FalUsageError], kinds.Fault]] = {
    "reset mid-body": (TRANSPORT, kinds.sent_up_to(0.5, reset=True)),
    "body cut short of its length": (TRANSPORT, kinds.sent_up_to(0.5, reset=False)),
    "gzip cut short": (TRANSPORT, kinds.gzip_cut),
    "400": (errors.BadRequestError, kinds.status(400, "validation_error")),
    "401": (errors.AuthenticationError, kinds.status(401, "authorization_error")),
    "403": (errors.PermissionDeniedError, kinds.status(403, "authorization_error")),
    "404": (errors.NotFoundError, kinds.status(404, "not_found")),
    "429": (errors.RateLimitError, kinds.status(429, "rate_limited", Retry_After="0")),
    "500": (errors.ServerError, kinds.status(500)),
    "a redirect": (PROTOCOL, kinds.redirect(302, lambda: "http://127.0.0.1/login")),
    "a proxy's page": (PROTOCOL, kinds.page_of_html()),
    "nothing": (PROTOCOL, kinds.body(b"")),
    "a list": (PROTOCOL, kinds.body(b"[]")),
    "an empty object": (PROTOCOL, kinds.body(b"{}")),
    "an error with 200": (PROTOCOL, kinds.body(b'{"error":{"message":"oops"}}')),
    "half a document": (PROTOCOL, kinds.text(lambda body: body[: len(body) // 2])),
    "two documents": (PROTOCOL, kinds.text(lambda body: body + body)),
    "invalid UTF-8": (PROTOCOL, kinds.rewritten('"unit":"', b'"unit":"\xff')),
    "NaN": (PROTOCOL, kinds.rewritten('"unit_price":[^,]*', '"unit_price":NaN')),
    "half a surrogate pair": (PROTOCOL, kinds.rewritten('"unit":"', rb'"unit":"\\ud800')),
    "deep nesting": (PROTOCOL, kinds.rewritten("^{", '{"x":' + "[" * 999 + "]" * 999 + ",")),
    "a name twice in an item": (PROTOCOL, twice),
    "has_more twice": (PROTOCOL, kinds.rewritten('"has_more":', '"has_more":true,"has_more":')),
    "has_more missing": (PROTOCOL, kinds.envelope(has_more=...)),
    "has_more a string": (PROTOCOL, kinds.envelope(has_more="false")),
    "has_more without a cursor": (
        errors.PaginationError,
        kinds.envelope(has_more=True, next_cursor=None),
    ),
    "next_cursor missing": (PROTOCOL, kinds.envelope(next_cursor=...)),
    "next_cursor a number": (PROTOCOL, kinds.envelope(next_cursor=2)),
    "the same cursor for ever": (errors.PaginationError, again),
    "no list": (PROTOCOL, listed({})),
    "null for the list": (PROTOCOL, listed(None)),
    "null for an item": (PROTOCOL, listed([None])),
    "a required member missing": (errors.SchemaError, without),
    "a required member null": (errors.SchemaError, null),
    "text for a number": (errors.SchemaError, item(unit_price="0.1")),
    "a number for text": (errors.SchemaError, item(unit=5)),
    "a negative number": (errors.SchemaError, item(unit_price=-0.1)),
    "an absurd number": (errors.SchemaError, item(unit_price=1e18)),
}


def bites(path: str) -> Callable[[Answer], bool]:
    """Return whether an answer is of the endpoint and has items that nothing has changed."""
    member = LOADS[path][0]

    def holds(answer: Answer) -> bool:
        envelope = answer.envelope
        found = envelope.get(member) if isinstance(envelope, dict) else None
        return answer.request.path == path and bool(found) and not answer.edits

    return holds


@pytest.mark.parametrize("path", LOADS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_is_an_error(
    path: str, name: str, front: Front, load: Callable[[str], pl.DataFrame]
) -> None:
    """It has the type that the same fault has on `/organization/usage`, and hides the key."""
    expected, fault = FAULTS[name]
    when = bites(path) if fault is not again else lambda answer: answer.request.path == path
    front.reset([Rule(fault, when)])
    with pytest.raises(errors.FalUsageError) as caught:
        load(path)
    assert issubclass(caught.type, expected), caught.value
    assert KEY not in repr(vars(caught.value)) + str(caught.value)


PASSING = {
    "reset mid-body": kinds.sent_up_to(0.5, reset=True),
    "429": kinds.status(429, "rate_limited", Retry_After="0"),
    "503": kinds.status(503),
    "a proxy's page": kinds.page_of_html(),
}


@pytest.mark.parametrize("path", LOADS)
@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_changes_nothing(
    path: str,
    name: str,
    front: Front,
    load: Callable[[str], pl.DataFrame],
    truth: dict[str, pl.DataFrame],
) -> None:
    """The answer is asked for again, and the table is the truth."""
    front.reset([Rule(PASSING[name], bites(path), times=1)])
    assert_frame_equal(truth[path], load(path))
    assert 1 == front.bitten[0]


@pytest.mark.parametrize("path", LOADS)
def test_an_unknown_field_is_kept_and_named(
    path: str, front: Front, load: Callable[[str], pl.DataFrame], truth: dict[str, pl.DataFrame]
) -> None:
    """It follows the known columns, with a warning."""
    front.reset([Rule(item(brand_new={"a": [1]}), bites(path))])
    with pytest.warns(errors.UnknownFieldWarning, match="brand_new"):
        table = load(path)
    assert [*truth[path].columns, "brand_new"] == table.columns
    assert {"a": [1]} == json.loads(table["brand_new"].drop_nulls()[0])


@pytest.mark.parametrize("path", [path for path in LOADS if path.endswith("/usage")])
def test_a_lost_row_is_found(path: str, front: Front, load: Callable[[str], pl.DataFrame]) -> None:
    """The endpoint's rows are compared with its own summary."""

    def lost(answer: Answer) -> None:
        del answer.envelope["time_series"][0]["results"][0]

    front.reset([Rule(lost, bites(path))])
    with pytest.raises(errors.ReconciliationError):
        load(path)
