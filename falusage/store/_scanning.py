"""A version of a store as a LazyFrame that reads, and proves, the files that a query needs.

Which those are follows from the filters on `bucket` and `bucket_end`: they are asked of every
bucket that a file can hold, by the store's own calendar. A file whose buckets all fail is not
opened; one that is opened is hashed before a row of it is believed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from io import BytesIO
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from falusage._waiting import result
from falusage._widening import with_known
from falusage.columns import INSTANT
from falusage.store._log import STORED, State
from falusage.store._object_store import started
from falusage.store._parts import Part, read_part, rows_of
from falusage.store._place import Place
from falusage.store._scope import Scope
from falusage.timeframes import boundaries, ceil, floor

_ROWS: Final = 262_144
"""About how many rows are decoded at once: of many small files together, of a large one in parts.
"""

_AHEAD: Final = {"disk": 2, "object store": 8}
"""How many files are read and hashed before their turn comes."""

_BUCKET: Final = frozenset({"bucket", "bucket_end"})


def scan_state(place: Place, state: State) -> pl.LazyFrame:
    """Return the rows of a version, lazy."""
    from polars.io.plugins import register_io_source

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        parts, left = state.parts, rows
        # The first rows are to be found before they are filtered, so all files may hold some.
        if predicate is not None and left is None:
            parts = [part for part in parts if _may_hold(part, predicate, state.commit.scope)]
        for frame in frames(place, parts, state.schema):
            found = frame
            if left is not None:
                first = frame.head(left).collect()
                left -= first.height
                found = first.lazy()
            if predicate is not None:
                found = found.filter(predicate)
            # No column is asked for where rows are but counted; a table of none would have none.
            wanted = state.columns.names() if columns is None else columns or ["bucket"]
            yield found.select(wanted).collect()
            if left == 0:
                return

    return register_io_source(
        batches,
        schema=state.columns,
        explain_name="falusage store",
        explain_detail=f"{place}, version {state.version}, {len(state.parts)} files",
    )


def read_parts(
    place: Place, parts: Sequence[Part], schema: pl.Schema, *, kept: pl.Expr | None = None
) -> pl.DataFrame:
    """Return the rows of some parts, checked, with every known column.

    Args:
        place: The store's place.
        parts: The parts.
        schema: The columns of the version.
        kept: Which rows to return; by default all.

    Raises:
        StoreError: One of them is missing or damaged.
    """
    tables = [
        (frame if kept is None else frame.filter(kept)).collect()
        for frame in frames(place, parts, schema)
    ]
    return pl.concat([with_known(schema, STORED).to_frame(), *tables]).rechunk()


def frames(place: Place, parts: Sequence[Part], schema: pl.Schema) -> Iterator[pl.LazyFrame]:
    """Yield the rows of some parts in order, checked, about `_ROWS` at a time.

    Raises:
        StoreError: One of them is missing or damaged.
    """
    small: list[bytes] = []
    rows = 0
    for content in _contents(place, parts):
        more: int = pq.read_metadata(BytesIO(content)).num_rows
        if small and rows + more > _ROWS:
            yield rows_of(small, schema, STORED)
            small, rows = [], 0
        if more <= _ROWS:
            small.append(content)
            rows += more
            continue
        large = rows_of([content], schema, STORED)
        yield from (large.slice(at, _ROWS) for at in range(0, more, _ROWS))
    if small:
        yield rows_of(small, schema, STORED)


def _contents(place: Place, parts: Sequence[Part]) -> Iterator[bytes]:
    """Yield the checked bytes of some parts in order; the next parts are read meanwhile."""
    ahead = _AHEAD["object store" if place.folder is None else "disk"]
    coming: deque[Future[bytes]] = deque()
    for part in parts:
        # Threads that nobody joins: a server that hangs must not hold back a command's end.
        coming.append(started(read_part, place, part))
        if len(coming) > ahead:
            yield result(coming.popleft())
    while coming:
        yield result(coming.popleft())


def _may_hold(part: Part, predicate: pl.Expr, scope: Scope) -> bool:
    """Return whether a bucket that lies in the time of a part could pass every filter on it."""
    asked = [clause for clause in _clauses(predicate) if {*clause.meta.root_names()} <= _BUCKET]
    if not asked:
        return True
    edges = boundaries(
        floor(part.start, every=scope.every, timezone=scope.timezone),
        ceil(part.end, every=scope.every, timezone=scope.timezone),
        every=scope.every,
        timezone=scope.timezone,
    ).cast(INSTANT)
    buckets = pl.DataFrame({"bucket": edges[:-1], "bucket_end": edges[1:]})
    return not buckets.lazy().filter(*asked).collect().is_empty()


def _clauses(predicate: pl.Expr) -> Iterator[pl.Expr]:
    """Yield the operands of a predicate's outermost ands."""
    parts = predicate.meta.pop()
    if len(parts) == 2 and predicate.meta.eq(parts[1] & parts[0]):
        for part in parts:
            yield from _clauses(part)
    else:
        yield predicate
