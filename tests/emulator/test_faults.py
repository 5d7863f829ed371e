from __future__ import annotations

import itertools
import time

import polars as pl
import pytest

from falusage.emulator import Emulator, Faults
from falusage.errors import QueryError
from tests.emulator.asking import ask


def test_statuses_follow_from_the_seed_alone() -> None:
    """The same seed gives the same sequence, another seed another."""
    one, again, other = (
        list(itertools.islice(Faults(error_rate=0.5, seed=seed).statuses(), 64))
        for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_rate_of_errors_is_the_one_asked_for() -> None:
    """Over many requests the share of 500s is error_rate."""
    statuses = list(itertools.islice(Faults(error_rate=0.2).statuses(), 10_000))
    assert 0.18 < statuses.count(500) / 10_000 < 0.22


@pytest.mark.parametrize(
    "wrong",
    [
        {"error_rate": 1.5},
        {"error_rate": -0.1},
        {"rate_limit_every": -1},
        {"retry_after": -1},
    ],
)
def test_a_number_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    """Each number is checked, and the message names it."""
    with pytest.raises(QueryError, match=next(iter(wrong))):
        Faults(**wrong)  # type: ignore[arg-type]


def test_every_nth_request_is_told_to_wait(emulator: Emulator) -> None:
    """A 429 has the documented body and a Retry-After header."""
    emulator.faults = Faults(rate_limit_every=3, retry_after=7)
    answers = [ask(emulator) for _ in range(6)]
    assert [200, 200, 429, 200, 200, 429] == [answer.status_code for answer in answers]
    assert answers[2].headers["Retry-After"] == "7"
    assert answers[2].json()["error"]["type"] == "rate_limited"


def test_errors_are_the_api_s_own(emulator: Emulator) -> None:
    """A 500 has the documented body, and the fault goes when it is switched off."""
    emulator.faults = Faults(error_rate=1)
    failed = ask(emulator)
    emulator.faults = Faults()
    assert (500, "server_error") == (failed.status_code, failed.json()["error"]["type"])
    assert ask(emulator).status_code == 200


def test_without_the_key_no_fault_is_drawn(emulator: Emulator, session) -> None:
    """A stranger's requests do not move the sequence of faults."""
    emulator.faults = Faults(rate_limit_every=2)
    url = f"{emulator.base_url}/organization/usage"
    assert [401, 401] == [session.get(url, timeout=60).status_code for _ in range(2)]
    assert [200, 429] == [ask(emulator).status_code for _ in range(2)]


def test_latency_delays_every_answer(nothing: pl.DataFrame) -> None:
    """An answer takes at least the emulator's latency."""
    with Emulator(nothing, latency=0.1) as slow:
        started = time.monotonic()
        assert ask(slow).status_code == 200
        assert time.monotonic() - started >= 0.1
