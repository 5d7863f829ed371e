"""Dates, ranges and periods as text, and the dates to mark on an axis.

A mark is always the start of something (a week, a month, a year), never every seventeenth day.
Months are named in English whatever the machine's locale, so that a picture is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, TypeAlias

from falusage.errors import QueryError
from falusage.timeframes import Every, after, boundaries, instant, zone

Moment: TypeAlias = date | datetime | str

_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905  # one a line hides it

_FULL_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

# The shortest of several periods is at most this long, clock changes included.
_LONGEST: Final[tuple[tuple[Every, timedelta], ...]] = (
    ("1h", timedelta(hours=1)),
    ("1d", timedelta(hours=25)),
    ("1w", timedelta(days=7, hours=1)),
    ("1mo", timedelta(days=31, hours=1)),
    ("1q", timedelta(days=92, hours=1)),
)
_EVEN: Final = 1.4
"""Marks are even if no gap is longer than the shortest one times this."""

NOUNS: Final = {
    "1h": "hour",
    "1d": "day",
    "1w": "week",
    "1mo": "month",
    "1q": "quarter",
    "1y": "year",
}

_STARTS: Final[tuple[Callable[[datetime], object], ...]] = (
    lambda at: at,
    lambda at: (at.date(), at.hour // 3),
    lambda at: (at.date(), at.hour // 6),
    lambda at: (at.date(), at.hour // 12),
    lambda at: at.date(),
    lambda at: at.isocalendar()[:2],
    lambda at: (at.year, at.month, at.day >= 15),
    lambda at: (at.toordinal() - 1) // 14,
    lambda at: (at.year, at.month),
    lambda at: (at.year, (at.month - 1) // 3),
    lambda at: at.year,
    lambda at: at.year // 2,
    lambda at: at.year // 5,
    lambda at: at.year // 10,
)


def spacing(periods: Sequence[datetime]) -> Every | None:
    """Return the length of ascending periods, as Polars writes it; None if there is only one.

    >>> from datetime import UTC
    >>> spacing([datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3)])
    '1mo'
    """
    # Aware datetimes of one zone subtract by the wall clock, and a clock change would show.
    steps = [timedelta(seconds=b.timestamp() - a.timestamp()) for a, b in pairwise(periods)]
    if not steps:
        return None
    for every, longest in _LONGEST:
        if min(steps) <= longest:
            return every
    return "1y"


def without_gaps(periods: Sequence[datetime], timezone: str) -> list[datetime]:
    """Return ascending periods, and the periods between them without spend."""
    every = spacing(periods)
    if every is None:  # one period, or none
        return list(periods)
    whole = boundaries(periods[0], periods[-1], every=every, timezone=timezone)
    return sorted({*periods, *whole.dt.convert_time_zone(timezone)}, key=datetime.timestamp)


def span(start: datetime, end: datetime) -> str:
    """Write the range from `start` to `end` (exclusive) with both ends included.

    >>> from datetime import UTC
    >>> span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))
    'Jan – Mar 2025'
    >>> span(datetime(2025, 1, 15, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    '15 – 31 Jan 2025'
    >>> span(datetime(2025, 1, 15, 6, tzinfo=UTC), datetime(2025, 1, 15, 18, tzinfo=UTC))
    '15 Jan 2025 06:00 – 18:00'
    """
    last = end - timedelta(microseconds=1)
    if (start.hour, start.minute, end.hour, end.minute) != (0, 0, 0, 0):
        until = f"{end:%H:%M}" if start.date() == last.date() else f"{day(end)} {end:%H:%M}"
        return f"{day(start)} {start:%H:%M} – {until}"
    if (start.day, end.day) == (1, 1):
        return _joined(start, last, f"{_month(last)} {last.year}", [_month(start)])
    return _joined(start, last, day(last), [str(start.day), _month(start)])


def _joined(start: datetime, last: datetime, whole: str, parts: list[str]) -> str:
    """Write a range; what both ends share (a month, a year) is written once."""
    same_year = start.year == last.year
    same_month = same_year and start.month == last.month
    if same_month and (len(parts) == 1 or start.day == last.day):
        return whole
    if same_month:
        parts = parts[:-1]
    elif not same_year:
        parts = [*parts, str(start.year)]
    return f"{' '.join(parts)} – {whole}"


def range_facts(start: Moment | None, end: Moment | None, timezone: str) -> list[str]:
    """Return the text of a range and its time zone; nothing if neither end is given.

    >>> range_facts("2025-01-01", "2025-02-01", "Asia/Tokyo"), range_facts(None, None, "UTC")
    (['Jan 2025', 'Asia/Tokyo'], [])
    """
    if start is None and end is None:
        return []
    if start is None or end is None:
        raise QueryError("only one of start and end is given; expected both, or neither")
    first = instant(start, timezone=timezone, name="start")
    last = instant(end, timezone=timezone, name="end")
    local = zone(timezone)
    return [span(first.astimezone(local), last.astimezone(local)), timezone]


def covered(periods: Sequence[datetime], timezone: str) -> str:
    """Write the range that ascending periods cover, with all of the last one.

    >>> from zoneinfo import ZoneInfo
    >>> weeks = [datetime(2025, 3, day, tzinfo=ZoneInfo("Europe/Paris")) for day in (3, 10)]
    >>> covered(weeks, "Europe/Paris")
    '3 – 16 Mar 2025'
    """
    every = spacing(periods)
    if every is None:
        return f"from {day(periods[0])}" + (f" {periods[0]:%H:%M}" if periods[0].hour else "")
    end = after(periods[-1], every=every, timezone=timezone)
    return span(periods[0], end.astimezone(periods[0].tzinfo))


def marks(periods: Sequence[datetime], room: int) -> list[int]:
    """Return the places of the periods to mark: at most `room`, each the start of something.

    >>> from datetime import UTC
    >>> days = [datetime(2025, 1, 20, tzinfo=UTC) + timedelta(days=n) for n in range(60)]
    >>> [f"{days[place]:%d.%m}" for place in marks(days, 6)]
    ['01.02', '15.02', '01.03', '15.03']
    """
    for start_of in _STARTS:
        keys = [start_of(at) for at in periods]
        # The first period may be anywhere in its month, too near to the first start.
        places = [n for n in range(1, len(keys)) if keys[n] != keys[n - 1]]
        gaps = [b - a for a, b in pairwise(places)] or [len(keys) // 2]
        if not places or places[0] >= min(gaps):
            places = [0, *places]
        if len(places) <= room and max(gaps) <= _EVEN * min(gaps):
            return places
    return [0]


def mark_labels(marked: Sequence[datetime], every: str | None) -> list[str]:
    r"""Write the text under each mark; the year and the day only where they change.

    >>> from datetime import UTC
    >>> mark_labels([datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)], "1mo")
    ['Dec\n2024', 'Jan\n2025']
    """
    known: list[datetime | None] = [None, *marked]
    return [_mark(at, before, every) for before, at in zip(known[:-1], marked, strict=True)]


def _mark(at: datetime, before: datetime | None, every: str | None) -> str:
    new_year = before is None or before.year != at.year
    year = f"\n{at.year}" if new_year else ""
    if every == "1y":
        return str(at.year)
    if every == "1q":
        return f"Q{(at.month + 2) // 3}{year}"
    if every == "1mo":
        return f"{_month(at)}{year}"
    if every == "1h":
        new_day = before is None or before.date() != at.date()
        return f"{at:%H:%M}" + (f"\n{at.day} {_month(at)}" if new_day else "")
    return f"{at.day} {_month(at)}{year}"


def moment(at: datetime) -> str:
    """Write the start of a period without its year; the time is left out at midnight.

    >>> moment(datetime(2025, 6, 1)), moment(datetime(2025, 6, 1, 9))
    ('1 Jun', '1 Jun 09:00')
    """
    return f"{at.day} {_month(at)}" + (f" {at:%H:%M}" if at.hour or at.minute else "")


def _month(at: date) -> str:
    return _MONTHS[at.month - 1]


def day(at: date) -> str:
    """Write a date with its year; of a datetime, the date.

    >>> day(date(2025, 6, 1))
    '1 Jun 2025'
    """
    return f"{at.day} {_month(at)} {at.year}"


def month_name(at: date) -> str:
    """Write the month of a date in full, with its year.

    >>> month_name(date(2025, 6, 24))
    'June 2025'
    """
    return f"{_FULL_MONTHS[at.month - 1]} {at.year}"


def minute(at: datetime) -> str:
    """Write an instant to the minute, as its clock shows it.

    >>> minute(datetime(2025, 6, 1, 9, 30))
    '2025-06-01 09:30'
    """
    return f"{at:%Y-%m-%d %H:%M}"
