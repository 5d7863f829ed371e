"""Ctrl-C stops a load at once, closes its sockets and leaves no half file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import falusage as fu
from falusage.api._http.exchange import Exchange
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import LONG
from tests.faults.fault_server import FaultServer, Rule

SOON = 20
"""Seconds: far more than it takes on a busy machine, far less than what the workers wait for."""

LOAD = """
import falusage as fu
query = fu.UsageQuery("2025-01-01", "2025-02-10", timeframe="day")
with fu.UsageClient(timeout=60) as client:
    client.load(query)
"""
SNAPSHOT = """
import sys
from falusage.cli import main
sys.argv = ["falusage", "snapshot", "--start", "2025-01-01", "--end", "2025-02-10",
            "--timeframe", "day", "--out", "usage.parquet"]
sys.exit(main())
"""
STILL = {
    "slow pages": (0.2, []),
    "workers that wait for a head": (0.0, [Rule(kinds.stalled_head, kinds.carries_rows, skip=2)]),
    "workers that wait for a body": (
        0.0,
        [Rule(kinds.sent_up_to(0.5, reset=False, stall=True), kinds.carries_rows, skip=2)],
    ),
    "a wait that the server asked for": (
        0.0,
        [Rule(kinds.status(429, Retry_After="60"), kinds.carries_rows, skip=2)],
    ),
    "the first answer": (0.0, [Rule(kinds.stalled_head)]),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "script"), [*((name, LOAD) for name in STILL), ("slow pages", SNAPSHOT)]
)
def test_ctrl_c(
    name: str, script: str, serve: Callable[..., FaultServer], key: str, tmp_path: Path
) -> None:
    """SIGINT ends the process long before the minute is over that its workers wait for."""
    latency, rules = STILL[name]
    world = LONG.having(page_size=4, latency=latency)
    server = serve(world, rules=rules)
    patient = 1 if name == "the first answer" else 4
    child = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", script],
        env={**os.environ, "FAL_ADMIN_KEY": key, "FALUSAGE_BASE_URL": server.base_url},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while len(server.requests) < patient and time.monotonic() < deadline:
            assert child.poll() is None, child.communicate()
            time.sleep(0.01)
        time.sleep(0.3)
        assert child.poll() is None, child.communicate()
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=SOON)
        assert child.poll() is not None, "Ctrl-C did not end it"
        _, complaint = child.communicate()
    finally:
        child.kill()
        child.communicate()
    assert child.returncode != 0
    assert key not in complaint
    assert [] == list(tmp_path.iterdir())
    deadline = time.monotonic() + SOON
    while server.open_connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.open_connections == 0


@pytest.mark.slow
def test_a_handled_ctrl_c_closes_the_sockets(
    serve: Callable[..., FaultServer], key: str, tmp_path: Path
) -> None:
    """A process that catches KeyboardInterrupt and lives on has no socket and no worker left."""
    server = serve(LONG, rules=[Rule(kinds.stalled_head, kinds.carries_rows, skip=2)], page_size=4)
    script = """
import threading, time
import falusage as fu
try:
    with fu.UsageClient(timeout=60) as client:
        client.load(fu.UsageQuery("2025-01-01", "2025-02-10", timeframe="day"))
except KeyboardInterrupt:
    begun = time.monotonic()
    while threading.active_count() > 1 and time.monotonic() < begun + 20:
        time.sleep(0.01)
    print("left", threading.active_count() - 1, flush=True)
    time.sleep(60)
"""
    child = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", script],
        env={**os.environ, "FAL_ADMIN_KEY": key, "FALUSAGE_BASE_URL": server.base_url},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while len(server.requests) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        assert child.stdout is not None
        assert child.stdout.readline() == "left 0\n"
        deadline = time.monotonic() + SOON
        while server.open_connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.open_connections == 0
    finally:
        child.kill()
        child.communicate()


@pytest.mark.slow
def test_workers_that_look_up_a_host_are_not_waited_for(
    serve: Callable[..., FaultServer], key: str, tmp_path: Path
) -> None:
    """Eight workers hang in the system's resolver, and neither the load nor the process waits."""
    server = serve(LONG, page_size=4)
    script = """
import socket, sys, threading, time
real, calls = socket.getaddrinfo, []
def hang(*arguments, **settings):
    calls.append(1)
    if len(calls) == 9:
        print("all hang", flush=True)
    if len(calls) > 1:
        time.sleep(60)
    return real(*arguments, **settings)
socket.getaddrinfo = hang
import falusage as fu
try:
    with fu.UsageClient(timeout=60, workers=16) as client:
        client.load(fu.UsageQuery("2025-01-01", "2025-02-10", timeframe="day"))
except KeyboardInterrupt:
    print("heard", flush=True)
"""
    child = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", script],
        env={**os.environ, "FAL_ADMIN_KEY": key, "FALUSAGE_BASE_URL": server.base_url},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert child.stdout is not None
        assert "all hang\n" == child.stdout.readline()
        child.send_signal(signal.SIGINT)
        out, complaint = child.communicate(timeout=SOON)
    finally:
        child.kill()
        child.communicate()
    assert ("heard\n", "") == (out, complaint)


def test_a_deadline_holds_for_a_look_up(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """`timeout` is for the whole attempt, from the look-up of the host on."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: time.sleep(20))
    with (
        fu.UsageClient(
            key, base_url="https://api.example.com/v1", timeout=0.3, max_attempts=1
        ) as client,
        pytest.raises(fu.TransportError, match=r"no complete answer .* within 0\.3 s"),
    ):
        client.load(fu.UsageQuery("2025-01-01", "2025-01-02"))


def test_a_request_that_is_about_to_be_sent_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stop may come between the last look at it and the request."""
    sleep = Exchange._sleep

    def stopped(exchange: Exchange, seconds: float) -> None:
        sleep(exchange, seconds)
        exchange.stop()

    monkeypatch.setattr(Exchange, "_sleep", stopped)
    with (
        fu.Emulator(latency=60.0) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, timeout=90) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(CancelledError):
            client.fetch_usage(fu.UsageQuery("2025-05-01", "2025-05-02"))
        assert time.monotonic() - begun < SOON
