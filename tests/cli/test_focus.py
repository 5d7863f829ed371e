"""`focus` writes what the package lays out, from the API or from a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import falusage as fu

RANGE = ("--start", "2025-05-25", "--end", "2025-06-08", "--timeframe", "day")
ACME = ("--billing-account-id", "acct-1", "--billing-account-name", "Acme, Inc")
ACCOUNT = {"billing_account_id": "acct-1", "billing_account_name": "Acme, Inc"}


def expected() -> pl.DataFrame:
    """Load the same through the package."""
    return fu.load_usage("2025-05-25", "2025-06-08", timeframe="day")


def test_the_file_is_what_the_package_makes(run, environment) -> None:
    """In both forms; nothing goes to stdout, the receipt to stderr."""
    focus = fu.to_focus(expected(), **ACCOUNT, timeframe="day")

    for name in ("may.parquet", "may.csv"):
        code, out, err = run("focus", *RANGE, *ACME, "--out", name)

        assert (0, "") == (code, out)
        assert focus.equals(fu.read_focus(environment / name), null_equal=True)
        assert "reconciled" in err
        assert f"{focus.height:,} charges written to {name}" in err


def test_a_csv_has_instants_as_the_specification_writes_them(run, environment) -> None:
    """And names with commas in quotes."""
    run("focus", *RANGE, *ACME, "--out", "may.csv")

    header, first = (environment / "may.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert header.startswith("BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,")
    assert ',acct-1,"Acme, Inc",USD,2025-06-01T00:00:00Z,2025-05-01T00:00:00Z,Usage,' in first


def test_callers_and_the_version_are_asked_for(run, environment) -> None:
    """`--auth-method` fills a custom column, `--focus-version` names the providers."""
    run(*("focus", *RANGE, *ACME, "--auth-method"), *("--focus-version", "1.4", "--out", "may.csv"))

    focus = fu.read_focus(environment / "may.csv")
    assert focus["x_AuthMethod"].null_count() == 0
    assert "ServiceProviderName" in focus.columns
    assert "ProviderName" not in focus.columns


def test_a_store_is_enough(run, environment) -> None:
    """The same charges as those of the API, and of each whether it had settled."""
    run("focus", *RANGE, *ACME, "--out", "api.csv")
    run("sync", "--store", "kept", *RANGE)

    code, out, _ = run("focus", "--store", "kept", *ACME, "--out", "store.csv")

    assert (0, "") == (code, out)
    of_api, of_store = (fu.read_focus(environment / name) for name in ("api.csv", "store.csv"))
    assert ["x_ReadAt", "x_Settled"] == [name for name in of_store.columns if name not in of_api]
    assert of_api.sort(of_api.columns).equals(
        of_store.select(of_api.columns).sort(of_api.columns), null_equal=True
    )


def test_a_snapshot_is_enough(run, environment) -> None:
    """By its own buckets, or by coarser ones; the totals are the same."""
    run("snapshot", *RANGE, "--out", "may.parquet")

    run("focus", "--snapshot", "may.parquet", *ACME, "--out", "days.csv")
    run("focus", "--snapshot", "may.parquet", *ACME, "--timeframe", "month", "--out", "months.csv")

    days, months = (fu.read_focus(environment / name) for name in ("days.csv", "months.csv"))
    assert fu.to_focus(expected(), **ACCOUNT, timeframe="day").equals(days, null_equal=True)
    assert datetime(2025, 6, 1, tzinfo=UTC) == months["ChargePeriodEnd"][0]
    assert days["BilledCost"].sum() == months["BilledCost"].sum()


def test_a_snapshot_without_a_receipt_needs_the_timeframe(run) -> None:
    """It does not say what its buckets are."""
    fu.write_snapshot(expected(), "bare.parquet")
    command = ("focus", "--snapshot", "bare.parquet", *ACME, "--out", "focus.csv")

    code, _, err = run(*command)
    assert 2 == code
    assert "add --timeframe" in err
    assert 0 == run(*command, "--timeframe", "day")[0]


@pytest.mark.parametrize(
    "arguments",
    [
        (*RANGE, "--out", "focus.csv"),
        (*RANGE, *ACME),
        (*RANGE, *ACME, "--out", "focus.xlsx"),
        (*RANGE, *ACME, "--focus-version", "1.0", "--out", "focus.csv"),
        (*RANGE, *ACME[:2], "--billing-account-name", " ", "--out", "focus.csv"),
        (*ACME, "--out", "focus.csv"),
    ],
)
def test_wrong_usage_exits_with_2(run, environment, arguments: tuple[str, ...]) -> None:
    """One message on stderr, nothing on stdout, no file."""
    code, out, err = run("focus", *arguments)

    assert (2, "") == (code, out)
    assert "rror: " in err
    assert [] == list(environment.iterdir())


def test_a_refusal_leaves_no_file(run, environment) -> None:
    """A day in New York is none in UTC, and a folder that is missing is named."""
    code, _, err = run(
        *("focus", *RANGE, "--timezone", "America/New_York", *ACME, "--out", "focus.csv")
    )
    assert 1 == code
    assert "cannot be split" in err

    code, _, err = run("focus", *RANGE, *ACME, "--out", "missing/focus.csv")
    assert 1 == code
    assert "missing/focus.csv was not written" in err
    assert [] == list(Path(environment).iterdir())
