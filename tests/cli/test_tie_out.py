"""`tie-out` says whether a month agrees with its invoice, and every difference by its name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import falusage as fu

MAY = ("tie-out", "--month", "2025-05")


@pytest.fixture
def emulator(emulator: fu.Emulator) -> Iterator[fu.Emulator]:
    """The emulator in August, when the invoices of May and their corrections are issued."""
    clock = emulator.clock
    emulator.clock = lambda: datetime(2025, 8, 1, tzinfo=UTC)
    yield emulator
    emulator.clock, emulator.pooled_billing = clock, False


def lines() -> pl.DataFrame:
    """Compare the same through the package."""
    with fu.UsageClient() as client:
        usage = client.load(fu.UsageQuery("2025-05-01", "2025-06-01", timeframe="day"))
        return fu.tie_out(usage, fu.load_focus("2025-05", client=client))


def test_an_invoice_agrees_and_each_part_has_a_name(run) -> None:
    """The verdict first, then each currency with its parts; the receipt goes to stderr."""
    code, out, err = run(*MAY)

    assert 0 == code
    verdict, blank, month, usage, charges, difference, *parts = out.splitlines()
    assert "The charges and the usage agree, and every difference has a reason." == verdict
    assert ("", "May 2025") == (blank, month)
    assert ["usage", "charges", "difference"] == [
        line.split()[0] for line in (usage, charges, difference)
    ]
    for said in (
        *("  credits", "  tax", "  refunds: corrections of earlier charges  "),
        "  rounding of the charges",
    ):
        assert any(line.startswith(said) for line in parts), said
    assert "-25.00 USD" in out
    assert "-1.50 USD" in out
    assert "WITHOUT A REASON" not in out
    assert "reconciled" in err


@pytest.mark.parametrize("form", ["json", "csv"])
def test_records_are_the_lines_of_the_package(run, form: str) -> None:
    """One for each team and product, with every part."""
    code, out, _ = run(*MAY, "--format", form)

    assert 0 == code
    found = json.loads(out) if form == "json" else list(csv.DictReader(io.StringIO(out)))
    expected = lines().cast({pl.Decimal: pl.Float64})
    assert expected.height == len(found)
    assert expected.columns == list(found[0])
    for name in ("gap", "tax", "corrections", "rounding"):
        assert expected[name].to_list() == [float(one[name]) for one in found]


def test_a_difference_without_a_reason_exits_with_1(run) -> None:
    """And the line is named. The charges are those of a file, which may have other months."""
    with fu.UsageClient() as client:
        focus = fu.load_focus("2025-05", source="estimate", client=client)
        other = fu.load_focus("2025-06", source="estimate", client=client)
    lost = pl.col("BillingAccountId") != "acme-growth"
    pl.concat([focus.filter(lost), other]).write_parquet("charges.parquet")

    code, out, err = run(*MAY, "--focus", "charges.parquet")

    assert 1 == code
    assert "a part of the difference has no reason" in " ".join(out.split())
    last = out.splitlines()[-1].split()
    assert ["acme-growth", "model_apis"] == last[:2]
    assert "0.00" in last
    assert f"{other.height} charges of charges.parquet are of other months, and are left out" in err


def test_an_estimate_agrees_to_the_last_decimal(run) -> None:
    """Of a month so far, too: the usage is loaded to the present."""
    for month in ("2025-05", "2025-06"):
        code, out, _ = run("tie-out", "--month", month, "--source", "estimate")
        assert (0, "The charges and the usage agree.") == (code, out.splitlines()[0])


def test_a_month_that_is_not_invoiced_yet_says_so(run, emulator: fu.Emulator) -> None:
    """With what to ask for instead; a month that has not begun is wrong usage."""
    emulator.clock = lambda: datetime(2025, 6, 20, tzinfo=UTC)

    code, out, err = run("tie-out", "--month", "2025-06")
    assert 1 == code
    assert "There are no charges to compare the usage with." == out.splitlines()[0]
    assert "no charges of 2025-06; if it is not invoiced yet, use --source estimate" in err

    code, out, err = run("tie-out", "--month", "2025-07")
    assert (2, "") == (code, out)
    assert "which is not yet" in err


def test_pooled_billing_is_compared_without_the_team(run, emulator: fu.Emulator) -> None:
    """Apps and machines of the invoice have none."""
    emulator.pooled_billing = True

    code, out, _ = run(*MAY, "--format", "json")

    assert 0 == code
    teams = {(one["product"], one["username"] is None) for one in json.loads(out)}
    assert {("serverless", True), ("compute", True), ("model_apis", False), (None, True)} == teams


def test_a_workspace_has_no_compute(run) -> None:
    """Its invoice has; the text says why."""
    code, out, _ = run(*MAY, "--scope", "workspace")

    assert 0 == code
    assert "compute is only in the charges: the usage was not asked for it." in out


@pytest.mark.slow
def test_saved_usage_and_saved_charges_need_no_server(
    run, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot or a store, whose other months are left out, and a FOCUS file."""
    days = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")
    assert 0 == run("snapshot", *days, "--out", "usage.parquet")[0]
    assert 0 == run("sync", "--store", "kept", *days)[0]
    expected = run(*MAY)[1]
    with fu.UsageClient() as client:
        fu.load_focus("2025-05", client=client).write_parquet("focus.parquet")
    assert expected == run(*MAY, "--snapshot", "usage.parquet")[1]
    code, _, err = run(*MAY, "--snapshot", "usage.parquet", "--scope", "workspace")
    assert 2 == code
    assert "--snapshot has usage of the scope organization" in err
    monkeypatch.delenv("FAL_ADMIN_KEY")

    for saved in (("--snapshot", "usage.parquet"), ("--store", "kept")):
        code, out, _ = run(*MAY, *saved, "--focus", "focus.parquet")
        assert (0, expected) == (code, out)

    code, _, err = run(
        "tie-out", "--month", "2025-06", "--snapshot", "usage.parquet", "--focus", "focus.parquet"
    )
    assert 1 == code
    assert "the table lacks" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--month"),
        (("--month", "May"), "month is 'May'; expected a year and a month"),
        ((*MAY[1:], "--source", "bill"), "--source"),
        ((*MAY[1:], "--focus", "focus.csv", "--source", "invoice"), "it takes no --source"),
        ((*MAY[1:], "--snapshot", "a.parquet", "--store", "b"), "name one"),
        ((*MAY[1:], "--start", "2025-05-01"), "--start"),
        ((*MAY[1:], "--team", "ads"), "--team"),
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2(run, arguments: tuple[str, ...], says: str) -> None:
    """Nothing goes to stdout."""
    code, out, err = run("tie-out", *arguments)

    assert (2, "") == (code, out)
    assert says in err


def test_a_malformed_file_is_named(run, environment: Path) -> None:
    """With line, cell and the expected form."""
    with fu.UsageClient() as client:
        fu.load_focus("2025-05", client=client).write_csv("focus.csv")
    text = (
        Path("focus.csv")
        .read_text("utf-8")
        .replace("2025-05-01T00:00:00.000000+0000", "01/05/2025")
    )
    Path("focus.csv").write_text(text, "utf-8")

    code, out, err = run(*MAY, "--focus", "focus.csv")

    assert (1, "") == (code, out)
    assert "error: focus.csv, line 2: ChargePeriodStart is '01/05/2025'; expected an instant" in err
