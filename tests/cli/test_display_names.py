"""Display names on the command line: shown if the key may read them, and never in the way."""

from __future__ import annotations

import pytest

from tests.cli.running import RANGE, Run
from tests.faults.fault_catalogue import SMALL
from tests.faults.fault_judge import KEY
from tests.faults.fault_server import FaultServer

SHORT = (*RANGE[:1], "2025-06-01", *RANGE[2:])


@pytest.mark.slow
def test_a_report_has_names_unless_told_otherwise(run: Run) -> None:
    """Before the ids."""
    code, out, err = run("report", *SHORT)
    assert (0, True, False) == (code, "Paris (acme-paris)" in out, "names" in err)
    assert "Paris (acme-paris)" not in run("report", *SHORT, "--no-names")[1]


def test_a_report_is_whole_without_names(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """If they cannot be read, which only `--names` tells."""
    monkeypatch.setenv("FAL_ADMIN_KEY", KEY)
    with FaultServer(SMALL.rows, key=KEY) as server:  # it has usage, and no teams
        days = ("--start", "2025-01-01", "--end", "2025-01-04", "--base-url", server.base_url)
        code, out, err = run("report", *days)
        assert (0, True) == (code, "Cost by team" in out)
        assert "names" not in err
        assert "names are missing: status 404" in run("report", *days, "--names")[2]


@pytest.mark.slow
def test_saved_usage_asks_for_names_only_if_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option it needs no key; with one, a failure is told and the report is there."""
    run("snapshot", *SHORT, "--auth-method-structured", "--out", "usage.parquet")
    saved = ("report", "--snapshot", "usage.parquet")
    assert "App Prod (acme-app-prod)" in run(*saved, "--names")[1]

    monkeypatch.delenv("FAL_ADMIN_KEY")
    code, without, err = run(*saved)
    assert (0, "") == (code, err)
    assert "(acme-app-prod)" not in without
    code, out, err = run(*saved, "--names")
    assert (0, without) == (code, out)
    assert "names are missing: no key: " in err
