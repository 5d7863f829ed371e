"""The sample: an organization's usage over any range, and the events that are planted in it.

The organization is fixed, the events depend on the range, and the rest on the seed. The same
arguments give the same table to the last bit.
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
from falusage.sample._truth import Truth, planted

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
    EUR. The table has days and weeks of typical shape, growth, surge prices, a price rise, a
    discount that changes, a launch, a retirement and one day of runaway usage. The same arguments
    give the same table. The default range is half a year of hours (some 230,000 rows, in well
    under a second); `every="1m"` gives millions of rows.

    Args:
        start: Where the range begins, widened to a whole bucket: a date, an aware datetime, or
            ISO 8601 text. Growth begins here.
        end: Where it ends, exclusive, widened to a whole bucket, too. The events are at fixed
            fractions of the range, in its last quarter. To see the anomaly as unusual, a range
            needs some weeks.
        every: The buckets: `"1m"`, `"1h"` or `"1d"`. A day is the sum of its hours.
        timezone: The IANA zone of dates and of the buckets' boundaries.
        seed: Another seed gives other usage of the same organization.

    Returns:
        A `Sample`: `.usage`, a usage table with all of `columns.USAGE`, as the newest edition of
        the API sends it (`percent_discount` is null and `cost_discount` 0 where there is no
        discount), and `.truth`.

    Raises:
        QueryError: If the range has less than two buckets, or `every` is unknown.

    >>> sample = sample_usage(start="2025-06-10", end="2025-06-24")
    >>> sample
    Sample(18,636 rows, 7 teams, 2025-06-10 00:00 to 2025-06-24 00:00 UTC)
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
    if low >= high or tf.after(low, every=every, timezone=timezone) >= high:
        raise QueryError(
            f"{start} to {end} is less than two buckets of {every!r}; expected a longer range, "
            "because every event needs time before and after it"
        )
    truth = planted(low, high, every=every, timezone=timezone)
    items = metering.lines(seed, truth)
    step = "1h" if every == "1d" else every
    ticks = metering.ticks(low, high, every=step, timezone=timezone)
    metered = metering.counted(metering.demand(ticks, seed), items, truth, until=high)
    if every == "1d":
        metered = metering.days(metered, timezone=timezone)
    surged = items.filter("surge", pl.col("line").is_in(metered["line"].unique().implode()))
    there = set(surged.select("endpoint_id", "currency").iter_rows())
    surges = tuple(s for s in truth.surges if (s.endpoint_id, s.currency) in there)
    return Sample(metering.billed(metered, items, truth), replace(truth, surges=surges))
