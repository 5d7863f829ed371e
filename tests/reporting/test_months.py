"""The month so far is compared with as many days of the month before, and with nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.errors import AlignmentError
from falusage.reporting._months import month_so_far, months

CLOSED = datetime(2025, 6, 11, tzinfo=UTC)


def table(usage: pl.DataFrame, closed_until: datetime = CLOSED, timezone: str = "UTC") -> list[str]:
    """Return the lines that compare the month so far."""
    return month_so_far(usage, months(closed_until, timezone=timezone), timezone=timezone)


def test_equal_days_are_compared(usage: pl.DataFrame) -> None:
    """Ten days of June stand against ten of May; the 100 of 31 May are in neither."""
    lines = table(usage)

    assert [
        "team       1 – 10 Jun 2025  1 – 10 May 2025  change",
        "ads              30.00 USD        20.00 USD  +50.0%",
        "labs             30.00 USD        20.00 USD  +50.0%",
        "all teams        60.00 USD        40.00 USD  +50.0%",
        "",
        "paris            30.00 EUR        20.00 EUR  +50.0%",
    ] == lines


def test_days_are_those_of_the_zone(usage: pl.DataFrame) -> None:
    """In New York the same days begin four hours later."""
    later = usage.with_columns(pl.col("bucket", "bucket_end").dt.offset_by("4h"))
    hours = timedelta(hours=4)

    lines = table(later, CLOSED + hours, "America/New_York")

    assert table(usage) == lines


def test_a_day_that_is_not_over_does_not_count(usage: pl.DataFrame) -> None:
    """Buckets that may still grow are left out, with their like of the month before."""
    noon = datetime(2025, 6, 10, 12, tzinfo=UTC)

    lines = table(usage, noon)

    assert "1 – 9 Jun 2025" in lines[0]
    assert "27.00 USD" in lines[1]


def test_on_the_first_of_a_month_the_last_one_is_meant() -> None:
    """Where no day of the month is over, the month that just ended is compared."""
    found = months(datetime(2025, 6, 1, 9, tzinfo=UTC), timezone="UTC")

    assert (datetime(2025, 5, 1, tzinfo=UTC), 30) == (found.start, found.days)


@given(
    st.dates(min_value=date(2000, 1, 2), max_value=date(2099, 12, 31)),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_both_sides_have_the_same_days(day: date, timezone: str) -> None:
    """Whatever the day and the zone, both sides start on a first and have as many days."""
    zone = ZoneInfo(timezone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)

    found = months(midnight, timezone=timezone)

    this = (found.end.date() - found.start.date()).days
    before = (found.before_end.date() - found.before_start.date()).days
    assert this == before == found.days
    assert found.start.day == found.before_start.day == 1
    assert (day - timedelta(days=1)).replace(day=1) == found.start.date()
    assert (found.start.date() - timedelta(days=1)).replace(day=1) == found.before_start.date()


def test_without_an_earlier_range_nothing_is_compared(usage: pl.DataFrame) -> None:
    """A month before that is not whole would make every change a rise."""
    (line,) = month_so_far(usage, None, timezone="UTC")

    assert line.startswith("No comparison: the table does not have all of the same days")


def test_a_bucket_over_midnight_is_refused(usage: pl.DataFrame) -> None:
    """Days of UTC cannot be cut into days of New York."""
    with pytest.raises(AlignmentError):
        table(usage, timezone="America/New_York")


def test_from_nothing_there_is_no_change(usage: pl.DataFrame) -> None:
    """A team that is new this month has no relative change."""
    june = usage.filter(pl.col("bucket") >= datetime(2025, 6, 1, tzinfo=UTC))

    lines = table(june)

    assert lines[1].split() == ["ads", "30.00", "USD", "0.00", "USD", "-"]
