"""What `rollup` promises where the rows lie in DuckDB: the rows that Polars gives, to the bit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.errors import MissingColumnError, QueryError
from tests.transforms.random_tables import tables

NEW_YORK = "America/New_York"
FINEST = ("username", "product", "endpoint_id", "unit")
SAMPLE = fu.sample_usage(start="2025-02-25", end="2025-04-05").usage.gather_every(9)


def relation(usage: pl.DataFrame) -> duckdb.DuckDBPyRelation:
    """Hand a table to DuckDB."""
    return duckdb.from_arrow(usage.to_arrow())


def fetched(rows: duckdb.DuckDBPyRelation, *, timezone: str = "UTC") -> pl.DataFrame:
    """Run a relation, and give its periods the zone that DuckDB has only for a whole session."""
    found = rows.pl()
    if "period" not in found.columns:
        return found
    return found.with_columns(pl.col("period").dt.convert_time_zone(timezone))


def one(**columns: Any) -> pl.DataFrame:
    """Give one row, of an hour."""
    hour = datetime(2025, 1, 1, tzinfo=UTC)
    row = {"bucket": hour, "bucket_end": hour + timedelta(hours=1), "cost": 1.0, "currency": "USD"}
    return pl.DataFrame({**row, **columns})


@pytest.mark.parametrize("every", [None, "1h", "1d", "1w", "1mo", "1q", "1y"])
@pytest.mark.parametrize("timezone", ["UTC", NEW_YORK, "Asia/Tokyo"])
def test_rows_are_those_of_polars(timezone: str, every: Any) -> None:
    """At every grain, over a change of clocks, in the same order, cost and quantity alike."""
    asked: dict[str, Any] = {
        "by": FINEST,
        "every": every,
        "timezone": timezone,
        "values": ("cost", "quantity"),
    }
    assert_frame_equal(
        fu.rollup(SAMPLE, **asked),
        fetched(fu.rollup(relation(SAMPLE), **asked), timezone=timezone),
        check_exact=True,
    )


@pytest.mark.slow
@given(st.data())
def test_random_tables_are_summed_as_polars_sums_them(data: st.DataObject) -> None:
    """Null names, empty tables, half hours, days of 23 and 25 hours."""
    usage = data.draw(tables)
    every = data.draw(st.sampled_from([None, "1d", "1w", "1mo"]))
    timezone = data.draw(st.sampled_from(["UTC", NEW_YORK, "Australia/Lord_Howe"]))
    asked: dict[str, Any] = {
        "by": ("username", "auth_method"),
        "every": every,
        "timezone": timezone,
    }
    assert_frame_equal(
        fu.rollup(usage, **asked),
        fetched(fu.rollup(relation(usage), **asked), timezone=timezone),
        check_exact=True,
    )


@pytest.mark.slow
@given(
    st.lists(
        st.one_of(
            st.floats(0, 1e17),
            st.floats(2.0**53, 9.99e17),
            st.integers(2**53, 10**18 - 1).map(float).filter(lambda cost: cost < 1e18),
            st.floats(0, 1e-9),
            st.floats(-1e6, 1e6),
            st.integers(0, 10**9).map(lambda cents: cents / 100),
            st.sampled_from([0.5e-12, 1.5e-12, 2.5e-12, 9007.199254740993, 1e17 + 16, -0.0]),
            st.none(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_sums_are_equal_to_the_last_bit(costs: list[float | None]) -> None:
    """Of numbers of every size: each becomes the Decimal that Polars makes of it."""
    usage = pl.DataFrame({"cost": costs, "currency": "USD"}, schema_overrides={"cost": pl.Float64})
    assert_frame_equal(fu.rollup(usage), fetched(fu.rollup(relation(usage))), check_exact=True)


def test_nothing_is_run_before_it_is_asked_for() -> None:
    """A plan is made of a relation that cannot be read, and given back as a relation."""
    unread = duckdb.sql(
        "SELECT CASE WHEN range >= 0 THEN error('was read') ELSE 1.0::DOUBLE END AS cost, "
        "'USD' AS currency, TIMESTAMPTZ '2025-01-01 00:00:00+00' AS bucket, "
        "TIMESTAMPTZ '2025-01-01 01:00:00+00' AS bucket_end FROM range(3)"
    )
    rows = fu.rollup(unread, every="1d")
    assert duckdb.DuckDBPyRelation is type(rows)
    with pytest.raises(duckdb.Error, match="was read"):
        rows.fetchall()


def test_the_time_zone_of_a_session_moves_no_period() -> None:
    """Instants are instants, whatever zone a connection shows them in."""
    asked: dict[str, Any] = {"by": "username", "every": "1d", "timezone": NEW_YORK}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Pacific/Chatham'")
        rows = fu.rollup(connection.from_arrow(SAMPLE.to_arrow()), **asked)
        assert_frame_equal(fu.rollup(SAMPLE, **asked), fetched(rows, timezone=NEW_YORK))


@pytest.mark.parametrize(
    ("usage", "asked", "said"),
    [
        (one(), {"every": "1h", "timezone": "Asia/Kolkata"}, "crosses a boundary of every="),
        (one(bucket=datetime(2025, 1, 2, tzinfo=UTC)), {"every": "1d"}, "does not start before"),
        (one(bucket_end=None), {"every": "1d"}, "to null does not start before"),
        (
            one(bucket=datetime(1999, 12, 31, 23, tzinfo=UTC), bucket_end=datetime(2000, 1, 1)),
            {"every": "1d"},
            "outside of 2000 to 2099",
        ),
        (one(cost=float("nan")), {}, "column 'cost' holds nan"),
        (one(cost=1e18), {}, "expected a finite number below 1e.18"),
    ],
)
def test_what_cannot_be_summed_fails_when_it_is_run(
    usage: pl.DataFrame, asked: dict[str, Any], said: str
) -> None:
    """A number that would be wrong is not given; DuckDB's error has our words."""
    usage = usage.with_columns(
        pl.col("bucket_end").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )
    rows = fu.rollup(relation(usage), **asked)
    with pytest.raises(duckdb.Error, match=said):
        rows.fetchall()


@pytest.mark.parametrize(
    ("usage", "asked", "error"),
    [
        (one(), {"by": "team"}, MissingColumnError),
        (one(), {"every": "2d"}, QueryError),
        (one(), {"every": "1d", "timezone": "New York"}, QueryError),
        (one(), {"by": "cost"}, QueryError),
        (one(quantity=1.0), {"values": "quantity"}, QueryError),
        (one().drop("bucket_end"), {"every": "1d"}, MissingColumnError),
        (one(bucket=datetime(2025, 1, 1)), {"every": "1d"}, QueryError),
        (one(cost="1"), {}, QueryError),
        (one(cost=1).cast({"cost": pl.Int64}), {}, QueryError),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_at_once(
    usage: pl.DataFrame, asked: dict[str, Any], error: type[Exception]
) -> None:
    """The refusals are those that a Polars table gets, before the engine is asked anything."""
    if "cost" in usage.columns and usage["cost"].dtype == pl.Float64:
        with pytest.raises(error):
            fu.rollup(usage, **asked)
    with pytest.raises(error):
        fu.rollup(relation(usage), **asked)


def test_columns_may_have_any_name() -> None:
    """Quotes, spaces, dots, and the names that the plan's own columns have."""
    usage = one(**{'a "b" c.d': "x", "_high": "y", "_last": "z", "_minus": "w"})
    by = ['a "b" c.d', "_high", "_last", "_minus"]
    asked: dict[str, Any] = {"by": by, "every": "1d"}
    assert_frame_equal(fu.rollup(usage, **asked), fetched(fu.rollup(relation(usage), **asked)))


WHOLE = [
    *(2.0**53, 2.0**53 + 2, 2.0**54 + 4, 1e16 + 2, 1e17 + 16, 123_456_789_012_345_678.0),
    *(5e17 + 64, 999_999_999_999_999_872.0),
]
"""Doubles that are whole numbers, from the first that has no half beside it to the last allowed."""


@pytest.mark.parametrize("cost", WHOLE)
def test_a_large_whole_number_is_its_own_sum(cost: float) -> None:
    """It comes back to the last bit, also as a refund, and beside cents that a double has not."""
    usage = pl.DataFrame({"cost": [cost, 0.25, -0.25], "currency": "USD"})

    for table in (usage, usage.with_columns(-pl.col("cost"))):
        alone = table.head(1)
        assert alone["cost"].to_list() == fetched(fu.rollup(relation(alone)))["cost"].to_list()
        assert_frame_equal(fu.rollup(table), fetched(fu.rollup(relation(table))), check_exact=True)
