"""Events compared with usage: every difference is found, and the parts sum to the gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu

DAY = datetime(2025, 3, 1, tzinfo=UTC)


def used(day: int, cost: float, **further: Any) -> dict[str, Any]:
    """Return a row of usage of a day."""
    return {
        "bucket": DAY + timedelta(days=day),
        "bucket_end": DAY + timedelta(days=day + 1),
        "username": "ads",
        "product": "model_apis",
        "endpoint_id": "flux",
        "cost": cost,
        "currency": "USD",
        **further,
    }


def charged(day: float, nano: int, **further: Any) -> dict[str, Any]:
    """Return an event."""
    return {
        "timestamp": DAY + timedelta(days=day),
        "username": "ads",
        "endpoint_id": "flux",
        "cost_nano": nano,
        "currency": "USD",
        **further,
    }


def parts(found: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Return the day, the team and the endpoint of each row, with what it says."""
    told = ("username", "endpoint_id", "currency", "usage_cost", "events_cost", "part")
    plain = found.with_columns(pl.col(pl.Decimal).cast(pl.Float64))
    return plain.select(pl.col("bucket").dt.day(), *told).rows()


def test_each_key_is_in_one_part() -> None:
    """A bucket that agrees, one that differs, and one that only one side has."""
    usage = pl.DataFrame(
        [
            used(0, 0.3),
            used(0, 0.2),
            used(1, 1.0),
            used(2, 0.7, username="labs"),
            used(2, 9.0, product="compute"),
            used(2, 5.0, currency="EUR"),
        ]
    )
    events = pl.DataFrame(
        [
            charged(0.2, 100_000_000),
            charged(0.9, 400_000_000),
            charged(1.5, 999_999_998),
            charged(2.0, 3, endpoint_id="veo"),
        ]
    )

    found = fu.tie_out_events(usage, events)

    assert [
        (1, "ads", "flux", "USD", 0.5, 0.5, "agree"),
        (2, "ads", "flux", "USD", 1.0, 0.999999998, "different"),
        (3, "ads", "flux", "EUR", 5.0, 0.0, "only in usage"),
        (3, "ads", "veo", "USD", 0.0, 3e-9, "only in events"),
        (3, "labs", "flux", "USD", 0.7, 0.0, "only in usage"),
    ] == parts(found)
    assert [2, 1, 0, 1, 0] == found["events"].to_list()
    assert (found["events_cost"] - found["usage_cost"]).equals(found["gap"].alias("events_cost"))


def test_an_event_at_the_end_of_a_bucket_is_in_the_next() -> None:
    """A bucket ends before its end."""
    usage = pl.DataFrame([used(0, 1.0), used(1, 2.0)])
    end = 1 - 1 / 86_400_000_000
    events = pl.DataFrame([charged(end, 1_000_000_000), charged(1, 2_000_000_000)])

    assert {"agree"} == set(fu.tie_out_events(usage, events)["part"])


def test_an_event_outside_of_every_bucket_has_none() -> None:
    """Its bucket is null, unless the coverage knows the calendar of the usage."""
    usage = pl.DataFrame([used(0, 1.0), used(2, 2.0)])
    events = pl.DataFrame([charged(1, 7), charged(9.5, 8)])
    known = fu.Coverage(start=DAY, end=DAY + timedelta(days=3), timeframe="day")

    bare = fu.tie_out_events(usage, events).filter(part="only in events")
    covered = fu.tie_out_events(usage, events, coverage=known).filter(part="only in events")

    assert [(None, 2)] == bare.select("bucket", "events").rows()
    assert [
        (DAY + timedelta(days=1), DAY + timedelta(days=2), 1),
        (None, None, 1),
    ] == covered.select("bucket", "bucket_end", "events").sort("bucket", nulls_last=True).rows()


def test_rounding_to_nano_dollars_agrees_and_one_nano_more_does_not() -> None:
    """Two events may each be off by half a nano dollar."""
    usage = pl.DataFrame([used(0, 0.000_000_003)])

    for nano, part in ((1, "agree"), (0, "different")):
        events = pl.DataFrame([charged(0.1, 1), charged(0.2, nano)])
        assert [part] == fu.tie_out_events(usage, events)["part"].to_list()


def test_a_year_of_large_costs_is_summed_to_the_nano_dollar() -> None:
    """Beyond what a double holds: the sum is that of whole numbers."""
    usage = pl.DataFrame([used(0, 0.0)])
    events = pl.DataFrame([charged(0.1, 999_999_999_999_999_999)] * 12)

    found = fu.tie_out_events(usage, events)

    assert Decimal("11999999999.999999988000") == found["events_cost"].item()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 10**12))),
    st.lists(st.tuples(st.floats(0, 5), st.sampled_from("ab"), st.integers(0, 10**12))),
)
def test_the_parts_sum_to_the_gap(
    rows: list[tuple[int, str, int]], events: list[tuple[float, str, int]]
) -> None:
    """Whatever the tables: over all parts, events minus usage, exactly."""
    usage = pl.DataFrame([used(9, 0.0), *(used(d, n / 1e9, endpoint_id=e) for d, e, n in rows)])
    table = pl.DataFrame([charged(8, 0), *(charged(d, n, endpoint_id=e) for d, e, n in events)])

    found = fu.tie_out_events(usage, table)

    gap = Decimal(sum(n for _, _, n in events) - sum(n for _, _, n in rows)) / 10**9
    by_part = found.group_by("part").agg(pl.col("gap").sum())
    assert gap == by_part["gap"].sum()
    assert sum(n for _, _, n in events) == int(found["events_cost"].sum() * 10**9)
    assert found.height == found.select("bucket", "endpoint_id").n_unique()


def test_pandas_and_lazy_tables_are_compared_alike() -> None:
    """As everywhere, whatever the library."""
    usage = pl.DataFrame([used(0, 1.0), used(1, 2.0)])
    events = pl.DataFrame([charged(0.5, 1_000_000_000), charged(1.5, 1)])
    expected = fu.tie_out_events(usage, events)

    assert_frame_equal(expected, fu.tie_out_events(usage.lazy(), events.lazy()))
    assert_frame_equal(expected, fu.tie_out_events(usage.to_pandas(), events.to_pandas()))
    assert_frame_equal(expected, fu.tie_out_events(usage.to_arrow(), events.to_arrow()))


def test_overlapping_buckets_are_an_error() -> None:
    """An event would belong to two of them."""
    hour = {"bucket_end": DAY + timedelta(hours=1)}
    usage = pl.DataFrame([used(0, 1.0), used(0, 1.0, **hour)])

    with pytest.raises(fu.AlignmentError, match="overlaps the one before"):
        fu.tie_out_events(usage, pl.DataFrame([charged(0, 1)]))


def test_what_is_no_table_of_events_is_an_error() -> None:
    """The message names the column."""
    usage, events = pl.DataFrame([used(0, 1.0)]), pl.DataFrame([charged(0, 1)])

    with pytest.raises(fu.MissingColumnError, match="'cost_nano'"):
        fu.tie_out_events(usage, events.drop("cost_nano"))
    with pytest.raises(fu.QueryError, match="'cost_nano' of events is Float64"):
        fu.tie_out_events(usage, events.cast({"cost_nano": pl.Float64}))
    with pytest.raises(fu.QueryError, match="'timestamp'"):
        fu.tie_out_events(usage, events.with_columns(timestamp=pl.lit("2025-03-01")))
