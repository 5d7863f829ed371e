"""A budget that matches nothing is never a success: in the text, the data and the exit code."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import polars as pl
import pytest

import falusage as fu

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")
TEAMS = ["acme-voice", "acme-paris"]
NOWHERE = ("--base-url", "http://127.0.0.1:1")


@pytest.fixture
def kept(environment: Path) -> str:
    """A snapshot of two teams' last 54 days."""
    usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    fu.write_snapshot(usage.filter(pl.col("username").is_in(TEAMS)), "usage.parquet")
    return "usage.parquet"


TYPOS = (
    *(("acme-voise", "USD"), ("Acme-Voice", "USD"), ("acme-voice ", "USD")),
    ("acme-voice", "usd"),
)


@pytest.mark.slow
@pytest.mark.filterwarnings("always::falusage.UnmatchedWarning")
def test_an_unmatched_budget_is_no_success(run, kept: str) -> None:
    """The outlook is printed, says so, and gives no chance; stderr names the closest key."""
    lines = [f'"{team}",{currency},3000' for team, currency in TYPOS]
    Path("budgets.csv").write_text("\n".join(["team,currency,budget", *lines, ""]), "utf-8")
    asked = ("forecast", "--snapshot", kept, "--budgets", "budgets.csv")

    code, out, err = run(*asked)
    assert (1, 4) == (code, err.count("(the closest is 'acme-voice', 'USD')"))
    found = [line for line in out.splitlines() if "unmatched" in line]
    assert (4, False) == (len(found), "%" in "".join(found))

    code, out, _ = run(*asked, "--format", "csv")
    rows = [row for row in csv.DictReader(io.StringIO(out)) if row["status"] == "unmatched"]
    assert (1, {*TYPOS}) == (code, {(row["username"], row["currency"]) for row in rows})
    assert {("", "")} == {(row["chance_over"], row["projected"]) for row in rows}


@pytest.mark.slow
def test_a_budget_that_matches_is_a_success(run, kept: str) -> None:
    """Others of the file say nothing of it."""
    Path("budgets.csv").write_text("team,currency,budget\nacme-voice,USD,3000\n", "utf-8")
    code, out, err = run("forecast", "--snapshot", kept, "--budgets", "budgets.csv")
    assert (0, False) == (code, "unmatched" in out + err)
    assert re.search(r"99\.\d%", out)


@pytest.mark.slow
@pytest.mark.filterwarnings("always::falusage.UnmatchedWarning")
def test_a_page_with_an_unmatched_budget_is_no_success(run, kept: str) -> None:
    """It is written, says so, and stderr names the closest key, once."""
    Path("budgets.csv").write_text("team,currency,budget\nacme-voise,USD,3000\n", "utf-8")

    code, _, err = run(
        "report", "--snapshot", kept, "--budgets", "budgets.csv", "--out", "page.html"
    )

    assert (1, 1) == (code, err.count("the closest is 'acme-voice', 'USD'"))
    page = Path("page.html").read_text("utf-8")
    assert "unmatched" in page
    assert "<0.1 %" not in page


def test_a_sync_of_a_name_that_nobody_has_is_no_success(run) -> None:
    """Its message names the closest one; beside it, a name that matches is kept."""
    days = ("--start", "2025-05-01", "--end", "2025-05-04")

    code, out, err = run("sync", *days, "--store", "none", "--team", "acme-pariss")
    assert (1, "") == (code, out)
    assert "did you mean --team 'acme-paris'?" in err

    assert 0 == run("sync", *days, "--store", "one", "--team", "acme-paris")[0]


def test_a_report_of_a_name_that_nobody_has_is_no_success(run) -> None:
    """As a load of it is none. If other names match, their report is printed, and else nothing."""
    hint = "error: nothing matched --team acme-pariss in that range; did you"

    code, out, err = run("report", *RANGE, "--team", "acme-pariss", "--team", "acme-paris")
    assert (1, True, True) == (code, hint in err, out.startswith("June 2025 so far: "))
    for command in ("report", "forecast"):
        code, out, err = run(command, *RANGE, "--team", "acme-pariss")
        assert (1, "", 1) == (code, out, err.count("error: "))
        assert hint in err


BUDGETS = ("--budgets", "budgets.csv")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("forecast", "--month", "June"), 2, "month is 'June'"),
        (("forecast", "--month", "2025-13"), 2, "month is '2025-13'"),
        (("forecast", *RANGE, "--month", "2024-12"), 2, "--month 2024-12 ends before the range"),
        (("forecast", "--by", "team"), 1, "Did you mean 'username'"),
        (("forecast", "--by", "cost"), 2, "'cost', which the result names itself"),
        (("forecast", "--by", "username", "--by", "username"), 2, "twice"),
        (("forecast", "--horizon", "3", "--by", "teem"), 1, "no column 'teem'"),
        (("forecast", "--timezone", "utc"), 2, "Did you mean 'UTC'"),
        (("forecast", *BUDGETS), 2, "budgets.csv, line 1: no title 'currency'"),
        (("report", *BUDGETS, "--out", "a.html"), 2, "budgets.csv, line 1: no title 'currency'"),
        (("report", "--timezone", "Mars"), 2, "timezone 'Mars'"),
        (("report", *RANGE, "--out", "missing/a.html"), 1, "make the folder"),
        (("load", *RANGE, "--out", "missing/a.parquet"), 1, "make the folder"),
        (("forecast", *RANGE, "--out", "missing/a.png"), 1, "make the folder"),
        (
            ("focus", *RANGE, "--billing-account-id", " ", "--billing-account-name", "a",
             "--out", "a.csv"),
            2,
            "billing_account_id is ' '",
        ),
        (("sync", *RANGE, "--store", "budgets.csv"), 1, "is no folder"),
        (("sync", *RANGE, "--store", "budgets.csv/store"), 1, "budgets.csv"),
        (("sync", *RANGE, "--store", "other"), 1, "is no store, and not empty"),
        (("sync", *RANGE, "--store", "store", "--settle", "soon"), 2, "settle is 'soon'"),
        (("sync", "--start", "2025-06-01", "--end", "2025-05-01", "--store", "s"), 2, "not before"),
        (("sync", *RANGE, "--store", "store", "--timezone", "utc"), 2, "Did you mean 'UTC'"),
        (("sync", *RANGE, "--store", "kept", "--product", "compute"), 1, "another question"),
    ],
)  # fmt: skip
def test_what_can_be_checked_is_checked_before_the_first_request(
    run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Nobody answers at this address; a message about the connection would be too late."""
    Path("budgets.csv").write_text("team,budget\nacme-voice,3000\n", "utf-8")
    Path("other").mkdir()
    Path("other/page.html").write_text("mine", "utf-8")
    if "kept" in arguments:
        assert 0 == run("sync", *RANGE[:2], "--end", "2025-05-03", "--store", "kept")[0]

    found, out, err = run(*arguments, *NOWHERE)

    assert (code, "") == (found, out)
    assert said in err
    assert "127.0.0.1" not in err
