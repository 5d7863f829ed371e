"""A snapshot gives back what was written, says what it holds, and any engine reads it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.columns import AUTH, BUCKET, REQUIRED, USAGE
from falusage.errors import SchemaError, SnapshotError
from falusage.snapshot import snapshot_metadata
from falusage.snapshot._metadata import EDITION

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NUMBER = st.floats(min_value=0, max_value=1e17, allow_nan=False)
ROW = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 5_000),
        **dict.fromkeys(("username", "product", "endpoint_id", "unit"), TEXT),
        **dict.fromkeys(("quantity", "unit_price", "cost"), NUMBER),
        "currency": st.sampled_from(["USD", "EUR", "JPY"]),
        **dict.fromkeys(AUTH, st.none() | TEXT),
        "surge_percent": st.none() | st.floats(),
        "surge": st.none() | st.booleans(),
        "tier": st.none() | st.integers(-(2**63), 2**63 - 1),
        "note": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    }
)
EXTRA = {
    "surge_percent": pl.Float64(),
    "surge": pl.Boolean(),
    "tier": pl.Int64(),
    "note": pl.String(),
}


def usage_of(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Give a usage table of hours with four columns beside the known ones."""
    table = [
        {**row, "bucket": start, "bucket_end": start + timedelta(hours=1)}
        for row in rows
        for start in [BEGIN + timedelta(hours=int(str(row["hour"])))]
    ]
    return pl.DataFrame(table, schema={**USAGE, **EXTRA})


@given(rows=st.lists(ROW, max_size=30))
def test_what_is_written_is_read(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    """Any table comes back with its rows, columns, types, nulls and NaNs, read or scanned."""
    usage, path = usage_of(rows), tmp_path / "any.parquet"
    fu.write_snapshot(usage, path)
    assert_frame_equal(usage, fu.read_snapshot(path), check_exact=True)
    assert_frame_equal(usage, fu.scan_snapshot(path).collect(), check_exact=True)


@given(rows=st.lists(ROW, max_size=30))
def test_the_metadata_is_true(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    """Rows, range and totals are those of plain Python over the same rows, to 12 decimals."""
    usage, path = usage_of(rows), tmp_path / "any.parquet"
    fu.write_snapshot(usage, path)
    said = snapshot_metadata(path)
    totals: dict[str, Fraction] = {}
    for row in rows:
        code = str(row["currency"])
        totals[code] = totals.get(code, Fraction(0)) + Fraction(float(str(row["cost"])))
    assert len(rows) == said.rows
    assert min(usage["bucket"], default=None) == said.start
    assert max(usage["bucket_end"], default=None) == said.end
    assert set(totals) == set(said.totals)
    for code, total in totals.items():
        # A double beyond 1e3 has more digits than 12 decimals hold; each row may round once.
        assert abs(total - Fraction(said.totals[code])) <= len(rows) * (
            Fraction(1, 10**12) + total * Fraction(1, 2**53)
        )


def test_the_metadata_in_full(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A frame's snapshot names rows, range, totals, edition and version, and no receipt."""
    fu.write_snapshot(usage, tmp_path / "a.parquet")
    said = snapshot_metadata(tmp_path / "a.parquet")
    assert said.rows == 40
    assert said.start == datetime(2025, 1, 1, tzinfo=UTC)
    assert said.end == datetime(2025, 1, 1, 10, tzinfo=UTC)
    assert said.totals == {"EUR": Decimal("20.000000000000"), "USD": Decimal("58.000000000000")}
    assert (said.edition, said.version) == (EDITION, fu.__version__)
    assert said.receipt is None
    assert said.query is None


def test_an_empty_table(usage: pl.DataFrame, tmp_path: Path) -> None:
    """No rows are a table too: written, read, scanned, without a range or a total."""
    path = tmp_path / "empty.parquet"
    fu.write_snapshot(usage.clear(), path)
    assert_frame_equal(usage.clear(), fu.read_snapshot(path))
    assert_frame_equal(usage.clear(), fu.scan_snapshot(path).collect())
    said = snapshot_metadata(path)
    assert (said.rows, said.start, said.end, said.totals) == (0, None, None, {})


def test_other_engines_read_it(usage: pl.DataFrame, tmp_path: Path) -> None:
    """DuckDB and pyarrow see plain text and instants in UTC, and the same sums."""
    path = tmp_path / "a.parquet"
    fu.write_snapshot(usage, path)
    with duckdb.connect() as db:
        seen = db.read_parquet(str(path))
        types = dict(zip(seen.columns, map(str, seen.types), strict=True))
        found = seen.aggregate("currency, count(*), sum(cost::decimal(38,12))", "currency")
        found = found.order("currency").fetchall()
    assert types["bucket"] == "TIMESTAMP WITH TIME ZONE"
    assert types["username"] == types["auth_detail"] == "VARCHAR"
    assert found == [("EUR", 10, Decimal(20)), ("USD", 30, Decimal(58))]
    table = pq.read_table(path)
    assert table.schema.field("bucket").type == pa.timestamp("us", "UTC")
    assert table.schema.field("username").type == pa.large_string()
    assert table["cost"].to_pylist() == usage["cost"].to_list()
    group = pq.ParquetFile(path).metadata.row_group(0)
    assert group.column(2).compression == "ZSTD"
    columns = map(group.column, range(group.num_columns))
    said = {column.path_in_schema: column.statistics for column in columns}
    assert (said["currency"].min, said["currency"].max) == ("EUR", "USD")


def test_a_load_brings_its_receipt(usage: pl.DataFrame, tmp_path: Path) -> None:
    """The query and the receipt of a load come back as they were; the key is nowhere."""
    path = tmp_path / "load.parquet"
    query = fu.UsageQuery(
        "2024-12-30",
        "2025-01-03",
        timezone="America/New_York",
        timeframe="day",
        team_username=["acme-ml", "acme-art"],
        auth_method=True,
        limit=7,
    )
    with (
        fu.Emulator(
            usage.drop("surge_percent"), api_key="id-1234:s3cret-of-the-root-team"
        ) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        load = client.load(query)
    fu.write_snapshot(load, path)
    said = snapshot_metadata(path)
    assert query == said.query
    assert said.receipt is not None
    for name in type(load.receipt).__dataclass_fields__:
        if name != "reconciliation":
            assert getattr(load.receipt, name) == getattr(said.receipt, name)
    assert_frame_equal(load.receipt.reconciliation, said.receipt.reconciliation, check_exact=True)
    assert str(load.receipt) == str(said.receipt)
    assert said.query is not None
    assert query.start.tzinfo == said.query.start.tzinfo
    assert b"s3cret" not in path.read_bytes()
    assert_frame_equal(load.usage, fu.read_snapshot(path))


def test_other_metadata_stays_out(usage: pl.DataFrame, tmp_path: Path) -> None:
    """The document is plain JSON under one clear name, for whoever reads it without falusage."""
    fu.write_snapshot(usage, tmp_path / "a.parquet")
    entries = pq.ParquetFile(tmp_path / "a.parquet").metadata.metadata
    assert {b"falusage", b"falusage.sha256", b"ARROW:schema"} == set(entries)
    assert json.loads(entries[b"falusage"])["totals"] == {
        "EUR": "20.000000000000",
        "USD": "58.000000000000",
    }


@pytest.mark.parametrize("column", [*BUCKET, *REQUIRED])
def test_bad_rows_are_not_written(usage: pl.DataFrame, tmp_path: Path, column: str) -> None:
    """A column that is missing, or a null in a required one, is a SchemaError, and no file."""
    with pytest.raises(SchemaError, match=f"no {column}"):
        fu.write_snapshot(usage.drop(column), tmp_path / "bad.parquet")
    broken = usage.with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(column).alias(column)
    )
    with pytest.raises(SchemaError, match=f"{column}: null"):
        fu.write_snapshot(broken, tmp_path / "bad.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_table_is_not_written(usage: pl.DataFrame, tmp_path: Path) -> None:
    """The error says what was expected, and no file is left."""
    for other in (usage["cost"], usage.to_dict(), str(tmp_path)):
        with pytest.raises(fu.QueryError, match="expected a load, a snapshot, a store"):
            fu.write_snapshot(other, tmp_path / "usage.parquet")  # type: ignore[arg-type]
    assert [] == list(tmp_path.iterdir())


def test_tables_of_every_kind_are_written(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A lazy frame is collected, and a table of another library is read through Arrow."""
    for other in (usage.lazy(), usage.to_arrow()):
        fu.write_snapshot(other, tmp_path / "usage.parquet")
        assert_frame_equal(usage, fu.read_snapshot(tmp_path / "usage.parquet"))


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("extra", ["a"] * 40, pl.Categorical()),
        pl.Series("extra", [[1]] * 40),
        pl.Series("extra", [{"a": 1}] * 40),
        pl.Series("extra", [None] * 40, pl.Null()),
        pl.Series("extra", [b"a"] * 40),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_that_engines_read_differently(
    usage: pl.DataFrame, tmp_path: Path, column: pl.Series
) -> None:
    """Categories and nested values are refused by name, for engines disagree on them."""
    with pytest.raises(SnapshotError, match=r"column 'extra' is .*cast it, or drop it"):
        fu.write_snapshot(usage.with_columns(column), tmp_path / "bad.parquet")
    assert list(tmp_path.iterdir()) == []


def test_columns_of_every_plain_type_are_kept(usage: pl.DataFrame, tmp_path: Path) -> None:
    """Dates, whole numbers of each size and times of any unit and zone come back as they were."""
    wide = usage.with_columns(
        pl.col("bucket").dt.date().alias("date"),
        pl.col("bucket").dt.convert_time_zone("Asia/Kolkata").dt.cast_time_unit("ns").alias("here"),
        pl.col("bucket").dt.replace_time_zone(None).dt.cast_time_unit("ms").alias("naive"),
        *(
            pl.int_range(pl.len()).cast(dtype).alias(str(dtype))
            for dtype in (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
        ),
        pl.col("cost").cast(pl.Float32).alias("narrow"),
    )
    fu.write_snapshot(wide, tmp_path / "a.parquet")
    assert_frame_equal(wide, fu.read_snapshot(tmp_path / "a.parquet"))
    assert_frame_equal(wide, fu.scan_snapshot(tmp_path / "a.parquet").collect())
