"""A range of a version of a store without a gap.

A sum over time that was never read is too small, and nothing in the rows shows it. So a range with
a gap is an error, and a range beside it can be taken.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial

import polars as pl

from falusage import _clocks as clocks
from falusage._spans import Spans
from falusage._usage.settling import Kept, Settles
from falusage.columns import INSTANT
from falusage.coverage import Coverage, named
from falusage.errors import AlignmentError, CoverageError, QueryError, StoreError
from falusage.store._coverage import coverage, narrowed
from falusage.store._log import Log, State
from falusage.store._place import Place
from falusage.store._scanning import scan_state
from falusage.store._scope import Scope
from falusage.store._settling import settles
from falusage.timeframes import floor, instant


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StoreView:
    """A range of a version of a store; pass it wherever usage is expected.

    Attributes:
        usage: Its rows, lazy; the columns are those of `UsageStore.scan`.
        coverage: What is known of the range beyond its rows; it has no gap.
        place: The store's folder or address.
        version: The version, as in `UsageStore.history`.
        settles: Reads how the version settled, for `month_outlook` and `report`.
    """

    usage: pl.LazyFrame
    coverage: Coverage
    place: str
    version: int
    settles: Settles | None = None

    def __usage__(self) -> tuple[pl.LazyFrame, Coverage]:
        """Return the rows and their coverage, for every function that takes usage."""
        return self.usage, self.coverage

    def __kept__(self) -> Kept:
        """Return the same and how it settled, for functions that look ahead."""
        return Kept(self.usage, self.coverage, self.settles)

    def __repr__(self) -> str:
        lines = str(self.coverage).splitlines()
        return "\n".join([f"StoreView({self.place!r}, version {self.version})", *_indented(lines)])

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in str(self.coverage).splitlines())
        where = f"<code>{html.escape(self.place)}</code>, version {self.version}"
        return f"<p>View of {where}</p><ul>{lines}</ul>"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def scan_whole(log: Log, state: State) -> pl.LazyFrame:
    """Return all rows of a version; see `UsageStore.scan`."""
    known = coverage(log, state)
    if known is not None:
        _refuse(log.place, known.gaps)
    return scan_state(log.place, state)


def view_whole(log: Log, state: State) -> tuple[pl.LazyFrame, Coverage]:
    """Return all rows of a version and its coverage, with its gaps.

    Raises:
        StoreError: No bucket has rows or has ended, so there is no range to be about.
    """
    known = coverage(log, state)
    if known is None:
        raise StoreError(
            f"{log.place} is empty: no bucket that it asks for has ended; sync it later"
        )
    return scan_state(log.place, state), known


def view_state(
    log: Log,
    state: State,
    *,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
) -> StoreView:
    """Return a range of a version; see `UsageStore.view`."""
    scope = state.commit.scope
    first, last = _edge(start, scope, name="start"), _edge(end, scope, name="end")
    if first is not None and last is not None and first >= last:
        raise QueryError(f"start {first.isoformat()} is not before end {last.isoformat()}")
    if first is not None and last is not None and coverage(log, state) is None:
        _refuse(log.place, ((first, last),))
    usage, whole = view_whole(log, state)
    known = _range(log.place, state, whole, first, last)
    if first is not None:
        usage = usage.filter(pl.col("bucket") >= pl.lit(first, INSTANT))
    if last is not None:
        usage = usage.filter(pl.col("bucket_end") <= pl.lit(last, INSTANT))
    return StoreView(
        usage=usage,
        coverage=known,
        place=str(log.place),
        version=state.version,
        settles=cache(partial(settles, log, state)),
    )


def _edge(given: date | datetime | str | None, scope: Scope, *, name: str) -> datetime | None:
    if given is None:
        return None
    edge = instant(given, timezone=scope.timezone, name=name)
    if floor(edge, every=scope.every, timezone=scope.timezone) != edge:
        raise AlignmentError(
            f"{name} {edge.isoformat()} is in the middle of a bucket, which cannot be cut; "
            f"expected the start of a {scope.timeframe} in {scope.timezone}"
        )
    return edge


def _range(
    place: Place, state: State, whole: Coverage, first: datetime | None, last: datetime | None
) -> Coverage:
    """Return the coverage of a range of a version; without edges, of all of it.

    A range may end after the last bucket that has ended by this machine's clock: what has not
    happened is not missing.

    Raises:
        CoverageError: A part of the range was never read.
    """
    scope = state.commit.scope
    ended = floor(clocks.local_time(), every=scope.every, timezone=scope.timezone)
    begin, until = first or whole.start, last or whole.end
    reach = min(until, max(whole.end, ended))
    if begin >= reach:  # all of it is before or after what was read
        _refuse(place, ((min(begin, until), max(begin, until)),))
    _refuse(place, whole.lacking(begin, reach))
    return narrowed(whole, state, begin, reach)


def _refuse(place: Place, lacking: Spans) -> None:
    if lacking:
        raise CoverageError(
            f"{place} lacks {named(lacking)}, so sums over that would be too small; sync it from "
            f"start {lacking[0][0].isoformat()} or before, or take a range without a gap, as in "
            "view(start=..., end=...)",
            gaps=lacking,
        )
