"""A range cut into windows of whole buckets, so that one page usually answers one window.

Then no cursor is followed and no page can shift. The first answers show how many rows a page
holds and how many a bucket brings; later ones correct it, because usage grows and launches happen.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

import numpy as np

from falusage.api.query import UsageQuery, edges, instant_at, microseconds

_FILL: Final = 0.92
"""How full a page is aimed at: fuller ones spill over more often, and cost a second request."""


class Windows:
    """Hands out windows, first to last, sized by what is known at the time."""

    def __init__(self, query: UsageQuery) -> None:
        self._edges = edges(query)
        self._next = 0
        self._page_rows = 1
        self._rows_per_bucket = 1.0
        self._lock = threading.Lock()

    @property
    def buckets(self) -> int:
        """The number of buckets in the range."""
        return len(self._edges) - 1

    @property
    def page_rows(self) -> int:
        """The most rows that a page has had; one before any is known."""
        return self._page_rows

    def first_page(self, *, rows: int, last_bucket: datetime | None) -> None:
        """Learn from a page that the whole range did not fit on."""
        # The first bucket may begin before a range that is not bound to its timeframe.
        reached = max(1, self._reached(last_bucket)) if last_bucket else 1
        self._page_rows = max(self._page_rows, rows)
        self._rows_per_bucket = max(self._rows_per_bucket, rows / min(reached, self.buckets))

    def _reached(self, bucket: datetime) -> int:
        return int(np.searchsorted(self._edges, microseconds(bucket), side="right"))

    def learn(self, *, rows: int, buckets: int, pages: int) -> None:
        """Learn from a window that was read."""
        seen = rows / buckets
        with self._lock:
            if pages > 1:
                self._rows_per_bucket = max(seen, self._rows_per_bucket)
            else:
                self._page_rows = max(self._page_rows, rows)
                self._rows_per_bucket = (self._rows_per_bucket + max(seen, 1.0)) / 2

    def take(self) -> tuple[datetime, datetime, int] | None:
        """Hand out the next window and its number of buckets; None when all are out."""
        if self._next >= self.buckets:
            return None
        with self._lock:
            size = max(1, int(_FILL * self._page_rows / self._rows_per_bucket))
        start = self._next
        self._next = min(start + size, self.buckets)
        first, last = (instant_at(int(self._edges[at])) for at in (start, self._next))
        return first, last, self._next - start
