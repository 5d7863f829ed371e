"""Billing events written to a Parquet file while they are read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Unpack

import polars as pl

from falusage._files import replacing
from falusage.api.client import UsageClient
from falusage.api.line_items import LineItems
from falusage.api.ways import Invalid
from falusage.columns import exact_nano
from falusage.contract import EventFields
from falusage.snapshot._download import SnapshotSink
from falusage.snapshot._parquet import EventWriter
from falusage.snapshot.encoding import ROW_GROUP


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
    """A sink that counts what it writes."""

    rows = 0
    cost = Decimal(0)

    def write(self, items: LineItems) -> None:
        super().write(items)
        self.rows += items.table.height
        self.cost += items.table.select(exact_nano("cost_nano")).item()


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
            sink.finish()
        finally:
            sink.restart()
    return EventFile(sink.rows, sink.cost, quarantine)
