"""What `rollup` promises in Spark: over a store, on several workers, the rows that Polars gives."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.errors import MissingColumnError, QueryError

NEW_YORK = "America/New_York"
FINEST = ("username", "product", "endpoint_id", "unit")
NOW = datetime(2025, 4, 5, tzinfo=UTC)

# Java's second compiler makes long runs fast; in a short one it costs twice what all else does.
SHORT_RUN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("java") is None and "CI" not in os.environ, reason="Spark needs Java 17"
    ),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A cluster of two workers, each a process of its own, whose zone is not the usage's."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LAUNCHER_OPTS"] = SHORT_RUN
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .config("spark.driver.extraJavaOptions", SHORT_RUN)
        .config("spark.executor.extraJavaOptions", SHORT_RUN)
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")  # a stack for each column
        .config("spark.sql.shuffle.partitions", 2)
        .config("spark.sql.session.timeZone", "Pacific/Chatham")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was synced twice, so that it holds what was restated beside what was not."""
    usage = fu.sample_usage(start="2025-03-01", end="2025-04-05").usage
    usage = usage.filter(pl.col("username").is_in(["acme-voice", "acme-paris"]))
    path = tmp_path_factory.mktemp("store") / "usage"
    kept = fu.UsageStore(path)
    with fu.Emulator(usage.filter(pl.col("bucket") < datetime(2025, 3, 20, tzinfo=UTC))) as server:
        server.clock = lambda: datetime(2025, 3, 20, tzinfo=UTC)
        with fu.UsageClient(server.api_key, base_url=server.base_url) as client:
            kept.sync("2025-03-01", timeframe="hour", client=client)
            server.clock = lambda: NOW
            server.replace(usage)
            kept.sync("2025-03-01", timeframe="hour", client=client)
    return path


def fetched(rows: Any, *, timezone: str = "UTC") -> pl.DataFrame:
    """Run a DataFrame of Spark, and give its periods the zone that Spark has for a session."""
    found = pl.DataFrame(rows.toArrow())
    if "period" not in found.columns:
        return found
    return found.with_columns(pl.col("period").dt.convert_time_zone(timezone))


def test_rows_of_a_store_are_those_of_polars(spark: Any, store: Path) -> None:
    """At every kind of grain, over a change of clocks, from the files of the store's version."""
    assert spark.sparkContext.master == "local-cluster[2,1,1024]"
    rows = spark.read.parquet(*DeltaTable(store).file_uris())
    for every, timezone, values in [
        ("1h", NEW_YORK, ("cost", "quantity")),
        ("1d", NEW_YORK, ("cost",)),
        ("1w", "Asia/Tokyo", ("cost",)),
        ("1q", NEW_YORK, ("cost",)),  # as months and years, but for their number
    ]:
        asked: dict[str, Any] = {
            "by": FINEST,
            "every": every,
            "timezone": timezone,
            "values": values,
        }
        there = fu.rollup(rows, **asked)
        assert type(rows) is type(there)
        assert_frame_equal(
            fu.rollup(fu.UsageStore(store).scan(), **asked).collect(),
            fetched(there, timezone=timezone),
            check_exact=True,
        )


def test_rows_of_a_store_are_those_of_polars_in_duckdb_too(store: Path) -> None:
    """From the same files."""
    rows = duckdb.read_parquet(DeltaTable(store).file_uris())
    asked: dict[str, Any] = {"by": FINEST, "every": "1d", "timezone": NEW_YORK}
    found = fu.rollup(rows, **asked).pl()
    assert_frame_equal(
        fu.rollup(fu.UsageStore(store).scan(), **asked).collect(),
        found.with_columns(pl.col("period").dt.convert_time_zone(NEW_YORK)),
        check_exact=True,
    )


def test_sums_are_equal_to_the_last_bit(spark: Any) -> None:
    """Of large and small numbers, beside nulls, under null names and names that SQL must quote."""
    costs = [0.1, 0.2, 0.7, 1e17 + 16, 0.5e-12, 1.5e-12, 9007.199254740993, -3.7, None, 123456.789]
    usage = pl.DataFrame(
        {
            "a `b` c.d": ["x", None, "", "🎈", "x", None, "", "🎈", "null", 'a "b", c'] * 7,
            "cost": [None if cost is None else cost * n for n in range(1, 8) for cost in costs],
            "currency": ["USD", "EUR"] * 35,
        }
    )
    there = fu.rollup(spark.createDataFrame(usage.to_arrow()), by="a `b` c.d")
    assert_frame_equal(fu.rollup(usage, by="a `b` c.d"), fetched(there), check_exact=True)


def test_a_large_whole_number_is_its_own_sum(spark: Any) -> None:
    """From 2^53 to below 1e18, each comes back to the last bit."""
    costs = [
        *(2.0**53, 2.0**53 + 2, 2.0**54 + 4, 1e16 + 2, 1e17 + 16, 123_456_789_012_345_678.0),
        *(5e17 + 64, 999_999_999_999_999_872.0),
    ]
    usage = pl.DataFrame({"username": [f"{cost:.0f}" for cost in costs], "cost": costs})
    usage = usage.with_columns(currency=pl.lit("USD"))

    there = fetched(fu.rollup(spark.createDataFrame(usage.to_arrow()), by="username"))

    assert_frame_equal(fu.rollup(usage, by="username"), there, check_exact=True)
    assert sorted(costs) == sorted(there["cost"].to_list())


def test_nothing_is_run_before_it_is_asked_for(spark: Any) -> None:
    """A plan is made of rows that cannot be read."""
    unread = spark.range(3).selectExpr(
        "CAST(raise_error('was read') AS DOUBLE) AS cost", "'USD' AS currency"
    )
    rows = fu.rollup(unread)
    with pytest.raises(Exception, match="was read"):
        rows.collect()


def test_what_would_not_be_exact_is_refused(spark: Any) -> None:
    """By us where the question shows it, and by Spark, in our words, where the rows do."""
    rows = spark.sql(
        "SELECT TIMESTAMP '2025-01-01 00:00:00Z' AS bucket, 1.0D AS cost, 'USD' AS currency, "
        "TIMESTAMP '2025-01-01 01:00:00Z' AS bucket_end"
    )
    with pytest.raises(MissingColumnError, match="currency"):
        fu.rollup(rows, by="currncy")
    with pytest.raises(QueryError, match="Decimal"):
        fu.rollup(rows.selectExpr("CAST(cost AS DECIMAL(10, 2)) AS cost", "currency"))
    for asked, said in [
        ({"timezone": "Asia/Kolkata"}, "crosses a boundary of every='1h' in Asia/Kolkata"),
        ({"values": "cost"}, "column 'cost' holds NaN"),
    ]:
        faulty = (
            rows
            if "timezone" in asked
            else rows.selectExpr(
                "bucket", "bucket_end", "currency", "CAST('NaN' AS DOUBLE) AS cost"
            )
        )
        plan = fu.rollup(faulty, every="1h", **asked)
        with pytest.raises(Exception, match=said):
            plan.collect()
