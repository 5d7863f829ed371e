"""A range cut into windows of whole buckets, so that one page usually answers one window.

Then no cursor is followed and no page can shift, and windows are fetched in parallel. The first
answers show how many rows a page has, how many a bucket, and how much that varies; later ones
correct this, because usage grows. A window that does not fit on its page costs a second request,
and one that leaves room costs a part of one, so a window is aimed lower the more buckets vary.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np

from falusage.api.query import UsageQuery, edges, instant_at, microseconds

_ROOM: Final = 2.5
"""How many mean errors of the expected number of rows a page has room for."""

_MOST_ROOM: Final = 0.08
"""The largest part of a page to leave. Where usage has a rhythm, more would cost more requests."""

_SPILT: Final = 0.03
"""The mean error after a window that did not fit, at least."""

_LESSON: Final = 0.2
"""The weight of one window in the mean error."""


class Windows:
    """Returns windows, first to last, sized by what is known at the time."""

    def __init__(self, query: UsageQuery) -> None:
        self._edges = edges(query)
        self._next = 0
        self._page_rows = 1
        self._rows_per_bucket: dict[int, float] = {}
        self._error = 0.0
        self._lock = threading.Lock()

    @property
    def buckets(self) -> int:
        """The number of buckets in the range."""
        return len(self._edges) - 1

    @property
    def page_rows(self) -> int:
        """The most rows that a page has had; one before any is known."""
        return self._page_rows

    def learn_from_first_page(self, *, counts: Mapping[datetime, int], part: int = 0) -> None:
        """Learn from the first page of a range that does not fit on one; see `learn`.

        Args:
            counts: The buckets on the page, in order, each with the number of its rows.
            part: As for `learn`.
        """
        rows = sum(counts.values())
        reached = 1
        if counts:
            after = np.searchsorted(self._edges, microseconds(max(counts)), side="right")
            # The first bucket may begin before a range that is not bound to its timeframe.
            reached = min(max(1, int(after)), self.buckets)
        self._page_rows = max(self._page_rows, rows)
        # The page may end inside its last bucket, and buckets without rows are not on it.
        whole = np.array([*counts.values()][:-1] + [0] * (reached - len(counts)), float)
        mean = float(whole.mean()) if whole.any() else rows / reached
        self._rows_per_bucket[part] = max(self._known(part), mean)
        if whole.any():
            self._error = max(self._error, float(whole.std()) / mean / len(whole) ** 0.5)

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
            self._error += _LESSON * (abs(seen / known - 1.0) - self._error)
            if pages > 1:
                self._rows_per_bucket[part] = max(seen, known)
                self._error = max(self._error, _SPILT)
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
            full = 1.0 - min(_MOST_ROOM, _ROOM * self._error)
            size = max(1, int(full * self._page_rows / most))
        start = self._next
        self._next = min(start + size, self.buckets)
        first, last = (instant_at(int(self._edges[at])) for at in (start, self._next))
        return first, last, self._next - start
