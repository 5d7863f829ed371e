"""`report` says the same of the API and of a snapshot of it; `demo` shows it all."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest

import falusage as fu
from falusage.reporting import summary

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")


@pytest.mark.slow
def test_what_is_kept_reports_as_the_api_does(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot has its receipt, so nothing is less sure; a store differs in the last section.

    From Python the report is the same, and every headline is bold where a terminal wants it.
    """
    run("snapshot", *RANGE, "--out", "usage.parquet")
    run("sync", "--store", "kept", *RANGE)

    of_api = run("report", *RANGE, "--no-names")[1]
    of_snapshot = run("report", "--snapshot", "usage.parquet")
    of_store = run("report", "--store", "kept")
    assert (0, of_api) == of_snapshot[:2]
    assert (0, summary(fu.UsageStore("kept")) + "\n") == of_store[:2]
    parts = (text.partition("HOW RELIABLE THIS IS") for text in (of_api, of_store[1]))
    (api, _, _), (store, _, how) = parts
    assert without_reading(api) == without_reading(store)
    assert "all of it agrees with the API" in how

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    coloured = run("report", "--snapshot", "usage.parquet")[1]
    bold = re.findall(r"^\x1b\[1m(.*)\x1b\[0m$", coloured, re.M)
    assert ["June 2025 so far: 43,496.29 USD", "June 2025 so far: 2,805.29 EUR"] == bold[:2]
    assert all(line.isupper() for line in bold[2:])
    assert summary(fu.open_snapshot("usage.parquet"), width=80) + "\n" == plain(coloured)


@pytest.mark.slow
def test_a_store_is_reported_in_any_zone_that_its_buckets_fit_into(run) -> None:
    """The range is that of the zone."""
    run("sync", "--store", "kept", "--start", "2025-06-01", "--end", "2025-06-24")
    code, out, _ = run("report", "--store", "kept", "--timezone", "Africa/Abidjan")
    assert (0, True) == (code, "1 – 23 Jun 2025, Africa/Abidjan" in out)


def plain(text: str) -> str:
    """Return a text without bold."""
    return re.sub(r"\x1b\[\d+m", "", text)


def without_reading(text: str) -> list[str]:
    """Return the lines but that of when the data was read."""
    return [line for line in text.splitlines() if "Fetched on " not in line]


@pytest.mark.slow
def test_a_store_with_a_gap_is_reported_without_totals_over_it(run) -> None:
    """The report starts with the gap, and the exit code is 1, as for every other command."""
    run("sync", "--store", "gap", "--start", "2025-05-01", "--end", "2025-05-20")
    run("sync", "--store", "gap", "--start", "2025-05-25", "--end", "2025-06-01")

    code, out, err = run("report", "--store", "gap")

    assert 1 == code
    assert out.startswith("Not whole: 20 – 24 May 2025 was never read")
    assert ["1 – 19 May 2025", "25 – 31 May 2025"] == [
        line.partition("  ")[0]
        for line in out.splitlines()
        if line.startswith(("1 – 19", "25 – 31")) and "USD" in line
    ]
    assert "lacks 2025-05-20T00:00:00+00:00 to 2025-05-25T00:00:00+00:00" in err
    assert summary(fu.UsageStore("gap")) + "\n" == out
    run("sync", "--store", "gap", "--start", "2025-06-01", "--end", "2025-06-24")
    code, out, _ = run("report", "--store", "gap", "--month", "2025-06")
    assert (0, True) == (code, "June 2025: " in out and "does not need it" in out)
    code, _, _ = run("report", "--store", "gap", "--month", "2025-05", "--out", "gap.html")
    assert (1, True) == (code, "was never read" in Path("gap.html").read_text("utf-8"))


@pytest.mark.slow
def test_the_headline_is_the_month_of_the_table(run) -> None:
    """The exact sum of June, currency by currency, however much was loaded."""
    _, out, _ = run("report", *RANGE)

    usage = fu.load_usage("2025-06-01", "2025-06-24", timeframe="day")
    sums = dict(fu.rollup(usage).select("currency", "cost").iter_rows())
    assert [f"June 2025 so far: {sums[each]:,.2f} {each}" for each in ("USD", "EUR")] == [
        line for line in out.splitlines() if line.startswith("June 2025 so far:")
    ]
    assert "than 1 – 23 May 2025" in out
    assert "all of it agrees with the API" in out


@pytest.mark.slow
def test_any_month_is_compared_with_any_other(run) -> None:
    """--month and --baseline load what they need; a range is named by its ends."""
    code, out, _ = run("report", "--month", "2025-06", "--baseline", "2025-05-20/2025-06-01")
    assert (0, True, True) == (code, "June 2025: " in out, "than 20 – 31 May 2025" in out)

    week = ("--comparison", "2025-06-08/2025-06-15")
    code, out, _ = run("report", *RANGE, *week)
    assert (0, True) == (code, "8 – 14 Jun 2025: " in out and "than 1 – 7 Jun 2025" in out)
    code, _, err = run("report", *RANGE, "--comparison", "June")
    assert (2, True) == (code, "expected its start and end, as 2025-04-01/2025-05-01" in err)


@pytest.mark.parametrize("given", ["2025-04-01..2025-05-01", "June 2025", "2025-13"])
def test_a_baseline_is_a_month_or_a_range(run, given: str) -> None:
    """What is neither is an error that shows both."""
    code, _, err = run("report", *RANGE, "--baseline", given)
    assert 2 == code
    assert f"the baseline is {given!r}; expected a month, as 2025-04, or a range" in err


@pytest.mark.slow
def test_json_is_the_first_screen(run) -> None:
    """The numbers and the lines that the text has."""
    code, out, _ = run("report", *RANGE, "--format", "json")
    text = run("report", *RANGE)[1]
    found = json.loads(out)
    assert (0, "2025-06") == (code, found["month"])
    words = run("report", "--help")[1]
    assert all(name in words for name in names_in(found))
    shown = {line.strip() for line in text.splitlines()}
    assert {line for line in found["lines"] if "Fetched on " not in line} <= shown


def names_in(value: object) -> set[str]:
    """Return the names of all members of a JSON value."""
    if isinstance(value, dict):
        return {*value, *(name for each in value.values() for name in names_in(each))}
    if isinstance(value, list):
        return {name for each in value for name in names_in(each)}
    return set()


@pytest.mark.slow
def test_saved_usage_is_filtered_as_a_query_would(run) -> None:
    """A snapshot and a store give what the API gives for the same team and range."""
    run("snapshot", *RANGE, "--out", "usage.parquet")
    run("sync", "--store", "kept", *RANGE)
    team = ("--team", "acme-growth", "--start", "2025-05-01", "--end", "2025-06-20")
    _, of_api, _ = run("report", *team, "--timeframe", "day")
    expected = without_reading(of_api.partition("HOW RELIABLE")[0])
    for source in (("--snapshot", "usage.parquet"), ("--store", "kept")):
        code, out, _ = run("report", *source, *team)
        assert 0 == code
        assert expected == without_reading(out.partition("HOW RELIABLE")[0])
        assert "only team acme-growth" in out

    code, _, err = run("report", "--snapshot", "usage.parquet", "--team", "acme-grwth")
    assert (1, True) == (code, "did you mean --team 'acme-growth'?" in err)
    code, _, err = run("report", "--snapshot", "usage.parquet", "--start", "2025-04-01")
    assert (1, True) == (code, "the table lacks 2025-04-01" in err)


@pytest.mark.slow
def test_a_snapshot_without_a_receipt_claims_nothing(run) -> None:
    """It was written from a table, so what is not known is said."""
    fu.write_snapshot(fu.load_usage("2025-05-01", "2025-06-24", timeframe="day"), "bare.parquet")

    code, out, _ = run("report", "--snapshot", "bare.parquet")

    assert 0 == code
    assert "not known" in out


@pytest.mark.slow
def test_a_page_is_written_of_the_api_and_of_a_snapshot(run) -> None:
    """`--out` writes the same page of both, prints nothing, and says where it is."""
    team = (*RANGE, "--team", "acme-voice")
    assert (0, "") == run("report", *team, "--no-names", "--out", "api.html")[:2]
    run("snapshot", *team, "--out", "usage.parquet")
    code, out, err = run("report", "--snapshot", "usage.parquet", "--out", "file.html")

    assert (0, "") == (code, out)
    assert "written to file.html" in err
    api, file = (
        re.sub(r"Fetched on [^.]*\d\d:\d\d", "", Path(name).read_text("utf-8"))
        for name in ("api.html", "file.html")
    )
    assert api == file
    assert "all of it agrees with the API" in Path("file.html").read_text("utf-8")


BUDGETS = "username,currency,budget\nacme-voice,USD,2000\nacme-paris,EUR,9000\n"


@pytest.mark.slow
def test_budgets_are_on_the_page_with_where_the_month_will_end(run) -> None:
    """As the functions say it, of the days that had ended; the file is read as `forecast` does."""
    Path("budgets.csv").write_text(BUDGETS, "utf-8")

    teams = ("--team", "acme-voice", "--team", "acme-paris")
    code, _, err = run("report", *RANGE, *teams, "--out", "page.html", "--budgets", "budgets.csv")

    assert (0, False) == (code, "no outlook" in err)
    page = Path("page.html").read_text("utf-8")
    row = fu.month_outlook(
        fu.load_usage("2025-05-01", "2025-06-24", timeframe="day", team_username=teams[1::2]),
        by="username",
        budgets=pl.read_csv("budgets.csv"),
    ).row(by_predicate=pl.col("username") == "acme-voice", named=True)
    assert (1.0, "2,000.00 USD") == (row["chance_over"], f"{row['budget']:,.2f} USD")
    assert f"{row['projected']:,.2f} USD" in page
    assert "2025-06, as of 2025-06-24 00:00" in page
    assert "if it goes on so" not in page


@pytest.mark.slow
def test_budgets_of_a_month_that_is_over_are_answered(run) -> None:
    """A report that ends with May is of May, in all of it."""
    Path("budgets.csv").write_text(BUDGETS, "utf-8")
    of_may = ("--start", "2025-04-01", "--end", "2025-06-01", "--timeframe", "day")

    assert 0 == run("report", *of_may, "--out", "may.html", "--budgets", "budgets.csv")[0]

    page = Path("may.html").read_text("utf-8")
    spent = fu.budget_status(
        fu.load_usage("2025-05-01", "2025-06-01", timeframe="day"),
        pl.read_csv("budgets.csv"),
        month="2025-05",
        as_of="2025-06-01",
    ).row(by_predicate=pl.col("username") == "acme-voice", named=True)["spent"]
    assert "2025-05, as of 2025-06-01 00:00" in page
    assert "2025-06, as of" not in page
    assert page.count(f"{spent:,.2f} USD") >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2025-06-14", "the table does not have all of the month so far"),
        ("2025-06-01", "No outlook: "),
    ],
)
def test_no_outlook_is_made_of_what_cannot_give_one(run, start: str, said: str) -> None:
    """Neither of a part of the month, nor of less than two weeks; the page is written."""
    Path("budgets.csv").write_text(BUDGETS, "utf-8")
    asked = ("report", "--start", start, "--timeframe", "day", "--budgets", "budgets.csv")

    code, _, _ = run(
        *asked, "--end", "2025-06-11" if start[-1] == "1" else "2025-06-20", "--out", "a.html"
    )

    assert (0, True) == (code, said in Path("a.html").read_text("utf-8"))


def test_budgets_need_a_page_and_numbers(run) -> None:
    """The text of a terminal has no budgets; a budget that is no number is refused at once."""
    Path("budgets.csv").write_text(BUDGETS.replace("2000", "much"), "utf-8")

    code, _, err = run("report", *RANGE, "--budgets", "budgets.csv")
    assert (2, True) == (code, "add --out page.html" in err)

    code, _, err = run("report", *RANGE, "--budgets", "budgets.csv", "--out", "a.html")
    assert (2, True) == (
        code,
        "budgets.csv, line 2: the budget is 'much'; expected a number" in err,
    )
    Path("budgets.csv").write_text("a,b\n1,2,3\n", "utf-8")
    code, _, err = run("report", *RANGE, "--budgets", "budgets.csv", "--out", "a.html")
    assert (2, True) == (code, "budgets.csv, line 1: no title 'currency' among 'a', 'b'" in err)
    assert not Path("a.html").exists()


def test_a_page_is_html(run) -> None:
    """Another ending is refused before anything is asked."""
    code, out, err = run("report", *RANGE, "--out", "report.pdf")

    assert (2, "") == (code, out)
    assert "does not end in .html or .htm" in err
    assert not Path("report.pdf").exists()


def test_a_damaged_snapshot_is_refused(run) -> None:
    """No number is printed from a file that is not what was written."""
    run("snapshot", *RANGE, "--out", "usage.parquet")
    content = bytearray(Path("usage.parquet").read_bytes())
    content[len(content) // 3] ^= 1
    Path("usage.parquet").write_bytes(content)

    code, out, err = run("report", "--snapshot", "usage.parquet")

    assert (1, "") == (code, out)
    assert err.startswith("error: ")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_demo_shows_one_workspace(run) -> None:
    """What one team sees with its own key, without a word about organizations."""
    code, out, err = run("demo", "--scope", "workspace", "--out", "shown")

    assert 0 == code
    assert {"usage.parquet", "report.html"} == {path.name for path in Path("shown").iterdir()}
    assert f"{fu.read_snapshot('shown/usage.parquet').height:,} rows" in err
    assert "June 2025 so far: 14,400.32 USD" in out
    assert "GPU-H100 (style-transfer, production)" in out
    assert "report --scope workspace" in out
    assert not [word for word in ("organization", "acme", "team") if word in out.lower()]


def test_demo_says_first_what_it_needs(
    run, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is loaded, printed or written."""
    monkeypatch.setitem(sys.modules, "jinja2", None)

    code, out, err = run("demo", "--out", "shown")

    assert (1, "") == (code, out)
    assert "the demo needs the extra 'all': pip install 'falusage[all]'" in err
    assert not (environment / "shown").exists()
