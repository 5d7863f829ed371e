"""Every declared endpoint has what a consumer derives from its declaration."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from falusage.api._pages.answers import Expected
from falusage.api._pages.fast import read_fast
from falusage.api._pages.strict import read_strictly
from falusage.contract import ENDPOINTS, Endpoint, Field
from falusage.contract.dtypes import INSTANT
from falusage.emulator._app import ANSWERS
from falusage.emulator._document import item_model
from falusage.emulator._parameters import parameters_model

LISTS = [each for each in ENDPOINTS if each.rows is not None]
every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.path)
every_list = pytest.mark.parametrize("endpoint", LISTS, ids=lambda each: each.path)


def value(endpoint: Endpoint, field: Field) -> Any:
    """Return a valid value as it is sent, different for each field."""
    at = endpoint.fields.index(field)
    if field.dtype == INSTANT:
        return datetime(2025, 3, 1, at, tzinfo=UTC).isoformat()
    if field.dtype == pl.Boolean():
        return bool(at % 2)
    if field.is_number:
        return at if field.dtype.is_integer() else at + 0.5
    return "ABC"[: field.letters] if field.letters else f"its {field.name}"


def body(endpoint: Endpoint) -> bytes:
    """Return an answer with one item that has every member."""
    item: dict[str, Any] = {}
    for field in endpoint.fields:
        holder = item if field.within is None else item.setdefault(field.within, {})
        holder |= dict.fromkeys(field.names, value(endpoint, field))
    listed = [{"bucket": "2025-03-01T00:00:00Z", "results": [item]}]
    ends = {"next_cursor": None, "has_more": False} if endpoint.is_paged else {}
    rows = listed if endpoint.in_buckets else [item]
    return json.dumps({str(endpoint.rows): rows, **ends}, separators=(",", ":")).encode()


@every_list
def test_both_readers_read_every_field(endpoint: Endpoint) -> None:
    """As a column of its own, with the value that was sent."""
    expand = {field.expand for field in endpoint.fields if field.expand}
    expected = Expected(endpoint, tuple(sorted(expand)))
    answers = [read_strictly(body(endpoint), expected), read_fast(body(endpoint), expected, {})]
    assert (answers[1] is None) == (not endpoint.is_paged)  # a short list needs no fast reader
    for answer in filter(None, answers):
        assert answer.rows is not None
        sent = {field.name: value(endpoint, field) for field in endpoint.fields}
        assert [sent] == answer.rows.table.to_dicts()
        assert not answer.rows.kinds


@every_list
def test_the_document_has_every_field(endpoint: Endpoint) -> None:
    """Under each of its names, with its meaning."""
    schema = item_model(endpoint, endpoint.editions[-1]).model_json_schema()
    inside = [each.get("properties", {}) for each in schema.get("$defs", {}).values()]
    found = {
        name: part for holder in (schema["properties"], *inside) for name, part in holder.items()
    }
    for name, field in endpoint.in_edition(endpoint.editions[-1]).items():
        assert field.meaning in found[name]["description"]


@every_endpoint
def test_the_emulator_takes_every_parameter(endpoint: Endpoint) -> None:
    """And answers every endpoint."""
    model = parameters_model(endpoint, endpoint.editions[-1])
    values = {n for n, each in endpoint.asked.items() if each.kind == "expand"}
    assert set(endpoint.parameters) - values == set(model.model_fields)
    assert endpoint in ANSWERS


@every_endpoint
def test_a_filter_compares_a_column_of_the_endpoint(endpoint: Endpoint) -> None:
    """So that rows which were not asked for can be rejected."""
    columns = {*endpoint.columns, *endpoint.derived}
    for name, parameter in endpoint.asked.items():
        assert parameter.column is None or parameter.column in columns, name
