"""What the emulator puts into which bucket, against calendars walked in plain Python."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.emulator import Emulator
from tests.emulator.asking import ask, items, pages

STEP = timedelta(minutes=15)  # every clock change on record since 1972 falls on one
HOUR = timedelta(hours=1)


def period(moment: datetime, timeframe: str, zone: ZoneInfo) -> tuple[Any, ...]:
    """Name the calendar period of an instant, by zoneinfo."""
    local = moment.astimezone(zone)
    return {
        "hour": (local.date(), local.hour, local.utcoffset()),
        "day": (local.date(),),
        "week": local.isocalendar()[:2],
        "month": (local.year, local.month),
    }[timeframe]


@functools.cache
def bounds(moment: datetime, timeframe: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Walk from an instant to both ends of its period."""
    start = end = moment - (moment - datetime(2020, 1, 1, tzinfo=UTC)) % STEP
    while period(start - STEP, timeframe, zone) == period(moment, timeframe, zone):
        start -= STEP
    while period(end, timeframe, zone) == period(moment, timeframe, zone):
        end += STEP
    return start, end


def hours(start: datetime, count: int, **columns: Any) -> pl.DataFrame:
    """Usage of one cent in each of so many hours of UTC."""
    buckets = [start + n * HOUR for n in range(count)]
    row = {
        "username": "acme",
        "product": "compute",
        "endpoint_id": "b",
        "unit": "second",
        "quantity": 1.0,
        "unit_price": 0.01,
        "cost": 0.01,
        "currency": "USD",
    }
    return pl.DataFrame(
        {"bucket": buckets, "bucket_end": [b + HOUR for b in buckets]}
    ).with_columns(**{name: pl.lit(value) for name, value in {**row, **columns}.items()})


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        (
            "America/New_York",
            "2025-03-08",
            "2025-03-11",
            {
                "2025-03-08T00:00:00-05:00": 24,
                "2025-03-09T00:00:00-05:00": 23,
                "2025-03-10T00:00:00-04:00": 24,
            },
        ),
        (
            "America/New_York",
            "2025-11-01",
            "2025-11-04",
            {
                "2025-11-01T00:00:00-04:00": 24,
                "2025-11-02T00:00:00-04:00": 25,
                "2025-11-03T00:00:00-05:00": 24,
            },
        ),
        (
            "Africa/Cairo",  # midnight itself is skipped
            "2025-04-24",
            "2025-04-26",
            {"2025-04-24T00:00:00+02:00": 24, "2025-04-25T01:00:00+03:00": 23},
        ),
    ],
)
def test_days_of_23_and_25_hours(emulator, *, zone, start, end, expected) -> None:
    """Hours of UTC add up to local days, however long these are; labels carry their offset."""
    emulator.replace(hours(datetime(2025, 1, 1, tzinfo=UTC), 24 * 365))
    found = items(emulator, start=start, end=end, timeframe="day", timezone=zone)
    assert expected == {label: item["quantity"] for label, item in found}
    assert [count / 100 for count in expected.values()] == [item["cost"] for _, item in found]


def test_a_shift_of_half_an_hour(emulator) -> None:
    """In Lord Howe the repeated half hour is a bucket of its own, and so labelled."""
    start = datetime(2025, 4, 5, 14, tzinfo=UTC)
    halves = hours(start, 4).with_columns(bucket_end=pl.col("bucket") + pl.duration(minutes=30))
    later = pl.col("bucket", "bucket_end") + pl.duration(minutes=30)
    emulator.replace(pl.concat([halves, halves.with_columns(later)]))
    found = items(
        emulator,
        start=start.isoformat(),
        end=(start + 3 * HOUR).isoformat(),
        timeframe="hour",
        timezone="Australia/Lord_Howe",
    )
    assert [
        ("2025-04-06T01:00:00+11:00", 2),
        ("2025-04-06T01:30:00+10:30", 1),
        ("2025-04-06T02:00:00+10:30", 2),
        ("2025-04-06T03:00:00+10:30", 2),
    ] == [(label, item["quantity"]) for label, item in found]


def test_weeks_start_on_monday_and_months_on_the_first(emulator) -> None:
    """Both ends are widened to whole weeks or months, across the year's end."""
    emulator.replace(hours(datetime(2024, 11, 1, tzinfo=UTC), 24 * 120))
    asked = {"start": "2024-12-31", "end": "2025-01-07"}
    weeks = items(emulator, **asked, timeframe="week")
    months = items(emulator, **asked, timeframe="month")
    assert [("2024-12-30T00:00:00+00:00", 168), ("2025-01-06T00:00:00+00:00", 168)] == [
        (label, item["quantity"]) for label, item in weeks
    ]
    assert [("2024-12-01T00:00:00+00:00", 744), ("2025-01-01T00:00:00+00:00", 744)] == [
        (label, item["quantity"]) for label, item in months
    ]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("2025-01-01T01:59:59Z", "minute"),
        ("2025-01-01T02:00:00Z", "hour"),
        ("2025-01-02T23:59:59Z", "hour"),
        ("2025-01-03", "day"),
        ("2025-03-05", "day"),
        ("2025-03-06", "week"),
        ("2025-07-02", "week"),
        ("2025-07-03", "month"),
    ],
)
def test_the_timeframe_follows_from_the_range(emulator, end, expected) -> None:
    """Under 2 hours, 2 days, 64 days, 183 days: the label of a late minute tells the bucket."""
    moment = datetime(2025, 1, 1, 1, 30, tzinfo=UTC)
    minute = hours(moment, 1).with_columns(bucket_end=pl.col("bucket") + pl.duration(minutes=1))
    emulator.replace(minute)
    [(label, _)] = items(emulator, start="2025-01-01", end=end)
    labels = {
        "minute": "2025-01-01T01:30:00+00:00",
        "hour": "2025-01-01T01:00:00+00:00",
        "day": "2025-01-01T00:00:00+00:00",
        "week": "2024-12-30T00:00:00+00:00",
        "month": "2025-01-01T00:00:00+00:00",
    }
    assert labels[expected] == label


def test_the_range_is_measured_in_elapsed_time(emulator) -> None:
    """Two days by the clock over a spring shift are 47 hours, so hours; their label tells."""
    emulator.replace(hours(datetime(2025, 3, 9, 12, tzinfo=UTC), 1))
    [(label, _)] = items(
        emulator, start="2025-03-08", end="2025-03-10", timezone="America/New_York"
    )
    assert label == "2025-03-09T08:00:00-04:00"


def test_unbound_ends_cut_inside_buckets(emulator) -> None:
    """Only what starts in [start, end) counts, and the cut bucket keeps its calendar label."""
    emulator.replace(hours(datetime(2025, 1, 1, tzinfo=UTC), 72))
    asked = {"start": "2025-01-01T22:00:00Z", "end": "2025-01-02T03:00:00Z", "timeframe": "day"}
    cut = items(emulator, **asked, bound_to_timeframe="false")
    whole = items(emulator, **asked)
    labels = ["2025-01-01T00:00:00+00:00", "2025-01-02T00:00:00+00:00"]
    assert list(zip(labels, [2, 3], strict=True)) == [(b, i["quantity"]) for b, i in cut]
    assert list(zip(labels, [24, 24], strict=True)) == [(b, i["quantity"]) for b, i in whole]


def test_own_grain_is_served_row_for_row(emulator) -> None:
    """Duplicates stay two items, and costs below the sums' rounding keep their last bit."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows = pl.concat([hours(start, 2), hours(start, 2), hours(start, 1, cost=1e-17)])
    emulator.replace(rows.sample(fraction=1, shuffle=True, seed=1))
    found = items(emulator, start="2025-01-01", end="2025-01-02", timeframe="hour", limit=2)
    assert Counter({0.01: 4, 1e-17: 1}) == Counter(item["cost"] for _, item in found)


def test_a_row_alone_in_its_bucket_keeps_its_last_bit(emulator) -> None:
    """Where there is nothing to add, nothing is rounded: not in a day, not in the summary."""
    emulator.replace(hours(datetime(2025, 1, 1, 7, tzinfo=UTC), 1, cost=1e-17))
    asked = {"start": "2025-01-01", "end": "2025-01-02", "timeframe": "day"}
    [(_, item)] = items(emulator, **asked)
    [whole] = ask(emulator, **asked, expand="summary").json()["summary"]
    assert [1e-17, 1e-17] == [item["cost"], whole["cost"]]


def test_rows_that_reach_over_a_boundary_are_not_merged(emulator) -> None:
    """Hours of UTC cross Kathmandu's, 45 minutes off: each stays an item, where it starts."""
    emulator.replace(pl.concat([hours(datetime(2025, 1, 1, tzinfo=UTC), 1)] * 2))
    found = items(
        emulator,
        start="2025-01-01",
        end="2025-01-02",
        timeframe="hour",
        timezone="Asia/Kathmandu",
    )
    assert [("2025-01-01T05:00:00+05:45", 1.0)] * 2 == [
        (label, item["quantity"]) for label, item in found
    ]


def test_prices_and_extras_keep_items_apart(emulator) -> None:
    """Hours merge into a day only where all but quantity and cost is alike."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    plain, surge = hours(start, 24), hours(start, 24, unit_price=0.02, cost=0.02)
    emulator.replace(
        pl.concat([plain, surge, hours(start, 24)]).with_columns(
            tier=pl.Series(["a"] * 48 + ["b"] * 24)
        )
    )
    found = items(emulator, start="2025-01-01", end="2025-01-02", timeframe="day")
    assert [(0.01, "a", 0.24), (0.01, "b", 0.24), (0.02, "a", 0.48)] == [
        (item["unit_price"], item["tier"], item["cost"]) for _, item in found
    ]


def test_hidden_callers_are_one_item(emulator) -> None:
    """Rows that differ in their caller alone merge when callers are hidden; duplicates do not."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    alice, bob = (hours(start, 1, auth_method=name) for name in ("alice", "bob"))
    emulator.replace(pl.concat([alice, bob, alice]))
    asked = {"start": "2025-01-01", "end": "2025-01-02", "timeframe": "hour"}
    shown = items(emulator, **asked, expand="time_series,auth_method")
    hidden = items(emulator, **asked)
    assert ["alice", "alice", "bob"] == [item["auth_method"] for _, item in shown]
    assert [2.0, 1.0] == [item["quantity"] for _, item in hidden]
    [(_, day)] = items(emulator, **{**asked, "timeframe": "day"})  # starts at the day's, ends not
    assert day["quantity"] == 3.0


@pytest.mark.parametrize(("timeframe", "expected"), [("hour", [1, 1, 1, 1]), ("day", [4])])
def test_without_bucket_end_the_table_tells_its_grain(emulator, timeframe, expected) -> None:
    """Rows that all start a bucket of the asked timeframe are whole ones, else parts."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    emulator.replace(pl.concat([hours(start, 2)] * 2).drop("bucket_end"))
    found = items(emulator, start="2025-01-01", end="2025-01-02", timeframe=timeframe)
    assert expected == [item["quantity"] for _, item in found]


def test_sums_are_exact(emulator) -> None:
    """A hundred thousand tenths are ten thousand, to the last bit, in series and summary."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    emulator.replace(pl.concat([hours(start, 1, cost=0.1)] * 100_000))
    [page] = pages(
        emulator,
        start=start.isoformat(),
        end="2025-01-02",
        timeframe="day",
        expand="time_series,summary",
    )
    assert [10_000.0] * 2 == [
        page["time_series"][0]["results"][0]["cost"],
        page["summary"][0]["cost"],
    ]


LINES = st.tuples(
    st.integers(0, 24 * 70),  # hours after the start of October
    st.sampled_from(["acme", "beta"]),
    st.sampled_from([0.01, 0.02]),
    st.integers(0, 10**6).map(lambda n: n / 1000),
)


@pytest.fixture(scope="module")
def server(nothing):
    """A server for the property, whose examples share it."""
    with Emulator(nothing, page_size=7) as running:
        yield running


@pytest.mark.slow
@given(
    lines=st.lists(LINES, min_size=1, max_size=25),
    zone=st.sampled_from(
        ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
    ),
    timeframe=st.sampled_from(["hour", "day", "week", "month"]),
    window=st.tuples(st.integers(0, 24 * 70 * 4), st.integers(1, 24 * 30 * 4)),
    bound=st.booleans(),
    limit=st.none() | st.integers(1, 9),
)
def test_any_question_is_answered_as_plain_python_does(
    server, *, lines, zone, timeframe, window, bound, limit
) -> None:
    """Which rows count, their buckets, their order and their sums, over all pages."""
    first = datetime(2025, 10, 1, tzinfo=UTC)
    tz = ZoneInfo(zone)
    rows = [(first + hour * HOUR, *rest) for hour, *rest in lines]
    server.replace(
        pl.concat(
            hours(bucket, 1, username=name, unit_price=price, quantity=used, cost=used / 3)
            for bucket, name, price, used in rows
        )
    )
    start = first + window[0] * STEP
    end = start + window[1] * STEP
    low, high = start, end
    if bound:
        low = bounds(start, timeframe, tz)[0]
        below, above = bounds(end, timeframe, tz)
        high = end if below == end else above
    inside = [row for row in rows if low <= row[0] < high]
    merged: dict[tuple[Any, ...], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 2)
    lone: list[tuple[Any, ...]] = []
    for bucket, name, price, used in inside:
        begins, ends = bounds(bucket, timeframe, tz)
        key = (begins, name, price)
        part = (begins < bucket or bucket + HOUR < ends) and bucket + HOUR <= ends
        sums = (Fraction(used), Fraction(used / 3))
        if part:
            merged[key] = [old + new for old, new in zip(merged[key], sums, strict=True)]
        else:
            lone.append((*key, *sums))
    expected = sorted([*lone, *((*key, *sums) for key, sums in merged.items())])

    answered = pages(
        server,
        start=start.isoformat(),
        end=end.isoformat(),
        timezone=zone,
        timeframe=timeframe,
        bound_to_timeframe=str(bound).lower(),
        expand="time_series,summary",
        limit=limit,
    )
    sizes = [sum(len(bucket["results"]) for bucket in page["time_series"]) for page in answered]
    size = min(limit or 7, 7)
    assert all(size == found for found in sizes[:-1])
    found = [
        (bucket["bucket"], item["username"], item["unit_price"], item["quantity"], item["cost"])
        for page in answered
        for bucket in page["time_series"]
        for item in bucket["results"]
    ]
    assert [line[:3] for line in expected] == [
        (datetime.fromisoformat(label).astimezone(UTC), *rest) for label, *rest, _, _ in found
    ]
    assert all(
        datetime.fromisoformat(label).astimezone(tz).isoformat() == label for label, *_ in found
    )
    for want, got in zip(
        sorted(expected),
        sorted(found, key=lambda f: (datetime.fromisoformat(f[0]), *f[1:])),
        strict=True,
    ):
        assert [float(number) for number in want[3:]] == pytest.approx(got[3:], abs=1e-11)
    totals: dict[tuple[str, float], Fraction] = defaultdict(Fraction)
    for _, name, price, used in inside:
        totals[name, price] += Fraction(used)
    assert [
        (*key, pytest.approx(float(sum_), abs=1e-11)) for key, sum_ in sorted(totals.items())
    ] == [
        (item["username"], item["unit_price"], item["quantity"]) for item in answered[-1]["summary"]
    ]
