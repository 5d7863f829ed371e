"""A usage table as one Parquet file: written whole or not at all, and believed only when proven.

Any engine reads the file. Its footer says which rows it should have, what they cost, the hash of
their content and, where it came from a load, the question and the receipt.
"""

from __future__ import annotations

import os
from typing import Final

import polars as pl

from falusage._files import replacing, resolved
from falusage._widening import known_first, scan_known
from falusage.api.load import UsageLoad
from falusage.columns import USAGE
from falusage.errors import SnapshotError
from falusage.schema.validation import require_valid, validate
from falusage.snapshot._metadata import SnapshotMetadata
from falusage.snapshot._parquet import SnapshotWriter, reading, verified

_PLAIN: Final = (
    *(pl.Boolean, pl.String, pl.Date, pl.Datetime, pl.Float32, pl.Float64),
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
)


def write_snapshot(usage: pl.DataFrame | UsageLoad, path: str | os.PathLike[str]) -> None:
    """Write a usage table to one Parquet file, which takes the place of a file that was there.

    Args:
        usage: A table with the columns of `columns.USAGE`; those that may be null may be missing,
            and become null. Further columns of numbers, truth values, times and text are kept. A
            load passes its receipt on to the file.
        path: The file, in a folder that exists.

    Raises:
        SchemaError: Rows or columns break the table's rules; nothing is written.
        SnapshotError: The file cannot be written, or a further column is of another type;
            whatever was there is untouched.

    >>> import falusage as fu, tempfile
    >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fu.write_snapshot(usage, f"{folder}/march.parquet")
    ...     fu.read_snapshot(f"{folder}/march.parquet").equals(usage)
    True
    """
    table, receipt = (usage.usage, usage.receipt) if isinstance(usage, UsageLoad) else (usage, None)
    if not isinstance(table, pl.DataFrame):
        mend = (
            "collect() it" if isinstance(table, pl.LazyFrame) else "make one, as pl.DataFrame(it)"
        )
        raise SnapshotError(
            f"usage is a {type(table).__name__}; expected a DataFrame of Polars, or a load: {mend}"
        )
    _refuse_strange_columns(table.schema)
    checked = validate(table)
    require_valid(checked.bad, what=f"{table.height:,} rows to write")
    table = known_first(table, USAGE)
    with replacing(path) as file, SnapshotWriter(file, table.schema) as writer:
        writer.write(table)
        writer.finish(receipt)


def read_snapshot(path: str | os.PathLike[str]) -> pl.DataFrame:
    """Read a snapshot, and prove it: its rows, their totals and the hash of their content.

    Args:
        path: A file that `write_snapshot` or `download_snapshot` wrote.

    Returns:
        The rows as they were written, bit for bit and in the same order: the columns of
        `columns.USAGE`, then what was kept beside them. A known column that did not exist when
        the file was written is null.

    Raises:
        SnapshotError: The file is missing, damaged, not a snapshot, or of a later edition.
    """
    return read_with_metadata(path)[0]


def read_with_metadata(
    path: str | os.PathLike[str],
) -> tuple[pl.DataFrame, SnapshotMetadata]:
    """Read a snapshot as `read_snapshot` does, and what the same file says of itself."""
    with reading(path) as (file, metadata):
        usage = verified(file, metadata)
        return known_first(usage, USAGE), metadata


def scan_snapshot(path: str | os.PathLike[str]) -> pl.LazyFrame:
    """Open a snapshot for lazy queries, which read only the columns and row groups they need.

    The metadata is checked, and held against the file's count of rows; the content is not hashed,
    so bytes that rot inside the file are found by `read_snapshot` alone.

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
    """Give what a snapshot says of itself, without reading its rows.

    Raises:
        SnapshotError: The file is missing, cut short, not a snapshot, or of a later edition.
    """
    with reading(path) as (_, metadata):
        return metadata


def _refuse_strange_columns(schema: pl.Schema) -> None:
    for name, dtype in schema.items():
        if name not in USAGE and dtype.base_type() not in _PLAIN:
            raise SnapshotError(
                f"column {name!r} is {dtype}; a snapshot holds numbers, truth values, times and "
                "text, which every engine reads alike: cast it, or drop it"
            )
