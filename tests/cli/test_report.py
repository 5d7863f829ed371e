"""`report` says the same of the API and of a snapshot of it; `demo` shows it all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import falusage as fu
from falusage.reporting import summary

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")


def test_a_snapshot_reports_as_the_api_does(run) -> None:
    """The receipt is in the file, so that nothing is less sure."""
    run("snapshot", *RANGE, "--out", "usage.parquet")

    assert run("report", *RANGE)[:2] == run("report", "--snapshot", "usage.parquet")[:2]


def test_a_store_reports_as_the_api_does(run) -> None:
    """In all but the last section; and in any zone that its buckets fit into."""
    run("sync", "--store", "kept", *RANGE)
    of_api, of_store = (
        run("report", *source)[1].partition("HOW SURE THIS IS")
        for source in (RANGE, ("--store", "kept"))
    )

    assert of_api[0] == of_store[0]
    assert "all of it agrees with the API" in of_store[2]
    code, out, _ = run("report", "--store", "kept", "--timezone", "Africa/Abidjan")
    assert (0, True) == (code, "23 Jun 2025, Africa/Abidjan" in out)


def test_a_file_reports_the_same_from_python(run) -> None:
    """The command adds nothing to what a snapshot or a store knows."""
    run("snapshot", *RANGE, "--out", "usage.parquet")
    run("sync", "--store", "kept", *RANGE)

    for option, usage in (
        ("--snapshot usage.parquet", fu.open_snapshot("usage.parquet")),
        ("--store kept", fu.UsageStore("kept")),
    ):
        code, out, _ = run("report", *option.split())
        assert (0, summary(usage) + "\n") == (code, out)


def test_a_store_with_a_gap_is_reported_without_totals_over_it(run) -> None:
    """The report starts with the gap, and the exit code is 1, as for every other command."""
    run("sync", "--store", "gap", "--start", "2025-05-01", "--end", "2025-05-20")
    run("sync", "--store", "gap", "--start", "2025-05-25", "--end", "2025-06-01")

    code, out, err = run("report", "--store", "gap")

    assert 1 == code
    assert out.startswith("NOT WHOLE\n20 – 24 May 2025 was never read")
    assert ["SPENT 1 – 19 MAY 2025", "SPENT 25 – 31 MAY 2025"] == [
        line for line in out.splitlines() if line.startswith("SPENT")
    ]
    assert "lacks 2025-05-20T00:00:00+00:00 to 2025-05-25T00:00:00+00:00" in err
    assert summary(fu.UsageStore("gap")) + "\n" == out
    code, _, _ = run("report", "--store", "gap", "--out", "gap.html")
    assert (1, True) == (code, "was never read" in Path("gap.html").read_text("utf-8"))


def test_totals_are_those_of_the_table(run) -> None:
    """The report's totals are the exact sums of the usage, currency by currency."""
    _, out, _ = run("report", *RANGE)

    usage = fu.load_usage("2025-05-01", "2025-06-24", timeframe="day")
    sums = dict(fu.rollup(usage).select("currency", "cost").iter_rows())
    assert [f"{sums['USD']:,.2f} USD", f"{sums['EUR']:,.2f} EUR"] == [
        line.strip() for line in out.splitlines()[1:3]
    ]
    assert "compared with 1 – 23 May 2025" in out
    assert "all of it agrees with the API" in out


def test_the_server_is_asked_for_its_time_only_if_the_question_is_sound(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in another option is named though nobody can be asked."""
    monkeypatch.setenv("FALUSAGE_BASE_URL", "http://127.0.0.1:9/v1")
    for wrong in (("--start", "2025-06-32"), ("--product", "gpu"), ("--timezone", "Mars")):
        code, _, err = run("report", *wrong)
        assert 2 == code
        assert f"{wrong[0][2:]} {wrong[1]!r} is not" in err


def test_without_an_end_the_servers_clock_decides(run, emulator: fu.Emulator) -> None:
    """This machine's clock is a year ahead of it, and nothing of that year is asked for."""
    usual = emulator.clock
    try:
        emulator.clock = lambda: datetime(2025, 6, 20, 9, tzinfo=UTC)
        code, out, _ = run("report")
    finally:
        emulator.clock = usual

    assert 0 == code
    assert "compared with 1 – 19 May 2025" in out
    assert "Read 20 Jun 2025, 09:00 UTC" in out


def test_without_a_start_the_month_so_far_is_compared(run) -> None:
    """The month of the end, by day, with the same days of the month before."""
    code, out, _ = run("report", "--end", "2025-06-24")

    assert 0 == code
    assert "1 – 23 Jun 2025, UTC" in out
    assert "compared with 1 – 23 May 2025" in out


def test_a_snapshot_without_a_receipt_claims_nothing(run) -> None:
    """It was written from a table, so what is not known is said."""
    fu.write_snapshot(fu.load_usage("2025-05-01", "2025-06-24", timeframe="day"), "bare.parquet")

    code, out, _ = run("report", "--snapshot", "bare.parquet")

    assert 0 == code
    assert "not known" in out


@pytest.mark.slow
def test_a_page_is_written_of_the_api_and_of_a_snapshot(run) -> None:
    """`--out` writes the same page of both, prints nothing, and says where it is."""
    assert (0, "") == run("report", *RANGE, "--out", "api.html")[:2]
    run("snapshot", *RANGE, "--out", "usage.parquet")
    code, out, err = run("report", "--snapshot", "usage.parquet", "--out", "file.html")

    assert (0, "") == (code, out)
    assert "written to file.html" in err
    assert Path("api.html").read_bytes() == Path("file.html").read_bytes()
    assert "all of it agrees with the API" in Path("file.html").read_text("utf-8")


BUDGETS = "username,currency,budget\nacme-voice,USD,2000\nacme-paris,EUR,9000\n"


@pytest.mark.slow
def test_budgets_are_on_the_page_with_where_the_month_will_end(run) -> None:
    """As the functions say it, of the days that had ended; the file is read as `forecast` does."""
    Path("budgets.csv").write_text(BUDGETS, "utf-8")

    code, _, err = run("report", *RANGE, "--out", "page.html", "--budgets", "budgets.csv")

    assert (0, False) == (code, "no outlook" in err)
    page = Path("page.html").read_text("utf-8")
    row = fu.month_outlook(
        fu.load_usage("2025-05-01", "2025-06-24", timeframe="day"),
        by="username",
        budgets=pl.read_csv("budgets.csv"),
    ).row(by_predicate=pl.col("username") == "acme-voice", named=True)
    assert (1.0, "2,000.00 USD") == (row["chance_over"], f"{row['budget']:,.2f} USD")
    assert f"{row['projected']:,.2f} USD" in page
    assert "2025-06, as of 2025-06-24 00:00" in page
    assert "goes on as so far" not in page


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
    ("start", "said"), [("2025-06-14", "its month is not whole"), ("2025-06-01", "")]
)
def test_no_outlook_is_made_of_what_cannot_give_one(run, start: str, said: str) -> None:
    """Neither of a part of the month, nor of less than two weeks; the page is written."""
    Path("budgets.csv").write_text(BUDGETS, "utf-8")
    asked = ("report", "--start", start, "--timeframe", "day", "--budgets", "budgets.csv")

    code, _, err = run(*asked, "--end", "2025-06-20" if said else "2025-06-11", "--out", "a.html")

    page = Path("a.html").read_text("utf-8")
    assert (0, said in page) == (code, True)
    assert "Where it will end" not in page
    assert ("no outlook: " in err) is not bool(said)


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
    assert "does not end in .html" in err
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
def test_demo_shows_all_of_it(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A total, a comparison, certainty, a page, a snapshot, and what to do next."""
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run("demo", "--out", "shown")

    assert 0 == code
    assert "43,496.29 USD" in out
    assert "export FAL_ADMIN_KEY=" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "5,446 rows" in err
    assert {"usage.parquet", "report.html"} == {p.name for p in Path("shown").iterdir()}
    assert 5_446 == fu.read_snapshot("shown/usage.parquet").height
    assert "shown/report.html " in out
    assert Path("shown/report.html").read_text("utf-8").startswith("<!doctype html>")
