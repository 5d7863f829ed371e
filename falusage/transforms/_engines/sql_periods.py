"""Periods as whole numbers, in the SQL that engines share.

An engine has one time zone for a whole session, from a database of its own. So a zone is written
out as the moments at which its clock changes in Polars, and a period is numbered by plain
arithmetic: minutes and hours by the instant at which they start, days and weeks by the days since
March 1900, and longer periods by the months since January 1900.

A number is computed in steps, each the SQL of the next number from the last one, `{0}`. Each must
be a projection of its own: a plan repeats the whole of what a projection uses twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from falusage.timeframes import clock_changes

SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)
UNTIL: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""Between these, clock changes are written out, and every fourth year has a leap day."""

_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR
_CLOCK: Final = {"1m": _HOUR // 60, "1h": _HOUR}
_MONTHS: Final = {"1mo": 1, "1q": 3, "1y": 12}
_EPOCH: Final = 25_508
"""The days from March 1, 1900, to 1970. Where years start in March, a leap day ends its year."""
_LEAP: Final = 1461
"""The days of four years."""
_WIDE: Final = 128 * _DAY
_NEVER: Final = 2**62


def to_number(every: str, timezone: str, *, item: str) -> list[str]:
    """Return the steps from an instant, in microseconds from 1970, to the number of its period.

    Args:
        every: One of `Every`.
        timezone: The IANA zone whose clock and calendar the periods follow.
        item: The engine's SQL for the item `{1}`, counted from 1, of the list `{0}`.

    >>> to_number("1w", "Asia/Tokyo", item="list_extract([{0}], {1})")[0::3]
    ['{0} + 32400000000', '{0} - ({0} + 3) % 7']
    """
    zone = _Zone.from_name(timezone, item)
    if every in _CLOCK:
        length = _CLOCK[every]
        return [f"greatest({{0}} - ({{0}} + {zone.offset}) % {length}, {zone.since})"]
    days = [
        f"{{0}} + {zone.offset}",
        f"{{0}} - {{0}} % {_DAY}",
        _whole(f"{{0}} / {_DAY}") + f" + {_EPOCH}",
    ]
    if every == "1d":
        return days
    if every == "1w":  # March 1, 1900, was a Thursday
        return [*days, "{0} - ({0} + 3) % 7"]
    year, day = _whole(f"{{0}} / {_LEAP}"), _whole(f"{{0}} % {_LEAP} / 4")
    return [
        *days,
        "{0} * 4 + 3",
        # Five months from March have 153 days; each month is its share of them, rounded.
        f"{year} * 12 + {_whole(f'({day} * 5 + 2) / 153')} + 2",
        f"{{0}} - {{0}} % {_MONTHS[every]}",
    ]


def to_start(every: str, timezone: str, *, item: str) -> list[str]:
    """Return the steps from a period's number to the instant at which it starts."""
    if every in _CLOCK:
        return []
    year, month = _whole("{0} / 12"), "{0} % 12"
    days = [
        "{0} - 2",
        f"{_whole(f'{year} * {_LEAP} / 4')} + {_whole(f'({month} * 153 + 2) / 5')}",
    ]
    wall = _Zone.from_name(timezone, item, on_the_wall=True)
    return [
        *(days if every in _MONTHS else []),
        f"({{0}} - {_EPOCH}) * {_DAY}",
        # The first instant at which the zone's clocks show that midnight, or have skipped it.
        f"greatest({{0}} - {wall.offset}, {wall.since})",
    ]


def _whole(fraction: str) -> str:
    return f"CAST(floor({fraction}) AS BIGINT)"


@dataclass(frozen=True, slots=True)
class _Zone:
    """A zone's offset at `{0}` and since when it applies, as SQL."""

    offset: str
    since: str

    @classmethod
    def from_name(cls, timezone: str, item: str, *, on_the_wall: bool = False) -> _Zone:
        # The year that holds the first bucket may have begun, on another clock, a year before it.
        changes = clock_changes(timezone, first=SINCE.year - 2, last=UNTIL.year)
        moments, offsets = zip(*changes, strict=True)
        if len(changes) == 1:
            return cls(str(offsets[0]), str(moments[0]))
        shown = zip(moments, (offsets[0], *offsets), strict=False)
        at = _last(
            # What the clocks show when they are about to be changed.
            [moment + before for moment, before in shown] if on_the_wall else moments,
            item,
        )
        return cls(item.format(_listed(offsets), at), item.format(_listed(moments), at))


def _last(moments: Sequence[int], item: str) -> str:
    """Return the place in `moments`, from 1, of the last that is not after `{0}`.

    Time is divided into cells of at most one moment each, and `{0}` falls in one of them.
    """
    width = _WIDE
    while len({moment // width for moment in moments}) < len(moments):
        width //= 2
    first = moments[0] // width
    cells = range(first, moments[-1] // width + 2)
    passed = [max(1, bisect_left(moments, cell * width)) for cell in cells]
    cell = f"{_whole(f'({{0}} - {first * width}) / {width}')} + 1"
    known = item.format(_listed(passed), f"least(greatest({cell}, 1), {len(passed)})")
    following = item.format(_listed([*moments[1:], _NEVER]), known)
    return f"{known} + CASE WHEN {{0}} < {following} THEN 0 ELSE 1 END"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
