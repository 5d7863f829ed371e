"""What `within` and `Range` promise to every view that asks about a range."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from falusage.errors import AlignmentError, MissingColumnError
from falusage.transforms.periods import EVER, Range, among, within

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
    with pytest.raises(AlignmentError, match=r"05:00:00.* is cut through by the range \.\.\. to"):
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
    with pytest.raises(AlignmentError, match="cut through by the range"):
        among(
            HOURS, [], spans=[early, Range.read("2025-01-01T06:30:00Z", None, timezone="UTC")]
        ).collect()
