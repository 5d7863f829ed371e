"""Rows of Parquet files are summed by currency in two parts, and come out as those of a frame."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.transforms import cost_share, pivot, rollup, trend

HOUR = pl.duration(hours=1)
VIEWS: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "rollup": lambda usage: rollup(usage, by="username"),
    "rollup, in time": lambda usage: rollup(usage, by="username", every="1d"),
    "rollup of nothing else": lambda usage: rollup(usage, every="1h"),
    "rollup by currency": lambda usage: rollup(usage, by="currency"),
    "rollup, by many names": lambda usage: rollup(
        usage, by=["username", "product", "endpoint_id", "unit"], values=["cost", "quantity"]
    ),
    "cost_share": lambda usage: cost_share(usage, by="username", top=1),
    "pivot": lambda usage: pivot(usage, index="username", on="product", totals=True),
    "trend": lambda usage: trend(usage, by="username", every="1d"),
}


def usage(currencies: list[str | None]) -> pl.DataFrame:
    """Give a row for each currency, an hour each."""
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    bucket = pl.lit("2025-01-01").str.to_datetime(time_unit="us", time_zone="UTC") + row * HOUR
    return pl.DataFrame({"currency": currencies}, schema={"currency": pl.String}).select(
        bucket=bucket,
        bucket_end=bucket + HOUR,
        username=pl.format("team-{}", row % 3),
        product=pl.when(row % 2 == 0).then(pl.lit("compute")).otherwise(pl.lit("serverless")),
        endpoint_id=pl.format("endpoint-{}", row % 5),
        unit=pl.lit("second"),
        quantity=1.0 + row,
        cost=0.1 + row,
        currency="currency",
    )


def write(table: pl.DataFrame, path: Path, *, writer: str) -> None:
    """Write a table as one of several does, in small groups of rows where it has such."""
    match writer:
        case "PyArrow":
            pq.write_table(table.to_arrow(), path, row_group_size=8)
        case "DuckDB":
            with duckdb.connect() as connection:
                connection.sql("SET timezone = 'UTC'")
                connection.from_arrow(table.to_arrow()).write_parquet(str(path))
        case _:
            table.write_parquet(path, row_group_size=8, statistics=writer == "Polars")


RUN = st.tuples(st.sampled_from(["USD", "USD", "EUR", "usd", "", "é", None]), st.integers(1, 20))


@pytest.mark.parametrize("view", VIEWS)
@given(
    runs=st.lists(RUN, max_size=6),
    writer=st.sampled_from(["Polars", "Polars, no statistics", "PyArrow", "DuckDB"]),
)
def test_rows_of_files_are_summed_as_those_of_frames(
    view: str, runs: list[tuple[str | None, int]], writer: str
) -> None:
    """Whoever wrote the file, and whatever it says of its row groups, no row is lost."""
    table = usage([currency for currency, length in runs for _ in range(length)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.parquet"
        write(table, path, writer=writer)
        got = VIEWS[view](pl.scan_parquet(path)).collect()
    assert_frame_equal(got, VIEWS[view](table.lazy()).collect())


def plan(rows: pl.LazyFrame) -> str:
    """Give the plan of a sum of some rows, as it is run."""
    return rollup(rows, by="username").explain()


def test_files_are_read_in_two_parts(tmp_path: Path) -> None:
    """Also where rows are filtered or columns left out, which the reader does, too."""
    usage(["USD", "EUR"]).write_parquet(tmp_path / "usage.parquet")
    files = pl.scan_parquet(tmp_path)
    for rows in (files, files.filter(pl.col("cost") > 0), files.select(pl.exclude("product"))):
        assert plan(rows).count("Parquet SCAN") == 2
        assert plan(rows).count("SELECTION") == 2


WORK: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "map": lambda rows: rows.map_batches(lambda table: table),
    "filter": lambda rows: rows.filter(
        pl.col("cost").map_elements(bool, return_dtype=pl.Boolean, skip_nulls=False)
    ),
    "unique": lambda rows: rows.unique(),
    "new currency": lambda rows: rows.with_columns(currency=pl.lit("EUR")),
    "categories": lambda rows: rows.cast({"currency": pl.Categorical()}),
    "concat": lambda rows: pl.concat([rows, rows.with_columns(cost=1.0)]),
}


@pytest.mark.parametrize("work", WORK)
def test_work_on_the_rows_is_done_once(work: str, tmp_path: Path) -> None:
    """What the reader cannot do is not asked for twice, and its answer is the same."""
    table = usage(["USD", "EUR", "USD", None])
    table.write_parquet(tmp_path / "usage.parquet")
    rows = WORK[work](pl.scan_parquet(tmp_path))
    assert plan(rows).count("AGGREGATE") == 1
    assert_frame_equal(
        rollup(rows, by="username").collect(),
        rollup(WORK[work](table.lazy()), by="username").collect(),
    )


@pytest.mark.parametrize("dtype", [pl.Enum(["CHF", "EUR"]), pl.Categorical()])
def test_a_file_of_categories_may_lack_the_home_currency(
    dtype: pl.DataType, tmp_path: Path
) -> None:
    """A currency that is no text is not compared with one that it cannot be."""
    table = usage(["EUR", "CHF", None]).cast({"currency": dtype})
    table.write_parquet(tmp_path / "usage.parquet")
    got = rollup(pl.scan_parquet(tmp_path), by="username").collect()
    assert_frame_equal(got, rollup(table, by="username"))
