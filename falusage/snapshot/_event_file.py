"""Billing events written to a Parquet file while they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Unpack

import polars as pl

from falusage._files import replacing
from falusage._version import __version__
from falusage.api.client import UsageClient
from falusage.api.line_items import LineItems
from falusage.api.ways import Invalid
from falusage.columns import exact_nano
from falusage.contract import EventFields
from falusage.snapshot._download import SnapshotSink
from falusage.snapshot._parquet import EventWriter
from falusage.snapshot.encoding import ROW_GROUP
from falusage.timeframes import instant


@dataclass(frozen=True, slots=True)
class EventFile:
    """What a file of events has.

    Attributes:
        rows: How many events.
        cost: What they cost, in US dollars.
        quarantine: The rows that it has not, as received, with the `rules` that each broke.
    """

    rows: int
    cost: Decimal
    quarantine: pl.DataFrame


class _Counting(SnapshotSink):
    """A sink that counts what it writes, and says in the file what that is."""

    rows = 0
    cost = Decimal(0)

    def write(self, items: LineItems) -> None:
        super().write(items)
        self.rows += items.table.height
        self.cost += items.table.select(exact_nano("cost_nano")).item()

    def tell(self, document: Mapping[str, Any]) -> None:
        if isinstance(self._writer, EventWriter):
            self._writer.tell(document)


def download_events(
    start: date | datetime | str,
    end: date | datetime | str,
    path: str | os.PathLike[str],
    *,
    client: UsageClient,
    invalid: Invalid = "raise",
    **fields: Unpack[EventFields],
) -> EventFile:
    """Write the events of a range to a Parquet file, whole or not at all, in bounded memory.

    Args:
        start: As in `load_events`.
        end: As in `load_events`.
        path: The file, in a folder that exists. A file that is there is replaced at the end.
        client: The client to ask with.
        invalid: As in `load_events`.
        **fields: As in `load_events`.

    The metadata of the file has what was asked, and how many rows were left out, as JSON under
    `falusage.events`.

    Returns:
        How many events the file has, what they cost, and the rejected rows.

    Raises:
        SnapshotError: The file cannot be written; a missing folder is found before any request.
        QueryError, ApiError, SchemaError: As from `load_events`; no file is left.
    """
    with replacing(path) as file:
        sink = _Counting(file, EventWriter)
        try:
            quarantine = client.load_events_into(
                sink, start, end, invalid=invalid, batch_rows=ROW_GROUP, **fields
            )
            sink.tell(_document(start, end, fields, sink.rows, quarantine.height))
            sink.finish()
        finally:
            sink.restart()
    return EventFile(sink.rows, sink.cost, quarantine)


def _document(
    start: Any, end: Any, fields: Mapping[str, Any], rows: int, quarantined: int
) -> dict[str, Any]:
    """Return what was asked and kept, as JSON knows it: several names as a list."""
    span = {"start": start, "end": end}
    ends = {name: instant(at, timezone="UTC", name=name).isoformat() for name, at in span.items()}
    asked = {
        name: value if value is None or isinstance(value, str | bool | int) else list(value)
        for name, value in fields.items()
    }
    counts = {"rows": rows, "quarantined": quarantined, "version": __version__}
    return {**ends, **asked, **counts}
