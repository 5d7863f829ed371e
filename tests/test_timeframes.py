"""Buckets and periods, against calendars walked in plain Python with zoneinfo."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage import timeframes
from falusage.errors import QueryError

MINUTE = timedelta(minutes=1)
STEP = timedelta(minutes=15)  # every clock change on record since 1972 falls on one
EVERY = ("1m", "1h", "1d", "1w", "1mo", "1q", "1y")
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/London",
    "Europe/Lisbon",
    "Africa/Casablanca",
    "Australia/Lord_Howe",  # half-hour shifts
    "America/Sao_Paulo",  # midnights that were skipped
    "Asia/Beirut",
    "America/Santiago",
    "America/Havana",  # midnights that came twice
    "America/Asuncion",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Antarctica/Troll",  # two hours
    "Pacific/Apia",  # a whole day skipped, in 2011
)


def period(moment: datetime, every: str, zone: ZoneInfo) -> tuple[Any, ...]:
    """Name the period that an instant falls in, by zoneinfo."""
    local = moment.astimezone(zone)
    return {
        "1m": (local.replace(tzinfo=None, second=0, microsecond=0), local.utcoffset()),
        "1h": (local.date(), local.hour, local.utcoffset()),
        "1d": (local.date(),),
        "1w": tuple(local.isocalendar())[:2],
        "1mo": (local.year, local.month),
        "1q": (local.year, (local.month - 1) // 3),
        "1y": (local.year,),
    }[every]


@functools.cache
def bounds(moment: datetime, every: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Walk from an instant to both ends of its period."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    step = MINUTE if every == "1m" else STEP
    name = period(moment, every, zone)
    start = moment - (moment - epoch) % step
    end = start + step
    # Long strides first: a period is one run, so that its ends lie where the name changes.
    for stride in (step * 96 * 20, step * 96, step * 4, step):
        while period(start - stride, every, zone) == name:
            start -= stride
        while period(end, every, zone) == name and period(end + stride, every, zone) == name:
            end += stride
    while period(end, every, zone) == name:
        end += step
    return start, end


def spans(moments: list[datetime], every: str, timezone: str) -> list[tuple[datetime, datetime]]:
    """Ask the package for the ends of each instant's period, in UTC."""
    column = pl.Series("at", moments, dtype=pl.Datetime("us", "UTC")).to_frame()
    return (
        column.select(
            start=timeframes.period_start(pl.col("at"), every=every, timezone=timezone),
            end=timeframes.period_end(pl.col("at"), every=every, timezone=timezone),
        )
        .select(pl.all().dt.convert_time_zone("UTC"))
        .rows()
    )


def changes(zone: str, first: int = 2005, last: int = 2027) -> list[datetime]:
    """Return the instants at which a zone's clock changes."""
    at = datetime(first, 1, 1, tzinfo=UTC)
    found: list[datetime] = []
    while at.year < last:
        after = at + timedelta(days=1)
        if (
            at.astimezone(ZoneInfo(zone)).utcoffset()
            != after.astimezone(ZoneInfo(zone)).utcoffset()
        ):
            found += [
                m + STEP
                for m in (at + n * STEP for n in range(96))
                if m.astimezone(ZoneInfo(zone)).utcoffset()
                != (m + STEP).astimezone(ZoneInfo(zone)).utcoffset()
            ]
        at = after
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_periods_around_every_clock_change(zone: str) -> None:
    """Near each change of twenty years, a period is the run that zoneinfo walks."""
    near = [-86400, -5400, -3601, -3600, -1801, -1800, -60, -1, 0, 1, 59, 1800, 3599, 3600, 86399]
    moments = [at + timedelta(seconds=s) for at in changes(zone)[-14:] for s in near]
    moments += [datetime(2011, 12, 30, 9, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=UTC)]
    for every in ("1m", "1h", "1d", "1w", "1mo"):
        expected = [bounds(m, every, ZoneInfo(zone)) for m in moments]
        assert expected == spans(moments, every, zone), every


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1973, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(EVERY),
)
def test_an_instant_falls_in_its_period(zone: str, moment: datetime, every: str) -> None:
    """`floor`, `ceil` and `after` agree with a calendar walked step by step."""
    start, end = bounds(moment, every, ZoneInfo(zone))
    asked = {"every": every, "timezone": zone}

    assert start == timeframes.floor(moment, **asked)
    assert end == timeframes.after(moment, **asked)
    assert (start if start == moment else end) == timeframes.ceil(moment, **asked)
    assert start == timeframes.floor(start, **asked) == timeframes.ceil(start, **asked)
    assert start == timeframes.floor(end - timedelta(microseconds=1), **asked)
    assert {"UTC"} == {timeframes.floor(moment, **asked).tzname(), end.tzname()}


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1973, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(EVERY),
    st.floats(0, 6),
)
def test_boundaries_are_those_that_a_walk_meets(
    zone: str, first: datetime, every: str, periods: float
) -> None:
    """Every boundary in the closed range is given once, ascending, and nothing else."""
    start, end = bounds(first, every, ZoneInfo(zone))
    last = first + (end - start) * periods
    expected: list[datetime] = []
    at = start if start == first else end
    while at <= last:
        expected.append(at)
        at = bounds(at, every, ZoneInfo(zone))[1]

    assert expected == timeframes.boundaries(first, last, every=every, timezone=zone).to_list()


@pytest.mark.parametrize(
    ("zone", "moment", "start", "hours"),
    [
        ("America/New_York", "2025-03-09T12:00Z", "2025-03-09T05:00Z", 23),
        ("America/New_York", "2025-11-02T12:00Z", "2025-11-02T04:00Z", 25),
        ("America/New_York", "2025-06-01T12:00Z", "2025-06-01T04:00Z", 24),
        ("Australia/Lord_Howe", "2025-04-05T20:00Z", "2025-04-05T13:00Z", 24.5),
        ("Australia/Lord_Howe", "2025-10-04T20:00Z", "2025-10-04T13:30Z", 23.5),
        ("America/Sao_Paulo", "2018-11-04T12:00Z", "2018-11-04T03:00Z", 23),
        ("Asia/Beirut", "2024-03-31T12:00Z", "2024-03-30T22:00Z", 23),
        ("America/Havana", "2024-11-03T12:00Z", "2024-11-03T04:00Z", 25),
        ("Asia/Kolkata", "2025-01-15T12:00Z", "2025-01-14T18:30Z", 24),
    ],
)
def test_days_of_note(zone: str, moment: str, start: str, hours: float) -> None:
    """Days of a clock change begin and end where their dates do."""
    asked = {"every": "1d", "timezone": zone}
    at = datetime.fromisoformat(moment)
    first = datetime.fromisoformat(start)

    assert first == timeframes.floor(at, **asked)
    assert first + timedelta(hours=hours) == timeframes.after(at, **asked)


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    """The two 01:30s of an autumn night are an hour apart, though Python calls them equal."""
    zone = ZoneInfo("America/New_York")
    first = datetime(2025, 11, 2, 1, 30, tzinfo=zone)
    second = first.replace(fold=1)
    assert first == second

    asked = {"every": "1h", "timezone": "America/New_York"}
    assert datetime(2025, 11, 2, 5, tzinfo=UTC) == timeframes.floor(first, **asked)
    assert datetime(2025, 11, 2, 6, tzinfo=UTC) == timeframes.floor(second, **asked)
    assert datetime(2025, 11, 2, 7, tzinfo=UTC) == timeframes.after(second, **asked)


def test_a_half_hour_shift_makes_short_hours() -> None:
    """On Lord Howe, 01:30 to 02:00 comes twice: as the end of one hour, and as a short one."""
    edges = timeframes.boundaries(
        datetime(2025, 4, 5, 14, tzinfo=UTC),
        datetime(2025, 4, 5, 16, 30, tzinfo=UTC),
        every="1h",
        timezone="Australia/Lord_Howe",
    )
    assert ["14:00", "15:00", "15:30", "16:30"] == [f"{edge:%H:%M}" for edge in edges]


def test_null_gives_null_and_other_units_are_taken() -> None:
    """Nulls pass through, and instants in milliseconds or in another zone are read as such."""
    at = datetime(2025, 1, 15, 5, tzinfo=UTC)
    column = pl.Series("at", [at, None], dtype=pl.Datetime("ms", "Asia/Tokyo")).to_frame()
    found = column.select(
        timeframes.period_start(pl.col("at"), every="1d", timezone="America/New_York")
    )
    assert pl.Datetime("us", "America/New_York") == found.schema["at"]
    assert [at, None] == found["at"].to_list()


@pytest.mark.parametrize(
    ("span", "timeframe"),
    [
        (timedelta(hours=2) - timedelta(microseconds=1), "minute"),
        (timedelta(hours=2), "hour"),
        (timedelta(days=2) - timedelta(microseconds=1), "hour"),
        (timedelta(days=2), "day"),
        (timedelta(days=64) - timedelta(microseconds=1), "day"),
        (timedelta(days=64), "week"),
        (timedelta(days=183) - timedelta(microseconds=1), "week"),
        (timedelta(days=183), "month"),
        (timedelta(days=3000), "month"),
    ],
)
def test_the_timeframe_follows_from_the_range(span: timedelta, timeframe: str) -> None:
    """The API's bounds are exclusive, to the microsecond."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    assert timeframe == timeframes.auto_timeframe(start, start + span)


def test_an_instant_is_in_utc_whatever_it_was_given_as() -> None:
    """Instants come in UTC, so that comparing and subtracting them is not by wall clocks."""
    newyork = ZoneInfo("America/New_York")
    noon = datetime(2025, 1, 15, 17, tzinfo=UTC)
    for given_as in (
        noon,
        noon.astimezone(newyork),
        noon.astimezone(timezone(timedelta(hours=-3, minutes=-30))),
        "2025-01-15T17:00:00Z",
        "2025-01-15T12:00:00-05:00",
        "2025-01-15 12:00-05:00",
        "2025-01-15T17:00:00.000000+00:00",
    ):
        found = timeframes.instant(given_as, timezone="Asia/Tokyo")
        assert (noon, UTC) == (found, found.tzinfo)


def test_the_second_hour_of_an_autumn_night_is_read_as_the_second() -> None:
    """`fold` tells the two apart, and is heeded."""
    night = datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    first, second = (
        timeframes.instant(night.replace(fold=fold), timezone="UTC") for fold in (0, 1)
    )
    assert timedelta(hours=1) == second - first


@given(st.sampled_from(ZONES), st.dates(date(1973, 1, 1), date(2037, 1, 1)))
def test_a_date_is_its_days_first_instant(zone: str, day: date) -> None:
    """A date, as a date or as text, is where its local day begins."""
    found = timeframes.instant(day, timezone=zone)
    assert found == timeframes.instant(day.isoformat(), timezone=zone)
    local = found.astimezone(ZoneInfo(zone))
    before = (found - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    if (zone, day) != ("Pacific/Apia", date(2011, 12, 30)):  # which never was
        assert (True, day) == (before.date() < day, local.date())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("yesterday", "start 'yesterday' is not ISO 8601; expected '2025-01-15'"),
        ("2025-13-01", "not ISO 8601"),
        ("2025-02-30", "not ISO 8601"),
        ("2025-1-5", "not ISO 8601"),
        ("20250115", "not ISO 8601"),
        ("2025-W03", "not ISO 8601"),
        ("", "not ISO 8601"),
        (" 2025-01-15", "not ISO 8601"),
        ("2025-01-15T", "not ISO 8601"),
        ("2025-01-15T25:00:00Z", "not ISO 8601"),
        ("2025-01-15T05:00:00", "has no UTC offset.*add one, as in '2025-01-15T05:00:00Z'"),
        (datetime(2025, 1, 15, 5), "has no UTC offset"),
        (1736917200, "1736917200 \\(int\\); expected a date, a datetime with an offset"),
        (None, "NoneType"),
        ("1969-12-31", "year 1969; expected 1970 to 9000"),
        ("9999-12-31T23:00:00-05:00", "year 9999"),
        (date(1, 1, 1), "year 1;"),
    ],
)
def test_what_is_no_instant_is_refused_in_words(value: Any, words: str) -> None:
    """The message names the argument, what it was, and what was expected."""
    with pytest.raises(QueryError, match=words) as refused:
        timeframes.instant(value, timezone="UTC", name="start")
    assert str(refused.value).startswith("start ")


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Olympus",
        "",
        "new york",
        "EST5EDT4",
        "../etc/passwd",
        "/etc/passwd",
        "UTC\x00",
        None,
        5,
    ],
)
def test_an_unknown_zone_is_refused_in_words(name: Any) -> None:
    """Names that are no zone, or that look for files, are one error of ours."""
    with pytest.raises(QueryError, match="is not an IANA time zone; expected a name such as"):
        timeframes.zone(name)
