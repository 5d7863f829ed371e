"""Billing events over real HTTP: all of them, in the order of time, each once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.api import _event_page as event_page
from falusage.api._pages.answers import Expected
from falusage.api._pages.fast import read_fast
from falusage.columns import EVENTS
from falusage.contract import ORGANIZATION_EVENTS
from tests.faults.event_world import DAY, EventServer, event, spread, table

KEY = "a-key:of-events"
RANGE = (DAY, DAY + timedelta(days=1))


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[EventServer, fu.UsageClient]]]:
    """A function that serves events, and returns the server with a client of it."""
    with contextlib.ExitStack() as stack:

        def start(
            events: list[dict[str, Any]], workers: int = 4, **settings: Any
        ) -> tuple[EventServer, fu.UsageClient]:
            server = stack.enter_context(EventServer(events, key=KEY, **settings))
            client = fu.UsageClient(
                KEY, base_url=server.base_url, workers=workers, max_attempts=2, timeout=20
            )
            return server, stack.enter_context(client)

        yield start


def asked(server: EventServer, name: str) -> list[list[str]]:
    """Return the values of a parameter in each request."""
    return [request.params.get(name, []) for request in server.requests]


ORDERS = {"ascending": 400, "descending": 400, "shuffled": 1_000}
"""The orders of the API, each with as many events as are read in several parts, ten on a page."""


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scope", ["organization", "workspace"])
def test_every_event_is_loaded_once_in_the_order_of_time(serve, order: str, scope: Any) -> None:
    """Whatever order the API has, over pages and within them."""
    events = spread(ORDERS[order], timedelta(days=1))
    _, client = serve(events, order=order, page_size=10)
    expected = table(events)
    if scope == "workspace":
        expected = expected.with_columns(username=pl.lit("acme"))

    assert_frame_equal(expected, fu.load_events(*RANGE, scope=scope, client=client))


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_a_burst_is_read_in_parts(serve, order: str) -> None:
    """Hundreds of events within seconds, between long silence, are all there."""
    start, count = DAY + timedelta(days=40), ORDERS[order]
    events = [
        *spread(count * 7 // 10, timedelta(seconds=9), start),
        *spread(count * 3 // 10, timedelta(microseconds=900_000), start + timedelta(days=20)),
    ]
    for number, each in enumerate(events):
        each["request_id"] = f"q{number}"
    server, client = serve(events, order=order, page_size=10)
    loaded = fu.load_events(DAY, DAY + timedelta(days=80), client=client)

    assert_frame_equal(table(events), loaded)
    assert len(server.requests) < 6 * count / 10  # its pages, and what was read again


def test_events_of_one_instant_are_in_the_order_of_their_ids(serve) -> None:
    """So that the table does not depend on pages."""
    events = [event(DAY, number) for number in range(40)]
    for limit in (3, 100):
        _, client = serve(events, order="shuffled")
        assert_frame_equal(table(events), fu.load_events(*RANGE, limit=limit, client=client))


def test_few_events_take_one_request(serve) -> None:
    """A range of up to 90 days that fits on a page."""
    server, client = serve(spread(90, timedelta(days=80)))
    fu.load_events(DAY, DAY + timedelta(days=90), client=client)

    assert 1 == len(server.requests)


def test_a_long_range_is_asked_in_parts_of_ninety_days(serve) -> None:
    """Whose ends meet, and whose events are all there."""
    events = spread(300, timedelta(days=400))
    server, client = serve(events)
    loaded = fu.load_events(DAY, DAY + timedelta(days=400), client=client)

    first, last = (
        sorted(datetime.fromisoformat(value) for [value] in asked(server, name))
        for name in ("start", "end")
    )
    assert_frame_equal(table(events), loaded)
    assert max(end - start for start, end in zip(first, last, strict=True)) <= timedelta(days=90)
    assert (DAY, DAY + timedelta(days=400)) == (first[0], last[-1])


def test_the_limit_is_as_many_as_a_page_can_have(serve) -> None:
    """100 for an organization and 10,000 for a workspace, or fewer on request."""
    for fields, limit in (
        ({}, "100"),
        ({"scope": "workspace"}, "10000"),
        ({"limit": 7}, "7"),
        ({"limit": 100}, "100"),
    ):
        server, client = serve(spread(3, timedelta(days=1)))
        fu.load_events(*RANGE, client=client, **fields)
        assert [limit] == asked(server, "limit")[-1]


def test_many_ids_become_several_requests_in_one_order(serve) -> None:
    """120 requests, of three chunks, by time."""
    events = spread(400, timedelta(days=1))
    wanted = [f"r{number:06}" for number in range(0, 360, 3)]
    server, client = serve(events, page_size=10)
    loaded = fu.load_events(*RANGE, request_id=wanted, client=client)

    chosen = [each for each in events if each["request_id"] in wanted]
    assert_frame_equal(table(chosen), loaded)
    assert {50, 20} == {len(ids) for ids in asked(server, "request_id")}


def test_each_filter_is_sent(serve) -> None:
    """And the answer has only what was asked for."""
    events = [
        {**each, "key": f"k{number % 3}", "login": f"l{number % 5}"}
        for number, each in enumerate(spread(60, timedelta(days=1)))
    ]
    for scope, name, column, value in (
        ("organization", "endpoint_id", "endpoint_id", "fal-ai/veo3"),
        ("organization", "request_id", "request_id", "r000012"),
        ("organization", "team_username", "username", "labs"),
        ("organization", "api_key_id", "key", "k1"),
        ("workspace", "login_username", "login", "l2"),
    ):
        server, client = serve(events)
        loaded = fu.load_events(*RANGE, scope=scope, client=client, **{name: value})
        expected = [each["request_id"] for each in events if each[column] == value]
        assert expected == loaded["request_id"].to_list()
        assert [value] == asked(server, name)[-1]


def test_tags_and_source_are_sent_and_tags_kept_as_json(serve) -> None:
    """Without a warning, because they are declared."""
    tagged = [event(DAY, 1, tags={"b": "2", "a": "1"}), event(DAY, 2, tags=None)]
    server, client = serve(tagged)
    loaded = fu.load_events(
        *RANGE, scope="workspace", source="tagged-billed", tag=["a=1", "b=2"], client=client
    )

    assert ['{"a": "1", "b": "2"}', None] == loaded["tags"].to_list()
    assert [*EVENTS, "tags"] == loaded.columns
    assert (["tagged-billed"], ["a=1", "b=2"]) == (
        asked(server, "source")[-1],
        asked(server, "tag")[-1],
    )


def test_callers_are_loaded_if_they_are_asked_for(serve) -> None:
    """As text and in fields, as those of usage."""
    who = {
        "auth_method": "my-key (owner: alice)",
        "auth_method_structured": {"detail": "my-key", "api_key_id": "k1"},
    }
    server, client = serve([event(DAY, 1, **who)])
    loaded = fu.load_events(*RANGE, auth_method=True, auth_method_structured=True, client=client)

    assert [("my-key (owner: alice)", "my-key", "k1", None)] == loaded.select(
        "auth_method", "auth_detail", "api_key_id", "login_username"
    ).rows()
    assert ["auth_method", "auth_method_structured"] == asked(server, "expand")[-1]


def test_an_account_without_events_has_an_empty_table(serve) -> None:
    """With every column, and none of one event is lost."""
    _, client = serve([])
    assert_frame_equal(pl.DataFrame(schema=EVENTS), fu.load_events(*RANGE, client=client))
    assert [] == list(client.iter_events(*RANGE))

    _, client = serve([event(DAY, 1)])
    assert_frame_equal(table([event(DAY, 1)]), fu.load_events(*RANGE, client=client))


def test_an_event_without_what_may_be_null_is_kept(serve) -> None:
    """An older server has only `output_units`, and null for what it does not know."""
    old = event(DAY, 1, output_units=None, unit_price=None)
    for name in ("quantity", "unit", "cost_subtotal", "cost_discount"):
        del old[name]
    _, client = serve([old])
    loaded = fu.load_events(*RANGE, client=client)

    assert [(None, None, None)] == loaded.select("quantity", "unit", "unit_price").rows()


@pytest.mark.slow
def test_iterating_gives_the_same_rows_a_part_at_a_time(serve) -> None:
    """As Arrow, and without holding the range."""
    events = spread(2_000, timedelta(days=1))
    server, client = serve(events, page_size=10, workers=1)
    tables = client.iter_events(*RANGE)
    first = next(tables)

    assert isinstance(first, pa.Table)
    assert first.num_rows < 800
    assert len(server.requests) < 150
    rest = [pl.DataFrame(each) for each in tables]
    assert_frame_equal(table(events), pl.concat([pl.DataFrame(first), *rest]))


def test_nothing_is_sent_before_the_first_part_is_asked_for(serve) -> None:
    """But the arguments are checked at once."""
    server, client = serve(spread(10, timedelta(days=1)))
    client.iter_events(*RANGE)
    with pytest.raises(fu.QueryError, match="start"):
        client.iter_events("2025-03-02", "2025-03-01")

    assert [] == server.requests


def test_who_needs_no_more_closes_the_connections(serve) -> None:
    """A generator that is closed early leaves no thread and no open request."""
    server, client = serve(spread(3_000, timedelta(days=1)), page_size=10)
    tables = client.iter_events(*RANGE)
    next(tables)
    tables.close()
    sent = len(server.requests)

    assert sent == len(server.requests) < 250


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1), timezones=st.timezones()).filter(
        lambda moment: moment.utcoffset().microseconds == moment.utcoffset().seconds % 60 == 0
    ),
    st.sampled_from(["auto", "seconds", "milliseconds", "microseconds"]),
)
def test_timestamps_are_read_as_python_reads_them(moment: datetime, timespec: str) -> None:
    """With any offset, and any number of decimals."""
    text = moment.isoformat(timespec=timespec)
    read = event_page._instants(pl.Series("timestamp", [text, None, "2025-01-01T00:00:00Z"]))

    assert datetime.fromisoformat(text).astimezone(UTC) == read[0]
    assert [None, datetime(2025, 1, 1, tzinfo=UTC)] == read.to_list()[1:]


@pytest.mark.parametrize(
    "text",
    ["2025-03-01T04:00:00Z", "2025-03-01T04:00Z", "20250301T040000Z", "2025-03-01 04:00:00+00:00",
     "2025-03-01T09:30:00.000000000+05:30"],
)  # fmt: skip
def test_every_form_of_iso_8601_is_read(text: str) -> None:
    """As long as it has an offset."""
    assert DAY + timedelta(hours=4) == event_page._instants(pl.Series("timestamp", [text])).item()


def test_arguments_are_checked_before_anything_is_sent(serve) -> None:
    """Each message names the argument and what was expected."""
    server, client = serve([])
    wrong: dict[str, dict[str, Any]] = {
        "scope 'team' is not one of organization, workspace": {"scope": "team"},
        "no argument 'endpoint'.*mean 'endpoint_id'": {"endpoint": "x"},
        "login_username is a field of scope='workspace'": {"login_username": "x"},
        "tag is a field of scope='workspace'": {"tag": "a=b"},
        "source is a field of scope='workspace'": {"source": "billed"},
        "team_username is a field of scope='organization'": {
            "scope": "workspace",
            "team_username": "x",
        },
        "request_id has ''": {"request_id": ["a", ""]},
        "tag is 'a'; expected key=value": {"scope": "workspace", "tag": "a"},
        "limit is 101; expected 100 at most": {"limit": 101},
        "limit is 10,001; expected 10,000": {"limit": 10_001, "scope": "workspace"},
        "limit is 0; expected": {"limit": 0},
        "auth_method is 1; expected True": {"auth_method": 1},
        "invalid is 'drop'": {"invalid": "drop"},
    }
    for message, fields in wrong.items():
        with pytest.raises(fu.QueryError, match=message):
            fu.load_events(*RANGE, client=client, **fields)
    with pytest.raises(fu.QueryError, match="no UTC offset"):
        fu.load_events(datetime(2025, 3, 1), "2025-03-02", client=client)
    with pytest.raises(fu.QueryError, match="not before end"):
        fu.load_events(date(2025, 3, 2), "2025-03-01", client=client)
    assert [] == server.requests


def test_a_page_with_a_long_cursor_is_read_fast(serve) -> None:
    """A keyset cursor is longer than other texts of a page."""
    with fu.Emulator(fu.sample_usage(start="2025-06-01", end="2025-06-02").usage) as emulator:
        body = requests.get(
            f"{emulator.base_url}/organization/billing-events",
            params={"start": "2025-06-01", "end": "2025-06-02"},
            headers={"Authorization": f"Key {emulator.api_key}"},
            timeout=10,
        ).content
    assert read_fast(body, Expected(ORGANIZATION_EVENTS), {}) is not None


def test_without_a_client_the_environment_is_used(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by `load_usage`."""
    server, _ = serve([event(DAY, 1)])
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setenv("FALUSAGE_BASE_URL", server.base_url)

    assert_frame_equal(table([event(DAY, 1)]), fu.load_events(*RANGE))
