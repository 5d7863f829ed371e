"""Two clocks: the server's Date and this machine's own. Neither is trusted alone.

The earlier one decides which buckets have ended, so one wrong clock cannot close a bucket that is
still open. If the two differ by more than a few minutes, each load and each sync warns once.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from falusage.errors import ClockSkewWarning, warn

TOLERANCE: Final = timedelta(minutes=5)
"""How far two clocks may differ without a warning."""

_REPLAY: Final = timedelta(days=30)
"""A server on this machine that is further behind was set back on purpose: it replays the past."""


def local_time() -> datetime:
    """Return the time by this machine's clock, in UTC."""
    return datetime.now(UTC)


def earlier(server: datetime | None, local: datetime) -> datetime:
    """Return the earlier of two clocks, or this machine's if the server's is not known."""
    return local if server is None else min(server, local)


@dataclass(frozen=True, slots=True)
class Skew:
    """The times of both clocks at one answer.

    Attributes:
        server: The server's clock, from the answer's Date.
        local: This machine's clock when the answer had arrived.
    """

    server: datetime
    local: datetime

    @property
    def size(self) -> timedelta:
        """How far they differ."""
        return abs(self.server - self.local)

    def is_wrong(self, *, on_this_machine: bool) -> bool:
        """Return whether one of the clocks is wrong.

        A server on this machine has the same clock, unless it was set back. One that is a month
        or more behind replays the past, as an emulator over old usage does.
        """
        if on_this_machine and self.local - self.server > _REPLAY:
            return False
        return self.size > TOLERANCE

    def warn(self) -> None:
        """Warn at the caller's line."""
        side = "ahead of" if self.server > self.local else "behind"
        warn(
            f"the server's clock says {_moment(self.server)}, which is {_length(self.size)} {side} "
            f"this machine's, {_moment(self.local)}; expected at most {_length(TOLERANCE)}. The "
            "earlier one decides which buckets have ended. Set this machine's clock if it is the "
            "wrong one; if not, look for a proxy that answers from a cache or with its own Date",
            ClockSkewWarning,
        )


def larger(one: Skew | None, other: Skew | None) -> Skew | None:
    """Return the larger of two skews."""
    found = [each for each in (one, other) if each is not None]
    return max(found, key=lambda each: each.size, default=None)


@dataclass(slots=True)
class Gathered:
    """The largest skew of several loads, for a single warning."""

    skew: Skew | None = None
    _said: bool = False

    def warn(self) -> None:
        """Warn of the skew, once."""
        if self.skew is not None and not self._said:
            self._said = True
            self.skew.warn()


_GATHERED: Final[ContextVar[Gathered | None]] = ContextVar("falusage_clocks", default=None)


@contextmanager
def gathered() -> Generator[Gathered]:
    """Collect the skews of the loads inside the context, instead of a warning from each."""
    found = Gathered()
    token = _GATHERED.set(found)
    try:
        yield found
    finally:
        _GATHERED.reset(token)


def report(skew: Skew | None, *, on_this_machine: bool) -> None:
    """Warn of a load's skew, or add it to the collected ones."""
    if skew is None or not skew.is_wrong(on_this_machine=on_this_machine):
        return
    collected = _GATHERED.get()
    if collected is None:
        skew.warn()
    else:
        collected.skew = larger(collected.skew, skew)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _length(length: timedelta) -> str:
    """Write a length of time in its largest unit, rounded down.

    >>> _length(timedelta(days=7, minutes=3)), _length(timedelta(minutes=61))
    ('7 days', '1 hour')
    """
    units = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
    name = next((name for name, unit in units.items() if length >= unit), "minute")
    count = length // units.get(name, timedelta(minutes=1))
    return f"{count} {name}{'' if count == 1 else 's'}"
