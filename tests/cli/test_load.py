"""`load` prints the table that the API has, in three forms, or keeps it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import falusage as fu

RANGE = ("--start", "2025-05-01", "--end", "2025-05-08", "--timeframe", "day")


def expected(**query: object) -> fu.UsageLoad:
    """Load the same through the package."""
    with fu.UsageClient() as client:
        return client.load(fu.UsageQuery("2025-05-01", "2025-05-08", timeframe="day", **query))


def test_json_is_the_table(run) -> None:
    """Every column of every row, the numbers to the last bit."""
    code, out, err = run("load", *RANGE, "--format", "json")

    records = json.loads(out)
    usage = expected().usage
    assert 0 == code
    assert usage.columns == list(records[0])
    assert usage["cost"].to_list() == [record["cost"] for record in records]
    assert "reconciled" in err


def test_csv_is_the_table(run) -> None:
    """A header, and every row."""
    code, out, _ = run("load", *RANGE, "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(out)))
    assert 0 == code
    assert expected().usage["cost"].to_list() == [float(row["cost"]) for row in rows]


def test_a_table_is_for_people(run) -> None:
    """Money has two decimals and its currency; the receipt goes to stderr."""
    code, out, err = run("load", *RANGE, "--team", "acme-paris")

    lines = out.splitlines()
    assert 0 == code
    assert ["bucket", "team", "endpoint"] == lines[0].split()[:3]
    assert lines[0].endswith("cost")
    assert all(line.endswith(" EUR") for line in lines[1:])
    assert "reconciled" not in out
    assert f"{len(lines) - 1} rows" in err


def test_options_are_the_query(run) -> None:
    """Lists are repeated, and commas in an id are part of it."""
    ids = ["type: gpu_1x_h100_sxm5 (my-app, production)", "fal-ai/flux/dev"]

    _, out, _ = run(
        *("load", *RANGE, "--format", "json", "--product", "compute", "--product", "model_apis"),
        *("--endpoint", ids[0], "--endpoint", ids[1], "--auth-method", "--limit", "10"),
        *("--workers", "2", "--timezone", "UTC"),
    )

    records = json.loads(out)
    assert set(ids) == {record["endpoint_id"] for record in records}
    assert any(record["auth_method"] for record in records)
    assert expected(endpoint_id=ids, auth_method=True).usage.height == len(records)


def test_out_keeps_a_snapshot(run, environment) -> None:
    """The file is what the package writes, with its receipt; nothing is printed to stdout."""
    code, out, err = run("load", *RANGE, "--out", "may.parquet")

    assert (0, "") == (code, out)
    assert "written to may.parquet" in err
    assert expected().usage.equals(fu.read_snapshot(environment / "may.parquet"))


def test_snapshot_streams_the_same(run, environment) -> None:
    """`snapshot` keeps the table that `load` gives."""
    code, out, _ = run("snapshot", *RANGE, "--out", "may.parquet")

    assert (0, "") == (code, out)
    assert expected().usage.equals(fu.read_snapshot(environment / "may.parquet"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("load",),
        ("load", "--start", "yesterday"),
        ("load", *RANGE, "--timeframe", "fortnight"),
        ("load", *RANGE, "--timezone", "Mars/Olympus"),
        ("load", *RANGE, "--product", "gpu"),
        ("load", *RANGE, "--limit", "0"),
        ("load", *RANGE, "--limit", "many"),
        ("load", *RANGE, "--format", "xml"),
        ("load", *RANGE, "--out", "usage.xlsx"),
        ("load", *RANGE, "--out", "usage.parquet", "--format", "csv"),
        ("snapshot", *RANGE, "--out", "usage.csv"),
        ("load", *RANGE, "--api-key", "a:b"),
        ("snapshot", *RANGE),
        ("lood",),
    ],
)
def test_wrong_usage_exits_with_2(run, environment, arguments: tuple[str, ...]) -> None:
    """One message on stderr, nothing on stdout, no file."""
    code, out, err = run(*arguments)

    assert (2, "") == (code, out)
    assert "rror: " in err
    assert "Traceback" not in err
    assert [] == list(environment.iterdir())


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("FAL_ADMIN_KEY", "wrong", "the API does not know the key"),
        ("FAL_ADMIN_KEY", "", "no key: set FAL_KEY"),
        ("FALUSAGE_BASE_URL", "http://example.com/v1", "plain http"),
        ("FALUSAGE_BASE_URL", "nowhere", "not a URL"),
    ],
)
def test_a_refusal_exits_with_1(run, monkeypatch, variable: str, value: str, says: str) -> None:
    """One line says what and why; nothing on stdout."""
    monkeypatch.setenv(variable, value)

    code, out, err = run("load", *RANGE)

    assert (1, "") == (code, out)
    assert err.startswith("error: ")
    assert says in err
    assert 1 == err.count("\n")


def test_a_place_that_cannot_be_written_is_refused(run) -> None:
    """The message names the file."""
    code, _, err = run("load", *RANGE, "--out", "missing/usage.parquet")

    assert 1 == code
    assert "missing/usage.parquet was not written" in err


def test_the_key_is_nowhere(run, emulator) -> None:
    """Not on stdout, not on stderr, not in a file."""
    code, out, err = run("load", *RANGE, "--out", "may.parquet")

    assert 0 == code
    assert emulator.api_key.encode() not in Path("may.parquet").read_bytes()
    assert emulator.api_key not in out + err


def test_rows_that_break_the_rules_are_shown(run, emulator) -> None:
    """An error that has rows prints the first of them, as received."""
    good = fu.sample_usage(start="2025-05-01", end="2025-05-03", every="1d").usage
    try:
        emulator.replace(good.with_columns(cost=-1.0))
        code, _, err = run("load", *RANGE)
    finally:
        emulator.replace(fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage)

    lines = err.splitlines()
    assert 1 == code
    assert lines[0].startswith("error: ")
    assert -1.0 == json.loads(lines[1])["cost"]
    assert lines[-1].endswith("more")


FOCUS = ("focus", "--billing-account-id", "1", "--billing-account-name", "a", "--out", "f.csv")


@pytest.mark.parametrize(
    "command",
    [["load"], ["snapshot", "--out", "none.parquet"], ["load", "--out", "a.parquet"], FOCUS],
)
@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (
            ("--team", "acme-pariss", "--product", "compute"),
            "--team acme-pariss and --product compute in that range; did you mean "
            "--team 'acme-paris'?; --product compute has usage, but not with the other "
            "filters",
        ),
        (("--team", "Acme-Paris"), "did you mean --team 'acme-paris'?"),
        (("--team", "acme-paris "), "did you mean --team 'acme-paris'?"),
        (("--endpoint", "fal-ai/flux/devv"), "did you mean --endpoint 'fal-ai/flux/dev'?"),
        (
            ("--key", "zzz"),
            "nothing matched --key zzz in that range; names must match exactly; falusage load "
            "--auth-method-structured --format csv shows the ids of the keys, and the logins, "
            "that were used\n",
        ),
        (
            ("--team", "acme-paris", "--team", "acme-voise"),
            "nothing matched --team acme-voise in that range; did you mean",
        ),
    ],
)
def test_a_name_that_nothing_has_is_told(
    run, command: Sequence[str], filters: tuple[str, ...], said: str
) -> None:
    """It is named with the closest one, and is no success, also beside names that match."""
    code, _, err = run(*command, *RANGE, *filters)

    assert 1 == code
    assert said in err


def test_names_that_match_are_a_success(run) -> None:
    """All of them, and with a filter that the rows do not show."""
    assert 0 == run("load", *RANGE, "--team", "acme-paris")[0]
    assert 0 == run("load", *RANGE, "--auth-method", "--product", "compute")[0]


def test_a_range_without_filters_is_not_blamed_on_them(run) -> None:
    """Where nothing was spent, there is no name to compare."""
    _, _, err = run("load", "--start", "2001-01-01", "--end", "2001-01-02", "--timeframe", "day")

    assert "nothing matched" not in err


def test_a_range_that_is_widened_says_so(run, environment) -> None:
    """A day is not cut: what is asked from its middle on is the whole day, as stderr says."""
    asked = ("--start", "2025-06-01T05:30:00Z", "--end", "2025-06-03", "--timeframe", "day")
    code, _, err = run("load", *asked)
    assert 0 == code
    assert "widened to whole buckets of a day: 2025-06-01T00:00:00+00:00 to 2025-06-03" in err
    _, _, err = run("load", "--start", "2025-06-01", "--end", "2025-06-03", "--timeframe", "day")
    assert "widened" not in err


@pytest.mark.parametrize(
    "command",
    [
        ("load", "--out", "missing/usage.parquet"),
        ("report", "--out", "missing/page.html"),
        ("forecast", "--out", "missing/ahead.png"),
        ("focus", "--billing-account-id", "1", "--billing-account-name", "a", "--out", "m/f.csv"),
        ("snapshot", "--out", "missing/usage.parquet"),
    ],
)
def test_a_place_is_looked_at_before_anything_is_asked(run, command: tuple[str, ...]) -> None:
    """A long answer is not fetched for nothing; here nobody would give one."""
    code, out, err = run(command[0], *RANGE, "--base-url", "http://127.0.0.1:1", *command[1:])

    assert (1, "") == (code, out)
    assert "was not written: make the folder" in err
