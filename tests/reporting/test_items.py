"""The items of a table are its rows by day: the same sums, and no day that is not one."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage._usage.table import take
from falusage.errors import AlignmentError
from falusage.reporting._items import KEY, items

NEW_YORK = "America/New_York"


@pytest.fixture(scope="module")
def hours() -> pl.DataFrame:
    """Ten days of the sample by hour."""
    return fu.sample_usage(start="2025-06-01", end="2025-06-11").usage


@pytest.mark.parametrize("timezone", ["UTC", NEW_YORK, "Asia/Kathmandu"])
def test_each_day_has_the_exact_sum_of_its_rows(hours: pl.DataFrame, timezone: str) -> None:
    """Added up in plain Python, by the calendar of the zone."""
    if timezone == "Asia/Kathmandu":  # its days begin at a quarter past in UTC
        hours = hours.with_columns(pl.col("bucket", "bucket_end").dt.offset_by("15m"))
    sums: defaultdict[tuple, Decimal] = defaultdict(Decimal)
    for row in hours.iter_rows(named=True):
        day = row["bucket"].astimezone(ZoneInfo(timezone)).date()
        sums[day, *(row[name] for name in KEY)] += Decimal(repr(row["cost"])).quantize(
            Decimal("1e-12")
        )

    found, error = items(take(hours), [], timezone=timezone)

    local = pl.col("bucket").dt.convert_time_zone(timezone).dt.date()
    assert error is None
    costs = {row[:-1]: row[-1] for row in found.select(local, *KEY, "cost").iter_rows()}
    assert sums.keys() == costs.keys()
    assert all(abs(cost - sums[key]) < Decimal("1e-9") for key, cost in costs.items())
    assert hours.height == found["rows"].sum()


def test_a_sum_ends_at_each_edge(hours: pl.DataFrame) -> None:
    """So that a range that starts at noon is cut out exactly."""
    noon = datetime(2025, 6, 3, 12, tzinfo=UTC)
    found, _ = items(take(hours), [noon], timezone="UTC")
    for rows in (hours, found):
        assert rows.filter(pl.col("bucket") < noon)["bucket_end"].max() == noon
    after = pl.col("bucket") >= noon
    assert fu.rollup(hours.filter(after)).equals(fu.rollup(found.filter(after)))


def test_what_has_no_days_keeps_its_buckets(hours: pl.DataFrame) -> None:
    """Days of UTC are no days of New York: they are kept, with the error that says so."""
    days, error = items(take(hours), [], timezone="UTC")
    assert error is None
    kept, error = items(take(days.drop("rows")), [], timezone=NEW_YORK)
    assert isinstance(error, AlignmentError)
    order = ["bucket", *KEY]
    assert_frame_equal(days.drop("rows").sort(order), kept.drop("rows").sort(order))


def test_a_missing_subtotal_makes_the_sum_unknown(hours: pl.DataFrame) -> None:
    """A part of a list price is no list price."""
    first = pl.int_range(pl.len()) == 0
    lacking = hours.with_columns(cost_subtotal=pl.when(~first).then("cost_subtotal"))
    found, _ = items(take(lacking), [], timezone="UTC")
    assert 1 == found["cost_subtotal"].null_count()
    without, _ = items(take(hours.drop("cost_subtotal")), [], timezone="UTC")
    assert without.height == without["cost_subtotal"].null_count()


def test_the_last_day_ends_where_its_last_bucket_does(hours: pl.DataFrame) -> None:
    """A day that is not over is no whole day."""
    until = datetime(2025, 6, 10, 3, tzinfo=UTC)
    found, _ = items(take(hours.filter(pl.col("bucket_end") <= until)), [], timezone="UTC")
    assert until == found["bucket_end"].max()
    assert until - timedelta(hours=3) == found["bucket"].max()
