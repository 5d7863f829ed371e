"""What a report is about: a month or a range, and the range that it is compared with.

A month that is over is compared with the whole month before. A month so far is compared by days
that are over: its first 23 days with the first 23 of the month before. Otherwise a month to date
would always look like a fall.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final, TypeAlias

from falusage._spans import Spans
from falusage._usage.periods import Range
from falusage._wording.dates import day, month_name, span
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import boundaries, ceil, floor, month_span, zone

Ends: TypeAlias = tuple[date | datetime | str, date | datetime | str]

_INSTANT: Final = timedelta(microseconds=1)
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ranges to compare, in the zone of the report."""

    start: datetime
    end: datetime
    before_start: datetime
    before_end: datetime

    @property
    def baseline(self) -> tuple[datetime, datetime]:
        """The earlier range, as `cost_bridge` takes it."""
        return self.before_start, self.before_end

    @property
    def comparison(self) -> tuple[datetime, datetime]:
        """The later range, as `cost_bridge` takes it."""
        return self.start, self.end

    @property
    def dates(self) -> tuple[tuple[date, date], tuple[date, date]] | None:
        """Both ranges as dates, the later one first; None if an end is not at midnight."""
        ends = (self.start, self.end, self.before_start, self.before_end)
        if any(at.time() != time() for at in ends):
            return None
        start, end, before_start, before_end = (at.date() for at in ends)
        return (start, end), (before_start, before_end)

    @property
    def named(self) -> tuple[str, str]:
        """Both ranges as text, the later one first."""
        return span(self.start, self.end), span(self.before_start, self.before_end)

    @property
    def days(self) -> tuple[float, float]:
        """The lengths of both ranges in days of 24 hours, the later one first."""
        return (
            (self.end.timestamp() - self.start.timestamp()) / 86_400,
            (self.before_end.timestamp() - self.before_start.timestamp()) / 86_400,
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about.

    Attributes:
        start: Where it starts, in the zone of the report.
        end: Where it ends, exclusive: for a month so far, where the table ends.
        month: The month, as `"2025-06"`; None for another range.
        is_over: Whether every bucket had ended when it was read.
        pair: The ranges to compare; None if they cannot be compared.
        otherwise: If there is no `pair`, why.
    """

    start: datetime
    end: datetime
    month: str | None
    is_over: bool
    pair: Pair | None
    otherwise: str = ""

    @property
    def name(self) -> str:
        """The month or the range as text; of a month whose start is missing, the range."""
        if self.month is None or self.start.day != 1:
            return span(self.start, self.end)
        return f"{month_name(self.start)}{'' if self.is_over else ' so far'}"


def subject(
    coverage: Coverage,
    *,
    timezone: str,
    month: str | None = None,
    baseline: Ends | str | None = None,
    comparison: Ends | None = None,
) -> Subject:
    """Return what a report is about.

    Args:
        coverage: What is known about the table.
        timezone: The zone of days and months.
        month: The month; by default the one of the last day that is over.
        baseline: The range to compare with, as a pair of ends or as a month.
        comparison: Another range instead of a month.

    Raises:
        QueryError: An argument is invalid, or the table has nothing of the month.

    >>> from datetime import UTC
    >>> ends = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 3, 31, tzinfo=UTC)
    >>> known = Coverage(start=ends[0], end=ends[1])
    >>> found = subject(known, timezone="UTC")
    >>> found.name, found.pair.named
    ('March 2025 so far', ('1 – 28 Mar 2025', 'Feb 2025'))
    """
    local = zone(timezone)
    if comparison is not None:
        if month is not None:
            raise QueryError("both month and comparison are given; expected one of them")
        start, end = _read(comparison, timezone, "comparison")
        before = _before_range(start, end) if baseline is None else None
        over, name = coverage.closed_until >= end, None
        pair_end = end
    else:
        name = month or _last_month(coverage, timezone)
        start, month_end = (at.astimezone(local) for at in month_span(name, timezone=timezone))
        read_at = coverage.read_at
        if coverage.end <= start or coverage.start >= month_end:
            if read_at is not None and read_at < start:
                raise QueryError(
                    f"month is {name!r}, but {month_name(start)} had not begun when the table was "
                    f"read, on {day(read_at.astimezone(local))}; name an earlier month"
                )
            raise QueryError(
                f"month is {name!r}, but the table has "
                f"{span(coverage.start.astimezone(local), coverage.end.astimezone(local))} only; "
                "name another month, or load that one"
            )
        over = coverage.closed_until >= month_end
        end = min(month_end, _known_end(coverage, timezone).astimezone(local))
        pair_end, before = month_end, None
        if not over:
            pair_end = floor(coverage.closed_until, every="1d", timezone=timezone).astimezone(local)
        if baseline is None:
            earlier = floor(start - _INSTANT, every="1mo", timezone=timezone).astimezone(local)
            before = (earlier, start)
            if not over and pair_end > start:
                pair_end, before = _as_many_days((start, pair_end), before, timezone)
    if baseline is not None:
        ends = month_span(baseline, timezone=timezone) if isinstance(baseline, str) else baseline
        before = _read(ends, timezone, "baseline")
    assert before is not None  # noqa: S101 - one of the branches above set it
    otherwise = _lacking(coverage, start, pair_end, before, local)
    pair = None if otherwise else Pair(start, pair_end, *before)
    first = coverage.start.astimezone(local)
    late = name is not None and first - start >= (_INSTANT if coverage.known else _A_DAY)
    return Subject(first if late else start, end, name, over, pair, otherwise)


def lacking(
    coverage: Coverage,
    *,
    timezone: str | None = None,
    month: str | None = None,
    comparison: Ends | None = None,
) -> Spans:
    """Return the parts of what a report is about that were never read, as `report` takes them."""
    name = timezone or coverage.timezone
    about = subject(coverage, timezone=name, month=month, comparison=comparison)
    return coverage.lacking(about.start, about.end)


def _known_end(coverage: Coverage, timezone: str) -> datetime:
    """Return where the table ends: of a range that was read too early, the end of that day."""
    read_at = coverage.read_at
    if read_at is None or coverage.timeframe in {"week", "month"}:
        return coverage.end
    return min(
        coverage.end, max(ceil(read_at, every="1d", timezone=timezone), coverage.closed_until)
    )


def _last_month(coverage: Coverage, timezone: str) -> str:
    """Return the month of the last day that is over; if no day is, that of the last bucket."""
    over = floor(coverage.closed_until, every="1d", timezone=timezone) - _INSTANT
    last = over if over >= coverage.start else coverage.end - _INSTANT
    return f"{last.astimezone(zone(timezone)):%Y-%m}"


def _read(given: object, timezone: str, name: str) -> tuple[datetime, datetime]:
    pair = tuple(given) if isinstance(given, tuple | list) else ()
    if len(pair) != 2 or None in pair:
        wanted = " or as a month, as '2025-05'" if name == "baseline" else ""
        raise QueryError(f"{name} is {given!r}; expected its start and its end, as a pair{wanted}")
    found = Range.read(*pair, timezone=timezone)
    assert found.start is not None and found.end is not None  # noqa: S101, PT018 - read from a pair
    local = zone(timezone)
    return found.start.astimezone(local), found.end.astimezone(local)


def _before_range(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return the range of the same length that ends where this one starts, by the clock."""
    return start - (end - start), start


def _as_many_days(
    this: tuple[datetime, datetime], before: tuple[datetime, datetime], timezone: str
) -> tuple[datetime, tuple[datetime, datetime]]:
    """Return where the first days of this month end, and as many days of the month before."""
    these, those = (
        boundaries(*ends, every="1d", timezone=timezone).dt.convert_time_zone(timezone)
        for ends in (this, before)
    )
    days = min(len(these), len(those)) - 1
    return these[days], (before[0], those[days])


def _lacking(
    coverage: Coverage,
    start: datetime,
    end: datetime,
    before: tuple[datetime, datetime],
    local: tzinfo,
) -> str:
    """Return why two ranges cannot be compared; nothing if they can.

    The first and the last row of a bare table may be within a day that began or ended without
    spend, so a day may be missing there.
    """
    quiet = timedelta() if coverage.known else _A_DAY
    if end <= start:
        return "No comparison: no day of the month is over yet."
    if before[1] > start and before[0] < end:
        raise QueryError(
            f"baseline {span(*before)} and comparison {span(start, end)} overlap; an end is "
            "exclusive, so one range may start where the other ends"
        )
    both = f"{span(start, end)} with {span(*before)}"
    for ends in (before, (start, end)):
        gaps = coverage.lacking(*ends) if coverage.known else coverage.gaps
        inside = [gap for gap in gaps if gap[0] < ends[1] and gap[1] > ends[0]]
        if inside:
            lacks = "; ".join(span(a.astimezone(local), b.astimezone(local)) for a, b in inside[:3])
            return f"No comparison of {both}: {lacks} was not read. Load it as well to compare."
        if coverage.start - ends[0] > quiet or ends[1] - coverage.closed_until > quiet:
            known = coverage.start.astimezone(local), coverage.closed_until.astimezone(local)
            whole = span(*known)
            return f"No comparison of {both}: the table has all of {whole} only."
    return ""
