"""`report` says the same of the API and of a snapshot of it; `demo` shows it all."""

from __future__ import annotations

from pathlib import Path

import pytest

import falusage as fu

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")


def test_a_snapshot_reports_as_the_api_does(run) -> None:
    """The receipt is in the file, so that nothing is less sure."""
    run("snapshot", *RANGE, "--out", "usage.parquet")

    assert run("report", *RANGE)[:2] == run("report", "--snapshot", "usage.parquet")[:2]


def test_totals_are_those_of_the_table(run) -> None:
    """The report's totals are the exact sums of the usage, currency by currency."""
    _, out, _ = run("report", *RANGE)

    usage = fu.load_usage("2025-05-01", "2025-06-24", timeframe="day")
    sums = dict(fu.rollup(usage).select("currency", "cost").iter_rows())
    assert [f"{sums['USD']:,.2f} USD", f"{sums['EUR']:,.2f} EUR"] == [
        line.strip() for line in out.splitlines()[1:3]
    ]
    assert "1 – 23 Jun 2025  1 – 23 May 2025" in out
    assert "all 31 keys agree" in out


def test_without_a_start_two_months_are_reported(run) -> None:
    """This month so far and the month before, by day."""
    code, out, _ = run("report", "--end", "2025-06-24")

    assert 0 == code
    assert "1 May – 23 Jun 2025, UTC" in out
    assert "No comparison" not in out


def test_a_snapshot_without_a_receipt_claims_nothing(run) -> None:
    """It was written from a table, so what is not known is said."""
    fu.write_snapshot(fu.load_usage("2025-05-01", "2025-06-24", timeframe="day"), "bare.parquet")

    code, out, _ = run("report", "--snapshot", "bare.parquet")

    assert 0 == code
    assert "not known" in out


def test_a_damaged_snapshot_is_refused(run) -> None:
    """No number is printed from a file that is not what was written."""
    run("snapshot", *RANGE, "--out", "usage.parquet")
    content = bytearray(Path("usage.parquet").read_bytes())
    content[len(content) // 3] ^= 1
    Path("usage.parquet").write_bytes(content)

    code, out, err = run("report", "--snapshot", "usage.parquet")

    assert (1, "") == (code, out)
    assert err.startswith("error: ")


@pytest.mark.filterwarnings("default")
def test_demo_shows_all_of_it(run) -> None:
    """A total, a comparison, certainty, a snapshot, two pictures, and what to do next."""
    code, out, err = run("demo", "--out", "shown")

    assert 0 == code
    assert "166,444.20 USD" in out
    assert "export FAL_ADMIN_KEY=" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "64,304 rows" in err
    assert {"usage.parquet", "trend.png", "share.png"} == {p.name for p in Path("shown").iterdir()}
    assert 64_304 == fu.read_snapshot("shown/usage.parquet").height
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in Path("shown").glob("*.png"))
