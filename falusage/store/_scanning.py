"""A version of a store as a LazyFrame that reads, and proves, the files that a query needs.

Which those are follows from the filters on `bucket` and `bucket_end`: they are asked of every
bucket that a file can hold, by the store's own calendar. A file whose buckets all fail is not
opened; one that is opened is hashed before a row of it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Final

import polars as pl

from falusage._waiting import result
from falusage._widening import with_known
from falusage.columns import INSTANT
from falusage.store._log import STORED, State
from falusage.store._object_store import started
from falusage.store._parts import Part, read_part, rows_of
from falusage.store._place import Place
from falusage.store._scope import Scope
from falusage.timeframes import boundaries, ceil, floor

_TOGETHER: Final = 8
"""How many files are decoded at once, while as many more are read and hashed."""

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
        for frame in _frames(place, parts, state.schema):
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


def read_parts(place: Place, parts: Sequence[Part], schema: pl.Schema) -> pl.DataFrame:
    """Return the rows of some parts, checked, with every known column.

    Raises:
        StoreError: One of them is missing or damaged.
    """
    tables = [frame.collect() for frame in _frames(place, parts, schema)]
    return pl.concat([with_known(schema, STORED).to_frame(), *tables]).rechunk()


def _frames(place: Place, parts: Sequence[Part], schema: pl.Schema) -> Iterator[pl.LazyFrame]:
    """Yield the rows of a few parts at a time; the next parts are read meanwhile."""
    groups = [parts[at : at + _TOGETHER] for at in range(0, len(parts), _TOGETHER)]
    coming: list[Future[bytes]] = []
    for group in [*groups, ()]:
        contents = [result(content) for content in coming]
        # Threads that nobody joins: a server that hangs must not hold back a command's end.
        coming = [started(read_part, place, part) for part in group]
        if contents:
            yield rows_of(contents, schema, STORED)


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
