"""A sync: read the missing and the recent parts of a range in pieces, and commit each piece.

Settled buckets are not read again; the earlier of the server's clock and this machine's decides.
A sync that is interrupted loses at most the piece that it was reading. Every piece is read on top
of a version and committed on top of the same version. If two syncs meet, the later looks again.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from falusage import _clocks as clocks
from falusage import _spans as spans
from falusage._spans import Span
from falusage.api.client import UsageClient
from falusage.api.load import Table, TooManyRows, UsageLoad
from falusage.api.progress import Progress
from falusage.api.receipt import Receipt
from falusage.api.ways import Invalid, Reconcile
from falusage.errors import FalUsageWarning, StoreError
from falusage.store._commits import EXACT
from falusage.store._committing import OvertakenError, create, widen
from falusage.store._coverage import coverage
from falusage.store._finality import finality
from falusage.store._log import STORED, Log, State
from falusage.store._scope import Scope
from falusage.store._sync_result import SyncResult
from falusage.store._writing import Outcome, commit_rows
from falusage.timeframes import boundaries, ceil, floor

_LOG: Final = logging.getLogger("falusage.store")

_MOST_ROWS: Final = 500_000
"""The most rows of a piece, if a unit has no more: it is in memory as a whole."""

_LONGEST: Final = 31
"""The most units of a piece, and those of the first; how many rows it brings decides on the next.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One sync of a store: with whom, what, and how strictly."""

    log: Log
    client: UsageClient
    scope: Scope
    settle: timedelta
    limit: int | None
    allow_empty: bool
    invalid: Invalid
    reconcile: Reconcile

    def run(self, start: datetime, end: datetime | None) -> SyncResult:
        """Bring the store up to date in a range; see `UsageStore.sync`."""
        with clocks.gathered() as skews:
            result = self._run(start, end, skews)
            skews.warn()
        return result

    def _run(self, start: datetime, end: datetime | None, skews: clocks.Gathered) -> SyncResult:
        start = floor(start, every=self.scope.unit, timezone=self.scope.timezone)
        # What can be said of the store is said before anything is asked.
        state = self._open() if self.log.exists() else None
        made = list[int]()
        probe = self._probe(start)
        skews.warn()
        server, now = _told(probe), probe.read_at
        last = now if end is None else min(end, now)
        # An instant on a boundary begins the next bucket, which may have usage by the time it
        # is read.
        tick = timedelta(microseconds=1 if end is None or end > now else 0)
        end = ceil(last + tick, every=self.scope.every, timezone=self.scope.timezone)
        if end <= start:
            whose = "the server's" if now == server else "this machine's"
            raise StoreError(
                f"start {start.isoformat()} is not before {whose} now, {now.isoformat()}"
            )
        if state is None:
            create(self.log, self.scope, now)
            state = self._open()
        state = self._widened(state, made)
        latest = max(server, probe.started_at)
        had = finality(self.log, state, now=now, latest=latest)
        final = spans.until(had.settled, now - self.settle)
        missing = spans.without([(start, end)], final)
        _LOG.info(
            "sync of %s: %s to %s; to be read: %s",
            self.log.place,
            start.isoformat(),
            end.isoformat(),
            ", ".join(f"{a.isoformat()} to {b.isoformat()}" for a, b in missing) or "nothing",
        )
        return self._read([self._whole(span, end) for span in missing], (start, end), server, made)

    def _probe(self, start: datetime) -> Receipt:
        """Ask the server what time it is, by way of the first unit's first bucket."""
        after = ceil(
            start + timedelta(microseconds=1), every=self.scope.every, timezone=self.scope.timezone
        )
        query = self.scope.query(start, after, limit=self.limit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FalUsageWarning)  # the load that counts says it, too
            return self.client.load(query, invalid="quarantine", reconcile="off").receipt

    def _whole(self, span: Span, end: datetime) -> Span:
        """Widen a range to whole units, as far as the sync goes."""
        unit, zone = self.scope.unit, self.scope.timezone
        return floor(span[0], every=unit, timezone=zone), min(
            end, ceil(span[1], every=unit, timezone=zone)
        )

    def _open(self) -> State:
        state = self.log.state()
        if difference := state.commit.scope.difference(self.scope):
            raise StoreError(
                f"{self.log.place} holds another question: {difference}. A store keeps one "
                "scope, timezone, timeframe and set of filters; name another folder for this one"
            )
        return state

    def _read(
        self, ranges: list[Span], asked: Span, server: datetime, made: list[int]
    ) -> SyncResult:
        ranges = list(spans.union(ranges, ()))
        edges = [self._edges(span) for span in ranges]
        progress = Progress(
            shown=self.client.progress, total=sum(len(each) - 1 for each in edges), title="sync"
        )
        done = _Done(server_time=server, commits=made)
        try:
            self._read_pieces(edges, done, progress)
        finally:
            progress.close()
        state = self.log.state()
        known = coverage(self.log, state)
        return SyncResult(
            version=state.version,
            commits=tuple(done.commits),
            start=asked[0],
            end=asked[1],
            server_time=done.server_time,
            rows_read=done.rows,
            rows_changed=done.changed,
            restated=done.restated,
            gaps=known.gaps if known else (),
            receipts=tuple(done.receipts),
            quarantine=pl.concat(done.quarantine, how="diagonal_relaxed")
            if done.quarantine
            else pl.DataFrame(),
        )

    def _read_pieces(self, edges: list[list[datetime]], done: _Done, progress: Progress) -> None:
        """Read ranges in pieces of about `_MOST_ROWS`, by what the last one brought.

        A piece that has more is given up, and read again unit by unit.
        """
        units = _LONGEST
        for each in edges:
            at = 0
            while at < len(each) - 1:
                last = min(at + units, len(each) - 1)
                found = self._piece((each[at], each[last]), is_unit=last - at == 1)
                if found is None:
                    units = 1
                    continue
                done.add(*found)
                progress.advance(last - at, rows=done.rows)
                units = max(1, min(_LONGEST, _MOST_ROWS * (last - at) // max(1, done.last)))
                at = last

    def _widened(self, state: State, made: list[int]) -> State:
        """Commit the known columns that the store lacks, because it is older than they are."""
        while True:
            for name, dtype in STORED.items():
                if (had := state.schema.get(name, dtype)) != dtype:
                    raise StoreError(
                        f"{self.log.place} has a field {name!r} of type {had}, which the usage "
                        f"table has as {dtype}; keep a store in another folder from now on"
                    )
            lacking = {name: dtype for name, dtype in STORED.items() if name not in state.schema}
            if not lacking:
                return state
            try:
                state = widen(self.log, state, pl.Schema(lacking))
            except OvertakenError:
                state = self._open()
            else:
                made.append(state.version)

    def _edges(self, span: Span) -> list[datetime]:
        inner = boundaries(*span, every=self.scope.unit, timezone=self.scope.timezone)
        return sorted({*inner.to_list(), *span})

    def _piece(self, span: Span, *, is_unit: bool) -> tuple[UsageLoad, Outcome] | None:
        """Read a range and commit what is new in it; None if it has too many rows for one piece.

        A unit is never too large, because it is replaced as a whole.
        """
        state, widened = self._open(), list[int]()
        query = self.scope.query(*span, limit=self.limit)
        try:
            receipt, quarantine = self.client.load_into(
                sink := Table(),
                query,
                invalid=self.invalid,
                reconcile=self.reconcile,
                most_rows=None if is_unit else _MOST_ROWS,
            )
        except TooManyRows:
            return None
        load = UsageLoad(sink.table, quarantine, receipt)
        _told(load.receipt)
        while True:
            try:
                outcome = commit_rows(
                    self.log,
                    state,
                    load.usage,
                    span=span,
                    read_at=load.receipt.read_at,
                    settle=self.settle,
                    receipt=load.receipt,
                    allow_empty=self.allow_empty,
                )
            except OvertakenError as error:
                widened += error.commits
                self._refuse_meeting(state, span)
                state = self._open()
            else:
                outcome.commits[:0] = widened
                return load, outcome

    def _refuse_meeting(self, state: State, span: Span) -> None:
        """Raise if somebody else wrote into the range since it was read."""
        for version in range(state.version + 1, self.log.state().version + 1):
            other = self.log.commit(version)
            if other.kind == "sync" and other.span and spans.meet([span], [other.span]):
                raise StoreError(
                    f"another sync of {self.log.place} was faster: version {version}, read at "
                    f"{other.at.isoformat()}, has {other.span[0].isoformat()} to "
                    f"{other.span[1].isoformat()}. Nothing is lost; run this one again"
                )


@dataclass(slots=True)
class _Done:
    """What a sync came to so far."""

    server_time: datetime
    commits: list[int] = field(default_factory=list[int])
    receipts: list[Receipt] = field(default_factory=list[Receipt])
    quarantine: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    restated: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    rows: int = 0
    changed: int = 0
    last: int = 0

    def add(self, load: UsageLoad, outcome: Outcome) -> None:
        self.server_time = _told(load.receipt)
        self.commits += outcome.commits
        self.receipts.append(load.receipt)
        self.quarantine.append(load.quarantine)
        self.last = load.usage.height
        self.rows += self.last
        self.changed += outcome.changed
        for currency, amount in outcome.restated.items():
            had = self.restated.get(currency, Decimal(0))
            self.restated[currency] = EXACT.add(had, amount)


def _told(receipt: Receipt) -> datetime:
    if receipt.server_time is None:
        raise StoreError(
            "the API's answer has no Date, so only this machine's clock could tell which buckets "
            "have ended, and one clock is not enough; if a proxy stands between, let it pass that "
            "header on"
        )
    return receipt.server_time
