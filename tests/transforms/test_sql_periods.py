"""What the calendar for engines promises: the periods of Polars, to the microsecond."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from importlib.resources import files
from typing import get_args
from zoneinfo import available_timezones

import duckdb
import polars as pl
import pytest
from polars.testing import assert_series_equal

from falusage.timeframes import Every, clock_changes, period_start
from falusage.transforms._engines.engines import ENGINES
from falusage.transforms._engines.sql_periods import SINCE, UNTIL, to_number, to_start

ZONES = sorted(available_timezones() - {"Factory", "localtime"})  # places that are none
ODD = (
    "America/New_York",
    "America/St_Johns",  # changed its clocks at one minute past midnight
    "America/Havana",  # skips midnight
    "Asia/Beirut",
    "Africa/Casablanca",  # four changes in some years
    "Africa/Cairo",
    "Antarctica/Troll",  # shifts by two hours
    "Australia/Lord_Howe",  # shifts by half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",  # left out a day
    "Pacific/Chatham",
    "UTC",
)


@functools.cache
def distinct() -> tuple[str, ...]:
    """Return one zone of each content in the database: many zones are one by another name."""
    content = {(files("tzdata") / "zoneinfo" / zone).read_bytes(): zone for zone in ZONES}
    return tuple(content.values())


@functools.cache
def calendar(timezone: str) -> tuple[tuple[int, int], ...]:
    """Return the clock changes that the engines are told of."""
    return clock_changes(timezone, first=SINCE.year - 2, last=UNTIL.year)


def started(moments: pl.Series, *, every: str, timezone: str) -> pl.Series:
    """Give the start of each moment's period, as DuckDB works it out."""
    word = ENGINES["duckdb"]
    rows = duckdb.from_arrow(pl.DataFrame({"moment": moments.to_physical()}).to_arrow())
    steps = [
        *to_number(every, timezone, item=word.item),
        *to_start(every, timezone, item=word.item),
    ]
    for step in steps:
        rows = rows.project(f"{step.format('moment')} AS moment")
    return rows.pl()["moment"].cast(pl.Datetime("us", "UTC"))


def expected(moments: pl.Series, *, every: str, timezone: str) -> pl.Series:
    """Give the same by Polars."""
    start = period_start(pl.col("moment"), every=every, timezone=timezone)
    return moments.alias("moment").to_frame().select(start.dt.convert_time_zone("UTC")).to_series()


def around(timezone: str, *, every: str, others: int = 500) -> pl.Series:
    """Give moments close to every clock change, and others at even distances.

    Minutes and hours since 2012: before, Newfoundland's clocks changed at a minute past midnight,
    and Polars' side of the comparison takes changes to fall on quarter hours.
    """
    since = datetime(2012, 1, 1, tzinfo=UTC) if every in ("1m", "1h") else SINCE
    near = [
        change + step * 60_000_000
        for change, _ in calendar(timezone)
        for step in (-1500, -61, -31, -1, 0, 1, 29, 59, 119, 1500)
    ]
    low, high = (int(edge.timestamp()) * 1_000_000 for edge in (since, UNTIL))
    even = range(low, high, (high - low) // others)
    inside = [moment for moment in (*near, *even, high - 1) if low <= moment < high]
    return pl.Series("moment", inside).cast(pl.Datetime("us", "UTC"))


@pytest.mark.parametrize("every", get_args(Every))
@pytest.mark.parametrize("timezone", ODD)
def test_periods_start_where_they_do_in_polars(timezone: str, every: str) -> None:
    """Beside every clock change of a century, and at five hundred moments between."""
    moments = around(timezone, every=every)
    assert_series_equal(
        expected(moments, every=every, timezone=timezone),
        started(moments, every=every, timezone=timezone),
    )


def offsets(moments: pl.Series, timezone: str) -> pl.Series:
    """Return what the calendar says of moments, by the last change before each."""
    changes = pl.DataFrame(calendar(timezone), schema=["moment", "offset"], orient="row")
    return moments.to_physical().sort().to_frame().join_asof(changes, on="moment")["offset"]


@pytest.mark.slow
def test_the_calendar_of_every_zone_is_that_of_polars() -> None:
    """No zone of the database has a change that the written-out calendar misses."""
    for timezone in distinct():
        moments = around(timezone, every="1d", others=2000)
        local = moments.sort().dt.convert_time_zone(timezone).dt
        offset = (local.base_utc_offset() + local.dst_offset()).to_physical() * 1000
        assert offset.equals(offsets(moments, timezone)), timezone


def rule(timezone: str) -> tuple[object, ...]:
    """Return by which rule a zone will change its clocks, or all its changes if it will not.

    Zones with the same rule differ in their offset, and in what they did before.
    """
    changes = calendar(timezone)
    last = changes[-1][1]
    return tuple((moment + last, offset - last) for moment, offset in changes[-4:])


@pytest.mark.slow
def test_days_start_where_they_do_in_every_zone() -> None:
    """Of each rule of the database, and of each calendar without one."""
    for timezone in {rule(timezone): timezone for timezone in distinct()}.values():
        moments = around(timezone, every="1d", others=100)
        assert_series_equal(
            expected(moments, every="1d", timezone=timezone),
            started(moments, every="1d", timezone=timezone),
        )


def test_clock_changes_are_those_of_the_zone() -> None:
    """Each is the first instant of its offset, as the standard library's zones have it."""
    two = clock_changes("America/New_York", first=2025, last=2025)[1:]
    hours = [(datetime.fromtimestamp(at / 1e6, UTC).isoformat(), off / 3.6e9) for at, off in two]
    assert [("2025-03-09T07:00:00+00:00", -4.0), ("2025-11-02T06:00:00+00:00", -5.0)] == hours
