"""What `trend` promises: every period there, and no part compared with a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import AlignmentError, MissingColumnError, QueryError
from falusage.transforms import trend
from tests.transforms.random_tables import tables, zones

NEW_YORK = "America/New_York"
HOUR = timedelta(hours=1)


def table(*rows: tuple[str, float], username: str = "acme", currency: str = "USD") -> pl.DataFrame:
    """Give hourly usage from (bucket, cost)."""
    buckets = [datetime.fromisoformat(bucket) for bucket, _ in rows]
    return pl.DataFrame(
        {
            "bucket": buckets,
            "bucket_end": [bucket + HOUR for bucket in buckets],
            "username": username,
            "cost": [cost for _, cost in rows],
            "currency": currency,
        },
        schema_overrides={
            "bucket": pl.Datetime("us", "UTC"),
            "bucket_end": pl.Datetime("us", "UTC"),
        },
    )


USAGE = table(
    ("2025-01-01T00:00Z", 2.0),
    ("2025-01-02T12:00Z", 3.0),
    ("2025-01-04T23:00Z", 1.0),
)


def test_missing_periods_are_zero_and_compared() -> None:
    """A day without usage is a zero; a change from zero has no fraction."""
    expected = pl.DataFrame(
        {
            "period": [datetime(2025, 1, day) for day in (1, 2, 3, 4)],
            "currency": "USD",
            "cost": [2.0, 3.0, 0.0, 1.0],
            "previous": [None, 2.0, 3.0, 0.0],
            "change": [None, 1.0, -3.0, 1.0],
            "pct_change": [None, 0.5, -1.0, None],
            "rolling_mean": [None, 2.5, 1.5, 0.5],
            "complete": True,
        }
    ).with_columns(pl.col("period").dt.replace_time_zone("UTC").dt.cast_time_unit("us"))

    assert_frame_equal(expected, trend(USAGE, window=2))


def test_a_period_cut_short_is_not_compared() -> None:
    """The table's own ends cut the first and the last New York day short."""
    got = trend(USAGE, timezone=NEW_YORK, window=1)

    assert [date(2024, 12, 31), date(2025, 1, 1)] == got["period"].dt.date().to_list()[:2]
    assert [False, True, True, True, False] == got["complete"].to_list()
    assert [2.0, 0.0, 3.0, 0.0, 1.0] == got["cost"].to_list()
    assert [None, 2.0, 0.0, 3.0, 0.0] == got["previous"].to_list()
    assert [None, None, 3.0, -3.0, None] == got["change"].to_list()
    assert [None, None, None, -1.0, None] == got["pct_change"].to_list()
    assert [None, 0.0, 3.0, 0.0, None] == got["rolling_mean"].to_list()


def test_a_range_cuts_and_fills() -> None:
    """`start` and `end` decide the periods, and which of them are whole."""
    got = trend(USAGE, start="2025-01-02", end="2025-01-06T12:00:00Z", window=1)

    assert [2, 3, 4, 5, 6] == got["period"].dt.day().to_list()
    assert [3.0, 0.0, 1.0, 0.0, 0.0] == got["cost"].to_list()
    assert [True, True, True, True, False] == got["complete"].to_list()


def test_dates_are_midnights_in_the_zone() -> None:
    """A range of New York dates starts at five in the morning of UTC."""
    got = trend(USAGE, start=date(2025, 1, 1), end=date(2025, 1, 3), timezone=NEW_YORK)

    assert [0.0, 3.0] == got["cost"].to_list()
    assert [True, True] == got["complete"].to_list()


def test_a_series_silent_in_the_range_is_zeros() -> None:
    """Every series of the table is there, in its own currency."""
    usage = pl.concat([USAGE, table(("2024-12-01T00:00Z", 9.0), username="labs", currency="EUR")])

    got = trend(usage, by="username", start="2025-01-01", end="2025-01-03")

    assert [("acme", "USD", 2.0), ("labs", "EUR", 0.0)] == got.select(
        "username", "currency", "cost"
    ).rows()[:2]
    assert 4 == got.height


def test_a_null_member_is_a_series() -> None:
    """Its zeros and its costs meet in one series."""
    usage = USAGE.with_columns(auth_method=pl.lit(None, dtype=pl.String))

    assert [2.0, 3.0, 0.0, 1.0] == trend(usage, by="auth_method")["cost"].to_list()


def test_days_of_23_and_25_hours_are_whole() -> None:
    """A clock change neither cuts a day short nor leaves one out."""
    for start, end in (("2025-03-08", "2025-03-11"), ("2025-11-01", "2025-11-04")):
        got = trend(USAGE, start=start, end=end, timezone=NEW_YORK)

        assert 3 == got.height
        assert got["complete"].all()


def test_changes_are_exact() -> None:
    """0.3 − 0.1 is 0.2, which floats do not say."""
    got = trend(table(("2025-01-01T00:00Z", 0.1), ("2025-01-01T01:00Z", 0.3)), every="1h")

    assert [None, 0.2] == got["change"].to_list()


@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_range_through_a_bucket_is_refused(edge: str) -> None:
    """Half an hour of an hourly bucket is not known."""
    lazy = trend(USAGE.lazy(), **{edge: "2025-01-02T12:30:00Z"})  # pyright: ignore -- by its name
    with pytest.raises(AlignmentError, match="cut by the range"):
        lazy.collect()


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"every": None}, "every is None"),
        ({"every": "fortnight"}, "every is 'fortnight'"),
        ({"window": 0}, "window is 0"),
        ({"window": 1.5}, "window is 1.5"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"start": datetime(2025, 1, 1)}, "no UTC offset"),
        ({"start": "2025-01-02", "end": "2025-01-02"}, "is not before end"),
        ({"by": "complete"}, "'complete', which the result names itself"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        trend(USAGE, **arguments)


def test_a_table_without_bucket_end_is_told_how_to_add_it() -> None:
    """A period needs to know where each bucket ends."""
    with pytest.raises(MissingColumnError, match="offset_by"):
        trend(USAGE.drop("bucket_end"))


@pytest.mark.parametrize("span", [{}, {"start": "2025-01-01"}, {"start": "2026-01-01"}])
def test_empty_and_lazy_have_the_same_schema(span: dict[str, Any]) -> None:
    """The plan knows its schema, and an empty table keeps it."""
    full = trend(USAGE, by="username", **span)
    lazy = trend(USAGE.lazy(), by="username", **span)
    empty = trend(USAGE.clear(), by="username", **span)

    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema() == empty.schema
    assert_frame_equal(full, lazy.collect())
    assert empty.is_empty()


@given(data=st.data())
def test_equals_days_walked_in_plain_python(data: st.DataObject) -> None:
    """Local dates by `zoneinfo` and sums by `fractions` give every row, nulls included."""
    usage, zone = data.draw(tables), data.draw(zones)
    window = data.draw(st.integers(1, 4))
    got = trend(usage, timezone=zone, window=window)
    if usage.is_empty():
        assert got.is_empty()
        return
    tz = ZoneInfo(zone)
    first, last = usage["bucket"].min(), usage["bucket_end"].max()
    low = first.astimezone(tz).date()
    high = (last - timedelta(microseconds=1)).astimezone(tz).date()
    days = [low + timedelta(days=n) for n in range((high - low).days + 1)]

    def midnight(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)

    whole = [midnight(day) >= first and midnight(day + timedelta(days=1)) <= last for day in days]
    for currency in usage["currency"].unique():
        sums = dict.fromkeys(days, Fraction(0))
        for bucket, _, _, _, cost, of in usage.iter_rows():
            if of == currency:
                cents = Decimal(repr(cost)).quantize(Decimal(1).scaleb(-12))
                sums[bucket.astimezone(tz).date()] += Fraction(cents)
        costs = list(sums.values())
        rows = got.filter(pl.col("currency") == currency).rows(named=True)
        assert days == [row["period"].date() for row in rows]
        assert whole == [row["complete"] for row in rows]
        for n, row in enumerate(rows):
            compared = n > 0 and whole[n] and whole[n - 1]
            change = costs[n] - costs[n - 1] if compared else None
            pct = change / costs[n - 1] if compared and costs[n - 1] else None
            run = slice(n - window + 1, n + 1)
            mean = sum(costs[run]) / window if n + 1 >= window and all(whole[run]) else None
            assert near(costs[n]) == row["cost"]
            assert near(costs[n - 1] if n else None) == row["previous"]
            assert near(change) == row["change"]
            assert near(pct) == row["pct_change"]
            assert near(mean) == row["rolling_mean"]


def near(value: Fraction | None) -> Any:
    """Compare to the precision of the floats that are given back."""
    return value if value is None else pytest.approx(float(value), rel=1e-9, abs=1e-9)


def test_means_are_exact_from_the_first_whole_window_on() -> None:
    """To the last bit: what came before the first row adds nothing."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=day) for day in range(9)]
    usage = pl.DataFrame(
        {
            "bucket": days,
            "bucket_end": [day + timedelta(days=1) for day in days],
            "cost": [float(day) for day in range(1, 10)],
            "currency": "USD",
        }
    )
    assert [None, 1.5, 2.5, 3.5] == trend(usage, window=2)["rolling_mean"].to_list()[:4]
    assert [None] * 6 + [4.0, 5.0, 6.0] == trend(usage)["rolling_mean"].to_list()
