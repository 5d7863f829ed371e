"""The FinOps Foundation's own validator, run on what `to_focus` gives.

It needs a Python of its own (3.12 or later) and libraries older than ours, so it lives in an
environment of its own, made once and kept in pytest's cache. Only its rules for 1.2 are in the
package; nothing is fetched while it runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

import falusage as fu
from falusage.focus._vocabulary import CSV_TIME

# pyarrow 26 needs numpy 2, which the validator's numpy<2 rules out, but does not say.
PINNED = ("focus-validator==2.2.1", "pyarrow<26")
PYENV = {**os.environ, "PYENV_VERSION": "3.12", "POLARS_MAX_THREADS": "1"}
"""Where python3.12 is pyenv's shim, it runs only where a 3.12 is asked for; else it is unread.

The validator's Polars has tables of a thousand rows, for which threads mostly wait in circles.
"""

CLAIMED = (
    *("ACCOUNT_NAMING_SUPPORTED", "NEGOTIATED_PRICING_SUPPORTED", "PUBLIC_PRICE_LIST_SUPPORTED"),
    *("SUB_ACCOUNT_SUPPORTED", "UNIT_PRICING_SUPPORTED", "USAGE_MEASUREMENT_SUPPORTED"),
)
"""What applies to usage of fal, so that the conditional columns are judged, too."""

NEVER_HOLD = {
    "The two halves of an OR (InvoiceId-C-003-C, which holds): null without an invoice, not null "
    "with one. The rules have no condition, so one of the two fails whatever the column holds.": (
        "InvoiceId-C-005-C",
    ),
    "Judged by CommitmentDiscountStatus, a column that is due only where there are commitment "
    "discounts (CostAndUsage-D-017-C); without it the check cannot run. Besides, -006 has the "
    "opposite of its own words ('when ChargeClass is not Correction') for a condition.": (
        "ConsumedQuantity-C-000-C",
        "ConsumedQuantity-C-003-C",
        "ConsumedQuantity-C-004-C",
        "ConsumedQuantity-C-005-C",
        "ConsumedQuantity-C-006-C",
    ),
    "Due where there are public prices AND virtual currencies or two currencies of a charge; the "
    "validator takes any one of a rule's criteria for all of them.": (
        *(f"CostAndUsage-D-{number:03}-C" for number in (46, 47, 48, 50, 51, 52, 54, 55, 56)),
        *(f"PricingCurrencyContractedUnitPrice-C-{number:03}-M" for number in (1, 2)),
        *(f"PricingCurrencyEffectiveCost-C-{number:03}-M" for number in (1, 2, 3, 4)),
        *(f"PricingCurrencyListUnitPrice-C-{rule}" for rule in ("001-M", "002-M", "003-M")),
        *(f"PricingCurrencyListUnitPrice-C-{rule}" for rule in ("004-C", "005-C", "007-C")),
        "PricingCurrencyListUnitPrice-C-008-M",
    ),
}
ALLOWED = {rule for rules in NEVER_HOLD.values() for rule in rules}


def python_312() -> str:
    """Give a python3.12 that runs, or skip."""
    found = shutil.which("python3.12")
    if found is None:
        pytest.skip("no python3.12 on the path; focus-validator needs one")
    tried = subprocess.run([found, "-c", ""], env=PYENV, check=False, capture_output=True)  # noqa: S603 - an interpreter of the machine's
    if tried.returncode:
        pytest.skip(f"{found} does not run: {tried.stderr.decode(errors='replace').strip()}")
    return found


@pytest.fixture
def validator(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The Python of the validator's environment, which is made where it is not whole."""
    cache = getattr(request.config, "cache", None)  # there is none with -p no:cacheprovider
    name = "-".join(PINNED).translate(str.maketrans("=<", "__"))
    home = tmp_path if cache is None else cache.mkdir(name)
    whole = home / "whole"
    if not whole.exists():
        run(python_312(), "-m", "venv", "--clear", "--without-pip", str(home / "env"))
        uv = str(Path(sys.executable).with_name("uv"))
        run(uv, "pip", "install", "-q", "-p", str(home / "env"), *PINNED)
        whole.touch()
    return home / "env" / "bin" / "python"


def run(*command: str, cwd: Path | None = None) -> None:
    """Run a program, and show what it said where it fails."""
    done = subprocess.run(command, cwd=cwd, env=PYENV, check=False, capture_output=True, text=True)  # noqa: S603 - the test's own
    assert 0 == done.returncode, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


PROGRAM = """
import gc, json, sys
gc.disable()  # it would look through the rules again and again, which all stay
from focus_validator.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["focus-validator", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""
"""The validator's program, several times in one process: its libraries take long to import."""


def verdicts(python: Path, files: Mapping[Path, Sequence[str]]) -> list[dict[str, str]]:
    """Return each rule's verdict on each file: passed, skipped, failure or error.

    Args:
        python: The interpreter of the validator's environment.
        files: The files, each with further options.
    """
    (packages,) = python.parents[1].glob("lib/python3.*/site-packages")
    told = {file: file.with_name(f"{file.name}.xml") for file in files}
    asked = [
        [
            *("--data-file", str(file), "--validate-version", "1.2"),
            *("--focus-dataset", "CostAndUsage", "--block-download"),
            *("--applicability-criteria", ",".join(CLAIMED)),
            *("--output-type", "unittest", "--output-destination", str(told[file])),
            *more,
        ]
        for file, more in files.items()
    ]
    # Its list of currencies is looked for below the current folder.
    run(str(python), "-c", PROGRAM, json.dumps(asked), cwd=packages)
    found: list[dict[str, str]] = []
    for file in files:
        cases = ET.parse(told[file]).getroot().iter("testcase")  # noqa: S314 - the validator's own
        verdict = {
            case.attrib["name"].split(" ")[0]: next((child.tag for child in case), "passed")
            for case in cases
        }
        found.append(verdict)
    return found


def failed(found: dict[str, str]) -> set[str]:
    """Give the rules that do not hold."""
    return {rule for rule, verdict in found.items() if verdict in ("failure", "error")}


def charges() -> pl.DataFrame:
    """Give FOCUS of a month's end: surges, two currencies, discounts, an unknown product."""
    usage = fu.sample_usage(start="2025-05-12", end="2025-06-02", every="1d").usage
    odd: dict[str, Any] = {"product": pl.lit("robots"), "cost": pl.col("cost") / 2}
    assert {None, 5.0, 10.0} == set(usage["percent_discount"])
    usage = pl.concat([usage, usage.head(20).with_columns(**odd, username=pl.lit(""))])
    return fu.to_focus(
        usage, billing_account_id="acct-1", billing_account_name="Acme", timeframe="day"
    )


@pytest.mark.slow
def test_the_foundations_validator_agrees(validator: Path, tmp_path: Path) -> None:
    """In Parquet and in CSV, every rule holds but those that never can; and it can tell."""
    focus = charges()
    focus.write_parquet(tmp_path / "focus.parquet")
    focus.write_csv(tmp_path / "focus.csv", datetime_format=CSV_TIME)
    wrong = focus.with_columns(ServiceCategory=pl.lit("Clouds"))
    wrong.write_parquet(tmp_path / "wrong.parquet")

    *whole, told = verdicts(
        validator,
        {
            tmp_path / "focus.parquet": (),
            tmp_path / "focus.csv": (),
            tmp_path / "wrong.parquet": ("--filter-rules", "ServiceCategory"),
        },
    )

    for found in whole:
        assert ALLOWED == failed(found)
        assert 200 < sum(verdict == "passed" for verdict in found.values())
    assert "ServiceCategory-C-003-M" in failed(told)
