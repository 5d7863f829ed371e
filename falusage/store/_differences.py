"""The rows in which two versions of a store differ, one stretch of time after another.

Files that both versions have are not read. Rows are paired only within a bucket, so stretches can
be compared by themselves, and a comparison of many million rows has some of them in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import pairwise

import polars as pl

from falusage import _spans as spans
from falusage._spans import Span
from falusage._usage.periods import Range
from falusage._usage.pieces import EACH_BUCKET, MOST, of_piece, pieces
from falusage.errors import StoreError
from falusage.store._finality import finality
from falusage.store._history import state_at
from falusage.store._log import Log, State
from falusage.store._parts import MOST_ROWS, Part
from falusage.store._scanning import read_parts
from falusage.transforms.restatements import restatements as differences


def restatements_in_parts(
    log: Log, old: int | date | datetime | str, new: int | date | datetime | str | None
) -> Iterator[pl.DataFrame]:
    """Yield the rows in which two versions differ; see `UsageStore.iter_restatements`."""
    if old is None:  # pyright: ignore[reportUnnecessaryComparison] -- callers without a type checker
        raise StoreError("old is None; expected a version, or an instant to look back to")
    before, after = state_at(log, old), state_at(log, new)
    closed = spans.holds(finality(log, before).closed)
    apart = [_without(before, after), _without(after, before)]
    yield differences(*(_rows(log, state, [], None) for state in (before, after))).with_columns(
        restated=closed
    )
    for stretch in _stretches({**apart[0], **apart[1]}):
        sides = [
            _rows(log, state, list(parts), stretch)
            for state, parts in zip((before, after), apart, strict=True)
        ]
        both = pl.concat([side.lazy().select("bucket") for side in sides])
        for piece in pieces(both, every=EACH_BUCKET):
            found = differences(*(side.filter(of_piece(piece)) for side in sides))
            if found.height:
                yield found.with_columns(restated=closed)


def _without(state: State, other: State) -> dict[Part, int]:
    """Return the parts of a version that another one does not have, and how many rows each has."""
    shared = {part.path for part in other.parts}
    actions = pl.DataFrame(state.table.get_add_actions())
    rows = dict(actions.select("path", "num_records").iter_rows())
    return {part: rows[part.path] or MOST_ROWS for part in state.parts if part.path not in shared}


def _stretches(parts: Mapping[Part, int]) -> Iterator[Span]:
    """Cut the time of some parts where one of them starts, after about `MOST` rows."""
    if not parts:
        return
    ordered = sorted(parts, key=lambda part: part.start)
    edges, held = [ordered[0].start], 0
    for part in ordered:
        if held and held + parts[part] > MOST and part.start > edges[-1]:
            edges.append(part.start)
            held = 0
        held += parts[part]
    yield from pairwise([*edges, max(part.end for part in ordered)])


def _rows(log: Log, state: State, parts: list[Part], stretch: Span | None) -> pl.DataFrame:
    """Return the rows of a stretch of time, by where their buckets start."""
    inside = [part for part in parts if stretch and spans.meet([(part.start, part.end)], [stretch])]
    kept = of_piece(Range(*(stretch or (None, None))))
    rows = read_parts(log.place, inside, state.schema, kept=kept)
    return rows.drop("read_at", "settled")
