"""An answer read field by field: every name, number and text is checked.

The fast reader leaves to this one what it cannot prove: an unknown field, a missing or mistyped
one, an escape, anything unusual. Here the answer is rejected as a whole if its JSON or its
envelope is outside the contract. Otherwise every field is read, and a row whose own fields are
broken is marked (`schema.validation.MARKS`), not dropped.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from falusage.api._pages.answers import AGREE, Answer, Expected
from falusage.api._pages.documents import parse, show, take
from falusage.api.line_items import (
    INT64,
    KIND_DTYPES,
    Kind,
    LineItems,
    json_texts,
    kind_of_values,
)
from falusage.columns import KNOWN, USAGE
from falusage.contract import Endpoint, Field
from falusage.errors import ProtocolError
from falusage.schema.validation import MARKS

# Python objects take many times the memory of their JSON, so one page is read at a time.
_ONE_AT_A_TIME: Final = threading.Lock()
_ENVELOPE: Final = {"has_more", "next_cursor"}
_BUCKET: Final = {"bucket", "results"}
_TYPES: Final[dict[pl.DataType, set[type]]] = {
    pl.Float64(): {int, float},
    pl.Int64(): {int},
    pl.String(): {str},
    pl.Boolean(): {bool},
}
_WORDS: Final[dict[pl.DataType, str]] = {
    pl.Float64(): "number",
    pl.Int64(): "whole number",
    pl.String(): "text",
    pl.Boolean(): "truth value",
}


def read_strictly(body: bytes, expected: Expected) -> Answer:
    """Read an answer field by field.

    Raises:
        ProtocolError: The JSON or the envelope is outside the contract.
    """
    with _ONE_AT_A_TIME:
        return _read(parse(body), expected)


def _read(envelope: dict[str, Any], expected: Expected) -> Answer:
    endpoint = expected.endpoint
    has_more, cursor = False, None
    if endpoint.is_paged:
        has_more = take(envelope, "has_more", bool, "true or false")
        cursor = take(envelope, "next_cursor", (str, type(None)), "a string or null")
    elif envelope.get("has_more") or envelope.get("next_cursor"):
        raise ProtocolError(f"{endpoint.path} has a next page; expected the whole list on one")
    items: list[dict[str, Any]] = []
    buckets: list[tuple[str, int]] = []
    if expected.rows and endpoint.rows is not None and not endpoint.in_buckets:
        listed = take(envelope, endpoint.rows, list, "a list")
        items = [_item(item, endpoint.rows) for item in listed]
    elif expected.rows and endpoint.in_buckets:
        for number, entry in enumerate(take(envelope, "time_series", list, "a list")):
            where = f"time_series[{number}]"
            if not isinstance(entry, dict):
                raise ProtocolError(f"{where} is {show(entry)}; expected an object")
            bucket = take(entry, "bucket", str, "a string", where)
            results = take(entry, "results", list, "a list", where)
            beside = {
                f"bucket_{name}": value for name, value in entry.items() if name not in _BUCKET
            }
            items += [{**beside, **_item(item, where)} for item in results]
            buckets.append((bucket, len(results)))
    totals: list[dict[str, Any]] | None = None
    if expected.summary and "summary" in envelope:
        listed = take(envelope, "summary", list, "a list")
        totals = [_item(item, "summary") for item in listed]
    return Answer(
        _line_items(items, endpoint, endpoint.required()) if expected.rows else None,
        None
        if totals is None
        else _line_items(totals, endpoint, endpoint.required(in_summary=True)),
        cursor,
        has_more,
        buckets,
        tuple(sorted(envelope.keys() - _ENVELOPE - {endpoint.rows, "summary"})),
    )


def _item(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError(f"{where} holds the item {show(value)}; expected an object")
    return value


def _line_items(
    items: Sequence[Mapping[str, Any]], endpoint: Endpoint, required: Sequence[str]
) -> LineItems:
    """Return items as columns, with marks on those that could not be typed."""
    faults: dict[int, list[dict[str, str]]] = {}
    columns: dict[str, pl.Series] = {}
    objects = {name: _objects(name, items, faults) for name in endpoint.objects}
    for field in endpoint.fields:
        values: list[Any] = []
        for at, holder in enumerate(items if field.within is None else objects[field.within]):
            value, fault = _value(field, holder, required=field.name in required)
            if fault is not None:
                faults.setdefault(at, []).append({"column": field.name, "rule": fault})
            values.append(value)
        columns[field.name] = pl.Series(field.name, values, dtype=field.sent_dtype, strict=False)
    items = _with_new_members(items, objects, endpoint)
    members = endpoint.items
    unknown = dict.fromkeys(name for item in items for name in item if name not in members)
    kinds: dict[str, Kind] = {}
    # What one endpoint of a workspace calls a new field may be a column of the other.
    reserved = KNOWN if endpoint.derived else USAGE
    taken = {*endpoint.derived, *MARKS, *(reserved if endpoint.in_buckets else {"username"})}
    for name in unknown:
        free = name  # which may not take the place of another column
        while not free or free in taken or free in columns:
            free = f"{free}_sent"
        values = [item.get(name) for item in items]
        kind = kind_of_values(values)
        values = json_texts(values) if kind == "json" else values
        columns[free] = pl.Series(free, values, dtype=KIND_DTYPES[kind], strict=False)
        kinds[free] = kind
    if faults:
        received = [json.dumps(items[at]) if at in faults else None for at in range(len(items))]
        found = [faults.get(at) for at in range(len(items))]
        for (name, dtype), marks in zip(MARKS.items(), (found, received), strict=True):
            columns[name] = pl.Series(name, marks, dtype)
    return LineItems(pl.DataFrame(columns), kinds)


def _value(field: Field, holder: Mapping[str, Any], *, required: bool) -> tuple[Any, str | None]:
    """Return a field's value, or None and what is wrong with it."""
    sent = {name: holder[name] for name in field.names if name in holder}
    there = {name: value for name, value in sent.items() if value is not None}
    if not there:
        fault = "null" if sent else "missing"
        return None, fault if required else None
    for value in there.values():
        if type(value) not in _TYPES[field.sent_dtype]:
            return None, f"not a {_WORDS[field.sent_dtype]}"
        if field.dtype.is_integer() and value not in INT64:
            return None, "beyond 64 bits"
    (name, value), *others = there.items()
    for other_name, other in others:
        if not _agree(value, other):
            return None, f"{name} and {other_name} differ"
    return float(value) if field.dtype.is_float() else value, None


def _agree(one: Any, other: Any) -> bool:
    if type(one) in {int, float}:
        return abs(one - other) <= AGREE * max(abs(one), abs(other))
    return one == other


def _objects(
    name: str, items: Iterable[Mapping[str, Any]], faults: dict[int, list[dict[str, str]]]
) -> list[dict[str, Any]]:
    """Return each item's object of that name, empty if it has none."""
    found: list[dict[str, Any]] = []
    for at, item in enumerate(items):
        entry = item.get(name)
        if entry is not None and not isinstance(entry, dict):
            faults.setdefault(at, []).append({"column": name, "rule": "not an object"})
        found.append(entry if isinstance(entry, dict) else {})
    return found


def _with_new_members(
    items: Sequence[Mapping[str, Any]],
    objects: Mapping[str, list[dict[str, Any]]],
    endpoint: Endpoint,
) -> list[dict[str, Any]]:
    """Add the unknown members of objects to their items, under the object's first word."""
    flat = [dict(item) for item in items]
    for name, entries in objects.items():
        known = endpoint.inside(name)
        for item, entry in zip(flat, entries, strict=True):
            for member in sorted(entry.keys() - known.keys()):
                item[f"{name.partition('_')[0]}_{member}"] = entry[member]
    return flat
