"""Data comes out as other programs read it, and as no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.reporting.records import csv_text, data_text, flat, json_text, record_text


@given(st.lists(st.tuples(st.text(), st.floats(0, 1e15)), max_size=20))
def test_json_gives_back_what_went_in(rows: list[tuple[str, float]]) -> None:
    """Any text and any double survives, and the whole is one list."""
    frame = pl.DataFrame(rows, schema={"team": pl.String, "cost": pl.Float64}, orient="row")

    assert frame.to_dicts() == json.loads("".join(json_text(frame)))


MONEY = st.decimals("-1e20", "1e20", places=12)
LOOKS_LIKE_AN_AMOUNT = st.sampled_from(['","cost":"1"', '{"cost":"1"}', "1.50", 'a\\","cost":"2'])


@given(st.lists(st.tuples(st.text() | LOOKS_LIKE_AN_AMOUNT, MONEY | st.none()), max_size=20))
def test_amounts_keep_every_digit(rows: list[tuple[str, Decimal | None]]) -> None:
    """As numbers without needless zeros, whatever the texts beside them look like."""
    schema = {"team": pl.String, "cost": pl.Decimal(38, 12)}
    frame = pl.DataFrame(rows, schema=schema, orient="row")

    assert rows == [
        (each["team"], None if each["cost"] is None else Decimal(each["cost"]))
        for each in json.loads("".join(data_text(frame, "json")), parse_float=Decimal)
    ]
    read = csv.reader(io.StringIO("".join(data_text(frame, "csv")), newline=""))
    _, *lines = read
    assert [cost for _, cost in rows] == [Decimal(cost) if cost else None for _, cost in lines]
    assert not any("." in cost and cost.endswith("0") for _, cost in lines)


def test_a_record_is_one_object() -> None:
    """Amounts and instants as in a table, at any depth; in CSV, what is inside is JSON text."""
    at = datetime(2025, 6, 1, tzinfo=UTC)
    record = {"cost": Decimal("12345678901234567.120"), "gaps": ((at, at),), "by": {"USD": None}}

    assert {
        "cost": Decimal("12345678901234567.12"),
        "gaps": [["2025-06-01T00:00:00+00:00"] * 2],
        "by": {"USD": None},
    } == json.loads(record_text(record), parse_float=Decimal)
    (row,) = flat([record]).rows()
    assert '[["2025-06-01T00:00:00+00:00", "2025-06-01T00:00:00+00:00"]]' == row[1]
    assert '{"USD": null}' == row[2]


@given(st.lists(st.tuples(st.text(), st.floats(0, 1e15)), max_size=20))
def test_csv_cells_are_never_formulas(rows: list[tuple[str, float]]) -> None:
    """Text is as it was, but for one ' before what a spreadsheet would run."""
    frame = pl.DataFrame(rows, schema={"team": pl.String, "cost": pl.Float64}, orient="row")

    text = "".join(csv_text(frame))
    read = list(csv.reader(io.StringIO(text, newline="")))

    expected = [
        (f"'{team}" if team[:1] in {"=", "+", "-", "@", "\t", "\r"} else team) for team, _ in rows
    ]
    assert ["team", "cost"] == read[0]
    assert expected == [team for team, _ in read[1:]]
    assert [cost for _, cost in rows] == [float(cost) for _, cost in read[1:]]


@pytest.mark.parametrize("text", ["=cmd", "@sum", "+1", "-1", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_run_is_defused(text: str) -> None:
    """In a cell, and in the header where a new field has such a name."""
    written = "".join(csv_text(pl.DataFrame({text: [text]})))

    assert [[f"'{text}"], [f"'{text}"]] == list(csv.reader(io.StringIO(written, newline="")))


def test_instants_are_iso_8601_with_an_offset(usage: pl.DataFrame) -> None:
    """So that no reader has to guess the zone."""
    (first, *_) = json.loads("".join(json_text(usage)))

    assert ("2025-05-01T00:00:00+00:00", "2025-05-02T00:00:00+00:00") == (
        first["bucket"],
        first["bucket_end"],
    )
    assert "2025-05-01T00:00:00+00:00,2025-05-02" in "".join(csv_text(usage))


def test_an_empty_table_is_an_empty_list_and_a_header(usage: pl.DataFrame) -> None:
    """Nothing spent is still valid JSON and CSV."""
    assert [] == json.loads("".join(json_text(usage.clear())))
    assert 1 == "".join(csv_text(usage.clear())).count("\n")
