"""Every endpoint fits the OpenAPI document: what is served, and what our client asks.

Requests of the client are recorded on their way to the emulator by a server between the two, and
then checked by a library that knows only the document.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from schemathesis import GenerationMode

import falusage as fu
from falusage.contract import ENDPOINTS

RANGE = ("2025-06-20", "2025-06-24")
PINS = {"start": RANGE[0], "end": RANGE[1]}
IDS = ["fal-ai/veo3", "type: gpu_1x_h100_sxm5 (my-app, production)", "fal-ai/flux/dev"]


def _usage(client: fu.UsageClient, **asked: Any) -> Any:
    return client.load(fu.UsageQuery(*RANGE, timeframe="day", **asked))


CALLS: dict[str, list[Callable[[fu.UsageClient], Any]]] = {
    "/organization/usage": [
        _usage,
        lambda client: _usage(
            client,
            timezone="Asia/Tokyo",
            endpoint_id=IDS,
            team_username=["acme-studio", "acme-paris"],
            auth_method=True,
            auth_method_structured=True,
            bound_to_timeframe=False,
            limit=20,
        ),
    ],
    "/models/usage": [
        lambda client: _usage(client, scope="workspace", product="model_apis", tag="a=(untagged)"),
    ],
    "/serverless/usage": [
        lambda client: _usage(client, scope="workspace", app=["style-transfer", "a, b"]),
    ],
    "/organization/billing-events": [
        lambda client: fu.load_events(*RANGE, request_id=["a", "b, c"], client=client),
    ],
    "/models/billing-events": [
        lambda client: fu.load_events(*RANGE, scope="workspace", endpoint_id=IDS[0], client=client),
    ],
    "/organization/focus": [
        lambda client: fu.load_focus("2025-05", client=client),
    ],
    "/account/focus": [
        lambda client: fu.load_focus(
            start=RANGE[0], end=RANGE[1], source="estimate", scope="workspace", client=client
        ),
    ],
    "/organization/teams": [lambda client: fu.load_teams(client=client)],
    "/keys": [lambda client: fu.load_keys(client=client)],
    "/models/pricing": [lambda client: fu.load_prices([*IDS, "a, b"], client=client)],
    "/account/billing": [lambda client: fu.load_balance(client=client)],
}
"""What asks each endpoint."""

FUZZED_ELSEWHERE = {
    "/organization/usage",  # test_document.py, in every edition
    *("/organization/billing-events", "/models/billing-events"),  # test_events.py
    *("/organization/focus", "/account/focus"),  # test_focus_report.py
}
"""Files of their own ask these the same, with rows of every kind that they have."""


@pytest.fixture(scope="module")
def served() -> Iterator[fu.Emulator]:
    """The sample in small pages, so that cursors are followed."""
    with fu.Emulator(page_size=50) as running:
        yield running


@pytest.fixture(scope="module")
def document(served: fu.Emulator) -> dict[str, Any]:
    """The emulator's OpenAPI document."""
    return requests.get(served.base_url.removesuffix("/v1") + "/openapi.json", timeout=10).json()


@pytest.fixture(scope="module")
def recorded(served: fu.Emulator) -> Iterator[tuple[str, list[requests.Response]]]:
    """The address of a server that passes requests on, and what was asked and answered."""
    exchanged: list[requests.Response] = []

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            answer = requests.get(
                served.base_url.removesuffix("/v1") + self.path,
                headers={name: self.headers[name] for name in ("Authorization", "Accept")},
                timeout=30,
            )
            exchanged.append(answer)
            self.send_response_only(answer.status_code)
            for name in ("Date", "Content-Type"):
                self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", exchanged
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def openapi(document: dict[str, Any]) -> OpenAPI:
    """The document, as one library checks it."""
    readers = {"text/csv": lambda body, **_: body.decode()}
    return OpenAPI.from_dict(document, Config(extra_media_type_deserializers=readers))


@pytest.fixture(scope="module")
def schema(served: fu.Emulator) -> Any:
    """The document, as another library makes requests of it."""
    return schemathesis.openapi.from_url(served.base_url.removesuffix("/v1") + "/openapi.json")


def test_every_served_endpoint_is_asked_here(served: fu.Emulator) -> None:
    """A new one needs a call."""
    assert {each.path for each in ENDPOINTS} == set(CALLS)
    assert {each.path for each in served.endpoints} <= set(CALLS)


@pytest.mark.slow
@pytest.mark.parametrize("path", list(CALLS))
def test_our_requests_fit_the_document(
    path: str,
    served: fu.Emulator,
    openapi: OpenAPI,
    recorded: tuple[str, list[requests.Response]],
) -> None:
    """Each is one that the document allows, and its answer is one that the document describes."""
    base_url, exchanged = recorded
    exchanged.clear()
    with fu.UsageClient(served.api_key, base_url=base_url) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.FalUsageWarning)
        for ask in CALLS[path]:
            ask(client)
    asked = [answer for answer in exchanged if f"/v1{path}?" in f"{answer.request.url}?"]
    assert asked
    for answer in exchanged:
        request = RequestsOpenAPIRequest(answer.request)
        openapi.validate_request(request)
        openapi.validate_response(request, RequestsOpenAPIResponse(answer))


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", [path for path in CALLS if path not in FUZZED_ELSEWHERE])
def test_no_answer_falls_outside_the_document(
    path: str, mode: GenerationMode, served: fu.Emulator, schema: Any
) -> None:
    """Requests that fit the document, and requests that do not."""
    key = {"Authorization": f"Key {served.api_key}"}
    statuses: list[int] = []
    names = ("status_code", "content_type", "response_schema")
    checks = [
        schemathesis.checks.not_a_server_error,
        *(schemathesis.checks.CHECKS.get_one(f"{name}_conformance") for name in names),
    ]
    with requests.Session() as session:

        @settings(
            database=None,
            derandomize=True,
            max_examples=10,
            suppress_health_check=list(HealthCheck),
        )
        @given(schema[f"/v1{path}"]["GET"].as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            if mode == GenerationMode.POSITIVE:
                # A plausible range, so that what else is generated decides about more than a 400.
                case.query = {
                    **(case.query or {}),
                    **(PINS if "start" in _parameters(path) else {}),
                }
                case.query.pop("cursor", None)
            answer = case.call(headers=key, session=session)
            case.validate_response(answer, checks=checks)
            statuses.append(answer.status_code)

        check()
    assert {200, 400, 401, 404} >= set(statuses)
    assert mode == GenerationMode.NEGATIVE or 200 in statuses


def _parameters(path: str) -> set[str]:
    return {*next(each for each in ENDPOINTS if each.path == path).parameters}
