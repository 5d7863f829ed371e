"""The windows that a range of events is cut into, sized by how many events there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

from falusage.api._event_page import Window

_PAGES: Final = 20
_ROWS: Final = 10_000
"""A window aims at so many pages, or so many events if those are fewer."""

_FILL: Final = 0.92
"""How full a window is aimed at."""

_TOO_MANY: Final = 4
"""A window with so many times the events that it aims at is read again in parts."""

SHORTEST: Final = timedelta(seconds=1)


@dataclass
class Sizes:
    """How long a window is, from how many events the ones before had.

    Attributes:
        page: The most events on a page.
        longest: The longest window that the API takes.
        per_second: How many events there are in a second, as far as is known.
    """

    page: int
    longest: timedelta
    per_second: float | None = None

    @property
    def aim(self) -> int:
        """How many events a window aims at."""
        return max(1, int(_FILL * max(self.page, min(_ROWS, _PAGES * self.page))))

    @property
    def most(self) -> int:
        """How many events a window may have. The first only shows how many events there are."""
        return 1 if self.per_second is None else _TOO_MANY * self.aim

    def length(self) -> timedelta:
        """Return the length of the next window, in whole seconds."""
        if not self.per_second:
            return self.longest
        seconds = min(self.aim / self.per_second, self.longest.total_seconds())
        return max(SHORTEST, timedelta(seconds=int(seconds)))

    def learn(self, pages: Sequence[int], seconds: float, *, is_whole: bool) -> None:
        """Learn from a window, or from the part of it that was read: the events of each page."""
        seen = sum(pages) / max(seconds, 1.0)
        known = self.per_second
        if known is None and not is_whole:
            self.page = max(*pages, 1)  # the server may clamp what was asked for
        if known is None:
            self.per_second = seen
        elif is_whole:
            self.per_second = (known + seen) / 2
        else:
            self.per_second = max(known, seen)


def cut(window: Window, length: timedelta) -> list[Window]:
    """Return the first part of a window, of whole seconds, and the rest if there is one."""
    length = max(SHORTEST, timedelta(seconds=length // timedelta(seconds=1)))
    middle = window.start + length
    if middle >= window.end:
        return [window]
    return [Window(window.start, middle), Window(middle, window.end)]


def parted(window: Window, times: pl.Series) -> list[Window]:
    """Cut a window that is longer than a second where half of the given instants are before.

    Whatever the order in which events come, this is near to where most of them are.
    """
    ordered = times.sort()
    middle = ordered[len(ordered) // 2] if len(ordered) else window.start
    last = window.end - SHORTEST
    return cut(window, min(middle, last) - window.start)
