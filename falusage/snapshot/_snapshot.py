"""A usage table as one Parquet file: written whole or not at all, and checked when it is read.

Any engine reads the file. Its footer says how many rows it has, what they cost, the hash of their
content, what is known beyond the rows and, if it came from a load, the query and the receipt.
"""

from __future__ import annotations

import html
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from falusage._files import replacing, resolved
from falusage._usage.table import Eager, Lazy, Table, collected, take
from falusage._widening import known_first, scan_known
from falusage.api.load import UsageLoad
from falusage.api.receipt import Receipt
from falusage.columns import USAGE
from falusage.coverage import Coverage
from falusage.errors import QueryError, SnapshotError
from falusage.schema.validation import require_valid, validate
from falusage.snapshot._metadata import SnapshotMetadata
from falusage.snapshot._parquet import SnapshotWriter, checked_bytes, reading, verified

_PLAIN: Final = (
    *(pl.Boolean, pl.String, pl.Date, pl.Datetime, pl.Float32, pl.Float64),
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
)


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """A snapshot that was opened; pass it wherever usage is expected.

    Attributes:
        path: The file, absolute.
        usage: Its rows, lazy, as `read_snapshot` returns them.
        receipt: The receipt of the load that it came from; None if it came from anything else.
    """

    path: Path
    usage: pl.LazyFrame
    receipt: Receipt | None
    _rows: int = field(repr=False)
    _coverage: Coverage | None = field(repr=False)

    @property
    def coverage(self) -> Coverage:
        """What is known of the table beyond its rows.

        Raises:
            SnapshotError: The table is empty and was written from a bare frame, so nothing says
                which range it covers.
        """
        if self._coverage is None:
            raise SnapshotError(
                f"{self.path} has no rows and no coverage, so nothing says which range it covers; "
                "write it again from a load, or with coverage=fu.Coverage(start=..., end=...)"
            )
        return self._coverage

    def __usage__(self) -> tuple[pl.LazyFrame, Coverage]:
        """Return the rows and their coverage, for every function that takes usage."""
        return self.usage, self.coverage

    def __repr__(self) -> str:
        return "\n".join(
            [f"Snapshot({str(self.path)!r})", *(f"  {line}" for line in self._lines())]
        )

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self._lines())
        return f"<p>Snapshot <code>{html.escape(str(self.path))}</code></p><ul>{lines}</ul>"

    def _lines(self) -> list[str]:
        said = "no coverage" if self._coverage is None else str(self._coverage)
        return [f"{self._rows:,} rows", *said.splitlines()]


def write_snapshot(
    usage: Lazy | Eager, path: str | os.PathLike[str], *, coverage: Coverage | None = None
) -> None:
    """Write a usage table to one Parquet file, which replaces a file of that name.

    Args:
        usage: A load, a snapshot, a store, its view, or a frame. It has the columns of
            `columns.USAGE`; those that may be null may be missing, and become null. Further
            columns of numbers, booleans, times and text are kept. The file keeps the coverage,
            with its gaps, and the receipt of a load.
        path: The file, in a folder that exists.
        coverage: The range, gaps and finality of a bare frame; by default what its rows show.

    Raises:
        SchemaError: Rows or columns break the table's rules; nothing is written.
        SnapshotError: The file cannot be written, or a further column is of another type.
            A file that was there stays as it was.
        QueryError: `usage` is not a table, or has rows outside of `coverage`.

    >>> import falusage as fu, tempfile
    >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fu.write_snapshot(usage, f"{folder}/march.parquet")
    ...     fu.read_snapshot(f"{folder}/march.parquet").equals(usage)
    True
    """
    taken = take(usage, coverage)
    _refuse_strange_columns(taken.schema)
    table = collected(taken.rows)
    checked = validate(table)
    require_valid(checked.bad, what=f"{table.height:,} rows to write")
    table = known_first(table, USAGE)
    known = _coverage(table, taken)
    receipt = usage.receipt if isinstance(usage, UsageLoad | Snapshot) else None
    with replacing(path) as file, SnapshotWriter(file, table.schema) as writer:
        writer.write(table)
        writer.finish(receipt, known)


def _coverage(rows: pl.DataFrame, taken: Table) -> Coverage | None:
    """Return the coverage to keep; None for a bare table without rows.

    Raises:
        QueryError: There are rows outside of it.
    """
    if rows.is_empty():
        return taken.coverage
    shown = Coverage.from_rows(rows)
    known = taken.coverage or shown
    if shown.start < known.start or shown.end > known.end:
        raise QueryError(
            f"the rows go from {shown.start.isoformat()} to {shown.end.isoformat()}, beyond the "
            f"coverage from {known.start.isoformat()} to {known.end.isoformat()}; pass the "
            "coverage of all rows, or filter the rows"
        )
    return known


def read_snapshot(path: str | os.PathLike[str]) -> pl.DataFrame:
    """Read a snapshot and check all of it: rows, totals and the hash of the content.

    Args:
        path: A file that `write_snapshot` or `download_snapshot` wrote.

    Returns:
        The rows as they were written, bit for bit and in the same order: the columns of
        `columns.USAGE`, then any others. A known column that did not exist when the file was
        written is null. What is known beyond the rows is left out; `open_snapshot` returns it.

    Raises:
        SnapshotError: The file is missing, damaged, not a snapshot, or of a later edition.
    """
    with reading(path) as (file, metadata):
        return known_first(verified(file, metadata), USAGE)


def open_snapshot(path: str | os.PathLike[str]) -> Snapshot:
    """Open a snapshot with what is known beyond its rows.

    The file's bytes are read once and checked; queries run on them. A file that is replaced later
    makes no difference to a snapshot that is open. A file of edition 1 or 2 is decoded once to
    check it, which takes longer.

    Args:
        path: A file that `write_snapshot` or `download_snapshot` wrote.

    Returns:
        A snapshot with `usage` (a LazyFrame), `coverage` and `receipt`. It can be passed wherever
        usage is expected.

    Raises:
        SnapshotError: The file is missing, damaged, not a snapshot, or of a later edition.

    >>> import falusage as fu, tempfile
    >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
    >>> march = fu.Coverage(start=usage["bucket"].min(), end=usage["bucket_end"].max())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fu.write_snapshot(usage, f"{folder}/march.parquet", coverage=march)
    ...     snapshot = fu.open_snapshot(f"{folder}/march.parquet")
    >>> snapshot.coverage == march, snapshot.usage.collect().equals(usage)
    (True, True)
    """
    content, schema, metadata = checked_bytes(path)
    return Snapshot(
        path=resolved(path),
        usage=scan_known(content, schema, USAGE),
        receipt=metadata.receipt,
        _rows=metadata.rows,
        _coverage=metadata.coverage,
    )


def scan_snapshot(path: str | os.PathLike[str]) -> pl.LazyFrame:
    """Open a snapshot for lazy queries, which read only the columns and row groups they need.

    Only the metadata and the number of rows are checked. A byte that changed inside the file is
    found by `open_snapshot` and `read_snapshot`.

    Args:
        path: A file that `write_snapshot` or `download_snapshot` wrote.

    Raises:
        SnapshotError: The file is missing, cut short, not a snapshot, or of a later edition.

    >>> import falusage as fu, tempfile
    >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fu.write_snapshot(usage, f"{folder}/march.parquet")
    ...     rows = fu.scan_snapshot(f"{folder}/march.parquet").select(pl.len()).collect().item()
    >>> rows == usage.height
    True
    """
    with reading(path) as (file, _):
        had = pl.DataFrame(file.schema_arrow.empty_table()).schema
        return scan_known(resolved(path), had, USAGE)


def snapshot_metadata(path: str | os.PathLike[str]) -> SnapshotMetadata:
    """Return the metadata of a snapshot, without reading its rows.

    Raises:
        SnapshotError: The file is missing, cut short, not a snapshot, or of a later edition.
    """
    with reading(path) as (_, metadata):
        return metadata


def _refuse_strange_columns(schema: pl.Schema) -> None:
    for name, dtype in schema.items():
        if name not in USAGE and dtype.base_type() not in _PLAIN:
            raise SnapshotError(
                f"column {name!r} is {dtype}; a snapshot keeps numbers, booleans, times and text, "
                "which every engine reads alike: cast it, or drop it"
            )
