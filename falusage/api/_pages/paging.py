"""One read of a query: its pages in order, in bounded memory.

A range that fits on one page costs one request, with the summary in the same answer. A longer one
is cut into windows that several threads fetch a bounded number ahead of the reader. Whatever ends
the reading early (an error, Ctrl-C, a reader who has seen enough) closes every socket in hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final, cast

import polars as pl

from falusage.api._http.exchange import Exchange
from falusage.api._http.waiting import result
from falusage.api._pages.fast import Page
from falusage.api._pages.unknown_fields import assemble, joint_kinds
from falusage.api._pages.windows import Windows
from falusage.api.progress import Progress
from falusage.api.query import Ask, UsageQuery, asks
from falusage.errors import PaginationError, ProtocolError

EMPTY_PAGES: Final = 100
"""The most pages without a row that are followed in a row."""

PAGES: Final = 10_000
"""The most pages of one window."""

_ROWS_AHEAD: Final = 50_000
_THREADS: Final = 2
"""For each worker: while one reads its page, another is at the network."""

_AHEAD: Final = 3
"""For each worker: windows that are under way, or wait for their turn to be delivered."""

_MOST_AHEAD: Final = 400_000
"""About how many rows they may hold, where that leaves each worker its window."""

_Window = Iterator[Page]


@dataclass
class Reading:
    """A read in progress.

    Attributes:
        with_summary: Whether the API's own summary is asked for as well.
        summaries: The pages that brought that summary; whole once `pages` ends.
        windows: How many windows have been read.
        page_count: How many pages have been read, `row_count` how many rows.
        followed: Whether a cursor was followed, so that pages may have shifted.
    """

    query: UsageQuery
    exchange: Exchange
    workers: int
    progress: Progress
    with_summary: bool
    summaries: list[Page] = field(default_factory=list[Page])
    windows: int = 0
    page_count: int = 0
    row_count: int = 0
    followed: bool = False

    def pages(self) -> Iterator[Page]:
        """Give every page of the range, in the order of time; at most 50 ids to each request."""
        wholes = [
            self.exchange.page(ask)
            for ask in asks(self.query, time_series=True, summary=self.with_summary)
        ]
        if self.with_summary and any(page.summary is None for page in wholes):
            raise ProtocolError("the answer has no 'summary', though it was asked for")
        if all(page.next_cursor is None for page in wholes):
            self.windows = 1
            self.summaries = wholes if self.with_summary else []
            yield from _in_time(map(self._counted, wholes), chunks=len(wholes))
            return
        windows = Windows(self.query)
        for page in wholes:
            if page.next_cursor is not None:
                windows.first_page(rows=_height(page.rows), last_bucket=_last_bucket(page))
        with self.exchange.readers():
            yield from self._in_windows(windows)

    def _in_windows(self, windows: Windows) -> Iterator[Page]:
        ahead: deque[tuple[int, list[Future[_Window]]]] = deque()
        chunks = list(asks(self.query, time_series=True, summary=False))
        most = min(_AHEAD * self.workers, _MOST_AHEAD // windows.page_rows)
        most = max(most, self.workers)
        pool = ThreadPoolExecutor(_THREADS * self.workers, thread_name_prefix="falusage")
        try:
            summary = pool.submit(self.read_summary) if self.with_summary else None
            while True:
                while len(ahead) * len(chunks) < most and (window := windows.take()):
                    start, end, buckets = window
                    self.windows += 1
                    tasks = [
                        pool.submit(self._read_window, ask.during(start, end), windows, buckets)
                        for ask in chunks
                    ]
                    ahead.append((buckets, tasks))
                if not ahead:
                    break
                buckets, tasks = ahead.popleft()
                read = chain.from_iterable(map(result, tasks))
                yield from _in_time(map(self._counted, read), chunks=len(chunks))
                self.progress.advance(buckets, rows=self.row_count)
            if summary is not None:
                self.summaries = result(summary)
        except BaseException:
            self.exchange.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _read_window(self, ask: Ask, windows: Windows, buckets: int) -> _Window:
        """Read a window's first pages; what is beyond them waits until it is its turn."""
        pages = self._follow(ask)
        read: list[Page] = []
        rows = 0
        for page in pages:
            read.append(page)
            rows += _height(page.rows)
            if rows > _ROWS_AHEAD:
                break
        windows.learn(rows=rows, buckets=buckets, pages=len(read))
        return chain(read, pages)

    def _follow(self, ask: Ask) -> Iterator[Page]:
        """Give a window's pages, one cursor after the other."""
        seen: set[str] = set()
        cursor: str | None = None
        empty = 0
        for _ in range(PAGES):
            page = self.exchange.page(ask, cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return
            self.followed = True
            if cursor in seen:
                raise PaginationError(
                    f"cursor {cursor!r} came twice in the window {' to '.join(ask.window)}",
                    cursor=cursor,
                    window=ask.window,
                )
            seen.add(cursor)
            empty = 0 if _height(page.rows if ask.time_series else page.summary) else empty + 1
            if empty > EMPTY_PAGES:
                break
        too_empty = empty > EMPTY_PAGES
        what = f"{EMPTY_PAGES} empty pages in a row" if too_empty else f"{PAGES:,} pages"
        raise PaginationError(
            f"{what}, and no end, in the window {' to '.join(ask.window)}",
            cursor=cursor,
            window=ask.window,
        )

    def read_summary(self) -> list[Page]:
        """Collect the summary over its pages; a page that repeats the whole list counts once."""
        found: list[Page] = []
        for ask in asks(self.query, time_series=False, summary=True):
            first: pl.DataFrame | None = None
            for page in self._follow(ask):
                if first is None and page.summary is None:
                    raise ProtocolError("the answer has no 'summary', though it was asked for")
                if page.summary is not None and (first is None or not page.summary.equals(first)):
                    found.append(page)
                first = page.summary if first is None else first
        return found

    def _counted(self, page: Page) -> Page:
        self.page_count += 1
        self.row_count += _height(page.rows)
        return page


def _in_time(pages: Iterator[Page], *, chunks: int) -> Iterator[Page]:
    """Put what chunks of ids brought of one window in the order of time, as one page.

    Otherwise the order of rows would depend on how the range came to be cut into windows.
    """
    if chunks == 1:
        yield from pages
        return
    read = list(pages)
    rows = assemble(read).sort("bucket", maintain_order=True)
    ignored = {name: None for page in read for name in page.ignored}
    yield Page(rows, None, None, joint_kinds(read), tuple(ignored))


def _height(table: pl.DataFrame | None) -> int:
    return 0 if table is None else table.height


def _last_bucket(page: Page) -> datetime | None:
    return cast("datetime | None", page.rows["bucket"].max()) if page.rows is not None else None
