"""What an answer says, read by Python's json alone: the second opinion on `read_page`.

It shares no code with the package. `understood` gives the rows as plain values, or refuses what
no reader could take for one table; which rows are broken is part of what it gives.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

ITEM = {
    "username": ("username",),
    "product": ("product",),
    "endpoint_id": ("endpoint_id",),
    "unit": ("unit",),
    "quantity": ("quantity",),
    "unit_price": ("unit_price",),
    "percent_discount": ("percent_discount",),
    "cost_subtotal": ("cost_subtotal",),
    "cost_discount": ("cost_discount",),
    "cost": ("cost_total", "cost"),
    "currency": ("currency",),
    "auth_method": ("auth_method",),
}
"""The columns, each with the names that its value may have."""

NUMBERS = (
    "quantity", "unit_price", "percent_discount", "cost_subtotal", "cost_discount", "cost"
)  # fmt: skip
OPTIONAL = ("percent_discount", "cost_subtotal", "cost_discount", "auth_method")
STRUCTURED = {
    "detail": "auth_detail",
    "api_key_id": "api_key_id",
    "login_username": "login_username",
}


class OutsideError(Exception):
    """No table can be read from these bytes."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if any(found[name] != value for name, value in pairs):
        raise OutsideError("a name twice, with two values")
    return found


def _constant(name: str) -> Any:
    raise OutsideError(name)


def understood(body: bytes) -> tuple[list[dict[str, Any]], list[int], str | None]:
    """Give the rows, the numbers of the broken ones, and the next cursor.

    A cell that is missing, null or of another type than it should be is None. Unknown fields
    are under their names, None where an item lacks them; they are values, not yet columns.
    """
    try:
        envelope = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
        body.decode().encode()
        json.dumps(envelope, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise OutsideError(str(error)) from None
    _need(isinstance(envelope, dict))
    _need(type(envelope.get("has_more")) is bool)
    _need("next_cursor" in envelope)
    cursor = envelope["next_cursor"]
    _need(isinstance(cursor, str | None) and envelope["has_more"] == (cursor is not None))
    _need(isinstance(envelope.get("time_series"), list))
    rows: list[dict[str, Any]] = []
    broken: list[int] = []
    for entry in envelope["time_series"]:
        _need(isinstance(entry, dict) and isinstance(entry.get("results"), list))
        _need(isinstance(entry.get("bucket"), str))
        try:
            start = datetime.fromisoformat(entry["bucket"])
        except ValueError as error:
            raise OutsideError(str(error)) from None
        _need(start.tzinfo is not None)
        start = start.astimezone(UTC)
        for item in entry["results"]:
            _need(isinstance(item, dict))
            beside = {f"bucket_{n}": v for n, v in entry.items() if n not in {"bucket", "results"}}
            row, whole = _row({**beside, **item})
            if not whole:
                broken.append(len(rows))
            rows.append({"bucket": start, "bucket_end": start + timedelta(days=1), **row})
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows], broken, cursor


def _need(condition: object) -> None:
    if not condition:
        raise OutsideError("not the contract's envelope")


def _row(item: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    whole = True
    row: dict[str, Any] = {}
    for name, sent_as in ITEM.items():
        found = [item[one] for one in sent_as if item.get(one) is not None]
        right = {int, float} if name in NUMBERS else {str}
        is_right = all(type(value) in right for value in found)
        if name == "cost" and is_right and len(found) == 2:
            is_right = abs(found[0] - found[1]) <= 1e-9 * max(map(abs, found))
        whole &= is_right and bool(found or name in OPTIONAL)
        row[name] = found[0] if found and is_right else None
        if name in NUMBERS and row[name] is not None:
            row[name] = float(row[name])
    structured = item.get("auth_method_structured")
    if not isinstance(structured, dict | None):
        whole = False
    members = structured if isinstance(structured, dict) else {}
    for member, column in STRUCTURED.items():
        value = members.get(member)
        whole &= isinstance(value, str | None)
        row[column] = value if isinstance(value, str) else None
    known = {*(one for sent_as in ITEM.values() for one in sent_as), "auth_method_structured"}
    unknown = {name: value for name, value in item.items() if name not in known}
    unknown |= {f"auth_{n}": v for n, v in members.items() if n not in STRUCTURED}
    return row | {f"{n}_sent" if n in row else n: v for n, v in unknown.items()}, whole
