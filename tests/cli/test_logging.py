"""The log on stderr: warnings alone without `-v`, its work with it, each request with `-vv`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

import falusage as fu
from tests.cli.running import Run

SYNC = ("sync", "--store", "kept", "--start", "2025-06-01", "--end", "2025-06-10")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z falusage\.(\w+): (.+)")


@pytest.fixture
def failing(emulator: fu.Emulator) -> Iterator[fu.Emulator]:
    """The emulator, of which every second answer is an error."""
    emulator.faults = fu.Faults(rate_limit_every=2, retry_after=0)
    yield emulator
    emulator.faults = fu.Faults()


def logged(err: str) -> dict[str, list[str]]:
    """Return the messages of a log by their room, without other lines."""
    found: dict[str, list[str]] = {}
    for room, message in (
        match.groups() for match in map(LINE.fullmatch, err.splitlines()) if match
    ):
        found.setdefault(room, []).append(message)
    return found


def test_it_is_quiet_by_default(run: Run) -> None:
    """And after a command that had a log."""
    _, _, err = run(*SYNC, "-v")
    assert logged(err)

    _, _, err = run(*SYNC)

    assert {} == logged(err)


@pytest.mark.usefixtures("failing")
def test_a_nightly_sync_is_understood_from_its_log(run: Run) -> None:
    """What was to be read, what was loaded and why it was tried again, and what was committed."""
    code, _, err = run(*SYNC, "-v")
    log = logged(err)

    assert 0 == code
    assert re.fullmatch(r"falusage sync, version .+", log["cli"][0])
    assert re.fullmatch(r"falusage sync took \d+\.\d s", log["cli"][-1])
    plan, commit = log["store"]
    assert plan.startswith("sync of ")
    assert "to be read: 2025-06-01T00:00:00+00:00 to 2025-06-10T00:00:00+00:00" in plan
    assert re.search(
        r"version 1 of .+ committed: sync, [\d,]+ rows, 1 files written, 0 rep", commit
    )
    api = "\n".join(log["api"])
    assert re.search(r"/organization/usage \S+ to \S+, page 1: attempt 1 failed, the next", api)
    assert re.search(r"loaded [\d,]+ rows from .+ reconciled with the API's summary", api)
    assert " bytes, " not in api


@pytest.mark.usefixtures("failing")
def test_twice_it_has_each_request(run: Run) -> None:
    """With its endpoint, window, page, status, size and duration; and a file with its size."""
    days = ("--start", "2025-06-01", "--end", "2025-06-24", "--timeframe", "day", "--limit", "300")

    code, _, err = run("load", *days, "-vv", "--out", "june.parquet")
    log = logged(err)
    said = re.search(r"(\d+) requests \((\d+) retried\)", err)

    assert said is not None
    sent = r"/organization/usage \S+ to \S+, page \d+: (\d+), [\d,]+ bytes, \d+\.\d\d s"
    found = [match[1] for match in map(re.compile(sent).fullmatch, log["api"]) if match]
    assert (0, int(said[1])) == (code, len(found))
    assert {"200", "429"} == set(found)
    assert any(re.fullmatch(r"window \S+ to \S+: [\d,]+ rows", line) for line in log["api"])
    assert re.search(r"june\.parquet: [\d,]+ bytes", log["files"][-1])


def test_the_key_is_nowhere_in_a_log(run: Run, failing: fu.Emulator) -> None:
    """Nor a part of it, nor the address with what was asked, in a load and a sync with faults."""
    errs = [run(*SYNC, "-vv")[2], run("load", "--start", "2025-06-20", "-vv", "--format", "csv")[2]]
    key, text = failing.api_key, "\n".join(errs)

    assert text.count("attempt 1 failed")
    assert not any(key[at : at + 8] in text for at in range(len(key) - 7))
    assert "http://" not in text
    assert "Authorization" not in text


def test_the_package_is_quiet_in_a_program(caplog: pytest.LogCaptureFixture) -> None:
    """It has a handler that drops everything, and leaves its level to the program."""
    logger = logging.getLogger("falusage")

    assert [logging.NullHandler] == [type(each) for each in logger.handlers]
    assert logging.NOTSET == logger.level
