"""`sync` keeps a store, `history` and `restatements` say what it holds and what changed."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest

import falusage as fu

RANGE = ("--store", "kept", "--start", "2025-05-01")
UNTIL = ("--end", "2025-05-08")


def test_a_store_from_the_command_line(run, environment, emulator) -> None:
    """Synced twice, the second time with nothing new; then a row changes, and is found."""
    code, out, err = run("sync", *RANGE, *UNTIL)
    assert (0, "") == (code, out)
    assert "rows read" in err
    assert "version 1" in err
    code, _, err = run("sync", *RANGE, *UNTIL)
    assert 0 == code
    assert "0 rows read, nothing new" in err

    usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    try:
        emulator.replace(usage.with_columns(pl.col(fu.columns.AMOUNTS) * 2))
        code, _, err = run("sync", *RANGE, *UNTIL, "--settle", "5000d", "--compact")
    finally:
        emulator.replace(usage)
    assert 0 == code
    assert "restated: +" in err

    code, out, err = run("history", "--store", "kept", "--format", "json")
    records = json.loads(out)
    assert (0, "") == (code, err)
    assert [0, 1, 1, 2, 2] == [record["version"] for record in records]
    first, again = (
        sum(record["cost"] for record in records if record["version"] == n) for n in (1, 2)
    )
    assert pytest.approx(2 * first) == again

    _, out, _ = run("restatements", "--store", "kept", "1", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {"changed"} == {row["change"] for row in rows}
    assert pytest.approx(first) == sum(float(row["cost_delta"]) for row in rows)
    _, out, _ = run("settling", "--store", "kept", "--format", "json")
    assert {0.5} == {record["known"] for record in json.loads(out)}
    _, out, _ = run("settling", "--store", "kept")
    assert ["age", "currency", "windows", "cost", "final"] == out.splitlines()[0].split()[:5]
    assert "50.0%" in out
    _, out, _ = run("restatements", "--store", "kept", "2", "2", "--format", "json")
    assert [] == json.loads(out)


def test_tables_are_for_people(run, environment) -> None:
    """Money has its currency, instants are the store's own, and a date names what was known.

    A table without a row is a sentence.
    """
    run("sync", *RANGE, *UNTIL, "--timezone", "America/New_York", "--timeframe", "week")

    code, out, _ = run("history", "--store", "kept")
    lines = out.splitlines()
    assert 0 == code
    assert ["version", "kind", "at", "from", "to", "rows", "cost"] == lines[0].split()[:7]
    assert "2025-04-28 00:00" in lines[2]
    assert " USD" in out
    code, out, err = run("restatements", "--store", "kept", "0", "1")
    assert 0 == code
    assert out.splitlines()[1].startswith("appeared  no")
    none = ("No row differs between version 1 and the last version.\n", "")
    assert none == run("restatements", "--store", "kept", "1")[1:]
    none = ("No settled day was read at two ages yet; run falusage sync every day.\n", "")
    assert none == run("settling", "--store", "kept")[1:]
    code, out, err = run("restatements", "--store", "kept", "2025-05-01")
    assert (1, "") == (code, out)
    assert "knew nothing yet" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sync", "--start", "2025-05-01"), 2, "--store"),
        (("sync", "--store", "kept"), 2, "--start"),
        (("sync", *RANGE, "--settle", "soon"), 2, "settle is 'soon'"),
        (("sync", *RANGE, "--timeframe", "fortnight"), 2, "fortnight"),
        (("sync", *RANGE, "--key", "a:b"), 2, "it takes the id of a key, without its secret"),
        (("history", "--store", "kept"), 1, "there is no store at"),
        (("restatements", "--store", "kept"), 2, "OLD"),
        (("restatements", "--store", "kept", "1"), 1, "there is no store at"),
    ],
)
def test_refusals(run, environment, arguments: tuple[str, ...], code: int, said: str) -> None:
    """One message on stderr that says what is wrong, nothing on stdout, no store."""
    found, out, err = run(*arguments)
    assert (code, "") == (found, out)
    assert said in err
    assert "Traceback" not in err
    assert [] == list(environment.iterdir())
