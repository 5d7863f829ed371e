"""What snapshots and stores write in the same way: values as JSON, and rows as Parquet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import attrs
import polars as pl

ROW_GROUP: Final = 65_536
"""The rows of a row group, and about what a stream keeps in memory at once."""


def repeating(schema: Iterable[str]) -> list[str]:
    """Return the columns to write with a dictionary; amounts hardly repeat, so they get none."""
    return [name for name in schema if name not in {"quantity", "cost"}]


def fields(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass or attrs class, by name."""
    kind = type(record)
    listed: Any = attrs.fields(kind) if attrs.has(kind) else dataclasses.fields(record)
    return {field.name: getattr(record, field.name) for field in listed}


def plain(value: Any) -> Any:
    """Return a value that JSON does not know as one that it knows."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, pl.DataFrame):
        return value.to_dict(as_series=False)
    if callable(asked := getattr(value, "fields", None)):  # a query, or the scope of a store
        return asked()
    return fields(value)
