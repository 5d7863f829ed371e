"""Write batches of usage to a Parquet file that can be checked, and check it when it is read.

Row groups are written when their rows arrive. Rows, range, totals and two hashes grow with them,
so that a stream needs no second pass. One hash is of the content, whatever file holds it. It is in
the footer. The other, the seal, is of all bytes of the file but its own 32, which stand before the
footer, where Parquet readers do not look. Checking the seal costs 0.1 s for two million rows
(29 MB), checking the content 4 s (two busy cores). So opening a file for lazy queries checks the
seal, and reading it whole checks the content.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, BinaryIO, Final, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from falusage._files import resolved
from falusage._waiting import result
from falusage.api.load import to_arrow
from falusage.api.receipt import Receipt
from falusage.columns import exact
from falusage.coverage import Coverage
from falusage.errors import SnapshotError
from falusage.snapshot._fingerprint import Fingerprint
from falusage.snapshot._metadata import SEALED, SnapshotMetadata
from falusage.snapshot.encoding import ROW_GROUP, repeating

_AHEAD: Final = 3
"""Row groups that wait for the writer's thread, or are with it."""

_EXACT: Final = Context(prec=60)
_SEAL: Final = hashlib.sha256().digest_size
_CHANGED: Final = "its content is not what was written; restore a copy, or write it again"


class _HashedFile:
    """A file for the Parquet library that hashes what is written to it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        """Leave the file open; the code that opened it closes it."""

    def digest(self) -> bytes:
        return self._sha256.digest()


class _Tally:
    """Rows, range, totals and content hash of the rows so far."""

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

    def metadata(self) -> SnapshotMetadata:
        return SnapshotMetadata(
            rows=self._fingerprint.rows,
            start=self._start,
            end=self._end,
            totals=dict(sorted(self._totals.items())),
            content=self._fingerprint.text(),
        )


class SnapshotWriter:
    """Append batches of one schema, then `finish`. A file that is not finished is no snapshot.

    A thread hashes and writes some batches while the caller gets the next. If it fails, each
    later call raises its error.
    """

    def __init__(self, file: BinaryIO, schema: pl.Schema) -> None:
        arrow = to_arrow(schema.to_frame()).schema
        self._tally = _Tally(arrow)
        self._bare, self._file = file, _HashedFile(file)
        self._parquet = pq.ParquetWriter(
            self._file,  # pyright: ignore[reportArgumentType] # all that it calls is here
            arrow,
            compression="zstd",
            use_dictionary=repeating(schema),  # pyright: ignore[reportArgumentType] # the stubs know bool
            write_page_checksum=True,
            # What a reader can skip by: rows come in order of time, and mostly in one currency.
            write_statistics=["bucket", "bucket_end", "currency"],  # pyright: ignore[reportArgumentType]
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="falusage-writer")
        self._writing: deque[Future[None]] = deque()

    def write(self, table: pl.DataFrame) -> None:
        """Append rows, in row groups of at most `ROW_GROUP`."""
        for batch in table.iter_slices(ROW_GROUP):
            self._wait(most=_AHEAD - 1)
            self._writing.append(self._thread.submit(self._append, batch))

    def _wait(self, *, most: int) -> None:
        """Wait until no more than `most` are being written; one that failed fails each time."""
        while len(self._writing) > most:
            result(self._writing[0])
            self._writing.popleft()

    def _append(self, batch: pl.DataFrame) -> None:
        arrow = to_arrow(batch)
        self._tally.hash(arrow)
        self._tally.count(batch)
        self._parquet.write_table(arrow)

    def finish(self, receipt: Receipt | None = None, coverage: Coverage | None = None) -> None:
        """Write the metadata and the end of the file.

        Args:
            receipt: The receipt of the load that the rows come from.
            coverage: What is known beyond the rows; by default what the receipt knows.
        """
        self._wait(most=0)
        metadata = replace(
            self._tally.metadata(),
            coverage=receipt.coverage if receipt is not None and coverage is None else coverage,
            receipt=receipt,
        )
        self._parquet.add_key_value_metadata(metadata.entries())
        at = self._bare.tell()
        self._bare.write(bytes(_SEAL))
        self._parquet.close()
        self._bare.seek(at)
        self._bare.write(self._file.digest())
        self._bare.seek(0, os.SEEK_END)

    def __enter__(self) -> SnapshotWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Stop writing. Without this, the writer would write the end of an unfinished file."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._parquet.is_open = False


class EventWriter:
    """Append batches of billing events, then `finish`: a plain Parquet file, without a seal."""

    def __init__(self, file: BinaryIO, schema: pl.Schema) -> None:
        self._parquet = pq.ParquetWriter(
            _HashedFile(file),  # pyright: ignore[reportArgumentType] # it stays open at the end
            to_arrow(schema.to_frame()).schema,
            compression="zstd",
            write_page_checksum=True,
        )

    def write(self, table: pl.DataFrame) -> None:
        """Append rows, in row groups of at most `ROW_GROUP`."""
        for batch in table.iter_slices(ROW_GROUP):
            self._parquet.write_table(to_arrow(batch))

    def tell(self, document: Mapping[str, Any]) -> None:
        """Keep what is known of the events in the metadata of the file, as `falusage.events`."""
        self._parquet.add_key_value_metadata({"falusage.events": json.dumps(document)})

    def finish(self, receipt: Receipt | None = None) -> None:
        """Write the end of the file. There is no receipt of events."""
        self._parquet.close()

    def abandon(self) -> None:
        """Stop writing, without the end of the file."""
        self._parquet.is_open = False


@contextmanager
def reading(path: str | os.PathLike[str]) -> Generator[tuple[pq.ParquetFile, SnapshotMetadata]]:
    """Open a snapshot and check its metadata.

    Raises:
        SnapshotError: It is missing or damaged, or something in the block finds that it is.
    """
    file_path = str(resolved(path))  # never an address, which pyarrow would open
    with (
        _naming(path),
        pq.ParquetFile(file_path, page_checksum_verification=True) as file,
    ):
        yield file, _metadata(file)


def checked_bytes(path: str | os.PathLike[str]) -> tuple[bytes, pl.Schema, SnapshotMetadata]:
    """Read the bytes of a snapshot and check all of them.

    Returns:
        The bytes, the columns of the file, and its metadata.

    Raises:
        SnapshotError: The file is missing or damaged.
    """
    with _naming(path):
        content = resolved(path).read_bytes()
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            metadata = _metadata(file)
            if metadata.edition < SEALED:
                verified(file, metadata)
            elif not _is_sealed(content):
                raise SnapshotError(_CHANGED)
            return content, pl.DataFrame(file.schema_arrow.empty_table()).schema, metadata


def _is_sealed(content: bytes) -> bool:
    """Return whether the bytes of a file are those that its seal was made of."""
    length = int.from_bytes(content[-8:-4], "little")  # of the footer, before the last 8 bytes
    footer = len(content) - 8 - length
    found = hashlib.sha256(memoryview(content)[: footer - _SEAL])
    found.update(memoryview(content)[footer:])
    return found.digest() == content[footer - _SEAL : footer]


def _metadata(file: pq.ParquetFile) -> SnapshotMetadata:
    metadata = SnapshotMetadata.read(file.metadata.metadata or {})
    if file.metadata.num_rows != metadata.rows:
        raise SnapshotError(
            f"it has {file.metadata.num_rows:,} rows, but its metadata says "
            f"{metadata.rows:,}; restore a copy, or write it again"
        )
    return metadata


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Generator[None]:
    """Turn what reading a file raises into a `SnapshotError` that names the file."""
    try:
        yield
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
    """Return a snapshot's rows, after comparing all of them with its metadata.

    Raises:
        SnapshotError: They differ.
    """
    arrow = file.read()
    tally = _Tally(arrow.schema)
    tally.hash(arrow)
    if tally.metadata().content == metadata.content:
        usage = cast("pl.DataFrame", pl.from_arrow(arrow))
        tally.count(usage)
        found = tally.metadata()
        if (found.rows, found.start, found.end, found.totals) == (
            metadata.rows,
            metadata.start,
            metadata.end,
            metadata.totals,
        ):
            return usage
    raise SnapshotError(_CHANGED)
