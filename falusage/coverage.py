"""What is known about a usage table beyond its rows.

Rows alone do not show which range was asked for, which parts of it were never read, or which
buckets may still grow. A load, a snapshot and a store's view have it as a `Coverage`. It is
computed once, where the table is made, and every function that takes usage uses it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import attrs
import polars as pl

from falusage import _spans as spans
from falusage._spans import Span, Spans
from falusage.contract import Timeframe
from falusage.errors import CoverageError, MissingColumnError, QueryError
from falusage.timeframes import zone

SETTLE: Final = timedelta(days=3)
"""How long the API may still correct a bucket after its end, unless a store is told otherwise."""

_NAMED: Final = 3
"""How many ranges an error names."""


def _utc(moment: datetime) -> datetime:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise QueryError(f"coverage has {moment!r}; expected a datetime with a time zone")
    return moment.astimezone(UTC)


def _utc_or_none(moment: datetime | None) -> datetime | None:
    return None if moment is None else _utc(moment)


def _ranges(given: Spans) -> Spans:
    return spans.union([(_utc(start), _utc(end)) for start, end in given], ())


@attrs.frozen(kw_only=True)
class Coverage:
    """What is known about a usage table: its range, what is missing, and what may still change.

    Attributes:
        start: Where the range of the table starts, in UTC.
        end: Where it ends, exclusive.
        timezone: The IANA zone of its buckets.
        timeframe: The length of its buckets; None if unknown.
        closed_until: Buckets from here on may still grow; `end` if all had ended when they were
            read.
        settled_until: Older buckets are no longer restated, as far as is known; None if nothing
            is known.
        gaps: The ranges between `start` and `end` that were never read, in order.
        scope: The scope that was asked for.
        products: The products that were asked for; empty for all.
        filters: Which rows were asked for, as text: `"username: ads, labs"`; empty for all.
        read_at: When the data was read; for a store, when its last read began. None if unknown.
        reconciled: Whether all of it was compared with the API's own totals; None if unknown.
        differing: How many keys differ from those totals and were let through.
        quarantined: How many rows were invalid and left out.
        known: False if all this is from the rows alone, as for a bare frame.

    Raises:
        QueryError: `start` is not before `end`, or an instant has no time zone.

    >>> day = datetime(2025, 6, 1, tzinfo=UTC)
    >>> coverage = Coverage(start=day, end=day + timedelta(days=30))
    >>> coverage.closed_until == coverage.end, coverage.gaps
    (True, ())
    """

    start: datetime = attrs.field(converter=_utc)
    end: datetime = attrs.field(converter=_utc)
    timezone: str = "UTC"
    timeframe: Timeframe | None = None
    closed_until: datetime = attrs.field(
        converter=_utc, default=attrs.Factory(lambda self: self.end, takes_self=True)
    )
    settled_until: datetime | None = attrs.field(converter=_utc_or_none, default=None)
    gaps: Spans = attrs.field(converter=_ranges, default=())
    scope: str = "organization"
    products: tuple[str, ...] = attrs.field(converter=tuple, default=())
    filters: tuple[str, ...] = attrs.field(converter=tuple, default=())
    read_at: datetime | None = attrs.field(converter=_utc_or_none, default=None)
    reconciled: bool | None = None
    differing: int = 0
    quarantined: int = 0
    known: bool = True

    def __attrs_post_init__(self) -> None:
        zone(self.timezone)
        if self.start >= self.end:
            raise QueryError(
                f"coverage starts at {self.start.isoformat()} and ends at {self.end.isoformat()}; "
                "expected the start before the end"
            )

    def __str__(self) -> str:
        """Return it as a few lines of text: the range, what is missing, what may still change."""
        by = f"by {self.timeframe} in" if self.timeframe else "in"
        lines = [f"{named([(self.start, self.end)])} {by} {self.timezone}"]
        if self.filters:
            lines.append(f"only {'; '.join(self.filters)}")
        if not self.known:
            lines.append("only the rows are known: not what was asked, or what may still change")
        if self.gaps:
            lines.append(f"never read: {named(self.gaps)}")
        if self.closed_until < self.end:
            lines.append(f"open: buckets from {self.closed_until.isoformat()} on may still grow")
        if self.settled_until is not None:
            lines.append(f"settled until {self.settled_until.isoformat()}")
        if self.differing:
            lines.append(f"{self.differing:,} keys differ from the API's totals")
        if self.reconciled is False:
            lines.append("not all of it was compared with the API's totals")
        if self.quarantined:
            lines.append(f"{self.quarantined:,} rows were invalid and left out")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return it as a table of two columns, as notebooks show it."""
        cells = [
            f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self._rows()
        ]
        return f"<table>{''.join(cells)}</table>"

    def _rows(self) -> list[tuple[str, str]]:
        """Return what is known as names and texts; instants are in the time zone of the buckets."""
        at = self._local
        rows = [
            ("range", f"{at(self.start)} to {at(self.end)}"),
            ("buckets", f"{self.timeframe or 'length unknown'}, in {self.timezone}"),
            ("filters", "; ".join(self.filters) or "none"),
        ]
        if not self.known:
            return [*rows, ("known", "only the rows: not what was asked, or what may still change")]
        growing, settled, read = self.closed_until, self.settled_until, self.read_at
        reconciled = {None: "unknown", False: "not all of it", True: "all of it"}[self.reconciled]
        if self.differing:
            reconciled += f"; {self.differing:,} keys differ from the API's totals"
        return [
            *rows,
            ("never read", ", ".join(f"{at(a)} to {at(b)}" for a, b in self.gaps) or "nothing"),
            ("may still grow", f"from {at(growing)} on" if growing < self.end else "nothing"),
            ("settled until", "unknown" if settled is None else at(settled)),
            ("read at", "unknown" if read is None else at(read)),
            ("reconciled", reconciled),
            ("left out", f"{self.quarantined:,} invalid rows"),
        ]

    def _local(self, moment: datetime) -> str:
        return moment.astimezone(zone(self.timezone)).isoformat(" ", "minutes")

    @classmethod
    def from_rows(cls, usage: pl.DataFrame) -> Self:
        """Return the coverage of a bare table: from its first `bucket` to its last `bucket_end`.

        Raises:
            MissingColumnError: The table has no `bucket` or `bucket_end`.
            QueryError: The table has no rows.
        """
        for name in ("bucket", "bucket_end"):
            if name not in usage.columns:
                raise MissingColumnError(name, usage.columns)
        if usage.is_empty():
            raise QueryError(
                "the table is empty, so its range is unknown; pass the load itself, or "
                "coverage=fu.Coverage(start=..., end=...)"
            )
        ends: Any = usage.select(pl.col("bucket").min(), pl.col("bucket_end").max()).row(0)
        return cls(start=ends[0], end=ends[1], known=False)

    def within(self, start: datetime, end: datetime) -> Self:
        """Return the coverage of the rows between two instants of the range."""
        ends = _utc(start), _utc(end)

        def clamped(moment: datetime) -> datetime:
            return min(max(moment, ends[0]), ends[1])

        settled = self.settled_until
        return attrs.evolve(
            self,
            start=ends[0],
            end=ends[1],
            closed_until=clamped(self.closed_until),
            settled_until=None if settled is None else clamped(settled),
            gaps=spans.within(self.gaps, ends),
        )

    def lacking(self, start: datetime | None = None, end: datetime | None = None) -> Spans:
        """Return the parts of a range that were never read, by default of the whole range.

        They are its `gaps`. If the coverage is `known`, all time outside of it was never read, too:
        of a range that begins after it, or ends before it, the time between them.
        """
        span = (start or self.start, end or self.end)
        if self.known and span[0] > span[1]:
            return ((span[1], span[0]),)
        gaps = spans.within(self.gaps, span)
        if not self.known:
            return gaps
        return spans.union(gaps, spans.without([span], [(self.start, self.end)]))

    def require(self, start: datetime | None = None, end: datetime | None = None) -> None:
        """Raise if a part of a range was never read.

        Raises:
            CoverageError: Its message names the parts; its field `gaps` has them.
        """
        lacking = self.lacking(start, end)
        if lacking:
            raise CoverageError(
                f"the table lacks {named(lacking)}, so a sum over it would be too small; load or "
                "sync the missing range, or use a range without a gap, as from "
                "UsageStore.view(start=..., end=...)",
                gaps=lacking,
            )

    def require_closed(self, start: datetime, end: datetime, *, name: str) -> None:
        """Raise if a range was not read whole: a part is missing, or may still grow.

        Raises:
            CoverageError: Its field `gaps` has the parts.
        """
        self.require(start, end)
        if self.known and end > self.closed_until:
            raise CoverageError(
                f"{name} ends at {end.isoformat()}, but buckets from "
                f"{self.closed_until.isoformat()} on had not ended when they were read; end it "
                "there, or read the data again later",
                gaps=[(max(start, self.closed_until), end)],
            )


def named(ranges: Sequence[Span]) -> str:
    """Return ranges as text: the first few, and the number of others."""
    first = ", ".join(f"{a.isoformat()} to {b.isoformat()}" for a, b in ranges[:_NAMED])
    more = len(ranges) - _NAMED
    return f"{first} and {more} more ranges" if more > 0 else first
