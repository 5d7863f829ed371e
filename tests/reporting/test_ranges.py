"""A report is about a month or a range, and is compared with its like, or says why not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage import Coverage, QueryError
from falusage.reporting._ranges import subject


def at(*day: int) -> datetime:
    """Return an instant of 2025 in UTC."""
    return datetime(2025, *day, tzinfo=UTC)


KNOWN = Coverage(start=at(4, 1), end=at(6, 24))


def asked(known: Coverage = KNOWN, **options: Any) -> tuple[str, tuple[str, str] | None]:
    """Return what a report is about, and its ranges."""
    found = subject(known, timezone="UTC", **options)
    return found.name, None if found.pair is None else found.pair.named


def test_the_month_so_far_is_compared_by_its_days_that_are_over() -> None:
    """23 days of June with 23 of May; a day that may still grow is not among them."""
    assert ("June 2025 so far", ("1 – 23 Jun 2025", "1 – 23 May 2025")) == asked()
    opened = attrs.evolve(KNOWN, closed_until=at(6, 23, 12))
    assert ("June 2025 so far", ("1 – 22 Jun 2025", "1 – 22 May 2025")) == asked(opened)
    assert at(6, 24) == subject(opened, timezone="UTC").end


def test_a_range_that_was_read_too_early_ends_with_that_day() -> None:
    """A load up to the end of June that was read on the 23rd knows nothing of the 24th."""
    early = attrs.evolve(
        KNOWN, end=at(7, 1), closed_until=at(6, 23, 9), read_at=at(6, 23, 9, 30), timeframe="hour"
    )
    found = subject(early, timezone="UTC")
    assert (at(6, 1), at(6, 24)) == (found.start, found.end)
    assert ("June 2025 so far", ("1 – 22 Jun 2025", "1 – 22 May 2025")) == asked(early)


def test_a_month_that_is_over_is_compared_whole() -> None:
    """All of May with all of April, whatever the table has besides."""
    assert ("May 2025", ("May 2025", "Apr 2025")) == asked(month="2025-05")
    may = attrs.evolve(KNOWN, end=at(6, 1), closed_until=at(6, 1))
    assert ("May 2025", ("May 2025", "Apr 2025")) == asked(may)


def test_a_month_that_has_not_begun_is_not_asked_for() -> None:
    """Nobody can load it, so the message does not say so."""
    read = attrs.evolve(KNOWN, read_at=at(6, 24))

    with pytest.raises(QueryError, match=r"July 2025 had not begun when .* 24 Jun 2025; name an"):
        asked(read, month="2025-07")
    with pytest.raises(QueryError, match="1 Apr – 23 Jun 2025 only; name another"):
        asked(read, month="2025-03")


def test_on_the_first_of_a_month_the_last_one_is_meant() -> None:
    """Where no day of the month is over, the month that just ended is reported."""
    morning = attrs.evolve(KNOWN, end=at(6, 1, 9), closed_until=at(6, 1, 9))
    assert "May 2025" == asked(morning)[0]
    assert (
        "No comparison: no day of the month is over yet."
        == subject(morning, timezone="UTC", month="2025-06").otherwise
    )


def test_ranges_that_are_asked_for_are_compared() -> None:
    """A baseline may be a month; without one, a range has the days before it."""
    assert ("June 2025 so far", ("1 – 23 Jun 2025", "Apr 2025")) == asked(baseline="2025-04")
    week = (date(2025, 6, 8), date(2025, 6, 15))
    assert ("8 – 14 Jun 2025", ("8 – 14 Jun 2025", "1 – 7 Jun 2025")) == asked(comparison=week)
    other = ("2025-05-08", "2025-05-10")
    assert ("8 – 9 May 2025", "8 – 14 Jun 2025")[::-1] == (
        asked(comparison=week, baseline=other)[1] or ()
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"month": "2025-04"}, "Mar 2025 was not read. Load it as well"),
        ({"month": "2025-05", "gaps": [(at(4, 3), at(4, 5))]}, "3 – 4 Apr 2025 was not read"),
        ({"baseline": "2025-02"}, "No comparison of 1 – 23 Jun 2025 with Feb 2025"),
        ({"comparison": ("2025-06-20", "2025-06-26")}, "24 – 25 Jun 2025 was not read"),
        ({"known": False, "month": "2025-04"}, "the table has all of 1 Apr – 23 Jun 2025 only"),
    ],
)
def test_what_cannot_be_compared_says_what_is_missing(options: dict[str, Any], said: str) -> None:
    """A missing day would look like a saving, or like a rise."""
    changes = {name: options.pop(name) for name in ("gaps", "known") if name in options}
    found = subject(attrs.evolve(KNOWN, **changes), timezone="UTC", **options)
    assert found.pair is None
    assert said in found.otherwise


@pytest.mark.parametrize(("day", "start"), [(1, 1), (2, 2), (3, 3)])
def test_a_bare_table_may_lack_a_quiet_day(day: int, start: int) -> None:
    """Its first row may be within the first of the month; a day later it is a part of it."""
    bare = Coverage(start=at(5, day, 9), end=at(6, 24), known=False)
    found = subject(bare, timezone="UTC", month="2025-05")
    assert (at(5, 1) if start == 1 else bare.start) == found.start
    assert ("May 2025" == found.name) == (start == 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"month": "2025-08"}, "the table has 1 Apr – 23 Jun 2025 only"),
        ({"month": "June"}, "2025-03"),
        ({"month": "2025-06", "comparison": ("2025-06-01", "2025-06-02")}, "expected one of them"),
        ({"comparison": "2025-06"}, "comparison is '2025-06'; expected its start and its end"),
        ({"baseline": ("2025-05-01",)}, "or as a month, as '2025-05'"),
        ({"baseline": ("2025-05-01", None)}, "as a pair"),
        ({"baseline": ("2025-05-20", "2025-06-02")}, "overlap"),
    ],
)
def test_what_is_rejected(options: dict[str, Any], said: str) -> None:
    """Each message says what was expected."""
    with pytest.raises(QueryError, match=said):
        subject(KNOWN, timezone="UTC", **options)


@given(
    st.dates(min_value=date(2000, 2, 2), max_value=date(2099, 12, 31)),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_both_sides_have_the_same_days(day: date, timezone: str) -> None:
    """Whatever the day and the zone, a month so far and its like start on a first."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
    known = Coverage(start=midnight - timedelta(days=70), end=midnight, timezone=timezone)

    found = subject(known, timezone=timezone)

    assert found.pair is not None
    this = (found.pair.end.date() - found.pair.start.date()).days
    before = (found.pair.before_end.date() - found.pair.before_start.date()).days
    assert found.pair.start.day == found.pair.before_start.day == 1
    assert (day - timedelta(days=1)).replace(day=1) == found.pair.start.date()
    if found.is_over:
        assert 1 == day.day == found.pair.before_end.date().day
    else:
        assert this == before
