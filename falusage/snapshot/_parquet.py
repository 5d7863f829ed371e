"""Batches of usage into a Parquet file that carries its own proof, and the file held against it.

Row groups are written as they come; rows, range, totals and the hash of the content grow with
them and stand in the footer, so that a stream needs no second pass. Reading believes nothing:
pages have checksums, and the content is hashed before anything else interprets it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Context, Decimal
from typing import BinaryIO, Final, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from falusage._files import resolved
from falusage._waiting import result
from falusage.api.load import to_arrow
from falusage.api.receipt import Receipt
from falusage.columns import exact
from falusage.errors import SnapshotError
from falusage.snapshot._fingerprint import Fingerprint
from falusage.snapshot._metadata import SnapshotMetadata

ROW_GROUP: Final = 65_536
"""The rows of a row group, and about what a stream holds at once."""

_EXACT: Final = Context(prec=60)


def repeating(schema: Iterable[str]) -> list[str]:
    """Give the columns that a dictionary is made for; one of amounts is built to be given up."""
    return [name for name in schema if name not in {"quantity", "cost"}]


class _Tally:
    """What is known of the rows so far."""

    def __init__(self, schema: pa.Schema) -> None:
        self._fingerprint = Fingerprint(schema)
        self._start: datetime | None = None
        self._end: datetime | None = None
        self._totals: dict[str, Decimal] = {}

    def hash(self, arrow: pa.Table) -> None:
        self._fingerprint.add(arrow)

    def count(self, table: pl.DataFrame) -> None:
        if not table.height:
            return
        start, end = table.select(pl.col("bucket").min(), pl.col("bucket_end").max()).row(0)
        self._start = min(start, self._start or start)
        self._end = max(end, self._end or end)
        sums = table.group_by("currency").agg(exact("cost").sum())
        for currency, cost in sums.iter_rows():
            self._totals[currency] = _EXACT.add(self._totals.get(currency, Decimal(0)), cost)

    def metadata(self, receipt: Receipt | None) -> SnapshotMetadata:
        return SnapshotMetadata(
            rows=self._fingerprint.rows,
            start=self._start,
            end=self._end,
            totals=dict(sorted(self._totals.items())),
            content=self._fingerprint.text(),
            receipt=receipt,
        )


class SnapshotWriter:
    """Append batches of one schema, then `finish`; a file that is not finished is no snapshot.

    A thread hashes and writes one batch while the caller gets the next; what goes wrong with it is
    raised by the call that follows.
    """

    def __init__(self, file: BinaryIO, schema: pl.Schema) -> None:
        arrow = to_arrow(schema.to_frame()).schema
        self._tally = _Tally(arrow)
        self._parquet = pq.ParquetWriter(
            file,
            arrow,
            compression="zstd",
            use_dictionary=repeating(schema),  # pyright: ignore[reportArgumentType] # the stubs know bool
            write_page_checksum=True,
            # What a reader can skip by: rows come in order of time, and mostly in one currency.
            write_statistics=["bucket", "bucket_end", "currency"],  # pyright: ignore[reportArgumentType]
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="falusage-writer")
        self._writing: Future[None] = Future()
        self._writing.set_result(None)

    def write(self, table: pl.DataFrame) -> None:
        """Append rows, in row groups of at most `ROW_GROUP`."""
        for batch in table.iter_slices(ROW_GROUP):
            result(self._writing)
            self._writing = self._thread.submit(self._append, batch)

    def _append(self, batch: pl.DataFrame) -> None:
        arrow = to_arrow(batch)
        self._tally.hash(arrow)
        self._tally.count(batch)
        self._parquet.write_table(arrow)

    def finish(self, receipt: Receipt | None = None) -> None:
        """Write what the file says of itself, and its end."""
        result(self._writing)
        self._parquet.add_key_value_metadata(self._tally.metadata(receipt).entries())
        self._parquet.close()

    def __enter__(self) -> SnapshotWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Write nothing any more; an open writer would write an end to a file given up."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._parquet.is_open = False


@contextmanager
def reading(path: str | os.PathLike[str]) -> Generator[tuple[pq.ParquetFile, SnapshotMetadata]]:
    """Open a snapshot, and hold what it says of itself against the file's own count of rows.

    Raises:
        SnapshotError: It is missing or cannot be trusted; whatever fails in the block says so too.
    """
    file_path = str(resolved(path))  # which is never taken for an address
    try:
        with pq.ParquetFile(file_path, page_checksum_verification=True) as file:
            metadata = SnapshotMetadata.of(file.metadata.metadata or {})
            if file.metadata.num_rows != metadata.rows:
                raise SnapshotError(
                    f"it has {file.metadata.num_rows:,} rows where its metadata says "
                    f"{metadata.rows:,}; restore a copy, or write it again"
                )
            yield file, metadata
    except SnapshotError as error:
        raise SnapshotError(f"{os.fspath(path)} cannot be trusted: {error}") from None
    except FileNotFoundError as error:
        raise SnapshotError(f"there is no snapshot {os.fspath(path)}") from error
    except (OSError, ValueError, TypeError, KeyError, MemoryError, pa.ArrowException) as error:
        raise SnapshotError(
            f"{os.fspath(path)} is damaged, or is no Parquet file: {error}; restore a copy, or "
            "write it again"
        ) from error


def verified(file: pq.ParquetFile, metadata: SnapshotMetadata) -> pl.DataFrame:
    """Give a snapshot's rows, once they are what its metadata claims.

    Raises:
        SnapshotError: They are not.
    """
    arrow = file.read()
    tally = _Tally(arrow.schema)
    tally.hash(arrow)
    if tally.metadata(None).content == metadata.content:
        usage = cast("pl.DataFrame", pl.from_arrow(arrow))
        tally.count(usage)
        found = tally.metadata(metadata.receipt)
        if replace(found, edition=metadata.edition, version=metadata.version) == metadata:
            return usage
    raise SnapshotError("its content is not what was written; restore a copy, or write it again")
