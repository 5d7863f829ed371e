from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage._wording.dates import (
    covered,
    mark_labels,
    marks,
    spacing,
    span,
    without_gaps,
)
from falusage.timeframes import boundaries

NEW_YORK = ZoneInfo("America/New_York")


def periods(start: datetime, end: datetime, every: str) -> list[datetime]:
    """Give the period boundaries in a range, in New York."""
    whole = boundaries(start, end, every=every, timezone="America/New_York")
    return whole.dt.convert_time_zone("America/New_York").to_list()


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([("1h", 0.3), ("1d", 9), ("1w", 40), ("1mo", 200), ("1q", 800), ("1y", 2200)]),
)
def test_the_length_of_periods_is_found(start: datetime, step: tuple[str, float]) -> None:
    """The step is found whatever clock changes lie between."""
    every, days = step
    assert every == spacing(periods(start, start + timedelta(days=days), every))


def test_one_period_has_no_step() -> None:
    """A single period does not say how long it is, and the title does not guess."""
    alone = [datetime(2025, 3, 1, tzinfo=NEW_YORK)]
    assert spacing(alone) is None
    assert covered(alone, "America/New_York") == "from 1 Mar 2025"
    assert without_gaps(alone, "America/New_York") == alone


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-01-01", "2025-02-01", "Jan 2025"),
        ("2025-01-01", "2025-04-01", "Jan – Mar 2025"),
        ("2024-11-01", "2025-04-01", "Nov 2024 – Mar 2025"),
        ("2025-01-15", "2025-01-16", "15 Jan 2025"),
        ("2025-01-15", "2025-01-17", "15 – 16 Jan 2025"),
        ("2025-01-15", "2025-03-02", "15 Jan – 1 Mar 2025"),
        ("2024-12-30", "2025-01-06", "30 Dec 2024 – 5 Jan 2025"),
        ("2025-01-15T06:00", "2025-01-16T00:00", "15 Jan 2025 06:00 – 00:00"),
        ("2025-01-15T06:00", "2025-01-16T12:00", "15 Jan 2025 06:00 – 16 Jan 2025 12:00"),
    ],
)
def test_span(start: str, end: str, expected: str) -> None:
    """A range is said with both ends included, and nothing twice."""
    first, last = (datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in (start, end))
    assert expected == span(first, last)


def test_gaps_are_filled() -> None:
    """A day on which nothing was spent is a day all the same, through a clock change."""
    days = [datetime(2025, 3, day, tzinfo=NEW_YORK) for day in (7, 8, 11)]
    expected = [datetime(2025, 3, day, tzinfo=NEW_YORK) for day in (7, 8, 9, 10, 11)]
    assert expected == without_gaps(days, "America/New_York")


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([("1h", 4), ("1d", 120), ("1w", 700), ("1mo", 2000), ("1y", 20000)]),
    st.integers(3, 20),
)
def test_marks_fit_and_stand_evenly(start: datetime, step: tuple[str, float], room: int) -> None:
    """Marks are no more than fit, ascend, and no gap is half as long again as another."""
    every, days = step
    places = marks(periods(start, start + timedelta(days=days), every), room)
    assert 1 <= len(places) <= room
    gaps = [b - a for a, b in pairwise(places)]
    assert all(gap > 0 for gap in gaps)
    inner = gaps[1:] or [1]
    assert max(inner) <= 1.5 * min(inner)


@pytest.mark.parametrize(
    ("every", "marked", "expected"),
    [
        ("1y", ["2024-01-01", "2025-01-01"], ["2024", "2025"]),
        ("1q", ["2024-10-01", "2025-01-01"], ["Q4\n2024", "Q1\n2025"]),
        ("1mo", ["2025-01-01", "2025-02-01"], ["Jan\n2025", "Feb"]),
        ("1d", ["2025-01-31", "2025-02-01"], ["31 Jan\n2025", "1 Feb"]),
        ("1h", ["2025-01-31T18:00", "2025-02-01"], ["18:00\n31 Jan", "00:00\n1 Feb"]),
    ],
)
def test_mark_labels(every: str, marked: list[str], expected: list[str]) -> None:
    """A mark names its period in the fewest words, the year or the day where it changes."""
    at = [datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in marked]
    assert expected == mark_labels(at, every)
