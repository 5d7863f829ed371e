"""The data files of a store: each is named by the time that it spans and by its own SHA-256.

A name that is in the log is then a proof of the content: bytes that rotted, and names that were
tampered with, are found when the file is read, before anything interprets it. The files are plain
Parquet with strings as strings, which any engine reads.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from falusage._widening import scan_known
from falusage.api.load import to_arrow
from falusage.errors import StoreError
from falusage.snapshot.encoding import ROW_GROUP, repeating
from falusage.store._place import Place
from falusage.timeframes import zone

MOST_ROWS: Final = 1_000_000
"""The most rows of a file, which is written and read as a whole."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"
MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")
"""The name of a folder of parts."""

_INSTANT: Final = r"([0-9]{8}T[0-9]{6}Z)"
_NAME: Final = re.compile(rf"{MONTH.pattern}/{_INSTANT}_{_INSTANT}-([0-9a-f]{{64}})\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """A data file of a store.

    Attributes:
        path: Where it is, below the store.
        start: The first bucket begins no earlier.
        end: The last bucket ends no later.
        digest: The SHA-256 of its bytes.
        size: How many bytes it has; None where the log was not asked.
        rows: How many rows it has; None where the log was not asked.
    """

    path: str
    start: datetime
    end: datetime
    digest: str
    size: int | None = field(default=None, compare=False)
    rows: int | None = field(default=None, compare=False)

    @classmethod
    def named(cls, path: str, size: int | None = None, rows: int | None = None) -> Part:
        """Read a path of the log.

        Raises:
            StoreError: It is not the name of a part.
        """
        match = _NAME.fullmatch(path)
        try:
            if match is None:
                raise ValueError(path)
            start, end = (datetime.strptime(text, _STAMP) for text in match.groups()[:2])
        except ValueError as error:
            raise StoreError(
                f"its log names {path!r}, which falusage did not write; restore a copy"
            ) from error
        start, end = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)
        return cls(path, start, end, match[3], size, rows)

    @property
    def month(self) -> str:
        """The local month that it begins in, as its folder's name."""
        return self.path.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Written:
    """A part that was just written, and what the log says of it."""

    part: Part
    size: int
    stats: str
    modified: int


def write_part(place: Place, rows: pl.DataFrame, *, timezone: str) -> Written:
    """Write rows to a part of their own.

    Raises:
        StoreError: It cannot be written.
    """
    first, last, end = rows.select(
        pl.col("bucket").min(), pl.col("bucket").max().alias("last"), pl.col("bucket_end").max()
    ).row(0)
    buffer = BytesIO()
    pq.write_table(
        to_arrow(rows),
        buffer,
        compression="zstd",
        use_dictionary=repeating(rows.columns),  # pyright: ignore[reportArgumentType] # the stubs know bool
        row_group_size=ROW_GROUP,
        write_page_checksum=True,
    )
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    month = first.astimezone(zone(timezone)).strftime("%Y-%m")
    name = f"{month}/{_stamp(first)}_{_stamp(end + timedelta(microseconds=999_999))}-{digest}"
    part = Part.named(f"{name}.parquet")
    place.write(part.path, content)
    bounds = {
        "numRecords": rows.height,
        "minValues": {"bucket": _iso(first)},
        "maxValues": {"bucket": _iso(last)},
        "nullCount": {"bucket": 0},
    }
    return Written(part, len(content), json.dumps(bounds), time.time_ns() // 1_000_000)


def read_part(place: Place, part: Part) -> bytes:
    """Read a part's bytes, once they are what its name says.

    Raises:
        StoreError: They are not, or the file is missing; it is named.
    """
    content = place.read(part.path, part.size)
    if hashlib.sha256(content).hexdigest() != part.digest:
        raise StoreError(
            f"{place.name(part.path)} is damaged: its content is not what was written; restore a "
            "copy"
        )
    return content


def rows_of(
    contents: list[bytes], schema: pl.Schema, known: Mapping[str, pl.DataType]
) -> pl.LazyFrame:
    """Return the rows of some parts: the known columns first, null where a part has no such."""
    return scan_known(contents, schema, known)


def arrow_schema(schema: pl.Schema) -> pa.Schema:
    """Return a schema as the log keeps it."""
    return to_arrow(schema.to_frame()).schema


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_STAMP)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
