"""Answers that a load must not mix up: of two endpoints, of two pages, of another question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

import falusage as fu
from falusage import errors
from tests.faults import fault_kinds as kinds
from tests.faults.fault_judge import KEY
from tests.faults.fault_server import Answer, Rule
from tests.faults.test_endpoints import DAYS, Front, item

MODELS, MACHINES = "/v1/models/usage", "/v1/serverless/usage"
EVENTS = "/v1/models/billing-events"


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """One server, in front of a few days of the sample."""
    sample = fu.sample_usage(start=DAYS[0], end=DAYS[1], every="1d").usage
    with fu.Emulator(sample) as emulator, Front(emulator) as server:
        yield server


@pytest.fixture
def client(front: Front) -> Iterator[fu.UsageClient]:
    """A client of that server."""
    front.reset()
    with fu.UsageClient(KEY, base_url=front.base_url, max_attempts=2) as made:
        yield made


def rows_of(path: str) -> Callable[[Answer], bool]:
    """Return whether an answer is of an endpoint of usage and has rows."""
    return lambda answer: answer.request.path == path and bool(answer.envelope.get("time_series"))


def asked(**fields: Any) -> fu.UsageQuery:
    """Return a query of the workspace's days."""
    return fu.UsageQuery(*DAYS, scope="workspace", timeframe="day", **fields)


def test_a_field_that_is_new_on_one_endpoint_takes_no_column_of_the_other(
    front: Front, client: fu.UsageClient
) -> None:
    """It gets a name of its own, and the declared column keeps its values."""
    flags = client.load(asked()).usage["is_surge"].drop_nulls().to_list()
    front.reset([Rule(item(is_surge="no", app="odd"), rows_of(MODELS))])
    with pytest.warns(errors.UnknownFieldWarning, match="is_surge_sent"):
        usage = client.load(asked()).usage
    assert flags == usage["is_surge"].drop_nulls().to_list()
    assert "odd" in usage["app_sent"].to_list()
    assert "odd" not in usage["app"].to_list()


def test_a_quarantined_row_excuses_its_own_key_alone(front: Front, client: fu.UsageClient) -> None:
    """Its endpoint may have been anything, if the app that it is named by is broken."""
    front.reset([Rule(item(app=5), rows_of(MACHINES))])
    with pytest.warns(errors.FalUsageWarning) as said:
        load = client.load(asked(product="serverless"), invalid="quarantine")
    assert 1 == load.quarantine.height
    assert [warning for warning in said if "each has rows in quarantine" in str(warning.message)]

    def lost(answer: Answer) -> None:
        del answer.envelope["time_series"][0]["results"][0]

    rules = [Rule(item(app=5), rows_of(MACHINES)), Rule(lost, rows_of(MODELS))]
    front.reset(rules)
    with pytest.raises(errors.ReconciliationError):
        client.load(asked(), invalid="quarantine")


def test_a_row_without_what_a_filter_names_was_not_asked_for(
    front: Front, client: fu.UsageClient
) -> None:
    """Each of two requests for many apps would have it, and so would both summaries."""
    front.reset([Rule(item(app=None), rows_of(MACHINES))])
    with pytest.raises(errors.ProtocolError, match="a row without app was not asked for"):
        client.load(asked(app="style-transfer"))


def test_a_list_that_goes_on_is_not_taken_for_the_whole(
    front: Front, client: fu.UsageClient
) -> None:
    """The teams come on one page; if that changes, some would be missing."""
    more = kinds.envelope(has_more=True, next_cursor="Mg==")
    front.reset([Rule(more, lambda answer: answer.request.path.endswith("/teams"))])
    with pytest.raises(errors.ProtocolError, match="has a next page"):
        fu.load_teams(client=client)


def test_an_event_on_two_pages_is_an_error_though_it_is_told_otherwise(
    front: Front, client: fu.UsageClient
) -> None:
    """What is said of a request may be completed between two pages; its charge counts once."""
    first: list[dict[str, Any]] = []

    def shifted(answer: Answer) -> None:
        events = answer.envelope["billing_events"]
        if "cursor" in answer.request.params:
            events.insert(0, {**first[0], "unit": None})
        else:
            first[:] = events[-1:]

    front.reset([Rule(shifted, lambda answer: answer.request.path == EVENTS)])
    with pytest.raises(errors.PaginationError, match="two pages"):
        fu.load_events(*DAYS, scope="workspace", limit=5, client=client)


def test_the_currency_of_an_event_is_believed(front: Front, client: fu.UsageClient) -> None:
    """Events are in US dollars; one that says otherwise is not added to them."""

    def euros(answer: Answer) -> None:
        answer.envelope["billing_events"][0]["currency"] = "EUR"

    front.reset([Rule(euros, lambda answer: answer.request.path == EVENTS)])
    events = fu.load_events(*DAYS, scope="workspace", client=client)
    assert {"EUR", "USD"} == set(events["currency"])


def test_a_wrong_address_is_not_a_request_without_an_event(
    front: Front, client: fu.UsageClient
) -> None:
    """A 404 by id means that there is no event yet, unless all is a 404."""
    assert fu.load_events(*DAYS, scope="workspace", request_id="none", client=client).is_empty()
    nothing = kinds.status(404, "not_found")
    front.reset([Rule(nothing, lambda answer: answer.request.path == EVENTS)])
    with pytest.raises(errors.NotFoundError):
        fu.load_events(*DAYS, scope="workspace", request_id="none", client=client)


def test_an_address_with_a_key_in_it_is_not_shown() -> None:
    """A message names the host alone."""
    with pytest.raises(errors.ConfigError) as caught:
        fu.UsageClient(KEY, base_url=f"http://x.invalid/v1/{KEY}")
    assert KEY not in str(caught.value)


def test_rounding_explains_no_more_than_it_can() -> None:
    """The errors of a thousand roundings cancel; a charge of five dollars is not among them."""
    costs = [*[0.0075] * 1020, 5.01]
    usage = pl.DataFrame({"cost": costs}).with_columns(
        bucket=pl.datetime(2025, 1, 1, time_zone="UTC"),
        bucket_end=pl.datetime(2025, 1, 2, time_zone="UTC"),
        product=pl.lit("compute"),
        currency=pl.lit("USD"),
        username=pl.lit("ads"),
    )
    charges = pl.DataFrame({"BilledCost": [0.01] * 1020}).with_columns(
        BillingAccountId=pl.lit("acme"),
        SubAccountId=pl.lit("ads"),
        ServiceName=pl.lit("compute"),
        ChargeCategory=pl.lit("Usage"),
        BillingCurrency=pl.lit("USD"),
        ChargePeriodStart=pl.datetime(2025, 1, 1, time_zone="UTC"),
        ChargePeriodEnd=pl.datetime(2025, 1, 2, time_zone="UTC"),
    )
    line = fu.tie_out(usage, charges).cast({pl.Decimal: pl.Float64})
    assert (-2.46, 0.0) == (line["only_here"].item(), line["rounding"].item())
    agreed = fu.tie_out(usage.head(100), charges.head(75)).cast({pl.Decimal: pl.Float64})
    assert 0.0 == agreed["gap"].item()


def test_each_part_of_a_long_list_of_keys_is_answered_by_itself(
    front: Front, client: fu.UsageClient
) -> None:
    """A server that ignores the list would answer both requests with all rows, and their sum."""
    keys = {"api_key_id": [f"key-{n}" for n in range(60)], "product": "model_apis"}
    assert client.load(asked(**keys)).usage.is_empty()
    assert front.requests
    front.reset()
    front.deaf = frozenset({"api_key_id"})
    try:
        with pytest.raises(errors.ProtocolError, match="was not asked for"):
            client.load(asked(**keys))
    finally:
        front.deaf = frozenset()
