"""What the emulator's endpoints of events answer: requests that sum to its usage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

import polars as pl
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

import falusage as fu
from falusage.emulator import Emulator

ORGANIZATION, WORKSPACE = "/organization/billing-events", "/models/billing-events"
DAY = datetime(2025, 3, 1, tzinfo=UTC)
SPAN = {"start": "2025-03-01", "end": "2025-03-03"}


def used(hour: int, quantity: float, unit_price: float = 0.02, **further: Any) -> dict[str, Any]:
    """Return a row of usage of an hour."""
    return {
        "bucket": DAY + timedelta(hours=hour),
        "bucket_end": DAY + timedelta(hours=hour + 1),
        "username": "ads",
        "product": "model_apis",
        "endpoint_id": "fal-ai/flux/dev",
        "unit": "image",
        "quantity": quantity,
        "unit_price": unit_price,
        "cost": quantity * unit_price,
        "currency": "USD",
        "auth_method": None,
        "auth_detail": None,
        "api_key_id": None,
        "login_username": None,
        **further,
    }


ROWS = [
    *(used(hour, 7.0 + hour) for hour in range(20)),
    used(3, 2.5, 0.1, endpoint_id="fal-ai/veo3", unit="second", username="labs"),
    used(4, 9.0, auth_detail="k", auth_method="k (owner: a)", api_key_id="key-1"),
    used(5, 9.0, auth_detail="bo", auth_method="bo <bo@x>", login_username="bo"),
    used(6, 9.0, tags='{"team": "red", "tier": "a"}'),
    used(7, 9.0, tags='{"team": "blue"}'),
    used(8, 100.0, product="compute"),
    used(10, 0.0, cost=0.5, endpoint_id="fal-ai/training"),
    used(9, 100.0, currency="EUR"),
]


@pytest.fixture(autouse=True)
def _served(emulator: Emulator) -> None:
    emulator.page_size = 1000
    emulator.replace(pl.DataFrame(ROWS, infer_schema_length=None))


def ask(
    emulator: Emulator, path: str = WORKSPACE, key: str | None = None, **parameters: Any
) -> requests.Response:
    """Return the answer of an endpoint."""
    return requests.get(
        f"{emulator.base_url}{path}",
        params={**SPAN, **parameters},
        headers={"Authorization": f"Key {key or emulator.api_key}"},
        timeout=10,
    )


def listed(emulator: Emulator, path: str = WORKSPACE, **parameters: Any) -> list[dict[str, Any]]:
    """Ask, follow the cursors to the end, and return every event."""
    found: list[dict[str, Any]] = []
    while True:
        answer = ask(emulator, path, **parameters)
        assert 200 == answer.status_code, answer.text
        page = answer.json()
        found += page["billing_events"]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found
        parameters["cursor"] = page["next_cursor"]


def test_events_sum_to_the_rows_to_the_nano_dollar(emulator: Emulator) -> None:
    """And their quantities to the quantities, inside the bucket; other products have none."""
    events = listed(emulator, ORGANIZATION)
    rows = [row for row in ROWS if (row["product"], row["currency"]) == ("model_apis", "USD")]
    for row in rows:
        same = [
            each
            for each in rows
            if all(each[name] == row[name] for name in ("bucket", "endpoint_id", "username"))
        ]
        of = [
            each
            for each in events
            if (each["endpoint_id"], each["username"]) == (row["endpoint_id"], row["username"])
            and row["bucket"] <= datetime.fromisoformat(each["timestamp"]) < row["bucket_end"]
        ]
        assert sum(round(each["cost"] * 1e9) for each in same) == sum(
            each["cost_estimate_nano_usd"] for each in of
        )
        assert sum(each["quantity"] for each in same) == pytest.approx(
            sum(each["quantity"] for each in of)
        )
        assert len(same) <= len(of) <= 3 * len(same)
    assert len(events) == len({each["request_id"] for each in events})
    assert all(each["quantity"] == each["output_units"] >= 0 for each in events)


@given(st.floats(0, 1e6), st.floats(0, 10), st.sampled_from([None, 0.0, 12.5, 100.0]))
@example(quantity=3.0, unit_price=299_999_999.123456789, discount=None)
@settings(max_examples=15)
def test_any_row_is_split_to_the_nano_dollar(
    emulator: Emulator, quantity: float, unit_price: float, discount: float | None
) -> None:
    """Whatever its quantity, price and discount."""
    cost = quantity * unit_price * (1 - (discount or 0.0) / 100)
    row = used(1, quantity, unit_price, cost=cost, percent_discount=discount)
    emulator.replace(pl.DataFrame([row]))
    events = listed(emulator)

    assert round(cost * 1e9) == sum(each["cost_estimate_nano_usd"] for each in events)
    assert quantity == pytest.approx(sum(each["quantity"] for each in events))
    for each in events:
        assert each["cost_total"] == each["cost_estimate_nano_usd"] / 1e9
        assert min(each["cost_subtotal"], each["cost_discount"], each["quantity"]) >= 0
        assert each["cost_subtotal"] - each["cost_discount"] == pytest.approx(each["cost_total"])


def test_a_range_is_a_slice_of_one_history(emulator: Emulator) -> None:
    """Other rows and other ranges change no event, and neither does the size of a page."""
    whole = listed(emulator, ORGANIZATION)
    emulator.replace(pl.DataFrame(ROWS[4:8], infer_schema_length=None))
    part = listed(emulator, ORGANIZATION, limit=3)
    later = listed(emulator, ORGANIZATION, start="2025-03-01T05:30:00Z")

    assert part == [each for each in whole if each in part]
    assert later == [each for each in part if each["timestamp"] >= "2025-03-01T05:30"]
    assert 4 <= len(part) <= 12


def test_pages_follow_each_other_in_time(emulator: Emulator) -> None:
    """By keyset: the cursor names an instant and a request, so an event that arrives moves none."""
    whole = listed(emulator, ORGANIZATION)
    first = ask(emulator, ORGANIZATION, limit=5).json()
    emulator.replace(pl.DataFrame([*ROWS, used(0, 50.0)], infer_schema_length=None))
    rest = listed(emulator, ORGANIZATION, limit=5, cursor=first["next_cursor"])

    assert [each["timestamp"] for each in whole] == sorted(each["timestamp"] for each in whole)
    seen = [*first["billing_events"], *rest]
    assert whole == [each for each in seen if each in whole]
    assert len(seen) == len({each["request_id"] for each in seen})
    assert all(
        (one["timestamp"], one["request_id"]) < (two["timestamp"], two["request_id"])
        for one, two in pairwise(seen)
    )


def test_a_page_has_at_most_what_the_endpoint_allows(emulator: Emulator) -> None:
    """100 or 10,000, however much is asked for and served of usage."""
    emulator.page_size = 20_000
    emulator.replace(pl.DataFrame([used(n % 40, 3.0, n / 1e6) for n in range(8_000)]))

    for limit in ({}, {"limit": 20_000}):
        assert 100 == len(ask(emulator, ORGANIZATION, **limit).json()["billing_events"])
        assert 10_000 == len(ask(emulator, WORKSPACE, **limit).json()["billing_events"])


def test_each_parameter_chooses_events(emulator: Emulator) -> None:
    """Those of the row that has the value, by each endpoint's own filters."""
    every = listed(emulator, ORGANIZATION)
    one = every[7]["request_id"]
    expand = {"expand": ["auth_method", "auth_method_structured"]}
    keyed = listed(emulator, api_key_id="key-1", **expand)
    logged = listed(emulator, login_username="bo", **expand)

    assert [one] == [each["request_id"] for each in listed(emulator, ORGANIZATION, request_id=one)]
    assert {"labs"} == {
        each["username"] for each in listed(emulator, ORGANIZATION, team_username="labs")
    }
    assert {"fal-ai/veo3"} == {
        each["endpoint_id"] for each in listed(emulator, ORGANIZATION, endpoint_id="fal-ai/veo3")
    }
    assert [] == listed(emulator, endpoint_id="fal-ai/veo3")  # of another team
    assert {"k (owner: a)"} == {each["auth_method"] for each in keyed}
    assert {"detail": "bo", "login_username": "bo"} == logged[0]["auth_method_structured"]
    assert not any("auth_method" in each or "username" in each for each in listed(emulator))


def test_a_request_without_an_event_is_not_found(emulator: Emulator) -> None:
    """As while it is in flight; beside one that has its event, it is nothing."""
    known = listed(emulator)[0]["request_id"]
    answer = ask(emulator, request_id="r")

    assert (404, "not_found") == (answer.status_code, answer.json()["error"]["type"])
    assert [known] == [each["request_id"] for each in listed(emulator, request_id=["r", known])]


def test_tags_are_filtered_and_served_from_a_tagged_source(emulator: Emulator) -> None:
    """Keys must all match, and of one key any value."""
    tagged = {"source": "tagged-billed"}
    red = listed(emulator, tag=["team=red", "tier=a"], **tagged)
    both = listed(emulator, tag=["team=red", "team=blue"], **tagged)
    others = listed(emulator, tag="team=(untagged)", **tagged)

    assert {"team": "red", "tier": "a"} == red[0]["tags"]
    assert {"red", "blue"} == {each["tags"]["team"] for each in both}
    assert len(listed(emulator)) == len(both) + len(others)
    assert not any("tags" in each for each in [*others, *listed(emulator, tag="team=red")])


def test_more_than_ninety_days_are_refused(emulator: Emulator) -> None:
    """As by the API; ninety are not."""
    assert 200 == ask(emulator, start="2025-01-01", end="2025-04-01").status_code
    answer = ask(emulator, start="2025-01-01", end="2025-04-01T00:00:01Z")
    assert (400, "start and end are more than 90 days apart") == (
        answer.status_code,
        answer.json()["error"]["message"],
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"cursor": "Mg=="},
        {"cursor": "not base64"},
        {"limit": "0"},
        {"limit": "ten"},
        {"timezone": "UTC"},
        {"tag": "team"},
        {"source": "estimate"},
        {"expand": "tags"},
        {"team_username": "ads"},
        {"request_id": ["r"] * 51},
        {"start": "2025-03-04"},
    ],
    ids=str,
)
def test_other_parameters_are_refused(emulator: Emulator, wrong: dict[str, Any]) -> None:
    """With the documented error."""
    answer = ask(emulator, WORKSPACE, **wrong)
    assert (400, "validation_error") == (answer.status_code, answer.json()["error"]["type"])


def test_keys_read_what_they_may(emulator: Emulator) -> None:
    """A workspace's key has its own events, and no organization's."""
    for key, path, status in (
        (emulator.workspace_key, WORKSPACE, 200),
        (emulator.member_key, WORKSPACE, 200),
        (emulator.workspace_key, ORGANIZATION, 403),
        (emulator.member_key, ORGANIZATION, 403),
        ("unknown", WORKSPACE, 401),
    ):
        assert status == ask(emulator, path, key=key).status_code


def test_no_usage_is_no_event(emulator: Emulator, nothing: pl.DataFrame) -> None:
    """An empty page, and no next one."""
    emulator.replace(nothing)
    for path in (ORGANIZATION, WORKSPACE):
        assert {"billing_events": [], "next_cursor": None, "has_more": False} == ask(
            emulator, path
        ).json()


def test_a_cost_beyond_nano_dollars_is_refused(emulator: Emulator) -> None:
    """No Int64 has it."""
    emulator.replace(pl.DataFrame([used(1, 1.0, 1e17)]))
    assert 400 == ask(emulator).status_code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "start", "fewest"),
    [("organization", "2025-06-19", 8_000), ("workspace", "2025-06-05", 25_000)],
)
def test_the_sample_ties_out_bucket_by_bucket(
    emulator: Emulator, scope: Literal["organization", "workspace"], start: str, fewest: int
) -> None:
    """Its events sum to its usage exactly; what is billed in euros has no events.

    An organization's events come a hundred to a page, so most are read from a workspace.
    """
    usage = fu.sample_usage(start=start, end="2025-06-24").usage
    if scope == "workspace":
        usage = usage.with_columns(username=pl.lit("acme"))
    emulator.page_size = 10_000
    emulator.replace(usage)
    with fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client:
        events = fu.load_events(start, "2025-06-24", scope=scope, client=client)
        load = client.load(fu.UsageQuery(start, "2025-06-24", timeframe="hour"))

    found = fu.tie_out_events(load, events)

    in_dollars = found.filter(currency="USD")
    assert {"agree"} == set(in_dollars["part"])
    assert Decimal(0) == in_dollars["gap"].abs().sum()
    assert in_dollars["events"].sum() == events.height > fewest
    assert {"only in usage"} == set(found.filter(pl.col("currency") != "USD")["part"])


@pytest.mark.slow
@pytest.mark.parametrize("path", [ORGANIZATION, WORKSPACE])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_answer_falls_outside_the_document(
    emulator: Emulator, path: str, mode: GenerationMode
) -> None:
    """Well-formed and malformed requests are answered as the OpenAPI document says."""
    address = emulator.base_url.removesuffix("/v1")
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    conforms = [
        schemathesis.checks.not_a_server_error,
        *map(
            schemathesis.checks.CHECKS.get_one,
            ("status_code_conformance", "content_type_conformance", "response_schema_conformance"),
        ),
    ]
    statuses: list[int] = []

    @settings(
        database=None, derandomize=True, max_examples=10, suppress_health_check=list(HealthCheck)
    )
    @given(schema[f"/v1{path}"]["GET"].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        if mode is GenerationMode.POSITIVE:
            case.query = {**(case.query or {}), **SPAN}
            case.query.pop("cursor", None)
        answer = case.call(headers={"Authorization": f"Key {emulator.api_key}"})
        case.validate_response(answer, checks=conforms)
        statuses.append(answer.status_code)

    check()
    assert {200, 400, 401, 404} >= set(statuses)
    assert mode is GenerationMode.NEGATIVE or 200 in statuses
