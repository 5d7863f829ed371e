"""Periods as whole numbers, for engines that cannot be asked for the days of a time zone.

Engines keep one time zone for a whole session, each out of a database of its own. So a zone is
written out as the moments at which its clock changes, as Polars knows them, and a period is
numbered by arithmetic that any engine can do: minutes and hours by the instant at which they
start, days and weeks by a day since March 1900, and what is longer by a month since January 1900.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from falusage.timeframes import clock_changes

if TYPE_CHECKING:
    import narwhals as nw

SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)
UNTIL: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""Between these, clock changes are written out, and every fourth year has a leap day."""

_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR
_CLOCK: Final = {"1m": _HOUR // 60, "1h": _HOUR}
_MONTHS: Final = {"1mo": 1, "1q": 3, "1y": 12}
_EPOCH: Final = 25_508
"""The days from March 1, 1900, to 1970: where years start in March, a leap day ends its year."""
_LEAP: Final = 1461
"""The days of four years."""

Change = tuple[int, int]
"""Since when an offset from UTC holds, and the offset, both in microseconds."""

_Step = Callable[["nw.Expr"], "nw.Expr"]


def with_number(
    rows: nw.LazyFrame[Any], columns: Sequence[str], *, every: str, timezone: str
) -> nw.LazyFrame[Any]:
    """Replace instants, in microseconds from 1970, by the numbers of the periods they fall in."""
    import narwhals as nw

    changes = _changes(timezone)
    if every in _CLOCK:
        length = _CLOCK[every]
        return rows.with_columns(
            _chosen(nw.col(name), changes, _clock_start(nw.col(name), length)).alias(name)
            for name in columns
        )
    return _stepwise(rows, columns, [_wall(changes), *_NUMBERED, *_numbered(every)])


def with_start(
    sums: nw.LazyFrame[Any], column: str, *, every: str, timezone: str
) -> nw.LazyFrame[Any]:
    """Replace the numbers of periods by the instants at which they start, as microseconds."""
    if every in _CLOCK:
        return sums
    return _stepwise(sums, [column], [*_started(every), _first_at(_changes(timezone))])


def _stepwise(
    rows: nw.LazyFrame[Any], columns: Sequence[str], steps: Sequence[_Step]
) -> nw.LazyFrame[Any]:
    # A projection each, since a plan repeats the whole of what a single one names twice.
    import narwhals as nw

    for step in steps:
        rows = rows.with_columns(step(nw.col(name)).alias(name) for name in columns)
    return rows


def _changes(timezone: str) -> tuple[Change, ...]:
    # The year that holds the first bucket may have begun, on another clock, a year before it.
    return clock_changes(timezone, first=SINCE.year - 2, last=UNTIL.year)


def _chosen(
    moment: nw.Expr,
    changes: Sequence[Change],
    then: Callable[[Change], nw.Expr],
    *,
    marks: Sequence[int] = (),
) -> nw.Expr:
    """Give `then` of the last change whose mark, or else its moment, is not after `moment`."""
    import narwhals as nw

    if len(changes) == 1:
        return then(changes[0])
    half = len(changes) // 2
    marks = marks or [since for since, _ in changes]
    return (
        nw.when(moment < marks[half])
        .then(_chosen(moment, changes[:half], then, marks=marks[:half]))
        .otherwise(_chosen(moment, changes[half:], then, marks=marks[half:]))
    )


def _clock_start(moment: nw.Expr, length: int) -> Callable[[Change], nw.Expr]:
    import narwhals as nw

    def start(change: Change) -> nw.Expr:
        since, offset = change
        start = moment - (moment + offset) % length
        return start if (since + offset) % length == 0 else nw.max_horizontal(start, nw.lit(since))

    return start


def _wall(changes: Sequence[Change]) -> _Step:
    return lambda moment: _chosen(moment, changes, lambda change: moment + change[1])


_NUMBERED: Final[tuple[_Step, ...]] = (
    lambda wall: wall - wall % _DAY,
    lambda midnight: midnight // _DAY + _EPOCH,
)


def _numbered(every: str) -> Sequence[_Step]:
    """Number days by the week's Monday, or the first month, of the period that they are in."""
    if every == "1d":
        return ()
    if every == "1w":  # March 1, 1900, was a Thursday
        return (lambda day: day - (day + 3) % 7,)
    months = _MONTHS[every]
    return (
        lambda day: day * 4 + 3,
        # Of five months from March, 153 days, each begins a fifth of those after the one before.
        lambda at: at // _LEAP * 12 + ((at % _LEAP) // 4 * 5 + 2) // 153 + 2,
        lambda month: month - month % months,
    )


def _started(every: str) -> Sequence[_Step]:
    """Give the first midnight of a period on the wall clock, from its number."""
    midnight: _Step = lambda day: (day - _EPOCH) * _DAY  # noqa: E731 -- a step like the others
    if every not in _MONTHS:
        return (midnight,)
    return (
        lambda month: month - 2,
        lambda month: month // 12 * _LEAP // 4 + ((month % 12) * 153 + 2) // 5,
        midnight,
    )


def _first_at(changes: Sequence[Change]) -> _Step:
    """Give the first instant at which a zone's wall clocks show a time, or have skipped it."""
    import narwhals as nw

    # What a wall clock shows when it is about to be changed.
    before = [changes[0][1], *(offset for _, offset in changes[:-1])]
    marks = [since + offset for (since, _), offset in zip(changes, before, strict=True)]

    def instant(wall: nw.Expr) -> nw.Expr:
        def then(change: Change) -> nw.Expr:
            return nw.max_horizontal(wall - change[1], nw.lit(change[0]))

        return _chosen(wall, changes, then, marks=marks)

    return instant
