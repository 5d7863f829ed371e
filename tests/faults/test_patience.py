"""How often a request is sent again, how long is waited, and what the receipt says of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

import falusage as fu
from falusage.api._http.body import BIG_BODIES
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import LONG, PAGED, SMALL, THREE_DAYS, World, always, once
from tests.faults.fault_server import Answer, FaultServer, Rule

pytestmark = pytest.mark.slow


@pytest.fixture
def load(key: str) -> Callable[..., Any]:
    """A load of a world's question from a server."""

    def run(server: FaultServer, world: World = SMALL, **settings: Any) -> Any:
        query = fu.UsageQuery(**world.query)
        with fu.UsageClient(api_key=key, base_url=server.base_url, **settings) as client:
            return client.load(query)

    return run


def test_a_quiet_load_is_counted(serve: Callable[..., FaultServer], load: Any) -> None:
    """The receipt of a load without a fault counts what was asked, and no retry."""
    for world in (SMALL, PAGED, LONG):
        server = serve(world)
        receipt = load(server, world).receipt
        assert receipt.requests == len(server.requests)
        assert receipt.retries == 0
        assert receipt.rows_received == len(world.rows)
        assert receipt.open_from is None
        assert receipt.server_time == server.now
        assert receipt.reconciliation.height > 0


def test_no_question_is_asked_twice(serve: Callable[..., FaultServer], load: Any) -> None:
    """Where nothing goes wrong, each question is put once."""
    for world in (SMALL, PAGED, LONG):
        server = serve(world)
        load(server, world)
        targets = [request.target for request in server.requests]
        assert sorted(targets) == sorted(set(targets))


def test_a_small_load_is_two_requests_at_most(serve: Callable[..., FaultServer], load: Any) -> None:
    """A load of one page costs one request, and the summary's at most."""
    server = serve(SMALL)
    load(server)
    assert len(server.requests) <= 2


@pytest.mark.parametrize("count", [1, 2, 4])
def test_retries_are_counted(
    count: int, serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """Each request that was sent again is in `receipt.retries`."""
    rule = Rule(kinds.sent_up_to(0.5, reset=False), kinds.carries_rows, times=count)
    server = serve(SMALL, rules=[rule])
    assert load(server).receipt.retries == count


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_no_more_attempts_than_allowed(
    attempts: int, serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """`max_attempts` is how often one request is sent, the first time included."""
    server = serve(SMALL, rules=always(kinds.status(503)))
    with pytest.raises(fu.ServerError) as caught:
        load(server, max_attempts=attempts)
    asked = [r.target for r in server.requests if "time_series" in str(r.params.get("expand"))]
    assert attempts == max(asked.count(target) for target in asked)
    assert caught.value.status == 503
    assert caught.value.type == "server_error"
    assert caught.value.request_id == "req-42"


def test_pauses_grow(serve: Callable[..., FaultServer], load: Callable[..., Any]) -> None:
    """Each is a quarter of a second, doubled with every attempt, less at most the half of it."""
    asked: list[float] = []
    server = serve(SMALL, rules=[Rule(lambda _: asked.append(time.monotonic()))])
    server.rules += always(kinds.status(503))
    with pytest.raises(fu.ServerError):
        load(server, max_attempts=4)
    pauses = [after - before for before, after in pairwise(asked)]
    assert all(0.125 * 2**n <= pause for n, pause in enumerate(pauses))
    assert 3 == len(pauses)


@pytest.mark.parametrize(
    ("code", "headers", "least"),
    [
        (429, {"Retry_After": "1"}, 1.0),
        (503, {"Retry_After": "0.7"}, 0.7),
        (503, {"x_ratelimit_reset": "1"}, 1.0),
        (429, {"x_ratelimit_reset": "0.7"}, 0.7),
        (429, {"Retry_After": " 1 "}, 1.0),
    ],
    ids=str,
)
def test_a_wait_that_is_asked_for_is_kept(
    code: int,
    headers: dict[str, str],
    least: float,
    serve: Callable[..., FaultServer],
    load: Callable[..., Any],
) -> None:
    """A sane wait is slept in full."""
    server = serve(SMALL, rules=once(kinds.status(code, "rate_limited", **headers)))
    begun = time.monotonic()
    receipt = load(server).receipt
    assert least <= time.monotonic() - begun < least + 20
    assert receipt.retries == 1


def test_a_date_to_wait_for(serve: Callable[..., FaultServer], load: Callable[..., Any]) -> None:
    """`Retry-After` may be a date, which is meant by the server's clock."""
    server_now = datetime(2025, 6, 1, tzinfo=UTC)
    until = format_datetime(server_now + timedelta(seconds=2), usegmt=True)
    server = serve(SMALL, rules=once(kinds.status(429, "rate_limited", Retry_After=until)))
    begun = time.monotonic()
    load(server)
    assert 2 <= time.monotonic() - begun < 22


def test_a_date_beyond_all_calendars_is_no_date(
    serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """Neither of an answer nor to wait for; the request is sent again as if none was named."""
    beyond = "Mon, 99999999999999999999 Jan 2025 00:00:00 GMT"
    refused = kinds.status(503, "rate_limited", Retry_After=beyond, Date=beyond)
    assert 1 == load(serve(SMALL, rules=once(refused))).receipt.retries


def test_too_long_a_wait_says_how_long(
    serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """A wait beyond two minutes is not slept: the error says what was asked."""
    server = serve(SMALL, rules=once(kinds.status(429, "rate_limited", Retry_After="99999")))
    with pytest.raises(fu.RateLimitError) as caught:
        load(server)
    assert caught.value.retry_after == 99999


def test_a_wait_for_memory_is_no_wait_for_the_server() -> None:
    """Large answers are held two at a time; a third waits its turn, and is not too late for it."""
    usage = fu.sample_usage(start="2025-03-01", end="2025-04-20", every="1h").usage
    query = fu.UsageQuery("2025-03-01", "2025-04-20", timeframe="hour")
    with (
        fu.Emulator(usage, page_size=100_000) as emulator,
        fu.UsageClient(
            emulator.api_key, base_url=emulator.base_url, timeout=8, max_attempts=1
        ) as client,
        ExitStack() as held,
    ):
        client.load(query)  # the emulator keeps its answer ready from now on
        for _ in range(2):
            held.enter_context(BIG_BODIES)
        later = threading.Timer(9, held.close)
        later.start()
        begun = time.monotonic()
        load = client.load(query)
        later.join()

    assert time.monotonic() - begun > 8.5
    assert (0, True) == (load.receipt.retries, load.receipt.bytes_received > 2**22)


def test_a_429_slows_all_workers(
    serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """Once one worker is told to wait, no other worker asks on."""
    told: list[float] = []
    asked: list[float] = []

    def limit(answer: Answer) -> None:
        told.append(time.monotonic())
        kinds.status(429, "rate_limited", Retry_After="6")(answer)

    def note(answer: Answer) -> None:
        asked.append(time.monotonic())

    # So slow that workers who were not told would still be asking after the grace below.
    world = LONG.having(page_size=10, latency=0.3)
    server = serve(world, rules=[Rule(note), Rule(limit, kinds.carries_rows, skip=5, times=1)])
    load(server, world)
    # What was on its way when the limit came may still arrive, and later on a busy machine.
    early = [at for at in asked if told[0] + 3.0 < at < told[0] + 5.8]
    assert [] == early


def test_whatever_asks_too_fast_gets_through(
    serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """A server that refuses every third request is loaded in the end."""
    turn = iter(range(10**6))
    rule = Rule(
        kinds.status(429, "rate_limited", Retry_After="0"), lambda _: next(turn) % 3 == 2, times=20
    )
    server = serve(LONG, rules=[rule])
    assert load(server, LONG).usage.height == len(LONG.rows)


@pytest.mark.parametrize(
    ("now", "open_from"),
    [
        (datetime(2025, 6, 1, tzinfo=UTC), None),
        (datetime(2025, 1, 3, 12, tzinfo=UTC), datetime(2025, 1, 3, tzinfo=UTC)),
        (datetime(2025, 1, 2, 0, 0, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC)),
    ],
    ids=["closed", "open at the end", "open from the middle"],
)
def test_what_may_still_grow_is_said_by_the_servers_clock(
    now: datetime,
    open_from: datetime | None,
    serve: Callable[..., FaultServer],
    load: Callable[..., Any],
) -> None:
    """`open_from` is the start of the bucket that the server's present falls in."""
    server = serve(SMALL, now=now)
    receipt = load(server).receipt
    assert receipt.open_from == open_from
    assert receipt.server_time == now


def test_a_range_that_ends_now_is_open(
    serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """A query that ends at the server's present may still grow."""
    server = serve(SMALL, now=datetime(2025, 1, 4, tzinfo=UTC))
    assert load(server).receipt.open_from is not None


def test_errors_carry_their_facts(
    serve: Callable[..., FaultServer], load: Callable[..., Any]
) -> None:
    """An error has the API's status, type and request id, and the page's cursor."""
    server = serve(PAGED, rules=always(kinds.status(400, "validation_error"), kinds.later_page))
    with pytest.raises(fu.BadRequestError, match="something about it") as caught:
        load(server, PAGED)
    assert caught.value.status == 400
    assert caught.value.type == "validation_error"
    assert caught.value.request_id == "req-42"
    assert caught.value.cursor == "Mg=="


def test_a_server_that_is_not_there(key: str) -> None:
    """Nobody listening is a TransportError."""
    with FaultServer((), key=key) as gone:
        address = gone.base_url
    with (
        fu.UsageClient(api_key=key, base_url=address, max_attempts=2) as client,
        pytest.raises(fu.TransportError),
    ):
        client.load(fu.UsageQuery(**THREE_DAYS))


def test_a_terminal_shows_that_a_request_is_sent_again(key: str) -> None:
    """From the second failure on, so that nobody waits before a silent screen."""
    termios = pytest.importorskip("termios", reason="only POSIX has terminals that a program makes")
    with FaultServer((), key=key) as gone:
        address = gone.base_url
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (40, 100))
    command = [sys.executable, "-m", "falusage", "load", "--max-attempts", "3"]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, "--start", "2025-06-01", "--end", "2025-06-02"],
        env={**os.environ, "FAL_ADMIN_KEY": key, "FALUSAGE_BASE_URL": address},
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(65536).decode()
    assert done.returncode == 1
    assert "no complete answer so far, attempt 3 of 3" in shown
    assert "attempt 2 of 3" not in shown


def test_a_client_can_be_used_again(serve: Callable[..., FaultServer], key: str) -> None:
    """After a refused load the same client loads the truth, and lets its sockets go at the end."""
    server = serve(LONG, rules=once(kinds.status(400, "validation_error")))
    query = fu.UsageQuery(**LONG.query)
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        with pytest.raises(fu.BadRequestError):
            client.load(query)
        assert client.load(query).usage.height == len(LONG.rows)
        assert sum(table.num_rows for table in client.iter_usage(query)) == len(LONG.rows)
        assert client.fetch_usage(query).num_rows == len(LONG.rows)
    deadline = time.monotonic() + 20
    while server.open_connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.open_connections == 0


def test_an_iterator_that_is_left_lets_go(serve: Callable[..., FaultServer], key: str) -> None:
    """Leaving `iter_usage` after its first page does not read the rest of a long range."""
    world = LONG.having(page_size=5, latency=0.01)
    server = serve(world)
    with fu.UsageClient(api_key=key, base_url=server.base_url, workers=2) as client:
        pages = client.iter_usage(fu.UsageQuery(**world.query))
        next(pages)
        pages.close()
        asked = 0
        while asked < len(server.requests):  # until what was on its way has come
            asked = len(server.requests)
            time.sleep(0.5)
    assert asked < 40
