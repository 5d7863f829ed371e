"""A hash of a table's content, whatever file or frame holds it.

It depends on the names, types, order and values of columns and rows, to the last bit, and on
nothing else: not on compression, chunks, row groups or any library's version. It grows batch by
batch, so that a stream has it too.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


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
            for (_, _, values, extent), array in zip(self._columns, batch.columns, strict=True):
                nulls = _nulls(array)
                if pa.types.is_large_string(array.type):
                    lengths = np.diff(_ends(array)).astype("<i4")
                    has_more = lengths[nulls].any()  # bytes that no text has
                    values.update(_text(array.drop_null() if has_more else array))
                    lengths[nulls] = -1
                    extent.update(lengths.data)
                else:
                    words = _words(array)
                    if len(nulls):
                        words = words.copy()
                        words[nulls] = 0
                    values.update(words.data)
                    extent.update((nulls + self.rows).data)
            self.rows += batch.num_rows

    def text(self) -> str:
        """Return the hash of all rows so far, as `sha256:` and hexadecimal digits."""
        columns = [
            (name, dtype, values.hexdigest(), extent.hexdigest())
            for name, dtype, values, extent in self._columns
        ]
        whole = json.dumps([self.rows, *columns], ensure_ascii=True).encode()
        return f"sha256:{hashlib.sha256(whole).hexdigest()}"


# With numpy on Arrow's bytes: Arrow's own functions import pandas for each constant, which takes
# a process 0.2 s.


def _nulls(array: pa.Array[Any]) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows that are null."""
    if not array.null_count:
        return np.empty(0, "<i8")
    return np.flatnonzero(_bits(array, 0) == 0).astype("<i8")


def _ends(array: pa.Array[Any]) -> npt.NDArray[np.int64]:
    """Return where the first text begins, and where each ends."""
    return _cells(array, 1, "<i8", len(array) + 1)


def _text(array: pa.Array[Any]) -> memoryview:
    """Return the bytes of texts, one after the other."""
    ends = _ends(array)
    return memoryview(array.buffers()[2] or b"")[ends[0] : ends[-1]]


def _words(array: pa.Array[Any]) -> npt.NDArray[Any]:
    """Return fixed-width values as whole numbers; those of nulls can be anything."""
    if pa.types.is_boolean(array.type):
        return _bits(array, 1)
    return _cells(array, 1, f"<i{array.type.bit_width // 8}", len(array))


def _bits(array: pa.Array[Any], at: int) -> npt.NDArray[np.uint8]:
    """Return a buffer of one bit for each row, as bytes."""
    held = np.frombuffer(memoryview(array.buffers()[at] or b""), np.uint8)
    bits = np.unpackbits(held, bitorder="little")
    return bits[array.offset : array.offset + len(array)]


def _cells(array: pa.Array[Any], at: int, dtype: str, count: int) -> npt.NDArray[Any]:
    """Return a buffer of fixed-width cells, from the array's offset on."""
    if not len(array):  # which may have no buffer
        return np.zeros(count, dtype)
    held = memoryview(array.buffers()[at] or b"")
    return np.frombuffer(held, dtype, count, array.offset * np.dtype(dtype).itemsize)
