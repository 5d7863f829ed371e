"""`--invalid` and `--reconcile`: what is let through is said, listed and recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import falusage as fu
from falusage.contract import ORGANIZATION_USAGE
from falusage.snapshot import snapshot_metadata
from tests.cli.running import Run
from tests.tampering import dearer_summary, negative_cost, tampered

# As a process has it: a warning is a line on stderr.
pytestmark = pytest.mark.filterwarnings("always::falusage.errors.FalUsageWarning")

RANGE = ("--start", "2025-06-01", "--end", "2025-06-04", "--timeframe", "day")
FOCUS = ("--billing-account-id", "a", "--billing-account-name", "b", "--out", "focus.csv")
LOADING = {
    "load": RANGE,
    "snapshot": (*RANGE, "--out", "a.parquet"),
    "report": RANGE,
    "focus": (*RANGE, *FOCUS),
    "sync": (*RANGE, "--store", "kept"),
}


@pytest.fixture
def negative(
    emulator: fu.Emulator, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """An API that sends a negative cost in each of three days."""
    del environment
    with tampered(emulator, negative_cost) as address:
        monkeypatch.setenv("FALUSAGE_BASE_URL", address)
        yield


@pytest.fixture
def dearer(
    emulator: fu.Emulator, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """An API whose totals differ from its rows."""
    del environment
    with tampered(emulator, dearer_summary) as address:
        monkeypatch.setenv("FALUSAGE_BASE_URL", address)
        yield


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.usefixtures("negative")
def test_a_rejection_names_the_option(run: Run, command: str) -> None:
    """The message names the option of the command line, and no keyword of Python."""
    code, _, err = run(command, *LOADING[command])
    assert 1 == code
    assert "--invalid quarantine loads the other rows" in err
    assert "invalid=" not in err
    assert "invalid='" not in err
    assert "failures" not in err  # a field of an error, which a terminal does not show


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.usefixtures("negative")
def test_rejected_rows_are_left_out_and_listed(run: Run, command: str, environment: Path) -> None:
    """Each is a line of JSON on stderr, or beside the file of a stream; a warning counts them."""
    code, out, err = run(command, *LOADING[command], "--invalid", "quarantine")
    assert 0 == code
    assert "3 of " in err
    assert "are in quarantine" in err
    found = [line for line in err.splitlines() if line.startswith('{"rules"')]
    if command == "snapshot":
        assert not found
        found = (environment / "a.quarantine.jsonl").read_text("utf-8").splitlines()
        receipt = snapshot_metadata(environment / "a.parquet").receipt
        assert receipt is not None
        assert 3 == receipt.rows_quarantined
        assert "a.quarantine.jsonl" in err
    records = [json.loads(line) for line in found]
    assert [-1.0] * 3 == [record["received"]["cost"] for record in records]
    assert all("cost: negative" in record["rules"] for record in records)
    if command == "report":
        assert "3 invalid rows are left out" in out


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.usefixtures("dearer")
def test_totals_that_differ_are_a_warning(run: Run, command: str) -> None:
    """Rejected by default, with the option; a warning with it; not looked at with `off`."""
    code, _, err = run(command, *LOADING[command])
    assert (1, True) == (code, "with --reconcile warn" in err)
    assert "reconcile='" not in err
    assert "failures" not in err
    code, out, err = run(command, *LOADING[command], "--reconcile", "warn")
    assert (0, True) == (code, "warning: the rows and the API's summary differ" in err)
    if command == "report":
        assert "1 keys differ from the API's own totals" in out


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.usefixtures("dearer")
def test_totals_that_are_not_compared_are_said(run: Run, command: str) -> None:
    """`--reconcile off` loads without the totals, and stderr says so."""
    code, out, err = run(command, *LOADING[command], "--reconcile", "off")
    assert (0, True) == (code, "not compared with the API's totals" in err)
    if command == "report":
        assert "not all of it was compared with the API's own totals" in out


@pytest.mark.slow
@pytest.mark.usefixtures("negative")
def test_a_report_of_what_was_kept_says_what_is_missing(run: Run) -> None:
    """From a snapshot and from a store: on stderr, and in the section on certainty."""
    run("snapshot", *LOADING["snapshot"], "--invalid", "quarantine")
    run("sync", *LOADING["sync"], "--invalid", "quarantine")
    for source in (("--snapshot", "a.parquet"), ("--store", "kept")):
        code, out, err = run("report", *source)
        assert 0 == code
        assert "3 invalid rows are left out of every total" in out
        assert f"warning: {source[1]}: 3 invalid rows" in err
        assert "keys differ from the API's" in out
        code, _, err = run("report", *source, "--invalid", "quarantine")
        assert (2, True) == (code, "it takes no --invalid" in err)
    run("report", "--store", "kept", "--out", "page.html")
    assert "3 invalid rows" in Path("page.html").read_text("utf-8")
    code, out, _ = run("history", "--store", "kept", "--format", "json")
    last = json.loads(out)[-1]
    assert 3 == last["quarantined"]
    assert "quarantined" in run("history", "--store", "kept")[1]


@pytest.mark.slow
@pytest.mark.usefixtures("negative")
def test_a_forecast_has_the_ways_out(run: Run) -> None:
    """It is rejected, or it learns from what is valid."""
    line = ("forecast", "--start", "2025-05-01", "--end", "2025-06-20")
    code, _, err = run(*line)
    assert (1, True) == (code, "--invalid quarantine" in err)
    assert 0 == run(*line, "--invalid", "quarantine")[0]


def test_every_parameter_is_an_option(run: Run) -> None:
    """The options are those that the contract declares, with its words."""
    for command in ("load", "snapshot", "report", "forecast", "focus", "sync"):
        code, out, _ = run(command, "--help")
        assert 0 == code
        for name, parameter in ORGANIZATION_USAGE.asked.items():
            if (command, name) == ("sync", "bound_to_timeframe"):
                continue  # a store's buckets are always whole
            assert f"--{name.replace('_', '-')}" in out
            assert parameter.help.split()[0] in out


def test_who_called_is_loaded(run: Run) -> None:
    """`--auth-method-structured` fills the columns of the caller."""
    _, out, _ = run("load", *RANGE, "--auth-method-structured", "--format", "json")
    assert any(row["api_key_id"] for row in json.loads(out))


def test_a_range_may_be_taken_as_it_is(run: Run) -> None:
    """`--no-bound-to-timeframe` does not widen the range."""
    line = ("--start", "2025-06-01T06:00Z", "--end", "2025-06-03", "--timeframe", "day")
    widened, as_is = run("load", *line)[2], run("load", *line, "--no-bound-to-timeframe")[2]
    assert "widened to whole buckets" in widened
    assert "widened" not in as_is
