"""What `within` and `Range` promise to every view that asks about a range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from falusage._usage.periods import EVER, Range, among, with_period, within
from falusage.errors import AlignmentError, MissingColumnError

HOURS = pl.DataFrame(
    {
        "bucket": [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (4, 5, 6)],
        "bucket_end": [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (5, 6, 7)],
        "cost": [1.0, 2.0, 3.0],
    }
).lazy()


def test_a_range_keeps_whole_buckets_from_local_midnight() -> None:
    """A date is midnight in the zone, and the end is exclusive."""
    span = Range.read("2025-01-01", "2025-01-01T06:00:00Z", timezone="America/New_York")

    assert [2.0] == within(HOURS, ["cost"], span=span).collect()["cost"].to_list()
    assert {1.0, 2.0, 3.0} == set(within(HOURS, ["cost"], span=EVER).collect()["cost"])


def test_a_range_through_a_bucket_is_refused() -> None:
    """The message names the bucket and the range."""
    span = Range.read(None, "2025-01-01T05:30:00Z", timezone="UTC")
    with pytest.raises(AlignmentError, match=r"05:00:00.* is cut by the range \.\.\. to"):
        within(HOURS, ["cost"], span=span).collect()


def test_a_missing_column_is_found_before_a_row_is_read() -> None:
    """The plan is checked, not its rows."""
    with pytest.raises(MissingColumnError, match="costs"):
        within(HOURS, ["costs"], span=EVER)


def test_ranges_are_numbered_and_what_lies_between_is_left_out() -> None:
    """In one pass, so that a file is read once."""
    early = Range.read(None, "2025-01-01T05:00:00Z", timezone="UTC")
    late = Range.read("2025-01-01T06:00:00Z", None, timezone="UTC")

    got = among(HOURS, ["cost"], spans=[late, early]).collect()

    assert {(1.0, 1), (3.0, 0)} == set(got.select("cost", "_range").rows())
    with pytest.raises(AlignmentError, match="cut by the range"):
        among(
            HOURS, [], spans=[early, Range.read("2025-01-01T06:30:00Z", None, timezone="UTC")]
        ).collect()


def test_buckets_in_no_order_are_placed_as_in_order() -> None:
    """A batch of very many runs of a bucket is judged bucket by bucket, by the same rule."""
    first, hour = datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1)
    buckets = [first + number * hour for number in range(9_000)] * 2
    mixed = pl.DataFrame({"bucket": buckets, "cost": range(18_000)}).sample(
        fraction=1, shuffle=True, seed=4
    )
    usage = mixed.with_columns(bucket_end=pl.col("bucket") + hour).lazy()
    zone = "Europe/Paris"
    expected = {
        cost: bucket.astimezone(ZoneInfo(zone)).date() for bucket, cost in mixed.iter_rows()
    }

    got = with_period(usage, ["cost"], every="1d", timezone=zone).collect()

    assert 18_000 == got.height
    assert expected == {cost: period.date() for cost, period in got.select("cost", "period").rows()}

    span = Range.read("2025-02-01", "2025-03-01", timezone=zone)
    inside = within(usage, ["cost"], span=span).collect()["cost"]
    assert {cost for cost, day in expected.items() if 2 == day.month and 2025 == day.year} == {
        *inside
    }
    assert 2 * 28 * 24 == len(inside)

    wide = usage.with_columns(
        bucket_end=pl.when(pl.col("cost") == 7_000)
        .then(pl.col("bucket") + 30 * hour)
        .otherwise("bucket_end")
    )
    with pytest.raises(AlignmentError, match=r"from 2025-10-19T16:00:00.* crosses a boundary"):
        with_period(wide, ["cost"], every="1d", timezone=zone).collect()
