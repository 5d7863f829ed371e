"""A range of a store's version, of which every bucket was read.

A sum over time that was never read is too small, and nothing in the rows shows it. So a range with
a gap is an error, and a range beside it can be taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl

from falusage import _clocks as clocks
from falusage import _spans as spans
from falusage._spans import Spans
from falusage.columns import INSTANT
from falusage.errors import AlignmentError, CoverageError, QueryError
from falusage.store._commits import Scope
from falusage.store._finality import gaps, held
from falusage.store._log import Log, State
from falusage.store._scanning import scan_state
from falusage.timeframes import floor, instant

_NAMED: Final = 3
"""How many gaps an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """A range of a store without a gap.

    Attributes:
        usage: Its rows, lazy; the columns are those of `UsageStore.scan`.
    """

    usage: pl.LazyFrame


def view_state(
    log: Log,
    state: State,
    *,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
) -> StoreView:
    """Return a range of a version; see `UsageStore.view`."""
    scope = state.commit.scope
    first, last = _edge(start, scope, name="start"), _edge(end, scope, name="end")
    if first is not None and last is not None and first >= last:
        raise QueryError(f"start {first.isoformat()} is not before end {last.isoformat()}")
    _refuse(log, _lacking(log, state, first, last))
    usage = scan_state(log.place, state)
    if first is not None:
        usage = usage.filter(pl.col("bucket") >= pl.lit(first, INSTANT))
    if last is not None:
        usage = usage.filter(pl.col("bucket_end") <= pl.lit(last, INSTANT))
    return StoreView(usage=usage)


def _edge(given: date | datetime | str | None, scope: Scope, *, name: str) -> datetime | None:
    if given is None:
        return None
    edge = instant(given, timezone=scope.timezone, name=name)
    if floor(edge, every=scope.every, timezone=scope.timezone) != edge:
        raise AlignmentError(
            f"{name} {edge.isoformat()} is in the middle of a bucket, which cannot be cut; "
            f"expected the start of a {scope.timeframe} in {scope.timezone}"
        )
    return edge


def _lacking(log: Log, state: State, first: datetime | None, last: datetime | None) -> Spans:
    """Return what a version lacks of a range; without edges, of the range that it holds.

    Buckets that have not ended yet by this machine's clock cannot be in a store, so they are not
    missing.
    """
    holes = gaps(log, state)
    if first is None and last is None:
        return holes
    runs, scope = held(log, state), state.commit.scope
    ended = floor(clocks.local_time(), every=scope.every, timezone=scope.timezone)
    if not runs:
        return spans.union([(first or ended, last or ended)], ())
    begin, until = runs[0][0], runs[-1][1]
    first, last = first or begin, last or until
    outside = [(first, min(last, begin)), (max(first, until), min(last, ended))]
    return spans.union(outside, spans.within(holes, (first, last)))


def _refuse(log: Log, lacking: Spans) -> None:
    if not lacking:
        return
    named = ", ".join(f"{a.isoformat()} to {b.isoformat()}" for a, b in lacking[:_NAMED])
    more = f" and {len(lacking) - _NAMED} more ranges" if len(lacking) > _NAMED else ""
    raise CoverageError(
        f"{log.place} lacks {named}{more}, over which its sums are too small; sync it from start "
        f"{lacking[0][0].isoformat()} or before, or take a range without a gap, as in "
        "view(start=..., end=...)",
        gaps=lacking,
    )
