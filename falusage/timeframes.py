"""Calendar arithmetic: the bucket or period of an instant, and its start and end.

A period of a day or longer consists of local dates. It starts at local midnight or, if a clock
change skips midnight, at the first instant after it; a day may last 23 or 25 hours. An hour or a
minute is one wall-clock hour or minute at one UTC offset: an hour that a clock change repeats is
two hours, and a half-hour shift makes short ones. All other rooms use this module, so that
buckets, windows and periods agree to the microsecond.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from falusage._suggestions import did_you_mean
from falusage.contract import Timeframe
from falusage.errors import QueryError

Every = Literal["1m", "1h", "1d", "1w", "1mo", "1q", "1y"]

EVERY: Final[dict[Timeframe, Every]] = {
    "minute": "1m",
    "hour": "1h",
    "day": "1d",
    "week": "1w",
    "month": "1mo",
}
USUAL_LENGTH: Final = {
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
    "1mo": timedelta(days=30),
    "1q": timedelta(days=91),
    "1y": timedelta(days=365),
}
"""About how long each period lasts; clock changes and months make it vary."""

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_CLOCK: Final = {"1m": 1, "1h": 60}
_AUTO: Final[tuple[tuple[timedelta, Timeframe], ...]] = (
    (timedelta(hours=2), "minute"),
    (timedelta(days=2), "hour"),
    (timedelta(days=64), "day"),
    (timedelta(days=183), "week"),
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9000
_TICK: Final = pl.duration(microseconds=1)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


def auto_timeframe(start: datetime, end: datetime) -> Timeframe:
    """Return the timeframe that the API uses for a range if the query has none.

    >>> auto_timeframe(datetime(2025, 1, 1), datetime(2025, 1, 31))
    'day'
    """
    for bound, timeframe in _AUTO:
        if end - start < bound:
            return timeframe
    return "month"


@functools.lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name, or raise `QueryError`."""
    try:
        found = ZoneInfo(name)
        pl.Series([datetime(2025, 1, 1)]).dt.replace_time_zone(name, ambiguous="earliest")
    except (ValueError, TypeError, OSError, KeyError, pl.exceptions.PolarsError) as error:
        raise QueryError(
            f"timezone {name!r} is not an IANA time zone; "
            "expected a name such as 'UTC' or 'America/New_York'."
            f"{did_you_mean(name, _places())}"
        ) from error
    return found


def _places() -> list[str]:
    """Return the zones to suggest, without `Etc/…`: `Etc/GMT+2` is two hours behind UTC."""
    named = (name for name in available_timezones() if "/" in name and name[:4] != "Etc/")
    return ["UTC", *sorted(named)]


def instant(value: date | datetime | str, *, timezone: str, name: str = "instant") -> datetime:
    """Read a date, an aware datetime or ISO 8601 text as an instant, in UTC.

    The result is in UTC, because Python compares two datetimes of the same other zone by their wall
    clocks. A date means the day's first instant in `timezone`.

    Raises:
        QueryError: A datetime has no offset, the year is out of range, or the value is of another
            kind.

    >>> instant("2025-01-15", timezone="America/New_York").isoformat()
    '2025-01-15T05:00:00+00:00'
    >>> instant("2025-01-15T05:00:00Z", timezone="UTC").isoformat()
    '2025-01-15T05:00:00+00:00'
    """
    tz = zone(timezone)
    parsed: date | datetime
    if isinstance(value, str):
        parsed = _parse(value, name)
    elif isinstance(value, date):
        parsed = value
    else:
        raise QueryError(
            f"{name} is {value!r} ({type(value).__name__}); "
            "expected a date, a datetime with an offset, or ISO 8601 text"
        )
    if not _FIRST_YEAR <= parsed.year <= _LAST_YEAR:
        raise QueryError(
            f"{name} is in the year {parsed.year}; expected {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    if not isinstance(parsed, datetime):
        noon = datetime(parsed.year, parsed.month, parsed.day, 12, tzinfo=tz)
        return floor(noon, every="1d", timezone=timezone)
    if parsed.utcoffset() is None:
        raise QueryError(
            f"{name} {str(value)!r} has no UTC offset, so it is a different instant in every "
            f"zone; add one, as in '{parsed.isoformat()}Z', or give a date"
        )
    return parsed.astimezone(UTC)


def _parse(text: str, name: str) -> date | datetime:
    problem: ValueError | None = None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE.match(text):
            return datetime.fromisoformat(text)
    except ValueError as error:
        problem = error
    raise QueryError(
        f"{name} {text!r} is not ISO 8601; expected '2025-01-15' or '2025-01-15T05:00:00Z'"
        + (f" ({problem})" if problem else "")
    ) from problem


def month_span(month: str, *, timezone: str) -> tuple[datetime, datetime]:
    """Return the start and end, exclusive, of a month written as `"2025-03"`, in UTC.

    Raises:
        QueryError: The text has another form.
    """
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise QueryError(f"month is {month!r}; expected a year and a month, as '2025-03'")
    start = instant(f"{month}-01", timezone=timezone, name="month")
    return start, after(start, every="1mo", timezone=timezone).astimezone(UTC)


def period_start(instants: pl.Expr, *, every: str, timezone: str) -> pl.Expr:
    """Return the start of each instant's period, as a Datetime in `timezone`.

    Args:
        instants: Datetimes with a time zone; null gives null.
        every: One of `Every`. Weeks start on Monday.
        timezone: The IANA zone whose clock and calendar to use.
    """
    local = instants.dt.cast_time_unit("us").dt.convert_time_zone(timezone)
    if timezone == "UTC":  # no clock change to look for
        return local.dt.truncate(every)
    if every in _CLOCK:
        minutes = _CLOCK[every]
        offset = _offset(local)
        naive = local.dt.replace_time_zone(None).dt.truncate(every)
        at = (naive - offset).dt.replace_time_zone("UTC").dt.convert_time_zone(timezone)
        return _first_with_offset(at, offset, steps=range(0, minutes, min(15, minutes)))
    return _local_to_instant(local.dt.replace_time_zone(None).dt.truncate(every), timezone)


def period_end(instants: pl.Expr, *, every: str, timezone: str) -> pl.Expr:
    """Return the end, exclusive, of each instant's period; see `period_start`."""
    local = instants.dt.cast_time_unit("us").dt.convert_time_zone(timezone)
    if timezone == "UTC":
        return local.dt.truncate(every).dt.offset_by(every)
    if every in _CLOCK:
        minutes = _CLOCK[every]
        offset = _offset(local)
        naive = local.dt.replace_time_zone(None).dt.truncate(every)
        at = (naive - offset).dt.replace_time_zone("UTC").dt.convert_time_zone(timezone)
        ends = [
            pl.when((_offset(end - _TICK) == offset) & (end > local)).then(end)
            for step in range(minutes, 0, -min(15, minutes))
            for end in [at + pl.duration(minutes=step)]
        ]
        return pl.coalesce(*ends)
    naive = local.dt.replace_time_zone(None).dt.truncate(every)
    return _local_to_instant(naive.dt.offset_by(every), timezone)


def _offset(local: pl.Expr) -> pl.Expr:
    return (local.dt.base_utc_offset() + local.dt.dst_offset()).dt.cast_time_unit("us")


def _first_with_offset(at: pl.Expr, offset: pl.Expr, *, steps: range) -> pl.Expr:
    # Clock changes fall on quarter hours of UTC, so one of the steps is the change itself.
    moments = [at + pl.duration(minutes=step) for step in steps]
    return pl.coalesce(*(pl.when(_offset(m) == offset).then(m) for m in moments))


def _local_to_instant(naive: pl.Expr, timezone: str) -> pl.Expr:
    at = naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    # If a clock change skips midnight: the first instant after the day before.
    before = (naive - _TICK).dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
    return pl.coalesce(at, before + _TICK)


@functools.lru_cache(maxsize=64)
def clock_changes(timezone: str, *, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Return a zone's UTC offsets from the year `first` to `last`: pairs of start and offset.

    Both are in microseconds; the first pair starts before `first`. Other engines, such as DuckDB,
    use it to convert times exactly as Polars does.

    >>> clock_changes("Asia/Kolkata", first=2020, last=2030)
    ((1577750400000000, 19800000000),)
    """
    begin, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    offset = _offset(pl.col("at").dt.convert_time_zone(timezone))
    known = pl.select(
        at=pl.datetime_range(begin - _DAY, end + _DAY, interval="1d", time_unit="us")
    ).with_columns(offset=offset)
    # A day in which the offset changes is searched by the hour, and that hour by the minute.
    for step, finer in ((_DAY, "1h"), (_HOUR, "1m")):
        changed = known.filter(pl.col("offset") != pl.col("offset").shift(1))
        between = pl.datetime_ranges(pl.col("at") - step, "at", interval=finer, time_unit="us")
        near = changed.select(at=between).explode("at", empty_as_null=False)
        known = pl.concat([known.head(1).select("at"), near]).with_columns(offset=offset)
    found = known.filter(pl.col("offset").ne_missing(pl.col("offset").shift(1)))
    return tuple(found.select(pl.all().to_physical()).rows())


@functools.lru_cache(maxsize=4096)
def _start(moment: datetime, every: str, timezone: str) -> datetime:
    literal = pl.lit(moment, dtype=pl.Datetime("us", "UTC"))
    start = period_start(literal, every=every, timezone=timezone)
    return pl.select(start.dt.convert_time_zone("UTC")).item()


@functools.lru_cache(maxsize=4096)
def _end(moment: datetime, every: str, timezone: str) -> datetime:
    literal = pl.lit(moment, dtype=pl.Datetime("us", "UTC"))
    end = period_end(literal, every=every, timezone=timezone)
    return pl.select(end.dt.convert_time_zone("UTC")).item()


def floor(moment: datetime, *, every: str, timezone: str) -> datetime:
    """Return the start, in UTC, of an aware datetime's period."""
    # The cache needs UTC: in a local zone, the two 01:30s of an autumn night are equal.
    return _start(moment.astimezone(UTC), every, timezone)


def ceil(moment: datetime, *, every: str, timezone: str) -> datetime:
    """Return the first period boundary, in UTC, at or after an aware datetime."""
    start = floor(moment, every=every, timezone=timezone)
    return start if start == moment else after(moment, every=every, timezone=timezone)


def after(moment: datetime, *, every: str, timezone: str) -> datetime:
    """Return the first period boundary, in UTC, after an aware datetime."""
    return _end(moment.astimezone(UTC), every, timezone)


def boundaries(start: datetime, end: datetime, *, every: str, timezone: str) -> pl.Series:
    """Return the period boundaries in [start, end], ascending, as UTC instants.

    >>> days = boundaries(
    ...     datetime(2025, 3, 8, 5, tzinfo=UTC), datetime(2025, 3, 10, 4, tzinfo=UTC),
    ...     every="1d", timezone="America/New_York",
    ... )
    >>> [f"{day:%d %H:%M}" for day in days]
    ['08 05:00', '09 05:00', '10 04:00']
    """
    probe = {"1m": "1m", "1h": "15m"}.get(every, "12h")
    low, high = start.astimezone(UTC), end.astimezone(UTC)
    return (
        pl.select(boundary=pl.datetime_range(low, high, interval=probe, time_unit="us"))
        .select(
            pl.concat(
                [
                    period_start(pl.col("boundary"), every=every, timezone=timezone),
                    period_end(pl.col("boundary"), every=every, timezone=timezone),
                ]
            ).dt.convert_time_zone("UTC")
        )
        .filter(pl.col("boundary").is_between(low, high))
        .to_series()
        .unique()
        .sort()
    )
