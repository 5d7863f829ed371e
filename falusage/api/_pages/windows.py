"""A range cut into windows of whole buckets, so that one page usually answers one window.

Then no cursor is followed and no page can shift, and windows are fetched in parallel. The first
answers show how many rows a page has and how many a bucket; later ones correct that, because
usage grows.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

import numpy as np

from falusage.api.query import UsageQuery, edges, instant_at, microseconds

_FILL: Final = 0.92
"""How full a page is aimed at: a window that does not fit costs a second request."""


class Windows:
    """Returns windows, first to last, sized by what is known at the time."""

    def __init__(self, query: UsageQuery) -> None:
        self._edges = edges(query)
        self._next = 0
        self._page_rows = 1
        self._rows_per_bucket: dict[int, float] = {}
        self._lock = threading.Lock()

    @property
    def buckets(self) -> int:
        """The number of buckets in the range."""
        return len(self._edges) - 1

    @property
    def page_rows(self) -> int:
        """The most rows that a page has had; one before any is known."""
        return self._page_rows

    def learn_from_first_page(
        self, *, rows: int, last_bucket: datetime | None, part: int = 0
    ) -> None:
        """Learn from the first page of a range that does not fit on one; see `learn`."""
        reached = 1
        if last_bucket is not None:
            after = np.searchsorted(self._edges, microseconds(last_bucket), side="right")
            # The first bucket may begin before a range that is not bound to its timeframe.
            reached = min(max(1, int(after)), self.buckets)
        self._page_rows = max(self._page_rows, rows)
        self._rows_per_bucket[part] = max(self._known(part), rows / reached)

    def learn(self, *, rows: int, buckets: int, pages: int, part: int = 0) -> None:
        """Learn from a window that was read.

        Args:
            rows: How many rows it had.
            buckets: How many buckets.
            pages: How many pages.
            part: Which of the requests for a window it was: an endpoint, or a chunk of ids. The
                one with most rows decides.
        """
        seen, known = rows / buckets, self._known(part)
        with self._lock:
            if pages > 1:
                self._rows_per_bucket[part] = max(seen, known)
            else:
                self._page_rows = max(self._page_rows, rows)
                self._rows_per_bucket[part] = (known + max(seen, 1.0)) / 2

    def _known(self, part: int) -> float:
        return self._rows_per_bucket.get(part, 1.0)

    def take(self) -> tuple[datetime, datetime, int] | None:
        """Return the next window and its number of buckets, or None after the last."""
        if self._next >= self.buckets:
            return None
        with self._lock:
            most = max(self._rows_per_bucket.values(), default=1.0)
            size = max(1, int(_FILL * self._page_rows / most))
        start = self._next
        self._next = min(start + size, self.buckets)
        first, last = (instant_at(int(self._edges[at])) for at in (start, self._next))
        return first, last, self._next - start
