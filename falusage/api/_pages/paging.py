"""One read of a range: its pages in order, in bounded memory.

A range that fits on one page takes one request, with the summary in the same answer. A longer one
is cut into windows, which several threads fetch a bounded number ahead of the reader. If reading
ends early (an error, Ctrl-C, a caller that needs no more), every open socket is closed.

The first page of a longer range only shows how large the windows should be; its rows are read
again. The API does not promise an order over pages, so the page need not be the beginning of the
range, and `iter_usage` has no summary that would show a lost row. On 288,000 rows in pages of
10,000 this costs 1 of 34 requests and 0.3 % of the CPU time.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, count
from typing import Final

import polars as pl

from falusage._waiting import result
from falusage.api._http.exchange import Exchange
from falusage.api._pages.cursors import follow
from falusage.api._pages.page import Page, read_page
from falusage.api._pages.windows import Windows
from falusage.api.asks import Ask, asks
from falusage.api.line_items import Kinds, LineItems, concat
from falusage.api.progress import Progress
from falusage.api.query import UsageQuery
from falusage.columns import USAGE
from falusage.contract import Endpoint
from falusage.errors import PermissionDeniedError, ProtocolError

_LOG: Final = logging.getLogger("falusage.api")
_ROWS_AHEAD: Final = 50_000
_THREADS: Final = 2
"""For each worker: while the page of one is read, another is at the network."""

_READERS: Final = os.cpu_count() or 1
"""Threads that read the pages of all workers. If each worker reads its own, 96 pages of 10,000 rows
take 4.8 s of CPU time on two cores rather than 3.7: the threads wait for each other, and each of
them acquires its own memory."""

_AHEAD: Final = 3
"""For each worker: windows that are under way, or wait for their turn to be delivered."""

_MOST_AHEAD: Final = 400_000
"""About how many rows they may have, if that leaves each worker its window."""


_NO_SUMMARY: Final = "the answer has no 'summary', though it was asked for"


@dataclass
class Reading:
    """A read in progress.

    Attributes:
        with_summary: Whether the API's own summary is asked for as well.
        summary: The tables of that summary; whole once `pages` ends.
        windows: How many windows have been read.
        page_count: How many pages have been read, `row_count` how many rows.
        followed: Whether a cursor was followed, so that pages may have shifted.
        workspace: The name of the workspace, if the query asks for one.
    """

    query: UsageQuery
    exchange: Exchange
    workers: int
    progress: Progress
    with_summary: bool
    summary: list[LineItems] = field(default_factory=list[LineItems])
    windows: int = 0
    page_count: int = 0
    row_count: int = 0
    followed: bool = False
    workspace: str | None = None
    _kinds: dict[tuple[Endpoint, bool], Kinds] = field(
        default_factory=dict[tuple[Endpoint, bool], Kinds]
    )
    _readers: ThreadPoolExecutor | None = None

    def pages(self) -> Iterator[Page]:
        """Yield every page of the range, in the order of time."""
        first = [
            next(self._follow(ask))
            for ask in self._asks(time_series=True, summary=self.with_summary)
        ]
        if self.with_summary and any(page.summary is None for page in first):
            raise ProtocolError(_NO_SUMMARY)
        if all(page.next_cursor is None for page in first):
            self.windows = 1
            self.summary = [page.summary for page in first if page.summary is not None]
            yield from self._in_time(first, chunks=len(first))
        else:
            windows = Windows(self.query)
            for part, page in enumerate(first):
                if page.next_cursor is not None and page.rows is not None:
                    counts = page.rows.table.group_by("bucket").len().sort("bucket")
                    windows.learn_from_first_page(counts=dict(counts.iter_rows()), part=part)
            yield from self._in_windows(windows, chunks=len(first))

    def _asks(self, *, time_series: bool, summary: bool) -> Iterator[Ask]:
        return asks(self.query, time_series=time_series, summary=summary, workspace=self.workspace)

    def _in_windows(self, windows: Windows, *, chunks: int) -> Iterator[Page]:
        ahead: deque[tuple[tuple[datetime, datetime, int], list[Future[Iterator[Page]]]]] = deque()
        most = min(_AHEAD * self.workers, _MOST_AHEAD // windows.page_rows)
        most = max(most, self.workers)
        pool = ThreadPoolExecutor(_THREADS * self.workers, thread_name_prefix="falusage")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="falusage-reader")
        try:
            summary = pool.submit(self.read_summary) if self.with_summary else None
            while True:
                while len(ahead) * chunks < most and (window := windows.take()):
                    start, end, buckets = window
                    self.windows += 1
                    tasks = [
                        pool.submit(
                            self._read_window, ask.during(start, end), windows, buckets, part
                        )
                        for part, ask in enumerate(self._asks(time_series=True, summary=False))
                    ]
                    ahead.append((window, tasks))
                if not ahead:
                    break
                (start, end, buckets), tasks = ahead.popleft()
                pages = chain.from_iterable(map(result, tasks))
                before = self.row_count
                yield from self._in_time(pages, chunks=chunks)
                self.progress.advance(buckets, rows=self.row_count)
                if _LOG.isEnabledFor(logging.INFO):
                    ends = (start.isoformat(), end.isoformat())
                    _LOG.info("window %s to %s: %s rows", *ends, f"{self.row_count - before:,}")
            if summary is not None:
                self.summary = result(summary)
        except BaseException:
            self.exchange.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._readers.shutdown()
            self._readers = None

    def _read_window(self, ask: Ask, windows: Windows, buckets: int, part: int) -> Iterator[Page]:
        """Read a window's first pages; the others wait until it is its turn."""
        pages = self._follow(ask)
        read: list[Page] = []
        rows = 0
        for page in pages:
            read.append(page)
            rows += page.row_count
            if rows > _ROWS_AHEAD:
                break
        windows.learn(rows=rows, buckets=buckets, pages=len(read), part=part)
        return chain(read, pages)

    def _follow(self, ask: Ask) -> Iterator[Page]:
        """Yield a window's pages, one cursor after the other."""
        numbers = count(1)

        def fetch(cursor: str | None) -> Page:
            kinds = self._kinds.setdefault((ask.endpoint, ask.time_series), {})
            read = partial(self._read_page, ask=ask, kinds=kinds)
            with self._naming_the_others(ask.endpoint):
                page = self.exchange.get(
                    ask.endpoint,
                    ask.params(cursor),
                    read,
                    window=ask.window,
                    cursor=cursor,
                    page=next(numbers),
                )
            # A field that is new on one page is likely on the next, which is then read fast.
            for has_rows, items in ((True, page.rows), (False, page.summary)):
                if items is not None and items.kinds:
                    at = (ask.endpoint, has_rows)
                    self._kinds[at] = {**self._kinds.get(at, {}), **items.kinds}
            self.followed |= cursor is not None
            return page

        return follow(fetch, window=ask.window)

    def _read_page(self, body: bytes, ask: Ask, kinds: Kinds) -> Page:
        read = partial(read_page, body, ask, kinds=kinds)
        return read() if self._readers is None else result(self._readers.submit(read))

    @contextmanager
    def _naming_the_others(self, refused: Endpoint) -> Generator[None]:
        """Add to the error of a key that may not read one endpoint how to load the others."""
        try:
            yield
        except PermissionDeniedError as error:
            others = zip(self.query.products, self.query.endpoints, strict=False)
            others = [product for product, endpoint in others if endpoint is not refused]
            if not others or not self.workspace:
                raise
            way = f"; product={others[0]!r} (--product {others[0]}) loads the other usage alone"
            raise PermissionDeniedError(f"{error.args[0]}{way}", **vars(error)) from None

    def read_summary(self) -> list[LineItems]:
        """Return the summary's pages; a page that repeats the whole list counts once."""
        found: list[LineItems] = []
        for ask in self._asks(time_series=False, summary=True):
            first: pl.DataFrame | None = None
            for page in self._follow(ask):
                if page.summary is None:
                    if first is None:
                        raise ProtocolError(_NO_SUMMARY)
                elif first is None or not page.summary.table.equals(first):
                    found.append(page.summary)
                    first = page.summary.table if first is None else first
        return found

    def _in_time(self, pages: Iterable[Page], *, chunks: int) -> Iterator[Page]:
        """Yield the pages of one window, in the order of time.

        The pages of several chunks of ids become one page. Otherwise the order of rows would
        depend on the windows that the range is cut into.
        """
        read: list[Page] = []
        for page in pages:
            self.page_count += 1
            self.row_count += page.row_count
            if chunks == 1:
                yield page
            else:
                read.append(page)
        if read:
            items = concat([page.rows for page in read if page.rows is not None], USAGE)
            rows = LineItems(items.table.sort("bucket", maintain_order=True), items.kinds)
            yield Page(rows, None, None, tuple(name for page in read for name in page.ignored))
