"""Faults that only events have: a load is the truth, or the promised error.

`test_endpoints` tries on them what can go wrong on every endpoint.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import errors
from falusage.api._http import exchange
from falusage.api._pages import cursors
from falusage.columns import EVENTS
from falusage.snapshot import _event_file, download_events
from tests.faults import fault_kinds as kinds
from tests.faults.event_world import (
    DAY,
    EventAnswer,
    EventServer,
    carries_events,
    event,
    later_events,
    spread,
    table,
)
from tests.faults.fault_server import Answer, Rule

EQUAL: Final = "equal"
PROTOCOL, SCHEMA = errors.ProtocolError, errors.SchemaError
ORGANIZATION, WORKSPACE = "organization", "workspace"
EVENTS_OF_A_DAY = spread(45, timedelta(days=1))
DAY_OF_TIME = timedelta(days=1)
RANGE = (DAY, DAY + timedelta(days=1))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_FIRST_PAUSE", 0.01)


@pytest.fixture
def hold(key: str) -> Iterator[Callable[..., EventServer]]:
    """A function that serves events with rules."""
    with contextlib.ExitStack() as stack:
        yield lambda events=EVENTS_OF_A_DAY, **settings: stack.enter_context(
            EventServer(events, key=key, **{"page_size": 10, **settings})
        )


def load(server: EventServer, key: str, *, timeout: float = 20.0, **fields: Any) -> pl.DataFrame:
    """Load the day."""
    with fu.UsageClient(key, base_url=server.base_url, max_attempts=3, timeout=timeout) as client:
        return fu.load_events(*RANGE, client=client, **fields)


def item(**members: Any) -> kinds.Fault:
    """Change members of the first event; None as a function's result removes one."""

    def fault(answer: Answer) -> None:
        first = dict(answer.rows[0])
        for name, value in members.items():
            if value is REMOVED:
                first.pop(name, None)
            else:
                first[name] = value
        answer.rows[0] = first

    return fault


REMOVED: Final = object()


def twice(*, over_pages: bool) -> kinds.Fault:
    """Send the last event of a page again: on this page, or as the first of the next."""
    last: list[dict[str, Any]] = []

    def fault(answer: Answer) -> None:
        if not over_pages:
            answer.rows.append(answer.rows[-1])
        elif answer.page > 1 and last:
            answer.rows.insert(0, last[-1])
        last.append(answer.rows[-1])

    return fault


def without_end(answer: Answer) -> None:
    """Name a page after the last, without events."""
    nth = len(answer.server.requests)
    answer.envelope.update(billing_events=[], next_cursor=f"{nth}", has_more=True)


TRANSPORT: dict[str, tuple[kinds.Fault, Any]] = {
    "half a body": (kinds.sent_up_to(0.5, reset=False), errors.TransportError),
    "429": (kinds.status(429), errors.RateLimitError),
    "500": (kinds.status(500), errors.ServerError),
    "a proxy's page": (kinds.page_of_html(), PROTOCOL),
}


@pytest.mark.parametrize("name", TRANSPORT)
def test_a_later_page_is_tried_again(hold, key: str, name: str) -> None:
    """Once, it changes nothing; always, it is the error that says what happened."""
    fault, error = TRANSPORT[name]
    server = hold(rules=[Rule(fault, later_events, times=1)])
    assert_frame_equal(table(EVENTS_OF_A_DAY), load(server, key))
    assert 1 == server.bitten[0]

    server = hold(rules=[Rule(fault, later_events)])
    with pytest.raises(error):
        load(server, key)


BROKEN: dict[str, kinds.Fault] = {
    "a text in the list": kinds.edited(lambda envelope: envelope["billing_events"].append("x")),
    "a timestamp without an offset": item(timestamp="2025-03-01T04:00:00"),
    "a date for a timestamp": item(timestamp="2025-03-01"),
    "a text for a timestamp": item(timestamp="noon"),
    "an event before the window": item(timestamp="2025-02-28T23:59:59.999999Z"),
    "an event at the end": item(timestamp="2025-03-02T00:00:00Z"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_outside_the_contract_is_an_error(hold, key: str, name: str) -> None:
    """And never a shorter or another table."""
    server = hold(rules=[Rule(BROKEN[name], carries_events)])
    with pytest.raises(PROTOCOL):
        load(server, key)
    assert server.bitten[0]


def test_pages_without_an_end_are_an_error(hold, key: str, monkeypatch) -> None:
    """A hundred empty ones in a row, or ten thousand."""
    server = hold(rules=[Rule(without_end, lambda answer: answer.status == 200)])
    monkeypatch.setattr(cursors, "EMPTY_PAGES", 5)
    # The server does not know these cursors, and answers each with nothing.
    server._truth = lambda request: EventAnswer(server, request, {"billing_events": []})
    with pytest.raises(errors.PaginationError, match="5 empty pages in a row without an end"):
        load(server, key)


def test_an_event_on_two_pages_is_an_error(hold, key: str) -> None:
    """It would be counted twice, and the message says what to do."""
    server = hold(rules=[Rule(twice(over_pages=True), carries_events)])
    with pytest.raises(errors.PaginationError, match=r"'r0000\d\d' is on two pages.*try again"):
        load(server, key)


def test_an_event_that_a_page_lists_twice_is_kept_with_a_warning(hold, key: str) -> None:
    """The API itself counts it twice, so nothing is dropped, and nothing is silent."""
    events = EVENTS_OF_A_DAY[:5]
    server = hold(events, rules=[Rule(twice(over_pages=False), carries_events)])
    with pytest.warns(errors.FalUsageWarning, match="1 events are equal to another"):
        loaded = load(server, key)
    assert_frame_equal(table([*events, events[-1]]), loaded)


def test_two_charges_of_one_request_are_both_kept(hold, key: str) -> None:
    """Also on two pages: they differ."""
    events = [event(DAY + timedelta(hours=n), n, request_id="one") for n in range(20)]
    assert_frame_equal(table(events), load(hold(events), key))


INVALID: dict[str, tuple[kinds.Fault, str]] = {
    "no request id": (item(request_id=REMOVED), "request_id: missing"),
    "null for the endpoint": (item(endpoint_id=None), "endpoint_id: null"),
    "no timestamp": (item(timestamp=REMOVED), "timestamp: missing"),
    "a cost as text": (item(cost_total="1"), "cost: not a number"),
    "a negative cost": (item(cost_total=-1e-3), "cost: negative"),
    "half a nano dollar": (item(cost_estimate_nano_usd=1.5), "cost_nano: not a whole number"),
    "nano dollars beyond 64 bits": (item(cost_estimate_nano_usd=2**63), "cost_nano: beyond 64"),
    "no nano dollars": (item(cost_estimate_nano_usd=REMOVED), "cost_nano: missing"),
    "a nano dollar more than the cost": (
        item(cost_total=0.001, cost_estimate_nano_usd=1_000_001),
        "cost_nano: not cost in nano dollars",
    ),
    "two quantities": (item(quantity=1.0, output_units=2.0), "quantity: quantity and output_units"),
    "a discount over 100": (item(percent_discount=101), "percent_discount: over 100"),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_event_is_an_error_or_left_out_with_a_warning(hold, key: str, name: str) -> None:
    """The error names the rule and has the row; a quarantine keeps all others."""
    fault, rule = INVALID[name]
    events = EVENTS_OF_A_DAY[:5]
    server = hold(events, rules=[Rule(fault, carries_events)])
    with pytest.raises(SCHEMA, match="1 of the 5 events received") as caught:
        load(server, key)
    assert any(rule in broken for broken in caught.value.failures["rules"].item())

    with pytest.warns(errors.QuarantineWarning, match="1 of 5 rows"):
        loaded = load(server, key, invalid="quarantine")
    assert_frame_equal(table(events[1:]), loaded)


def test_a_cost_rounded_to_a_nano_dollar_is_valid(hold, key: str) -> None:
    """Half a nano dollar either way, and the noise of doubles at any size."""
    costs = [
        (0.1 + 0.2, 300_000_000),
        (5e-10, 0),
        (5e-10, 1),
        (1.4e-9, 1),
        (123456.789012345678, 123_456_789_012_346),
        (17366246.634701476, 17_366_246_634_701_474),
    ]
    events = [
        event(DAY, n, cost_total=cost, cost_estimate_nano_usd=nano)
        for n, (cost, nano) in enumerate(costs)
    ]
    assert_frame_equal(table(events), load(hold(events), key))


def test_an_event_of_another_filter_is_an_error(hold, key: str) -> None:
    """A server that ignores a filter does not give another answer."""
    server = hold(rules=[Rule(item(endpoint_id="other"), carries_events)])
    with pytest.raises(PROTOCOL, match="endpoint_id 'other' was not asked for"):
        load(server, key, endpoint_id=["fal-ai/flux/dev"])


def test_unknown_fields_are_kept_with_a_warning(hold, key: str) -> None:
    """Of the kind that keeps every value, over all pages."""
    events = [{**each, "region": n if n % 2 else None} for n, each in enumerate(EVENTS_OF_A_DAY)]
    with pytest.warns(errors.UnknownFieldWarning, match="'region'"):
        loaded = load(hold(events), key)

    assert [*EVENTS, "region"] == loaded.columns
    assert [each["region"] for each in events] == loaded["region"].to_list()


def test_requests_without_an_event_hide_no_other_event(hold, key: str) -> None:
    """Even if a server answers with a 404 for fifty requests because of one of them."""
    events = [*spread(40, timedelta(days=1)), *spread(1, timedelta(days=1), DAY - DAY_OF_TIME)]
    wanted = [f"r{number:06}" for number in range(0, 120, 2)]
    for needs_each in (True, False):
        server = hold(events, needs_each_request=needs_each)
        expected = [each for each in events[:40] if each["request_id"] in wanted]
        assert_frame_equal(table(expected), load(server, key, request_id=wanted))
    server = hold(events, needs_each_request=True)
    assert 0 == load(server, key, request_id="r000999").height


def test_a_path_that_is_not_there_is_an_error(hold, key: str) -> None:
    """It is no request without an event, also not if requests are asked for."""
    server = hold(rules=[Rule(kinds.body(b"no such page", 404))])
    with pytest.raises(errors.NotFoundError):
        load(server, key, request_id=["r000001", "r000002"])


def test_a_workspace_whose_name_is_refused_is_called_workspace(hold, key: str) -> None:
    """With a warning; the events are loaded."""
    is_name = lambda answer: answer.request.path == "/v1/account/billing"  # noqa: E731
    server = hold(rules=[Rule(kinds.status(403), is_name)])
    with pytest.warns(errors.FalUsageWarning, match="may not read the name of its workspace"):
        loaded = load(server, key, scope=WORKSPACE)
    assert ["workspace"] == loaded["username"].unique().to_list()


def test_a_failed_load_leaves_no_connection_and_no_thread(hold, key: str) -> None:
    """However it fails, while other windows are under way."""
    events = spread(3_000, timedelta(days=1))
    rule = Rule(kinds.status(404), later_events, skip=30)
    server = hold(events, rules=[rule])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(errors.NotFoundError):
            load(server, key)
    sent = len(server.requests)
    assert sent == len(server.requests)


@pytest.mark.slow
def test_a_file_gets_a_field_that_first_comes_half_way(
    hold, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows before have null, and the table is that of a load."""
    monkeypatch.setattr(_event_file, "ROW_GROUP", 10)
    events = [
        each if n < 200 else {**each, "region": "eu"}
        for n, each in enumerate(spread(300, timedelta(days=1)))
    ]
    server = hold(events, page_size=3)
    with fu.UsageClient(key, base_url=server.base_url) as client:
        with pytest.warns(errors.UnknownFieldWarning):
            file = download_events(*RANGE, tmp_path / "events.parquet", client=client)
        with pytest.warns(errors.UnknownFieldWarning):
            loaded = fu.load_events(*RANGE, client=client)

    assert (300, loaded["cost_nano"].sum()) == (file.rows, int(file.cost * 10**9))
    assert ["eu"] * 100 == loaded["region"].drop_nulls().to_list()
    assert_frame_equal(loaded, pl.read_parquet(tmp_path / "events.parquet"))


def test_iterating_leaves_invalid_events_out_with_a_warning(hold, key: str) -> None:
    """If it is asked to; otherwise the part that has one raises."""
    rule = Rule(item(cost_total=-1), carries_events, times=1)
    server = hold(EVENTS_OF_A_DAY[:5], rules=[rule])
    with fu.UsageClient(key, base_url=server.base_url) as client:
        with pytest.warns(errors.QuarantineWarning, match="1 of 5 rows"):
            (found,) = client.iter_events(*RANGE, invalid="quarantine")
        assert_frame_equal(table(EVENTS_OF_A_DAY[1:5]), pl.DataFrame(found))

        server.reset([rule])
        with pytest.raises(SCHEMA):
            list(client.iter_events(*RANGE))
