"""The sample: an organization's usage over any range, and the events that are planted in it.

A seed is one history for all time, and a range is a slice of it, to the last bit. The organization
and the events are fixed; the rest depends on the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, get_args

import polars as pl

from falusage import timeframes as tf
from falusage._suggestions import did_you_mean
from falusage.errors import QueryError
from falusage.sample import _metering as metering
from falusage.sample._truth import Truth, seen

SampleEvery = Literal["1m", "1h", "1d"]


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """An invented usage table, with the events that are planted in it.

    Attributes:
        usage: A usage table (`columns.USAGE`), sorted by bucket and team.
        truth: The events that transforms should find in it.
    """

    usage: pl.DataFrame
    truth: Truth

    def __repr__(self) -> str:
        first, last = self.usage["bucket"].min(), self.usage["bucket_end"].max()
        teams = self.usage["username"].n_unique()
        return (
            f"Sample({self.usage.height:,} rows, {teams} teams, "
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC)"
        )


def sample_usage(
    *,
    start: date | datetime | str = "2025-01-01",
    end: date | datetime | str = "2025-06-24",
    every: SampleEvery = "1h",
    timezone: str = "UTC",
    seed: int = 0,
) -> Sample:
    """Generate an organization's usage, with the events that are planted in it.

    Seven teams use all three product lines for some 55,000 USD a month; one of them is billed in
    EUR. The table has days and weeks of typical shape, growth and surge prices. In May and June
    2025 there are a retirement (11 May), a discount that changes (15 May), a price rise (20 May),
    a launch (2 June) and a day of runaway usage (11 June).

    A seed is one history for all time: the table of a range is a slice of that of any longer
    range, row for row and bit for bit. Teams grow from 2024 to 2026, by 1 to 3 % of January 2025
    every 30 days. The default range is half a year of hours (some 230,000 rows, in well under a
    second); `every="1m"` gives millions of rows.

    Args:
        start: Where the range begins, widened to a whole bucket: a date, an aware datetime, or
            ISO 8601 text.
        end: Where it ends, exclusive, widened to a whole bucket, too.
        every: The buckets: `"1m"`, `"1h"` or `"1d"`. A day is the sum of its hours. Minutes are
            drawn on their own, and add up to about the hours.
        timezone: The IANA zone of dates and of the buckets' boundaries. Hours that do not begin
            with an hour of UTC, as in India, are drawn on their own, too. A price changes at
            midnight in UTC; a local day in which that happens has rows at both prices.
        seed: Another seed gives other usage of the same organization, with the same events.

    Returns:
        A `Sample`: `.usage`, a usage table with all of `columns.USAGE`, as the newest edition of
        the API sends it (`percent_discount` is null and `cost_discount` 0 where there is no
        discount), and `.truth`, the events that the range shows: those at an instant inside it,
        and a span of unusual usage that it has a part of. A range without events has none.

    Raises:
        QueryError: If the range is empty, or `every` is unknown.

    >>> sample = sample_usage(start="2025-06-10", end="2025-06-24")
    >>> sample
    Sample(19,242 rows, 7 teams, 2025-06-10 00:00 to 2025-06-24 00:00 UTC)
    >>> sample.truth.second_currencies
    (SecondCurrency(username='acme-paris', currency='EUR'),)
    """
    if every not in get_args(SampleEvery):
        raise QueryError(
            f"every is {every!r}; a sample has buckets of '1m', '1h' or '1d'."
            f"{did_you_mean(every, ('1m', '1h', '1d'))}"
        )
    low = tf.floor(
        tf.instant(start, timezone=timezone, name="start"), every=every, timezone=timezone
    )
    high = tf.ceil(tf.instant(end, timezone=timezone, name="end"), every=every, timezone=timezone)
    if low >= high:
        raise QueryError(
            f"start {start} is not before end {end}; end is exclusive, so one day runs from its "
            "date to the next"
        )
    items = metering.lines(seed)
    step = "1h" if every == "1d" else every
    ticks = metering.ticks(low, high, every=step, timezone=timezone)
    metered = metering.priced(metering.counted(metering.demand(ticks, seed), items), items)
    if every == "1d":
        metered = metering.days(metered, timezone=timezone)
    used = items.filter(pl.col("line").is_in(metered["line"].unique().implode()))
    surging = set(used.filter("surge").select("endpoint_id", "currency").iter_rows())
    teams, truth = set(used["username"]), seen(low, high)
    truth = replace(
        truth,
        surges=tuple(s for s in truth.surges if (s.endpoint_id, s.currency) in surging),
        second_currencies=tuple(s for s in truth.second_currencies if s.username in teams),
    )
    return Sample(metering.billed(metered, items), truth)
