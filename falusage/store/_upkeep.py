"""Merge the files of a store, and check all of it.

None of it loses what the store knew: merging keeps the rows and every version before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

import polars as pl

from falusage import _spans as spans
from falusage.errors import StoreError
from falusage.store._commits import Totals, moved, seal, totals_of
from falusage.store._committing import OvertakenError, append
from falusage.store._log import Log
from falusage.store._parts import MOST_ROWS, Part, Written, write_part
from falusage.store._place import Place
from falusage.store._scanning import frames, read_parts

_TRIES: Final = 5


def compact(log: Log) -> int | None:
    """Merge the settled files of each month; gives the new version, None if there was no need.

    Raises:
        StoreError: The store cannot be trusted, or not written.
    """
    for _ in range(_TRIES):
        state = log.state()
        settled = state.commit.settled
        final = [
            part for part in state.parts if not spans.without([(part.start, part.end)], settled)
        ]
        come: list[Written] = []
        gone: list[Part] = []
        for _month, group in groupby(final, key=lambda part: part.month):
            parts = list(group)
            if len(parts) <= -(-sum(part.rows or 0 for part in parts) // MOST_ROWS):
                continue
            gone += parts
            come += [
                write_part(log.place, piece, timezone=state.commit.scope.timezone)
                for piece in _merged(log.place, parts, state.schema)
            ]
        # A full file that is already as it would be written stays: a version cannot both remove
        # and add it.
        same = {one.part.path for one in come} & {part.path for part in gone}
        come = [one for one in come if one.part.path not in same]
        gone = [part for part in gone if part.path not in same]
        if not gone:
            return None
        stay = {part.path for part in state.parts} - {part.path for part in gone}
        files = seal(stay | {one.part.path for one in come}, state.schema)
        commit = state.commit.then("compact", files=files)
        try:
            return append(log, state, commit, come=come, gone=gone)
        except OvertakenError:
            continue
    raise StoreError(f"{log.place} is being written to all the time; compact it later")


def _merged(place: Place, parts: Iterable[Part], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """Yield the rows of parts, which come in order of time, `MOST_ROWS` at once, then the rest."""
    held = schema.to_frame()
    for group in _overlapping(parts):
        rows = read_parts(place, group, schema).select(
            pl.col(name).cast(dtype) for name, dtype in schema.items()
        )
        held = pl.concat([held, rows.sort("bucket", maintain_order=True)])
        while held.height >= MOST_ROWS:
            yield held.head(MOST_ROWS)
            held = held.slice(MOST_ROWS)
    if held.height:
        yield held


def _overlapping(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Split parts into groups; each ends before the next one starts."""
    group: list[Part] = []
    for part in parts:
        if group and part.start >= max(each.end for each in group):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def verify(log: Log) -> int:
    """Prove every version's document, and every row of the last; gives the number of its rows.

    Raises:
        StoreError: Something is damaged; it is named.
    """
    for _ in log.commits():
        pass
    state = log.state()
    found: Totals = {}
    for frame in frames(log.place, state.parts, state.schema):
        rows = frame.select("currency", "cost").collect()
        found = moved(found, gone={}, come=totals_of(rows))
    if found != dict(state.commit.totals):
        raise StoreError(
            f"{log.place} does not add up: its rows come to {found}, where version "
            f"{state.version} says {state.commit.totals}; restore a copy"
        )
    return sum(total.rows for total in found.values())
