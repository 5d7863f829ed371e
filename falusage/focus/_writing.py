"""A FOCUS file, written part by part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import polars as pl

from falusage.focus._vocabulary import CSV_TIME


def write_focus(parts: Iterable[pl.DataFrame], file: BinaryIO, *, as_csv: bool) -> int:
    """Write the parts of a FOCUS table, at least one, to a file; return the number of rows."""
    return (_csv if as_csv else _parquet)(parts, file)


def _csv(parts: Iterable[pl.DataFrame], file: BinaryIO) -> int:
    rows = 0
    for number, part in enumerate(parts):
        part.write_csv(file, include_header=number == 0, datetime_format=CSV_TIME)
        rows += part.height
    return rows


def _parquet(parts: Iterable[pl.DataFrame], file: BinaryIO) -> int:
    import pyarrow.parquet as pq

    from falusage.api.load import to_arrow

    rows = 0
    writer: pq.ParquetWriter | None = None
    for part in parts:
        table = to_arrow(part)
        if writer is None:
            writer = pq.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
        rows += part.height
    if writer is not None:
        writer.close()
    return rows
