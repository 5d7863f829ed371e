"""The month so far, compared with the same number of days of the month before.

A day counts once it is over. A month to date compared with a whole month would always look like a
fall.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from falusage._usage.currencies import currencies
from falusage._wording.dates import span
from falusage.columns import INSTANT, total
from falusage.reporting._spending import MOST, in_order, others_named
from falusage.reporting.columns import amounts, names, percents
from falusage.reporting.layout import lay_out, wrapped
from falusage.timeframes import boundaries, floor, zone
from falusage.transforms import rollup

NOTHING_BEFORE = "No comparison: the table does not have all of the same days of the month before."

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Months:
    """Two ranges to compare: by default, `days` days of this month and of the month before."""

    start: datetime
    end: datetime
    before_start: datetime
    before_end: datetime
    days: int

    @property
    def named(self) -> tuple[str, str]:
        """Both ranges as text, the later one first."""
        return span(self.start, self.end), span(self.before_start, self.before_end)


def months(closed_until: datetime, *, timezone: str) -> Months:
    """Return the days of this month that are over, and as many of the month before.

    The month is that of the last whole day. If the month before is shorter, all of its days are
    compared with as many of this month.

    >>> from datetime import UTC
    >>> found = months(datetime(2025, 3, 31, tzinfo=UTC), timezone="UTC")
    >>> f"{found.start:%d %b} {found.end:%d %b} {found.before_start:%d %b}", found.days
    ('01 Mar 29 Mar 01 Feb', 28)
    """
    over = floor(closed_until, every="1d", timezone=timezone)
    start = floor(over - _INSTANT, every="1mo", timezone=timezone)
    before = floor(start - _INSTANT, every="1mo", timezone=timezone)
    these, those = (
        boundaries(first, last, every="1d", timezone=timezone).dt.convert_time_zone(timezone)
        for first, last in ((start, over), (before, start))
    )
    days = min(len(these), len(those)) - 1
    local = zone(timezone)
    return Months(start.astimezone(local), these[days], before.astimezone(local), those[days], days)


def month_so_far(
    usage: pl.DataFrame, found: Months | None, *, timezone: str, width: int | None = None
) -> list[str]:
    """Return the lines of a table that compares two ranges by team.

    The teams beyond the hundred that cost most are one line. If nothing was spent in either range,
    or there is no range to compare with, a sentence says so.

    Args:
        usage: A usage table in buckets of a day or finer.
        found: The ranges; None if the table has no earlier range.
        timezone: The zone of the days.
        width: The width to keep to.

    Raises:
        AlignmentError: A bucket crosses midnight in `timezone`.
    """
    if found is None:
        return wrapped(NOTHING_BEFORE, width)
    this, before = found.named
    teams = folded(compared(usage, found, timezone, ["username"]))
    if teams.is_empty():
        return wrapped(f"Nothing was spent in either range: {this}, and {before}.", width)
    whole = compared(usage, found, timezone, []).with_columns(username=pl.lit("all teams"))
    several = teams.group_by("currency").len().filter(pl.col("len") > 1)
    whole = whole.join(several, on="currency", how="semi").select(teams.columns)
    rows = in_order(pl.concat([teams, whole]), currencies(usage))
    columns = [
        names(rows, "username"),
        amounts(rows, "cost", this),
        amounts(rows, "previous", before),
        percents(rows, "pct_change", "change", signed=True),
    ]
    return list(lay_out(columns, width=width, parts=rows["currency"]))


def compared(usage: pl.DataFrame, found: Months, timezone: str, by: list[str]) -> pl.DataFrame:
    """Return *by*, `currency`, `cost`, `previous` and `pct_change` of all with spend in a range."""
    daily = rollup(usage, by=by, every="1d", timezone=timezone)
    period = pl.col("period").dt.convert_time_zone("UTC")

    def within(start: datetime, end: datetime) -> pl.Expr:
        low, high = (pl.lit(at.astimezone(UTC), dtype=INSTANT) for at in (start, end))
        return (period >= low) & (period < high)

    this, before = within(found.start, found.end), within(found.before_start, found.before_end)
    cost = pl.col("cost")
    each = daily.with_columns(
        cost=pl.when(this).then(cost).otherwise(0.0),
        previous=pl.when(before).then(cost).otherwise(0.0),
    )
    sums = _summed(each, [*by, "currency"])
    return sums.filter((cost > 0) | (pl.col("previous") > 0)).sort("currency", -cost, *by)


def folded(teams: pl.DataFrame, *, most: int = MOST) -> pl.DataFrame:
    """Keep the `most` teams of each currency, by cost in either range, and fold the others.

    >>> teams = pl.DataFrame({
    ...     "username": ["a", "b", "c"], "currency": "USD", "cost": [9.0, 2.0, 1.0],
    ...     "previous": [9.0, 0.0, 4.0], "pct_change": [0.0, None, -0.75],
    ... })
    >>> folded(teams, most=1).select("username", "cost", "previous", "pct_change").rows()
    [('a', 9.0, 9.0, 0.0), ('2 others', 3.0, 4.0, -0.25)]
    """
    size = pl.max_horizontal("cost", "previous")
    placed = teams.with_columns(_place=size.rank("ordinal", descending=True).over("currency"))
    first = placed.filter(pl.col("_place") <= most).select(teams.columns)
    rest = placed.filter(pl.col("_place") > most)
    if rest.is_empty():
        return teams
    counted = rest.with_columns(username=others_named(pl.len().over("currency")))
    others = _summed(counted, ["username", "currency"]).select(teams.columns)
    whole = pl.concat([first, others.sort("currency")])
    return in_order(whole, teams["currency"].unique(maintain_order=True).to_list())


def _summed(each: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    cost, previous = pl.col("cost"), pl.col("previous")
    sums = each.group_by(key).agg(total("cost"), total("previous"))
    return sums.with_columns(pct_change=pl.when(previous > 0).then(cost / previous - 1))
