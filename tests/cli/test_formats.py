"""Every command that prints a result prints it as JSON and CSV, with the columns of its help."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

import falusage as fu
from falusage.cli import cli
from falusage.cli._commands import Command
from tests.cli.running import RANGE, Run

STORE = ("--store", "kept")
TEAMS = ("--team", "acme-voice", "--team", "acme-paris")
"""One a currency: nothing is looked at that needs more, and a forecast of each takes its time."""

BILLED = ("--billing-account-id", "acme", "--billing-account-name", "Acme", "--out", "focus.csv")
MONTH = ("--snapshot", "usage.parquet", "--by", "username", "--month", "2025-06")
AHEAD = ("--snapshot", "usage.parquet", "--horizon", "3")
JOINT = "in json and csv"
LINES: dict[tuple[str, str], tuple[str, ...]] = {
    ("snapshot", JOINT): (*RANGE, *TEAMS, "--out", "usage.parquet"),
    ("sync", JOINT): (*STORE, "--start", "2025-06-01", "--end", "2025-06-10"),
    ("load", JOINT): ("--start", "2025-06-01", "--end", "2025-06-02"),
    ("report", "in json"): ("--snapshot", "usage.parquet"),
    ("report", "in csv"): ("--snapshot", "usage.parquet"),
    ("forecast", JOINT): MONTH,
    ("forecast", f"with --horizon, {JOINT}"): AHEAD,
    ("forecast", f"with --backtest, {JOINT}"): (*AHEAD, "--backtest"),
    ("focus", JOINT): ("--snapshot", "usage.parquet", *BILLED),
    ("tie-out", JOINT): ("--month", "2025-05"),
    ("events", JOINT): ("--start", "2025-06-20", "--end", "2025-06-21", "--team", "acme-voice"),
    ("doctor", "in json"): (),
    ("doctor", "in csv"): (),
    ("history", JOINT): STORE,
    ("restatements", JOINT): (*STORE, "0"),
    ("settling", JOINT): STORE,
    ("verify", JOINT): STORE,
    ("compact", JOINT): STORE,
    ("vacuum", JOINT): (*STORE, "--orphans", "0h"),
    ("config", JOINT): (),
}
"""Each command in each case, in an order in which they have what they read."""
WITHOUT_A_RESULT = {"demo", "serve"}
TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (Decimal, int),
    "whole number": (int,),
    "flag": (bool,),
    "list": (list,),
    "object": (dict,),
}


def is_a(value: Any, word: str) -> bool:
    """Return whether a value of JSON is of the type that the help names."""
    if value is None:
        return True
    if word == "instant":
        return datetime.fromisoformat(value).tzinfo is not None
    if word == "date":
        return bool(date.fromisoformat(value))
    return type(value) in TYPES[word]


def declared(name: str) -> dict[str, Any]:
    """Return the columns that the help of a command lists."""
    command = cli.commands[name]
    assert isinstance(command, Command)
    return command.columns()


def test_every_command_declares_its_columns() -> None:
    """Each in every case, and each is tried here."""
    found = {(name, when) for name in cli.commands for when in declared(name)}

    assert set(LINES) == found
    assert set(cli.commands) - WITHOUT_A_RESULT == {name for name, _ in LINES}


@pytest.mark.slow
@pytest.mark.filterwarnings("default::falusage.FalUsageWarning")
def test_json_and_csv_have_the_columns_of_the_help(run: Run, environment: object) -> None:
    """In their order, with values of their types; and CSV has as many lines."""
    for (name, when), arguments in LINES.items():
        by = {"username": "text"} if "--by" in arguments else {}
        columns = by | declared(name)[when]
        rows: Any = None
        if "json" in when:
            code, out, err = run(name, *arguments, "--format", "json")
            rows = json.loads(out, parse_float=Decimal)
            rows = rows if isinstance(rows, list) else [rows]
            assert 0 == code, (name, err)
            for row in rows:
                assert list(columns) == list(row), (name, when)
                wrong = [each for each, word in columns.items() if not is_a(row[each], word)]
                assert [] == wrong, (name, when, row)
        if "csv" in when:
            code, out, err = run(name, *arguments, "--format", "csv")
            read = csv.DictReader(io.StringIO(out))
            lines = list(read)
            assert (0, list(columns)) == (code, read.fieldnames), (name, when, err)
            if rows is not None and name not in {"sync", "compact"}:  # these change the store
                assert len(rows) == len(lines), (name, when)


def test_amounts_have_all_their_digits(run: Run, environment: object) -> None:
    """As the package sums them, in JSON and in CSV; never rounded to a double."""
    run("sync", *STORE, "--start", "2025-06-01", "--end", "2025-06-10")
    costs = fu.UsageStore("kept").history()["cost"].drop_nulls().to_list()

    _, out, _ = run("history", *STORE, "--format", "json")
    found = [each["cost"] for each in json.loads(out, parse_float=Decimal)]
    assert costs == [Decimal(each) for each in found if each is not None]
    _, out, _ = run("history", *STORE, "--format", "csv")
    assert costs == [
        Decimal(row["cost"]) for row in csv.DictReader(io.StringIO(out)) if row["cost"]
    ]


def test_what_was_done_is_data_beside_the_message(run: Run, environment: object) -> None:
    """By default nothing of it is on stdout."""
    asked = (*STORE, "--start", "2025-06-01", "--end", "2025-06-03")

    code, out, err = run("sync", *asked, "--format", "json")
    assert (0, True) == (code, "rows read" in err)
    assert {"store": "kept", "version": 1, "commits": [1]}.items() <= json.loads(out).items()
    assert "" == run("sync", *asked)[1]
