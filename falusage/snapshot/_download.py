"""A load written to a file while it is read, so that memory never has all of it.

The file takes its place only after every row was validated and the sums agree with the API's own
summary. If an unknown field first appears half-way, the rows written so far are copied into a
file with the new column, and the load goes on with that one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from typing import BinaryIO, Protocol

import polars as pl

from falusage._files import replacing
from falusage.api.client import UsageClient
from falusage.api.line_items import Kinds, LineItems, joint_kinds
from falusage.api.query import UsageQuery
from falusage.api.receipt import Receipt
from falusage.api.ways import Invalid, Reconcile
from falusage.snapshot._quarantine import keep_quarantine, quarantine_path
from falusage.snapshot.encoding import ROW_GROUP


def download_snapshot(
    query: UsageQuery,
    path: str | os.PathLike[str],
    *,
    client: UsageClient | None = None,
    invalid: Invalid = "raise",
    reconcile: Reconcile = "raise",
) -> Receipt:
    """Load what `query` asks for into a snapshot, whole or not at all.

    The file is the same as that of `write_snapshot(client.load(query), path)`, but made in bounded
    memory: about 130,000 rows at a time, whatever the range.

    Args:
        query: What to ask.
        path: The file, in a folder that exists. A file that is there is replaced at the end.
        client: The client to ask with; by default one from the environment.
        invalid: As in `UsageClient.load`. `"quarantine"` writes the rejected rows to a file of
            JSON lines beside the snapshot, each with `rules` (what it broke) and `received` (the
            row as received): for `june.parquet` that is `june.quarantine.jsonl`.
        reconcile: As in `UsageClient.load`.

    Returns:
        The receipt, which is also in the file.

    Raises:
        SnapshotError: The file cannot be written; a missing folder is found before any request.
        ConfigError, ApiError, SchemaError, ReconciliationError: As from `UsageClient.load`; no
            file is left, and whatever was there is untouched.

    >>> import falusage as fu, tempfile
    >>> query = fu.UsageQuery("2025-03-01", "2025-03-08")
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     fu.Emulator() as emulator,
    ...     fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ... ):
    ...     receipt = fu.download_snapshot(query, f"{folder}/week.parquet", client=client)
    ...     receipt.rows_kept == fu.read_snapshot(f"{folder}/week.parquet").height
    True
    """
    if client is None:
        with UsageClient(progress=True) as own:
            return download_snapshot(query, path, client=own, invalid=invalid, reconcile=reconcile)
    with replacing(path) as file:
        sink = SnapshotSink(file, _start)
        try:
            receipt, quarantine = client.load_into(
                sink, query, invalid=invalid, reconcile=reconcile, batch_rows=2 * ROW_GROUP
            )
            sink.finish(receipt)
        finally:
            sink.restart()
        keep_quarantine(quarantine, path)
    if not receipt.rows_quarantined:
        quarantine_path(path).unlink(missing_ok=True)  # of the snapshot that was replaced
    return receipt


def _start(file: BinaryIO, schema: pl.Schema) -> Writer:
    """Begin a snapshot."""
    # With pyarrow, which takes 0.1 s to import: by now, the next pages are under way.
    from falusage.snapshot._parquet import SnapshotWriter

    return SnapshotWriter(file, schema)


class Writer(Protocol):
    """A file that is being written."""

    def write(self, table: pl.DataFrame) -> None:
        """Append rows."""

    def finish(self, receipt: Receipt | None = None) -> None:
        """Write the end of the file."""

    def abandon(self) -> None:
        """Stop writing."""


class SnapshotSink:
    """A sink that writes a load into a file, which gets every field that was sent.

    Args:
        file: The file.
        start: Begins the file, from its columns.
    """

    def __init__(self, file: BinaryIO, start: Callable[[BinaryIO, pl.Schema], Writer]) -> None:
        self._file = file
        self._start = start
        self._kinds: Kinds = {}
        self._writer: Writer | None = None

    def restart(self) -> None:
        """Stop writing; the next rows begin the file."""
        if self._writer is not None:
            self._writer.abandon()
        self._writer, self._kinds = None, {}

    def write(self, items: LineItems) -> None:
        """Append rows, in a file that has the fields of all rows so far."""
        kinds = joint_kinds([self._kinds, items.kinds])
        writer = self._writer
        if writer is None:
            writer = self._begin(items.with_kinds(kinds).schema, kinds)
        elif kinds != self._kinds:
            writer = self._widened(writer, kinds)
        writer.write(items.with_kinds(kinds))

    def finish(self, receipt: Receipt | None = None) -> None:
        """Write the end of the file, with the receipt."""
        if self._writer is not None:
            self._writer.finish(receipt)

    def _begin(self, schema: pl.Schema, kinds: Kinds) -> Writer:
        self._file.seek(0)
        self._file.truncate()
        self._kinds = kinds
        self._writer = self._start(self._file, schema)
        return self._writer

    def _widened(self, writer: Writer, kinds: Kinds) -> Writer:
        """Write the rows in the file again, with the fields of `kinds`.

        Every value is kept; a whole number that joined doubles before it joined text reads 1.0
        where a load in memory has 1.
        """
        import pyarrow.parquet as pq

        writer.finish()
        with tempfile.TemporaryFile(dir=os.path.dirname(self._file.name)) as copy:
            self._file.seek(0)
            shutil.copyfileobj(self._file, copy)
            old, had = pq.ParquetFile(copy), self._kinds
            self.restart()
            empty = LineItems(pl.DataFrame(old.schema_arrow.empty_table()), had)
            writer = self._begin(empty.with_kinds(kinds).schema, kinds)
            for at in range(old.num_row_groups):
                rows = LineItems(pl.DataFrame(old.read_row_group(at)), had)
                writer.write(rows.with_kinds(kinds))
        return writer
