"""What is known of a version of a store beyond its rows, worked out from its log.

A store knows which buckets were read after they had ended. Rows from there on are of buckets that
may still grow. Whatever else lies between the first and the last was never read, or not to its end,
and is a gap: a sum over it would be too small, and nothing in the rows shows it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import attrs

from falusage import _spans as spans
from falusage._spans import Span, Spans
from falusage.contract import filters
from falusage.coverage import Coverage
from falusage.store._commits import Commit
from falusage.store._finality import ended, finality, last_clock
from falusage.store._log import Log, State


def coverage(log: Log, state: State) -> Coverage | None:
    """Return the coverage of a version; None if it has no rows and no bucket has ended.

    Raises:
        StoreError: A version before it cannot be trusted.
    """
    commit, final = state.commit, finality(log, state)
    rows = [(part.start, part.end) for part in state.parts]
    if not rows and not final.closed:
        return None
    start = min(first for first, _ in (*final.closed, *rows))
    closed = final.closed[-1][1] if final.closed else start
    open_rows = [(max(first, closed), last) for first, last in rows]
    end = max([closed, *(last for _, last in open_rows)])
    gaps = spans.without([(start, closed)], final.closed)
    if holes := spans.without([(closed, end)], open_rows):
        # What lies beyond the clock of the last read is not missing: it has not happened yet.
        clock = last_clock(log, state)
        gaps += tuple(gap for hole in holes for gap in ended(hole, clock, commit.scope))

    def first_outside(read: Spans) -> datetime:
        left = spans.without([(start, end)], (*read, *gaps))
        return left[0][0] if left else end

    return Coverage(
        start=start,
        end=end,
        timezone=commit.scope.timezone,
        timeframe=commit.scope.timeframe,
        closed_until=first_outside(final.closed),
        settled_until=first_outside(final.settled),
        gaps=gaps,
        scope=commit.scope.fields()["scope"],
        products=commit.scope.query(start, end).products,
        filters=filters(commit.scope.fields()),
        read_at=final.at,
        **_let_through(commit, (start, end)),
    )


def narrowed(whole: Coverage, state: State, start: datetime, end: datetime) -> Coverage:
    """Return the coverage of a range that lies in a version's."""
    return attrs.evolve(whole.within(start, end), **_let_through(state.commit, (start, end)))


class _LetThrough(TypedDict):
    reconciled: bool
    differing: int
    quarantined: int


def _let_through(commit: Commit, span: Span) -> _LetThrough:
    """Return what syncs let through in a range.

    If only a part of what one read lies in the range, its counts are those of all of it.
    """
    found = [each for each in commit.let_through if spans.meet(each.spans, [span])]
    return {
        "reconciled": all(each.differing is not None for each in found),
        "differing": sum(each.differing or 0 for each in found),
        "quarantined": sum(each.quarantined for each in found),
    }
