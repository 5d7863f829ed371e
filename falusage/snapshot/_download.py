"""A load that goes to disk as it comes, without ever standing in memory whole.

The file takes its place only once every row was validated and the sums agree with the API's own
summary. A field that first turns up half-way widens what has been written: the row groups are
copied into a file with the new columns, and the stream goes on in that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import BinaryIO, cast

import polars as pl
import pyarrow.parquet as pq

from falusage._files import replacing
from falusage.api._pages.answers import Kind
from falusage.api._pages.fast import Page
from falusage.api._pages.unknown_fields import assemble, joint_kinds
from falusage.api.client import UsageClient
from falusage.api.load import Invalid, Load, Reconcile
from falusage.api.query import UsageQuery
from falusage.api.receipt import Receipt
from falusage.snapshot._parquet import ROW_GROUP, SnapshotWriter
from falusage.snapshot._quarantine import keep_quarantine, quarantine_path

_Kinds = Mapping[str, Kind]


def download_snapshot(
    query: UsageQuery,
    path: str | os.PathLike[str],
    *,
    client: UsageClient | None = None,
    invalid: Invalid = "raise",
    reconcile: Reconcile = "raise",
) -> Receipt:
    """Load what `query` asks for straight into a snapshot, whole or not at all.

    The file is the one that `write_snapshot(client.load(query), path)` would make, in bounded
    memory: about 130,000 rows at a time, whatever the range.

    Args:
        query: What to ask.
        path: The file, in a folder that exists; one that is there is replaced at the very end.
        client: The client to ask with; by default one from the environment.
        invalid: As in `UsageClient.load`. `"quarantine"` writes the rejected rows to a file of
            JSON lines beside the snapshot, each with `rules` (what it broke) and `received` (the
            row as it came): for `june.parquet` that is `june.quarantine.jsonl`.
        reconcile: As in `UsageClient.load`.

    Returns:
        The receipt, which the file holds as well.

    Raises:
        SnapshotError: The file cannot be written; a missing folder is found before asking.
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
        load = client.open_load(query, invalid=invalid, reconcile=reconcile)
        try:
            while True:
                with _Stream(file) as stream:
                    stream.take(load)
                    receipt = load.receipt()
                    if receipt is not None:
                        stream.writer.finish(receipt)
                        keep_quarantine(load.quarantine, path)
                        break
        finally:
            load.progress.close()
        load.warn()
    if not receipt.rows_quarantined:
        quarantine_path(path).unlink(missing_ok=True)  # of the snapshot that was replaced
    return receipt


class _Stream:
    """One read of the range on its way into the file, from the file's beginning."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._kinds: _Kinds = {}
        self._begun: SnapshotWriter | None = None

    @property
    def writer(self) -> SnapshotWriter:
        """What writes; there from the first batch on, and a load has at least one."""
        if self._begun is None:
            raise AssertionError("a load gives at least one table")
        return self._begun

    def take(self, load: Load) -> None:
        """Write the load's batches, each as it comes."""
        tables = cast("Generator[pl.DataFrame]", load.tables(batch_rows=2 * ROW_GROUP))
        with closing(tables):
            for table in tables:
                self._append(
                    table, {name: load.kinds[name] for name in table.columns if name in load.kinds}
                )

    def _append(self, table: pl.DataFrame, kinds: _Kinds) -> None:
        joint = joint_kinds([_page(self._kinds), _page(kinds, table)])
        if self._begun is None:
            self._begin(table.schema, joint)
        elif joint != self._kinds:
            self._widen(joint)
        self.writer.write(_brought_to(self._kinds, table, kinds))

    def _begin(self, schema: pl.Schema, kinds: _Kinds) -> None:
        self._kinds = kinds
        self._file.seek(0)
        self._file.truncate()
        self._begun = SnapshotWriter(self._file, schema)

    def _widen(self, joint: _Kinds) -> None:
        """Write what stands in the file anew, with the columns of `joint`.

        Every value is kept; a whole number that joined doubles before it joined text reads 1.0
        where a load in memory has 1.
        """
        self.writer.finish()
        with tempfile.TemporaryFile(dir=os.path.dirname(self._file.name)) as copy:
            self._file.seek(0)
            shutil.copyfileobj(self._file, copy)
            old, had = pq.ParquetFile(copy), self._kinds
            # Whole numbers that a double cannot hold keep a column from becoming one of doubles.
            for rows in _row_groups(old, columns=list(had)):
                joint = joint_kinds([_page(had, rows), _page(joint)])
            empty = pl.DataFrame(old.schema_arrow.empty_table())
            self._begin(_brought_to(joint, empty, had).schema, joint)
            for rows in _row_groups(old):
                self.writer.write(_brought_to(joint, rows, had))

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        if self._begun is not None:
            self._begun.abandon()


def _page(kinds: _Kinds, rows: pl.DataFrame | None = None) -> Page:
    return Page(rows=rows, summary=None, next_cursor=None, kinds=kinds, ignored=())


def _brought_to(joint: _Kinds, rows: pl.DataFrame, kinds: _Kinds) -> pl.DataFrame:
    """Give rows with the columns of `joint`, as one assembly of all pages would give them."""
    return assemble([_page(joint), _page(kinds, rows)])


def _row_groups(
    file: pq.ParquetFile, *, columns: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    for at in range(file.num_row_groups):
        yield pl.DataFrame(file.read_row_group(at, columns=columns))
