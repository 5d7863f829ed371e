"""The OpenAPI document: it says what CONTRACT.md says, and no answer falls outside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from falusage.emulator import Emulator, Faults
from falusage.emulator._app import ANSWERS

PATH = "/v1/organization/usage"
LIST = {"type": "array", "items": {"type": "string", "minLength": 1}}
IDS = {**LIST, "minItems": 1, "maxItems": 50}
TEXT = {"type": "string"}
PRODUCTS = ["model_apis", "serverless", "compute"]
EXPAND = ["time_series", "summary", "auth_method"]


def choice(*words: str, **more: Any) -> dict[str, Any]:
    """Describe a parameter that is one of some words."""
    return {"type": "string", "enum": list(words), **more}


def choices(*words: str, **more: Any) -> dict[str, Any]:
    """Describe a parameter that is a list of some words."""
    return {"type": "array", "items": choice(*words), **more}


# Transcribed from CONTRACT.md, "Request": the parameters, their values and their defaults.
SHARED = {
    "limit": {"type": "integer", "minimum": 1},
    "cursor": TEXT,
    "start": TEXT,
    "end": TEXT,
    "timezone": {**TEXT, "default": "UTC"},
    "timeframe": choice("minute", "hour", "day", "week", "month"),
    "bound_to_timeframe": choice("true", "false", default="true"),
    "endpoint_id": IDS,
    "product": choices(*PRODUCTS),
}
PARAMETERS = {
    2: SHARED
    | {
        "team_username": {**TEXT, "minLength": 1},
        "expand": choices(*EXPAND, default=["time_series"]),
    },
    3: SHARED
    | {
        "team_username": LIST,
        "api_key_id": IDS,
        "expand": choices(*EXPAND, "auth_method_structured", default=["time_series"]),
    },
}
PARAMETERS[4] = PARAMETERS[3]
_MONEY = {"type": "number", "minimum": 0}
_PERCENT = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 100}, {"type": "null"}]}
OLD_ITEM: dict[str, dict[str, Any]] = {
    "username": TEXT,
    "product": TEXT,
    "endpoint_id": TEXT,
    "unit": TEXT,
    "quantity": _MONEY,
    "unit_price": _MONEY,
    "cost": _MONEY,
    "currency": {**TEXT, "pattern": "^[A-Z]{3}$"},
}
ITEM = {
    2: OLD_ITEM,
    3: OLD_ITEM,
    4: {
        **OLD_ITEM,
        "percent_discount": _PERCENT,
        "cost_subtotal": _MONEY,
        "cost_discount": _MONEY,
        "cost_total": _MONEY,
    },
}
"""Transcribed from CONTRACT.md, "Its answer": what every item has, so without the callers."""


def usage() -> pl.DataFrame:
    """Two days of hours of three endpoints, with and without callers."""
    bucket = datetime(2025, 1, 15, tzinfo=UTC)
    rows = [
        {
            "bucket": bucket + timedelta(hours=hour),
            "bucket_end": bucket + timedelta(hours=hour + 1),
            "username": ("acme", "beta, inc", "γ")[line],
            "product": PRODUCTS[line],
            "endpoint_id": ("fal-ai/flux", "my-app", "type: gpu (my-app, production)")[line],
            "unit": "second",
            "quantity": hour / 3,
            "unit_price": 0.1,
            "percent_discount": (None, 50.0, 0.0)[line],
            "cost_subtotal": hour / 30,
            "cost_discount": (0.0, hour / 60, 0.0)[line],
            "cost": (hour / 30, hour / 60, hour / 30)[line],
            "currency": "USD",
            "auth_method": ("alice", "None", None)[line],
            "auth_detail": ("alice", "None", None)[line],
            "api_key_id": ("k1", None, None)[line],
            "login_username": ("alice", None, None)[line],
        }
        for hour in range(48)
        for line in range(3)
    ]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module", params=[2, 3, 4])
def served(request: pytest.FixtureRequest):
    """An emulator of each edition."""
    with Emulator(usage(), edition=request.param, page_size=20) as running:
        yield running


@pytest.fixture
def document(served: Emulator) -> dict[str, Any]:
    """Its OpenAPI document, which needs no key."""
    answer = requests.get(address(served), timeout=60)
    assert answer.status_code == 200
    return answer.json()


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema demands, without what it says for people."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def address(served: Emulator) -> str:
    """Return the address of the document, next to the base URL."""
    return served.base_url.removesuffix("/v1") + "/openapi.json"


def test_parameters_are_the_contract_s(served, document) -> None:
    """Every parameter with its values, bounds and default, none required, and no other."""
    found = {
        each["name"]: _form(each["schema"]) for each in document["paths"][PATH]["get"]["parameters"]
    }
    assert PARAMETERS[served.edition] == found
    assert not any(each["required"] for each in document["paths"][PATH]["get"]["parameters"])


def test_answers_are_the_contract_s(served, document) -> None:
    """Statuses, envelope, buckets, items and errors, with what is required of each."""
    assert document["openapi"].startswith("3.1")
    assert [f"/v1{each.path}" for each in ANSWERS] == list(document["paths"])
    operation = document["paths"][PATH]["get"]
    assert {"200", "400", "401", "403", "404", "429", "500"} == set(operation["responses"])
    models = document["components"]["schemas"]

    def model(schema: dict[str, Any]) -> dict[str, Any]:
        return models[schema["$ref"].rpartition("/")[2]]

    def answer(status: int) -> dict[str, Any]:
        return model(operation["responses"][str(status)]["content"]["application/json"]["schema"])

    page = answer(200)
    assert {"time_series", "summary", "next_cursor", "has_more"} == set(page["properties"])
    assert {"next_cursor", "has_more"} == set(page["required"])
    nullable = page["properties"]["next_cursor"]["anyOf"]
    assert [{"type": "string"}, {"type": "null"}] == nullable
    bucket = model(page["properties"]["time_series"]["items"])
    assert {"bucket", "results"} == set(bucket["required"])
    item = model(bucket["properties"]["results"]["items"])
    assert item == model(page["properties"]["summary"]["items"])
    expected = ITEM[served.edition]
    assert set(expected) == set(item["required"])
    assert expected == {name: _form(item["properties"][name]) for name in expected}
    callers = {"auth_method"} | ({"auth_method_structured"} if served.edition > 2 else set())
    assert callers == set(item["properties"]) - set(expected)
    if served.edition > 2:
        caller = model(item["properties"]["auth_method_structured"])
        assert {"detail", "api_key_id", "login_username"} == set(caller["properties"])
    error = answer(400)
    assert all(answer(status) == error for status in (401, 403, 404, 429, 500))
    detail = model(error["properties"]["error"])
    assert {"type", "message"} == set(detail["required"])
    assert {"type", "message", "docs_url", "request_id"} == set(detail["properties"])
    assert [
        "authorization_error",
        "validation_error",
        "not_found",
        "rate_limited",
        "server_error",
        "not_implemented",
    ] == detail["properties"]["type"]["enum"]


def test_the_key_is_documented(document) -> None:
    """The operation names the Authorization header as its security."""
    [[scheme]] = document["paths"][PATH]["get"]["security"]
    described = document["components"]["securitySchemes"][scheme]
    assert ("apiKey", "header", "Authorization") == (
        described["type"],
        described["in"],
        described["name"],
    )


def fuzz(served: Emulator, mode: GenerationMode, *, pinned: bool) -> list[int]:
    """Send generated requests, hold each answer to the document, and give the statuses."""
    schema = schemathesis.openapi.from_url(address(served))
    statuses: list[int] = []
    # A plausible window, so that what else is generated decides about more than a 400.
    pins = {"start": "2025-01-15", "end": "2025-01-17", "timezone": "Asia/Tokyo"}
    key = {"Authorization": f"Key {served.api_key}"}
    with requests.Session() as session:

        @settings(database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(schema[PATH]["GET"].as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            if pinned:
                case.query = {**(case.query or {}), **pins}
                case.query.pop("cursor", None)
            answer = case.call(headers=key, session=session)
            case.validate_response(
                answer,
                checks=[
                    schemathesis.checks.not_a_server_error,
                    schemathesis.checks.CHECKS.get_one("status_code_conformance"),
                    schemathesis.checks.CHECKS.get_one("content_type_conformance"),
                    schemathesis.checks.CHECKS.get_one("response_schema_conformance"),
                ],
            )
            statuses.append(answer.status_code)

        check()
    return statuses


@pytest.mark.slow
@pytest.mark.parametrize("pinned", [True, False])
def test_no_answer_falls_outside_the_document(served, pinned: bool) -> None:
    """Well-formed requests: each is answered as documented, and over a real window with 200s."""
    statuses = fuzz(served, GenerationMode.POSITIVE, pinned=pinned)
    assert {200, 400} >= set(statuses)
    assert not pinned or statuses.count(200) > len(statuses) / 4


@pytest.mark.slow
@pytest.mark.parametrize("pinned", [True, False])
def test_malformed_requests_are_refused_as_documented(served, pinned: bool) -> None:
    """Requests that break the document are answered inside it, and never with a failure."""
    assert {200, 400, 401} >= set(fuzz(served, GenerationMode.NEGATIVE, pinned=pinned))


def test_faults_are_documented_answers(served) -> None:
    """429 and 500 validate, too."""
    schema = schemathesis.openapi.from_url(address(served))
    conforms = schemathesis.checks.CHECKS.get_one("response_schema_conformance")
    case = schema[PATH]["GET"].Case()
    for faults, status in ((Faults(rate_limit_every=1), 429), (Faults(error_rate=1.0), 500)):
        served.faults = faults
        answer = case.call(headers={"Authorization": f"Key {served.api_key}"})
        served.faults = Faults()
        assert status == answer.status_code
        case.validate_response(answer, checks=[conforms])
