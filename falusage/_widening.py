"""Files that were written before a column was declared: they are read with every known column.

A missing column is null. A field that was unknown when the file was written, and that is declared
now, becomes a known column of the declared type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


def with_known(schema: Mapping[str, pl.DataType], known: Mapping[str, pl.DataType]) -> pl.Schema:
    """Return a schema with the known columns first, in their order, and then the others."""
    others = {name: dtype for name, dtype in schema.items() if name not in known}
    return pl.Schema({**known, **others})


def known_first(table: pl.DataFrame, known: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return a table with the columns of `with_known`; those that it lacks are null."""
    wanted = with_known(table.schema, known)
    lacking = [name for name in wanted if name not in table.columns]
    whole = table.with_columns(pl.lit(None, wanted[name]).alias(name) for name in lacking)
    return whole.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())


def scan_known(
    source: Any, schema: Mapping[str, pl.DataType], known: Mapping[str, pl.DataType]
) -> pl.LazyFrame:
    """Open Parquet files for lazy queries, with the columns of `with_known`.

    Args:
        source: A path, or the contents of files.
        schema: The columns that the files were written with; each may lack some.
        known: The columns that are declared.
    """
    wanted = with_known(schema, known)
    rows = pl.scan_parquet(
        source,
        schema={name: schema.get(name, dtype) for name, dtype in wanted.items()},
        missing_columns="insert",
        glob=False,
        hive_partitioning=False,
    )
    changed = {name: dtype for name, dtype in known.items() if schema.get(name, dtype) != dtype}
    return rows.with_columns(pl.col(name).cast(dtype) for name, dtype in changed.items())
