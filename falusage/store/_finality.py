"""Which windows of a store are settled or closed, as far as its clocks can be believed.

A window is closed if it was read after it had ended. A clock that was ahead at one read makes a
store claim that of days that had not happened yet. So a read counts at the earlier of two clocks,
and not at all if a later read, or the present, contradicts it. Versions of edition 1 trusted the
server's clock alone; what they claim is worked out again from their receipts, which have both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from falusage import _spans as spans
from falusage._clocks import TOLERANCE
from falusage._spans import Span, Spans
from falusage.store._commits import Commit
from falusage.store._log import Log, State
from falusage.store._scope import Scope
from falusage.timeframes import floor

_TWO_CLOCKS: Final = 2
"""The first edition whose versions say what is final by the earlier of two clocks."""


@dataclass(frozen=True, slots=True)
class Finality:
    """What can be believed of a version.

    Attributes:
        settled: The windows that were older than `settle` when they were read.
        closed: The windows that had ended when they were read.
        at: When the version was made.
    """

    settled: Spans
    closed: Spans
    at: datetime


def finality(
    log: Log, state: State, *, now: datetime | None = None, latest: datetime | None = None
) -> Finality:
    """Return which windows of a version are settled and closed.

    Args:
        log: The store's log. Only versions that are in doubt are read.
        state: The version.
        now: The present by the earlier of two clocks. A read that claims a later time is not
            believed, unless its two clocks agreed and the later clock of today allows it.
        latest: The present by the later clock.

    Raises:
        StoreError: A version before it cannot be trusted.
    """
    settled: Spans = ()
    closed: Spans = ()
    doubted: list[Commit] = []
    for commit in _back(log, state):
        if commit.edition >= _TWO_CLOCKS and not _is_after(commit.at, now):
            settled, closed = commit.settled, commit.closed
            break
        doubted.append(commit)
    limit = now
    for commit in doubted:
        if commit.kind != "sync" or commit.span is None or commit.settle is None:
            continue
        one, other = _clocks(commit)
        read_at = min(one, other)
        agreed = abs(one - other) <= TOLERANCE and not _is_after(read_at, latest)
        if agreed or not _is_after(read_at, limit):
            scope = commit.scope
            closed = spans.union(closed, ended(commit.span, read_at, scope))
            settled = spans.union(settled, ended(commit.span, read_at - commit.settle, scope))
        limit = read_at if limit is None else min(limit, read_at)
    made = filter(None, map(_made_at, (state.commit, *doubted)))
    return Finality(settled, closed, next(made, state.commit.at))


def ended(span: Span, moment: datetime, scope: Scope) -> Spans:
    """Return the part of a range whose buckets had ended by then."""
    return spans.until([span], floor(moment, every=scope.every, timezone=scope.timezone))


def last_clock(log: Log, state: State) -> datetime:
    """Return the earlier of the two clocks at a version's last read."""
    last = next((commit for commit in _back(log, state) if commit.kind == "sync"), state.commit)
    return read_time(last)


def read_time(commit: Commit) -> datetime:
    """Return the earlier of the two clocks at the read that made a version."""
    return min(_clocks(commit))


def times(commits: Iterable[tuple[int, Commit]]) -> Iterator[tuple[int, Commit, datetime]]:
    """Return when each version was made, by the earlier of two clocks; in order."""
    before: datetime | None = None
    for version, commit in commits:
        before = _made_at(commit) or before or commit.at
        yield version, commit, before


def _made_at(commit: Commit) -> datetime | None:
    """Return when a version was made; None where that was not by a read, and nothing says it."""
    if commit.edition >= _TWO_CLOCKS:
        return commit.at
    return min(commit.at, _moment(commit.receipt["started_at"])) if commit.receipt else None


def _back(log: Log, state: State) -> Iterator[Commit]:
    """Read what a version says of itself, then the one before it, to the first."""
    yield state.commit
    for version in range(state.version - 1, -1, -1):
        yield log.commit(version)


def _clocks(commit: Commit) -> tuple[datetime, datetime]:
    """Return both clocks at the read that made a version; what it says, if it has no receipt."""
    if not commit.receipt:
        return commit.at, commit.at
    local = _moment(commit.receipt["started_at"])
    told = commit.receipt["server_time"]
    return (local if told is None else _moment(told)), local


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _is_after(moment: datetime, limit: datetime | None) -> bool:
    return limit is not None and moment > limit + TOLERANCE
