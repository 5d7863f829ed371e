"""Client and server driven together, at random: each load is the truth, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import falusage as fu
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import HOURS, THREE_DAYS, Case, World
from tests.faults.fault_judge import KEY, Judge
from tests.faults.fault_server import FaultServer, Rule
from tests.faults.usage_world import Row, row

START = datetime(2024, 12, 31, tzinfo=UTC)
QUERIES = (
    THREE_DAYS,
    HOURS,
    {**THREE_DAYS, "timezone": "Asia/Kolkata"},
    {**THREE_DAYS, "team_username": ["acme-art"]},
    {"start": "2024-12-31", "end": "2025-01-05", "timeframe": "week"},
)
PASSING = (
    kinds.reset_before_head,
    kinds.hang_up,
    kinds.sent_up_to(0.5, reset=False),
    kinds.sent_up_to(0.5, reset=True),
    kinds.chunked(cut=True),
    kinds.gzip_cut,
    kinds.page_of_html(),
    kinds.status(429, "rate_limited", Retry_After="0"),
    kinds.status(500),
)
HARMLESS = (kinds.chunked(), kinds.until_close(), kinds.gzip_whole, kinds.sent_twice)
LYING = (
    kinds.edited(lambda e: e["time_series"][0]["results"].pop()),
    kinds.edited(lambda e: e["time_series"].pop(0)),
    kinds.edited(lambda e: e["time_series"].append(e["time_series"][0])),
    kinds.item(cost=None),
    kinds.item(currency="US"),
    kinds.item(cost=7.5, quantity=75.0, unit_price=0.1),
    kinds.bucket(bucket="2025-01-01T00:00:00"),
    kinds.bucket(bucket="2023-01-01T00:00:00Z"),
    kinds.envelope(has_more=...),
    kinds.envelope(time_series=None),
    kinds.next_page(None),
    kinds.next_page(2),
    kinds.one_page_further,
    kinds.prefixed('"cost":9.5'),
    kinds.rewritten('"cost":[^,]*', '"cost":NaN'),
    kinds.status(403, "authorization_error"),
)

hours = st.integers(0, 24 * 6 - 1)
rows = st.builds(
    lambda hour, quantity, price, team, endpoint, currency: row(
        START + timedelta(hours=hour),
        float(quantity),
        price,
        username=team,
        endpoint_id=endpoint,
        currency=currency,
    ),
    hours,
    st.integers(1, 50),  # a row of nothing that a server leaves out changes no sum of any key
    st.sampled_from([0.1, 0.003, 1 / 3]),
    st.sampled_from(["acme-ml", "acme-art"]),
    st.sampled_from(["fal-ai/flux/dev", "fal-ai/veo"]),
    st.sampled_from(["USD", "EUR"]),
)


EVERY_ERROR = (
    fu.TransportError,
    fu.ServerError,
    fu.RateLimitError,
    fu.ProtocolError,
    fu.PaginationError,
    fu.SchemaError,
    fu.ReconciliationError,
    fu.PermissionDeniedError,
)
JUDGE = Judge()


class Loads(RuleBasedStateMachine):
    """A table that changes, a server that fails, and loads in between."""

    def __init__(self) -> None:
        super().__init__()
        self.server = FaultServer((), key=KEY, page_size=1000).__enter__()

    def teardown(self) -> None:
        """Stop the server, which raises what broke in it."""
        self.server.__exit__()

    def _changed(self) -> None:
        self.server.versions.append(list(self.server.rows))

    @initialize(table=st.lists(rows, max_size=30))
    def begin(self, table: list[Row]) -> None:
        """Start with some rows."""
        self.server.rows = table
        self._changed()

    @rule(more=st.lists(rows, min_size=1, max_size=8))
    def append(self, more: list[Row]) -> None:
        """Rows arrive."""
        self.server.rows.extend(more)
        self._changed()

    @rule(where=st.integers(0, 1000), changed=rows)
    def restate(self, where: int, changed: Row) -> None:
        """A row is restated."""
        if self.server.rows:
            self.server.rows[where % len(self.server.rows)] = changed
            self._changed()

    @rule(where=st.integers(0, 1000))
    def delete(self, where: int) -> None:
        """A row goes."""
        if self.server.rows:
            del self.server.rows[where % len(self.server.rows)]
            self._changed()

    @rule(size=st.sampled_from([1, 2, 3, 7, 50, 1000]))
    def size_pages(self, size: int) -> None:
        """The server pages otherwise."""
        self.server.page_size = size

    @rule(placement=st.sampled_from(["every", "first", "paged"]))
    def place_the_summary(self, placement: Any) -> None:
        """The server puts its summary elsewhere."""
        self.server.placement = placement

    @rule(fault=st.sampled_from(PASSING), skip=st.integers(0, 4))
    def fail_once(self, fault: kinds.Fault, skip: int) -> None:
        """One of the next answers will fail, in a way that a retry mends."""
        self.server.reset([*self.server.rules, Rule(fault, kinds.carries_series, skip, times=1)])

    @rule(fault=st.sampled_from(HARMLESS))
    def be_odd(self, fault: kinds.Fault) -> None:
        """The next answers will be framed otherwise."""
        self.server.reset([*self.server.rules, Rule(fault)])

    @rule(
        fault=st.sampled_from(LYING),
        skip=st.integers(0, 3),
        times=st.sampled_from([1, 2, None]),
    )
    def lie(self, fault: kinds.Fault, skip: int, times: int | None) -> None:
        """Some of the next answers will be wrong."""
        self.server.reset([*self.server.rules, Rule(fault, kinds.carries_rows, skip, times)])

    @rule(more=rows, skip=st.integers(0, 2), first=st.booleans())
    def shift(self, more: Row, skip: int, first: bool) -> None:
        """A row will arrive between two pages."""
        arrival = kinds.then(lambda table: table.insert(0 if first else len(table), more))
        self.server.reset([*self.server.rules, Rule(arrival, kinds.carries_more, skip, times=1)])

    @rule(query=st.sampled_from(QUERIES), workers=st.sampled_from([1, 4]))
    def load(self, query: dict[str, Any], workers: int) -> None:
        """A load equals what the server held meanwhile, or is refused in our own words."""
        promised = (*EVERY_ERROR, "equal")
        world = World(tuple(self.server.rows), query=query)
        client = {"workers": workers, "timeout": 30.0, "max_attempts": 4}
        case = Case("machine", promised, world=world, client=client)
        del self.server.versions[:-1]
        healthy = not self.server.rules
        heard = JUDGE.run(case, self.server)
        self.server.reset()
        if healthy and heard.error is not None:
            raise heard.error
        JUDGE.check(case, self.server, heard)

    @invariant()
    def intact(self) -> None:
        """Nothing broke inside the server."""
        assert [] == self.server.broken


@pytest.mark.slow
def test_random_histories() -> None:
    """Each load is the truth, or is refused."""
    run_state_machine_as_test(
        Loads, settings=settings(stateful_step_count=20, suppress_health_check=list(HealthCheck))
    )
