"""What a report is made from: the line items of a usage table, what is known of it, its subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final

import polars as pl

from falusage import _spans as spans
from falusage._usage.currencies import currencies
from falusage._usage.periods import Range, literal, within
from falusage._usage.table import Eager, Lazy, Table, collected, take
from falusage._wording.names import labelled
from falusage.coverage import Coverage
from falusage.errors import AlignmentError
from falusage.plotting import colors_of
from falusage.reporting._causes import causes
from falusage.reporting._items import items
from falusage.reporting._labels import NO_LABELS, Labels
from falusage.reporting._ranges import Ends, Pair, Subject, subject
from falusage.timeframes import floor, zone
from falusage.transforms import anomalies, cost_bridge, price_changes

_NEEDS: Final = (
    *("bucket", "bucket_end", "username", "product", "endpoint_id", "unit"),
    *("quantity", "unit_price", "cost", "currency"),
)
_PRICED: Final = ("endpoint_id", "unit", "currency")
_AT_ONCE: Final = 2_000_000
"""About how many rows are followed for price changes at once."""


@dataclass(frozen=True, eq=False)
class Bill:
    """A usage table that is reported.

    Attributes:
        table: The table.
        items: Its line items by day, a usage table (see `items`).
        coverage: What is known beyond the rows.
        timezone: The zone of days and months.
        subject: What the report is about.
        spent: The items of the subject.
        indivisible: Why the table has no days; None if it has.
        chosen: Colours that the user chose, by name.
        labels: The display names of teams and keys.
    """

    table: Table
    items: pl.DataFrame
    coverage: Coverage
    timezone: str
    subject: Subject
    spent: pl.DataFrame
    indivisible: AlignmentError | None = None
    chosen: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: Labels = field(default_factory=lambda: NO_LABELS)

    @classmethod
    def from_usage(
        cls,
        usage: Lazy | Eager,
        *,
        coverage: Coverage | None = None,
        timezone: str | None = None,
        month: str | None = None,
        baseline: Ends | str | None = None,
        comparison: Ends | None = None,
        colors: Mapping[str, str] = MappingProxyType({}),
        labels: Labels = NO_LABELS,
    ) -> Bill:
        """Return the bill of a usage table. Lazy rows are summed as they stream.

        Raises:
            AlignmentError: `month`, `baseline` or `comparison` would split a bucket.
            MissingColumnError: It is not a usage table.
            QueryError: An argument is invalid, or the table is empty and has no coverage.
        """
        table = take(usage, coverage).as_text()
        table.require(_NEEDS)
        name = table.zone(timezone)
        known = table.coverage
        if known is None:
            ends = table.rows.select(pl.col("bucket").min(), pl.col("bucket_end").max())
            known = Coverage.from_rows(collected(ends.drop_nulls()))
        about = subject(known, timezone=name, month=month, baseline=baseline, comparison=comparison)
        edges = [known.start, about.start, about.end, known.closed_until, *(_edges(about.pair))]
        edges += [edge for gap in known.gaps for edge in gap]
        lines, indivisible = items(table, edges, timezone=name)
        try:
            spent = _of(lines, about.start, about.end)
            for ends in () if about.pair is None else (about.pair.baseline, about.pair.comparison):
                _of(lines, *ends)  # an end inside a bucket is an error here, and nowhere later
        except AlignmentError as error:
            if (month, baseline, comparison) != (None, None, None):
                raise
            local = zone(name)
            start, end = known.start.astimezone(local), known.end.astimezone(local)
            about = Subject(start, end, None, known.closed_until >= end, None, _undivided(error))
            spent = lines
        return cls(table, lines, known, name, about, spent, indivisible, colors, labels)

    def team_name(self, username: str | None) -> str:
        """Return the name of a team as text."""
        return labelled(username, self.labels.get("username", {}))

    @property
    def gaps(self) -> spans.Spans:
        """The parts of the subject that were never read."""
        return self.coverage.lacking(self.subject.start, self.subject.end)

    @property
    def settled(self) -> datetime | None:
        """The start of the first day that may still be corrected; None if that is not known."""
        until = self.coverage.settled_until
        if until is None:
            return None
        return self.local(floor(until, every="1d", timezone=self.timezone))

    @cached_property
    def provisional(self) -> pl.DataFrame | None:
        """The items of the subject that may still be corrected; None if that is not known."""
        if self.settled is None:
            return None
        return self.spent.filter(pl.col("bucket_end") > literal(self.settled))

    @property
    def since(self) -> datetime:
        """Where the part of the table starts that has no gap up to the subject's start."""
        ends = [end for _, end in self.coverage.gaps if end <= self.subject.start]
        return self.local(max(ends, default=self.coverage.start))

    @property
    def until(self) -> datetime:
        """Where the part of the table ends that has no gap from the subject's start on."""
        starts = [start for start, _ in self.coverage.gaps if start >= self.subject.start]
        return self.local(min(starts, default=self.coverage.end))

    @property
    def currencies(self) -> list[str]:
        """The currencies of the subject, in the order in which they are shown."""
        return currencies(self.spent)

    @property
    def pair(self) -> Pair | None:
        """The ranges to compare, if there are any."""
        return self.subject.pair

    @cached_property
    def effects(self) -> pl.DataFrame:
        """Why cost moved, by team and endpoint; the bridge of both ranges."""
        assert self.pair is not None  # noqa: S101 - who asks has looked
        return cost_bridge(
            self.items,
            baseline=self.pair.baseline,
            comparison=self.pair.comparison,
            by=("username", "endpoint_id"),
            per_day=True,
            timezone=self.timezone,
            coverage=self.coverage,
        )

    @cached_property
    def price_changes(self) -> pl.DataFrame:
        """The price changes since the last gap.

        They end with the subject, and so does their impact.
        """
        return self._price_changes(self.subject.end)

    @property
    def price_changes_in_all(self) -> pl.DataFrame:
        """The same to the end of the table, or to the next gap."""
        same = self.until == self.subject.end
        return self.price_changes if same else self._price_changes(self.until)

    def _price_changes(self, end: datetime) -> pl.DataFrame:
        """Return the price changes of the rows: within a day, one price is not beside another.

        Only what has several prices is read again, some of it at a time, so that memory stays
        small.
        """
        several = pl.struct("unit_price", "percent_discount").n_unique() > 1
        sizes = self.items.group_by(_PRICED).agg(several.alias("_several"), pl.col("rows").sum())
        rows = self.table.rows.filter(_from(self.since), _until(end))
        found = [price_changes(self.table.schema.to_frame())]
        for some in _parted(sizes.filter("_several").sort(_PRICED)):
            theirs = rows.join(some.lazy(), on=_PRICED, how="semi", nulls_equal=True)
            found.append(collected(price_changes(theirs)))
        return pl.concat(found).sort("since", *_PRICED, "price", "kind")

    @cached_property
    def unusual(self) -> pl.DataFrame:
        """The unusual days of each team since the last gap; none if the table has no days."""
        rows = self.items.clear() if self.indivisible else self.items
        return anomalies(
            rows,
            by="username",
            timezone=self.timezone,
            start=self.since,
            end=self.until,
            coverage=self.coverage,
        )

    @cached_property
    def unusual_causes(self) -> pl.DataFrame:
        """The unusual days, each with the endpoint behind it; none if they cannot be judged."""
        return causes(self.unusual, self.items, timezone=self.timezone)

    @cached_property
    def team(self) -> tuple[str, ...]:
        """The column of the team, to put before others; none if there is only one team."""
        return ("username",) if self.items["username"].n_unique() > 1 else ()

    @cached_property
    def colors(self) -> Mapping[str, str]:
        """A colour for each team, the same in every picture."""
        return colors_of(self.items["username"].drop_nulls().unique().sort(), self.chosen)

    def of(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the items of a range whose ends are midnights or ends of the report's ranges.

        Raises:
            AlignmentError: The table has no days, and an end of the range runs through a bucket.
        """
        if self.indivisible is None:  # `items` ends every sum there
            return self.items.filter(_from(start), _until(end))
        return _of(self.items, start, end)

    def local(self, at: datetime) -> datetime:
        """Return an instant in the zone of the report."""
        return at.astimezone(zone(self.timezone))

    @property
    def closed_until(self) -> datetime:
        """The instant from which buckets may still grow, in the zone of the report."""
        return self.local(self.coverage.closed_until)

    @property
    def parts(self) -> list[tuple[datetime, datetime, pl.DataFrame]]:
        """The parts of the subject between the gaps, each with its items."""
        whole = (self.subject.start, self.subject.end)
        return [
            (self.local(start), self.local(end), self.spent.filter(_from(start), _until(end)))
            for start, end in spans.without([whole], self.gaps)
        ]

    def only(self, currency: str) -> Bill:
        """Return the bill with the items in one currency."""
        mine = pl.col("currency").eq_missing(pl.lit(currency))
        return replace(self, items=self.items.filter(mine), spent=self.spent.filter(mine))


def _parted(sizes: pl.DataFrame) -> list[pl.DataFrame]:
    """Part the keys of a frame so that each part has about `_AT_ONCE` rows."""
    part = (pl.col("rows").cum_sum() - pl.col("rows")) // _AT_ONCE
    return sizes.with_columns(part.alias("_part")).partition_by("_part", maintain_order=True)


def _of(lines: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    return collected(within(lines.lazy(), lines.columns, span=Range(start, end)))


def _from(at: datetime) -> pl.Expr:
    return pl.col("bucket") >= literal(at)


def _until(at: datetime) -> pl.Expr:
    return pl.col("bucket") < literal(at)


def _edges(pair: Pair | None) -> tuple[datetime, ...]:
    return () if pair is None else (*pair.baseline, *pair.comparison)


def _undivided(error: AlignmentError) -> str:
    return f"This is about the whole table, and there is no comparison: {error}."
