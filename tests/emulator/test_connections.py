"""Connections that ask for nothing, or too many of them, take nothing from the others."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import polars as pl
import pytest
import requests

from falusage.emulator import Emulator
from falusage.emulator._connections import Connection

DAY = {"start": "2025-01-15", "end": "2025-01-16", "timeframe": "day"}
HEAD = b"GET /v1/organization/usage?start=2025-01-15&end=2025-01-16&timeframe=day HTTP/1.1\r\n"


def table(rows: int) -> pl.DataFrame:
    """Usage of one day in UTC."""
    bucket = datetime(2025, 1, 15, tzinfo=UTC)
    return pl.DataFrame(
        {
            "bucket": [bucket] * rows,
            "bucket_end": bucket + timedelta(days=1),
            "username": "acme",
            "product": "compute",
            "endpoint_id": [f"endpoint-{at}-{'x' * 200}" for at in range(rows)],
            "unit": "second",
            "quantity": 1.0,
            "unit_price": 1.0,
            "cost": 1.0,
            "currency": "USD",
        }
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator that waits a second for a client."""
    monkeypatch.setattr(Connection, "patience", 1.0)
    with Emulator(table(1), page_size=60_000) as emulator:
        yield emulator


def connected(emulator: Emulator) -> socket.socket:
    """A connection to an emulator, on which nothing is read for more than a minute."""
    address = urlsplit(emulator.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD,
        b"POST /v1/organization/usage HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_request_that_does_not_arrive_is_not_waited_for(impatient, sent: bytes) -> None:
    """Whatever was sent of it, the server hangs up."""
    with connected(impatient) as client:
        client.sendall(sent)
        heard = b""
        while part := client.recv(65536):  # the error of a POST is answered before its body
            heard += part
    assert b"200" not in heard[:20]


def test_dripping_bytes_do_not_buy_time(impatient) -> None:
    """A request that comes byte by byte has as long as any other."""
    refused = False
    with connected(impatient) as client:
        for byte in (HEAD * 3)[:200]:
            try:
                client.sendall(bytes([byte]))
            except ConnectionError:
                refused = True
                break
            time.sleep(0.05)
    assert refused, "the server read on for ten seconds"


def test_a_second_request_has_the_same_time(impatient) -> None:
    """A connection that was answered once, and asks again by half, is closed too."""
    with connected(impatient) as client:
        client.sendall(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 404")
        client.sendall(HEAD)
        while client.recv(65536):
            pass


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a limit that Linux has")
def test_an_answer_that_is_not_read_is_given_up(impatient) -> None:
    """A client that asks for 20 MB and reads nothing does not hold its connection."""
    impatient.replace(table(60_000))
    assert impatient._running is not None
    connections = impatient._running[0].server_state.connections
    key = f"Authorization: Key {impatient.api_key}\r\nHost: a\r\n\r\n".encode()
    with connected(impatient) as client:
        client.sendall(HEAD + key)
        assert client.recv(1) == b"H"
        until = time.monotonic() + 30
        while connections and time.monotonic() < until:
            time.sleep(0.05)
        assert set() == connections


@pytest.mark.slow
def test_an_answer_that_takes_long_is_waited_for(impatient) -> None:
    """Patience is for the client; the server may think for longer, and the client then asks on."""
    impatient.latency = 1.3
    with requests.Session() as session:
        for _ in range(2):
            answer = session.get(
                f"{impatient.base_url}/organization/usage",
                params=DAY,
                headers={"Authorization": f"Key {impatient.api_key}"},
                timeout=60,
            )
            assert 200 == answer.status_code


_FEW = """
import logging, os, resource, sys
import falusage as fu
from falusage.emulator import serve

def announce(url, emulator):
    room = len(os.listdir("/dev/fd")) + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (room, room))
    print(url, emulator.api_key, flush=True)

logging.basicConfig()
try:
    serve(fu.sample_usage(every="1d").usage, port=0, announce=announce)
except KeyboardInterrupt:
    pass
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a limit that Unix has")
def test_a_full_house_is_logged_in_one_line() -> None:
    """At the limit of open files new connections wait; when others close, they are served."""
    with subprocess.Popen(  # noqa: S603 (our own)
        [sys.executable, "-c", _FEW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        url, key = serving.stdout.readline().split()
        address = urlsplit(url)
        held = [
            socket.create_connection((address.hostname, address.port), timeout=60)
            for _ in range(60)
        ]
        too_long = threading.Timer(60, serving.kill)  # a line that never comes
        too_long.start()
        first = serving.stderr.readline()
        too_long.cancel()
        time.sleep(1.5)  # asyncio tries again each second
        for connection in held:
            connection.close()
        answer = requests.get(
            f"{url}/organization/usage",
            params=DAY,
            headers={"Authorization": f"Key {key}"},
            timeout=60,
        )
        serving.send_signal(signal.SIGINT)
        _, rest = serving.communicate(timeout=60)
    assert "cannot accept another connection: Too many open files" in first
    assert ("", 200) == (rest, answer.status_code)
