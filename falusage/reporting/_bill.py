"""What a report is about: a usage table, what is known of it, and the ranges to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final, TypeAlias

import polars as pl

from falusage import _spans as spans
from falusage._usage.currencies import currencies
from falusage._usage.periods import Range
from falusage._usage.table import Eager, Lazy, take
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.plotting import TOP, colors_of
from falusage.reporting._months import Months, months
from falusage.timeframes import floor, zone
from falusage.transforms import cost_share

Ends: TypeAlias = tuple[date | datetime | str, date | datetime | str]

_INSTANT: Final = timedelta(microseconds=1)
_NEEDS: Final = (
    *("bucket", "bucket_end", "username", "product", "endpoint_id", "unit"),
    *("quantity", "unit_price", "cost", "currency"),
)


@dataclass(frozen=True)
class Bill:
    """A usage table that is reported.

    Attributes:
        usage: The rows.
        coverage: What is known beyond the rows.
        timezone: The zone of days and months.
        compared: The ranges to compare; None if the table has no earlier range.
    """

    usage: pl.DataFrame
    coverage: Coverage
    timezone: str
    compared: Months | None

    @classmethod
    def from_usage(
        cls,
        usage: Lazy | Eager,
        *,
        coverage: Coverage | None = None,
        timezone: str | None = None,
        baseline: Ends | None = None,
        comparison: Ends | None = None,
    ) -> Bill:
        """Return the bill of a usage table, which is collected.

        Raises:
            MissingColumnError: It is not a usage table.
            QueryError: An argument is invalid, or the table is empty and has no coverage.
        """
        table = take(usage, coverage).as_text()
        table.require(_NEEDS)
        name = table.zone(timezone)
        asked = _asked(baseline, comparison, name)
        rows = table.rows.collect()
        known = Coverage.from_rows(rows) if table.coverage is None else table.coverage
        found = asked or months(known.closed_until, timezone=name)
        late = asked is None and known.start > found.before_start
        return cls(rows, known, name, None if late else found)

    @cached_property
    def colors(self) -> Mapping[str, str]:
        """A colour for each leading team and endpoint, the same in every picture."""
        found: dict[str, str] = {}
        for by in ("username", "endpoint_id"):
            shares = cost_share(self.usage, by=by, top=TOP).filter(pl.col(by) != "other")
            found |= colors_of(shares.sort("rank", "currency")[by].unique(maintain_order=True))
        return found

    @property
    def currencies(self) -> list[str]:
        """The currencies, in the order in which they are shown."""
        return currencies(self.usage)

    def in_currency(self, currency: str) -> pl.DataFrame:
        """Return the rows in one currency."""
        return self.usage.filter(pl.col("currency") == currency)

    def local(self, at: datetime) -> datetime:
        """Return an instant in the zone of the report."""
        return at.astimezone(zone(self.timezone))

    @property
    def start(self) -> datetime:
        """The start of the range, in the zone of the report."""
        return self.local(self.coverage.start)

    @property
    def end(self) -> datetime:
        """The end of the range, exclusive, in the zone of the report."""
        return self.local(self.coverage.end)

    @property
    def closed_until(self) -> datetime:
        """The instant from which buckets may still grow, in the zone of the report."""
        return self.local(self.coverage.closed_until)

    @property
    def month(self) -> datetime:
        """The start of the month of the last closed bucket."""
        last = self.coverage.closed_until - _INSTANT
        return self.local(floor(last, every="1mo", timezone=self.timezone))

    @property
    def parts(self) -> list[tuple[datetime, datetime, pl.DataFrame]]:
        """The parts of the range between the gaps, each with its rows."""
        whole = (self.coverage.start, self.coverage.end)
        return [
            (self.local(start), self.local(end), self.usage.filter(_within(start, end)))
            for start, end in spans.without([whole], self.coverage.gaps)
        ]


def _within(start: datetime, end: datetime) -> pl.Expr:
    return (pl.col("bucket") >= start) & (pl.col("bucket") < end)


def _asked(baseline: Ends | None, comparison: Ends | None, timezone: str) -> Months | None:
    """Return the ranges that were asked for; None if there are none."""
    if baseline is None or comparison is None:
        if baseline is comparison:
            return None
        raise QueryError("only one of baseline and comparison is given; expected both, or neither")
    local = zone(timezone)
    ends: list[datetime] = []
    for name, given in (("comparison", comparison), ("baseline", baseline)):
        pair = () if isinstance(given, str) else tuple(given)
        if len(pair) != 2 or None in pair:
            raise QueryError(f"{name} is {given!r}; expected its start and its end, as a pair")
        read = Range.read(*pair, timezone=timezone)
        ends += [at.astimezone(local) for at in (read.start, read.end) if at is not None]
    return Months(ends[0], ends[1], ends[2], ends[3], (ends[1] - ends[0]).days)
