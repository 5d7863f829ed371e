"""A hash of a table's content, whatever file or frame holds it.

It depends on the names, types, order and values of columns and rows, to the last bit, and on
nothing else: not on compression, chunks, row groups or any library's version. It grows batch by
batch, so that a stream has it too.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

_WORDS = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


def _is_plain(dtype: pa.DataType) -> bool:
    """Return whether this hash is defined for columns of a type."""
    kinds = pa.types
    return (
        kinds.is_boolean(dtype)
        or kinds.is_integer(dtype)
        or kinds.is_float32(dtype)
        or kinds.is_float64(dtype)
        or kinds.is_date32(dtype)
        or kinds.is_timestamp(dtype)
        or kinds.is_large_string(dtype)
    )


class Fingerprint:
    """The hash of the batches that were added, as if they were one table.

    Each column has two streams under SHA-256: of a text column its values' lengths in bytes (−1
    for null, 32 bits) and the bytes themselves; of any other its values, zero for null, as
    little-endian words, and the row numbers (64 bits) of its nulls.

    Args:
        schema: The columns; each must be of a plain type.

    Raises:
        TypeError: A column is of another type.

    >>> table = pa.table({"unit": pa.array(["image", None], pa.large_string())})
    >>> whole, parts = Fingerprint(table.schema), Fingerprint(table.schema)
    >>> whole.add(table)
    >>> parts.add(table[:1])
    >>> parts.add(table[1:])
    >>> whole.text() == parts.text()
    True
    """

    def __init__(self, schema: pa.Schema) -> None:
        if strange := [field.name for field in schema if not _is_plain(field.type)]:
            raise TypeError(f"columns {strange} are not plain")
        self.rows = 0
        self._columns = [
            (field.name, str(field.type).removeprefix("large_"), hashlib.sha256(), hashlib.sha256())
            for field in schema
        ]

    def add(self, table: pa.Table) -> None:
        """Add the next rows."""
        for batch in table.to_batches():
            for (_, _, values, extent), column in zip(self._columns, batch.columns, strict=True):
                array = cast("Any", column)  # pyarrow types its functions for expressions alone
                if pa.types.is_large_string(array.type):
                    filled = array.fill_null("") if array.null_count else array
                    values.update(_text(filled))
                    extent.update(_words(pc.binary_length(array).cast(pa.int32()).fill_null(-1)))
                else:
                    values.update(_words(array))
                    if array.null_count:
                        nulls = pc.indices_nonzero(array.is_null()).cast(pa.int64())
                        extent.update(_words(pc.add(nulls, self.rows)))
            self.rows += batch.num_rows

    def text(self) -> str:
        """Return the hash of all rows so far, as `sha256:` and hexadecimal digits."""
        columns = [
            (name, dtype, values.hexdigest(), extent.hexdigest())
            for name, dtype, values, extent in self._columns
        ]
        whole = json.dumps([self.rows, *columns], ensure_ascii=True).encode()
        return f"sha256:{hashlib.sha256(whole).hexdigest()}"


def _words(array: pa.Array[Any]) -> memoryview:
    """Return the bytes of fixed-width values; those of nulls are zero."""
    if pa.types.is_boolean(array.type):
        words = array.cast(pa.int8())
    else:
        words = array.view(_WORDS[array.type.bit_width])
    if words.null_count:
        words = words.fill_null(0)
    width = words.type.bit_width // 8
    data = words.buffers()[1]
    return memoryview(data or b"")[words.offset * width : (words.offset + len(words)) * width]


def _text(array: pa.Array[Any]) -> memoryview:
    """Return the bytes of texts, one after the other."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return memoryview(b"")
    ends = pa.Array.from_buffers(pa.int64(), array.offset + len(array) + 1, [None, offsets])
    return memoryview(data)[ends[array.offset].as_py() : ends[-1].as_py()]
