"""Billing events read window by window, in the order of time and in bounded memory.

The API does not promise an order, over pages or within one. So the range is cut into windows of
some thousand events. Each is read whole, all its cursors followed, and sorted before it is
delivered. One that turns out to be too large is cut and read again. Several threads read a bounded
number of windows ahead. There is no summary to compare with; `tie_out_events` compares with usage.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Final

import polars as pl

from falusage import _clocks as clocks
from falusage._waiting import result
from falusage.api._event_page import EventPage, Window, read_event_page
from falusage.api._event_query import Chunk, EventQuery
from falusage.api._event_windows import SHORTEST, Sizes, cut, parted
from falusage.api._http.exchange import Exchange
from falusage.api._pages.cursors import follow
from falusage.api.line_items import Kinds, LineItems, concat, joint_kinds, warn_of_unknown
from falusage.api.progress import Progress
from falusage.api.ways import ADVICE, Invalid
from falusage.columns import EVENTS
from falusage.errors import (
    FalUsageWarning,
    NotFoundError,
    PaginationError,
    QuarantineWarning,
    warn,
)
from falusage.schema.rules import Rows
from falusage.schema.validation import MARKS, require_valid, validate_received

_LOG: Final = logging.getLogger("falusage.api")
_AHEAD: Final = 2
"""How many windows may be read ahead, besides one for each worker."""


@dataclass(frozen=True)
class _Read:
    """The pages of a window, and whether they are all."""

    pages: list[EventPage]
    is_whole: bool


@dataclass
class EventReading:
    """A read of one query's events.

    Attributes:
        bad: The rejected rows.
    """

    query: EventQuery
    exchange: Exchange
    progress: Progress
    workers: int
    invalid: Invalid
    workspace: str | None
    bad: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    _rows: int = 0
    _equal: int = 0
    _is_there: bool = False
    _kinds: Kinds = field(default_factory=dict)
    _found: Kinds = field(default_factory=dict)
    _ignored: set[str] = field(default_factory=set[str])

    def tables(self, *, batch_rows: int = 0) -> Generator[LineItems]:
        """Yield the valid events, in the order of time, in tables of at least `batch_rows`.

        The last table may be smaller, and is empty if there are no events.

        Raises:
            SchemaError: Events break the rules, and `invalid` is `"raise"`.
            ApiError: The exchange failed.
        """
        parts: list[LineItems] = []
        rows = 0
        for items in self._windows():
            parts.append(items)
            rows += items.table.height
            if rows and rows >= batch_rows:
                yield concat(parts, EVENTS)
                parts, rows = [], 0
        if parts:
            yield concat(parts, EVENTS)

    def _windows(self) -> Generator[LineItems]:
        query = self.query
        longest = timedelta(days=query.endpoint.most_days or 90)
        sizes = Sizes(query.limit, longest)
        todo = deque([Window(query.start, query.end)])
        ahead: deque[tuple[Window, list[Future[_Read]]]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="falusage")

        def submit(window: Window) -> tuple[Window, list[Future[_Read]]]:
            most = sizes.most if window.seconds > SHORTEST.total_seconds() else None
            return window, [
                pool.submit(self._read, window, chunk, most) for chunk in query.chunks()
            ]

        try:
            while True:
                while todo and len(ahead) < (
                    1 if sizes.per_second is None else self.workers + _AHEAD
                ):
                    window, *rest = cut(todo.popleft(), sizes.length())
                    todo.extendleft(rest)
                    ahead.append(submit(window))
                if not ahead:
                    return
                window, tasks = ahead.popleft()
                reads = [result(task) for task in tasks]
                is_whole = all(read.is_whole for read in reads)
                counts = [page.row_count for read in reads for page in read.pages]
                sizes.learn(counts, _covered(reads, window), is_whole=is_whole)
                if is_whole:
                    yield self._delivered(window, reads)
                elif ahead:
                    halves = parted(window, _times(reads))
                    ahead.extendleft(submit(half) for half in reversed(halves))
                else:
                    todo.appendleft(window)
        except BaseException:
            self.exchange.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, window: Window, chunk: Chunk, most: int | None) -> _Read:
        """Read a window's pages; stop after about `most` events.

        A request that has no event in the window may be a 404. So requests are then asked for in
        smaller parts, down to each alone.
        """
        try:
            return self._followed(window, chunk, most)
        except NotFoundError as error:
            requests = dict(chunk).get("request_id", ())
            if not requests or error.type != "not_found" or error.cursor is not None:
                raise
        if len(requests) == 1:
            self._require_endpoint(window)
            return _Read([], is_whole=True)
        middle = len(requests) // 2
        reads = [
            self._read(window, tuple({**dict(chunk), "request_id": part}.items()), most)
            for part in (requests[:middle], requests[middle:])
        ]
        pages = [page for read in reads for page in read.pages]
        return _Read(pages, is_whole=all(read.is_whole for read in reads))

    def _require_endpoint(self, window: Window) -> None:
        """Raise if a 404 is not that of a request, but of the endpoint: a wrong address."""
        if not self._is_there:
            self._followed(window, (), 1)

    def _followed(self, window: Window, chunk: Chunk, most: int | None) -> _Read:
        query, numbers = self.query, count(1)

        def fetch(cursor: str | None) -> EventPage:
            read = partial(
                read_event_page,
                query=query,
                window=window,
                chunk=chunk,
                kinds=self._kinds,
                workspace=self.workspace,
            )
            params = query.params(window.start, window.end, chunk, cursor)
            page = self.exchange.get(
                query.endpoint,
                params,
                read,
                window=window.as_sent(),
                cursor=cursor,
                page=next(numbers),
            )
            self._is_there = True
            # A field that is new on one page is likely on the next, which is then read fast.
            if page.rows.kinds:
                self._kinds = {**self._kinds, **page.rows.kinds}
            return page

        pages: list[EventPage] = []
        rows = 0
        for page in follow(fetch, window=window.as_sent()):
            pages.append(page)
            rows += page.row_count
            if most is not None and rows >= most and page.next_cursor is not None:
                return _Read(pages, is_whole=False)
        return _Read(pages, is_whole=True)

    def _delivered(self, window: Window, reads: Sequence[_Read]) -> LineItems:
        """Return the valid events of a window, in the order of time."""
        pages = [page for read in reads for page in read.pages]
        self._ignored.update(name for page in pages for name in page.ignored)
        items = concat([page.rows for page in pages], EVENTS)
        self._found = joint_kinds([self._found, items.kinds])
        self._equal += _count_equal(items.table, [page.row_count for page in pages], window)
        table = items.table.sort("timestamp", "request_id", maintain_order=True)
        checked = validate_received(table, Rows("events", self.query.endpoint))
        if self.invalid == "raise":
            what = f"{table.height:,} events received"
            require_valid(checked.bad, what=what, advice=ADVICE.get().rows)
        self._rows += table.height
        if checked.bad.height:
            self.bad.append(checked.bad)
        self.progress.advance(round(window.seconds), rows=self._rows)
        _LOG.info("window %s to %s: %s events", *window.as_sent(), f"{table.height:,}")
        return LineItems(checked.good, items.kinds)

    def quarantine(self) -> pl.DataFrame:
        """Return the rejected rows so far."""
        return pl.concat(self.bad, how="diagonal_relaxed") if self.bad else pl.DataFrame()

    def warn(self) -> None:
        """Warn of what was kept or rejected and a caller should know."""
        clocks.report(self.exchange.tally.skew, on_this_machine=self.exchange.on_this_machine)
        warn_of_unknown(self._found, self._ignored, known=self.query.endpoint.sparse_names)
        if self._equal:
            warn(
                f"{self._equal:,} events are equal to another event of the same request on the "
                "same page; all are kept, and counted",
                FalUsageWarning,
            )
        if quarantined := sum(bad.height for bad in self.bad):
            warn(
                f"{quarantined:,} of {self._rows:,} rows are in quarantine, not in the table",
                QuarantineWarning,
            )


def _times(reads: Sequence[_Read]) -> pl.Series:
    times = [page.rows.table["timestamp"] for read in reads for page in read.pages]
    return pl.concat(times).drop_nulls()


def _covered(reads: Sequence[_Read], window: Window) -> float:
    """Return how many seconds the events that were read cover."""
    if all(read.is_whole for read in reads):
        return window.seconds
    times = _times(reads).sort()
    return (times[-1] - times[0]).total_seconds() if len(times) else window.seconds


def _count_equal(table: pl.DataFrame, pages: Sequence[int], window: Window) -> int:
    """Return how many events repeat another one of their page.

    Raises:
        PaginationError: An event is on two pages, so that it would be counted twice.
    """
    twice = table["request_id"].is_duplicated() & table["request_id"].is_not_null()
    if not twice.any():
        return 0
    page = pl.Series("page", range(len(pages))).repeat_by(pl.Series(pages)).explode()
    columns = [name for name in table.columns if name not in MARKS]
    repeated = table.select(columns).with_columns(page.alias(" page")).filter(twice)
    charge = ("request_id", "endpoint_id", "cost_nano")  # its other fields may come later
    spread = repeated.group_by(charge).agg(pl.col(" page").n_unique())
    alike = repeated.group_by(columns).agg(pl.len().alias(" rows"))
    for request in spread.filter(pl.col(" page") > 1)["request_id"].sort().head(1):
        raise PaginationError(
            f"the event of request {request!r} is on two pages of the window "
            f"{' to '.join(window.as_sent())}, so it would be counted twice; try again, or ask "
            "for a shorter range, which is on one page",
            window=window.as_sent(),
        )
    return alike.filter(pl.col(" rows") > 1).select((pl.col(" rows") - 1).sum()).item()
