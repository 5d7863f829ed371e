"""A wait is understood in whatever unit a server names it; nonsense is called nonsense."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

import falusage as fu
from falusage.api._http.throttling import Wait, asked_wait
from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import SMALL, always, once
from tests.faults.fault_server import FaultServer

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
QUERY = fu.UsageQuery("2025-01-01", "2025-01-04")
HEADERS = ("Retry-After", "x-ratelimit-reset", "retry-after-ms", "RateLimit-Reset")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("7.5", 7.5),
        (".5", 0.5),
        ("1e1", 10.0),
        ("+7", 7.0),
        (" 7 ", 7.0),
        ("-5", 0.0),
        ("99999", 99999.0),
        (f"{EPOCH + 7}", 7.0),
        (f"{EPOCH + 7.25}", 7.25),
        (f"{EPOCH - 7}", 0.0),
        (f"{(EPOCH + 7) * 1000}", 7.0),
        (f"{(EPOCH - 7) * 1000}", 0.0),
        (f"{(EPOCH + 7) * 10**6}", 7.0),
        (f"{(EPOCH + 7) * 10**9}", 7.0),
        ("7s", 7.0),
        ("250ms", 0.25),
        ("1m30s", 90.0),
        ("1h 2m", 3720.0),
        (format_datetime(NOW + timedelta(seconds=7), usegmt=True), 7.0),
        (format_datetime(NOW - timedelta(days=7), usegmt=True), 0.0),
        ("Saturday, 28-Nov-26 12:00:07 GMT", 7.0),
        ("Sat Nov 28 12:00:07 2026", 7.0),
        ("Sat, 28 Nov 2026 13:00:07 +0100", 7.0),
        ("2026-11-28T12:00:07Z", 7.0),
        ("2026-11-28T13:00:07.5+01:00", 7.5),
    ],
)
@pytest.mark.parametrize("header", ["Retry-After", "x-ratelimit-reset"])
def test_seconds_instants_and_dates(header: str, text: str, seconds: float) -> None:
    """Seconds, a duration, an instant in any unit, or a date: the time from now, never below 0."""
    wait = asked_wait({header.upper(): text}, clocks=(NOW,))
    assert (pytest.approx(seconds, abs=1e-3), "") == (wait.seconds, wait.invalid)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1500", 1.5), ("0.5", 0.0005), ("-5", 0.0), (f"{(EPOCH + 7) * 1000}", 7.0), ("2s", 2.0)],
)
def test_milliseconds(text: str, seconds: float) -> None:
    """`retry-after-ms` is in milliseconds, and comes before the others, which are less exact."""
    headers = {"Retry-After": "99", "Retry-After-Ms": text, "x-ratelimit-reset": "98"}
    assert pytest.approx(seconds, abs=1e-3) == asked_wait(headers, clocks=(NOW,)).seconds


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "9" * 20,
        "9" * 400,
        "1_000",
        "0x10",
        "\uff17",
        "7 apples",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Mon, 99999999999999999999 Jan 2025 00:00:00 GMT",
        "2026-99-99",
        "null",
        "7;8",
    ],
)
@pytest.mark.parametrize("header", HEADERS)
def test_nonsense(header: str, text: str) -> None:
    """What cannot be a wait is none, and is shown; a second header that makes sense is taken."""
    wait = asked_wait({header: text}, clocks=(NOW,))
    assert wait.seconds is None
    assert wait.invalid.lower().startswith(f"{header.lower()}: ")
    other = "x-ratelimit-reset" if header != "x-ratelimit-reset" else "Retry-After"
    assert 7.0 == asked_wait({header: text, other: "7"}, clocks=(NOW,)).seconds


def test_nothing_is_not_nonsense() -> None:
    """No header, an empty one, and a limit that is not reached ask for nothing."""
    for headers in ({}, {"Retry-After": ""}, {"Retry-After": "  "}):
        assert Wait(None, "") == asked_wait(headers, clocks=(NOW,))
    left = {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "3600"}
    assert asked_wait(left, clocks=(NOW,)).seconds is None
    assert 3600 == asked_wait({**left, "x-ratelimit-remaining": "0"}, clocks=(NOW,)).seconds


def test_a_date_of_another_machine_does_not_make_a_wait_absurd() -> None:
    """An instant that is near by our own clock is not a year off by a proxy's `Date`."""
    clocks = (NOW - timedelta(days=365), NOW)
    assert 7.0 == asked_wait({"x-ratelimit-reset": f"{EPOCH + 7}"}, clocks=clocks).seconds


@pytest.mark.parametrize(("code", "header"), [(429, "Retry_After"), (503, "x_ratelimit_reset")])
def test_an_instant_in_milliseconds_is_waited_for(
    code: int, header: str, serve: Callable[..., FaultServer], key: str
) -> None:
    """The load goes on after it, and does not say that it has to wait for centuries."""
    server = serve(SMALL)
    assert server.now is not None
    reset = str(int((server.now.timestamp() + 1) * 1000))
    server.reset(once(kinds.status(code, "rate_limited", **{header: reset})))
    begun = time.monotonic()
    with fu.UsageClient(api_key=key, base_url=server.base_url) as client:
        receipt = client.load(QUERY).receipt
    assert 1 == receipt.retries
    assert time.monotonic() - begun >= 1


def test_nonsense_is_named_when_it_ends_a_load(serve: Callable[..., FaultServer], key: str) -> None:
    """It is tried again with pauses of our own; the last error shows what the server sent."""
    server = serve(SMALL, rules=always(kinds.status(429, "rate_limited", Retry_After="soon")))
    with (
        fu.UsageClient(api_key=key, base_url=server.base_url, max_attempts=2) as client,
        pytest.raises(fu.RateLimitError, match="Retry-After: 'soon' is invalid") as caught,
    ):
        client.load(QUERY)
    assert caught.value.retry_after is None
    assert 2 == len(server.requests)


def test_a_long_wait_says_when_to_try_again(serve: Callable[..., FaultServer], key: str) -> None:
    """An hour's wait is not slept; the error says how long it is, in hours as well."""
    server = serve(SMALL, rules=always(kinds.status(429, "rate_limited", Retry_After="7200")))
    with (
        fu.UsageClient(api_key=key, base_url=server.base_url) as client,
        pytest.raises(fu.RateLimitError, match=r"wait 7,200 s \(2\.0 hours\)") as caught,
    ):
        client.load(QUERY)
    assert 7200 == caught.value.retry_after
    assert 1 == len(server.requests)
