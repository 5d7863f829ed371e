"""Data comes out as other programs read it, and as no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.reporting.records import csv_text, json_text


@given(st.lists(st.tuples(st.text(), st.floats(0, 1e15)), max_size=20))
def test_json_gives_back_what_went_in(rows: list[tuple[str, float]]) -> None:
    """Any text and any double survives, and the whole is one list."""
    frame = pl.DataFrame(rows, schema={"team": pl.String, "cost": pl.Float64}, orient="row")

    assert frame.to_dicts() == json.loads("".join(json_text(frame)))


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
