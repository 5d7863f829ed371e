"""How periods are named in a title and under an axis.

The step between periods, their span in words, and which of them are marked so that marks have
room: always the start of something (a week, a month, a year), never every seventeenth day. Months
are named in English whatever the machine's locale, so that a picture is the same everywhere.
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

# The longest that the shortest of several periods can be, clock changes included.
_LONGEST: Final[tuple[tuple[Every, timedelta], ...]] = (
    ("1h", timedelta(hours=1)),
    ("1d", timedelta(hours=25)),
    ("1w", timedelta(days=7, hours=1)),
    ("1mo", timedelta(days=31, hours=1)),
    ("1q", timedelta(days=92, hours=1)),
)
_EVEN: Final = 1.4
"""Marks stand evenly when no gap is longer than the shortest by more than this factor."""

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


def every_of(periods: Sequence[datetime]) -> Every | None:
    """Give the step of ascending periods, in Polars' word; None where there is only one.

    >>> from datetime import UTC
    >>> every_of([datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3)])
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
    """Give ascending periods with those between them in which nothing was spent."""
    every = every_of(periods)
    if every is None:  # one period, or none
        return list(periods)
    whole = boundaries(periods[0], periods[-1], every=every, timezone=timezone)
    return sorted({*periods, *whole.dt.convert_time_zone(timezone)}, key=datetime.timestamp)


def span(start: datetime, end: datetime) -> str:
    """Write the range from `start` to `end`, exclusive, as people say it: both ends included.

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
        until = f"{end:%H:%M}" if start.date() == last.date() else f"{_day(end)} {end:%H:%M}"
        return f"{_day(start)} {start:%H:%M} – {until}"
    if (start.day, end.day) == (1, 1):
        return _joined(start, last, f"{_month(last)} {last.year}", [_month(start)])
    return _joined(start, last, _day(last), [str(start.day), _month(start)])


def _joined(start: datetime, last: datetime, whole: str, parts: list[str]) -> str:
    """Write a range without saying twice what its two ends share."""
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
    """Give the range and the zone of a frame that does not carry them, as users write them.

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
    """Write the range that ascending periods cover, the last one in full.

    >>> from zoneinfo import ZoneInfo
    >>> weeks = [datetime(2025, 3, day, tzinfo=ZoneInfo("Europe/Paris")) for day in (3, 10)]
    >>> covered(weeks, "Europe/Paris")
    '3 – 16 Mar 2025'
    """
    every = every_of(periods)
    if every is None:
        return f"from {_day(periods[0])}" + (f" {periods[0]:%H:%M}" if periods[0].hour else "")
    end = after(periods[-1], every=every, timezone=timezone)
    return span(periods[0], end.astimezone(periods[0].tzinfo))


def marks(periods: Sequence[datetime], room: int) -> list[int]:
    """Give the places of the periods to mark: at most `room`, each the first of something.

    >>> from datetime import UTC
    >>> days = [datetime(2025, 1, 20, tzinfo=UTC) + timedelta(days=n) for n in range(60)]
    >>> [f"{days[place]:%d.%m}" for place in marks(days, 6)]
    ['01.02', '15.02', '01.03', '15.03']
    """
    for start_of in _STARTS:
        keys = [start_of(at) for at in periods]
        # The first period may lie anywhere in its month, too near to the first one that starts.
        places = [n for n in range(1, len(keys)) if keys[n] != keys[n - 1]]
        gaps = [b - a for a, b in pairwise(places)] or [len(keys) // 2]
        if not places or places[0] >= min(gaps):
            places = [0, *places]
        if len(places) <= room and max(gaps) <= _EVEN * min(gaps):
            return places
    return [0]


def mark_labels(marked: Sequence[datetime], every: str | None) -> list[str]:
    r"""Write the text under each mark, saying the year and the day only where they change.

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
    """Write one period's start, without its year: a date at midnight, else with the hour.

    >>> moment(datetime(2025, 6, 1)), moment(datetime(2025, 6, 1, 9))
    ('1 Jun', '1 Jun 09:00')
    """
    return f"{at.day} {_month(at)}" + (f" {at:%H:%M}" if at.hour or at.minute else "")


def _month(at: datetime) -> str:
    return _MONTHS[at.month - 1]


def _day(at: datetime) -> str:
    return f"{at.day} {_month(at)} {at.year}"
