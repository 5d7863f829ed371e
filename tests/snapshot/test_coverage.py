"""A snapshot keeps what is known beyond its rows, whatever it was written from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.errors import CoverageError, QueryError, SnapshotError
from falusage.snapshot import snapshot_metadata
from tests.old import OLD

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERYTHING = fu.Coverage(
    start=BEGIN - DAY,
    end=BEGIN + 3 * DAY,
    timezone="America/New_York",
    timeframe="hour",
    closed_until=BEGIN + DAY,
    settled_until=BEGIN,
    gaps=[(BEGIN - DAY, BEGIN - HOUR), (BEGIN + 2 * DAY, BEGIN + 2 * DAY + HOUR)],
    scope="organization",
    products=("model_apis", "compute"),
    read_at=BEGIN + DAY + timedelta(microseconds=7),
    reconciled=False,
    differing=3,
    quarantined=2,
)


@pytest.fixture(scope="module")
def load(usage: pl.DataFrame) -> Iterator[fu.UsageLoad]:
    """A load of a day that has an open hour."""
    with (
        fu.Emulator(usage.drop("surge_percent")) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        emulator.clock = lambda: BEGIN + 9.5 * HOUR
        yield client.load(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="hour"))


@pytest.mark.parametrize(
    "coverage",
    [
        EVERYTHING,
        fu.Coverage(start=BEGIN, end=BEGIN + DAY),
        fu.Coverage(start=BEGIN, end=BEGIN + DAY, known=False),
    ],
    ids=["everything", "a range", "not known"],
)
def test_a_given_coverage_comes_back(
    usage: pl.DataFrame, tmp_path: Path, coverage: fu.Coverage
) -> None:
    """Every field of it, to the microsecond, also from a snapshot of the snapshot."""
    fu.write_snapshot(usage, tmp_path / "a.parquet", coverage=coverage)
    first = fu.open_snapshot(tmp_path / "a.parquet")
    fu.write_snapshot(first, tmp_path / "b.parquet")
    second = fu.open_snapshot(tmp_path / "b.parquet")
    for snapshot in (first, second):
        assert coverage == snapshot.coverage
        assert snapshot.receipt is None
        assert_frame_equal(usage, snapshot.usage.collect(), check_exact=True)


def test_a_load_brings_its_coverage(load: fu.UsageLoad, tmp_path: Path) -> None:
    """With the open hour and the receipt, also from a snapshot of the snapshot."""
    fu.write_snapshot(load, tmp_path / "a.parquet")
    fu.write_snapshot(fu.open_snapshot(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    for name in ("a", "b"):
        snapshot = fu.open_snapshot(tmp_path / f"{name}.parquet")
        assert load.coverage == snapshot.coverage
        assert BEGIN + 9 * HOUR == snapshot.coverage.closed_until
        assert str(load.receipt) == str(snapshot.receipt)


def test_a_bare_frame_is_known_by_its_rows(usage: pl.DataFrame, tmp_path: Path) -> None:
    """From the first bucket to the end of the last, and marked as not known."""
    fu.write_snapshot(usage, tmp_path / "a.parquet")
    expected = fu.Coverage(start=BEGIN, end=BEGIN + 10 * HOUR, known=False)
    assert expected == fu.open_snapshot(tmp_path / "a.parquet").coverage


def test_an_empty_table(usage: pl.DataFrame, tmp_path: Path) -> None:
    """With a coverage it has one; bare it opens, and asking for its coverage is an error."""
    path = tmp_path / "empty.parquet"
    fu.write_snapshot(usage.clear(), path, coverage=EVERYTHING)
    assert EVERYTHING == fu.open_snapshot(path).coverage
    fu.write_snapshot(usage.clear(), path)
    snapshot = fu.open_snapshot(path)
    assert snapshot.usage.collect().is_empty()
    assert "no coverage" in repr(snapshot)
    for ask in (lambda: snapshot.coverage, lambda: fu.trend(snapshot)):
        with pytest.raises(SnapshotError, match=r"which range.*coverage=fu\.Coverage"):
            ask()


def test_rows_outside_of_the_coverage_are_rejected(usage: pl.DataFrame, tmp_path: Path) -> None:
    """Before anything is written, with both ranges."""
    for start, end in ((BEGIN + HOUR, BEGIN + DAY), (BEGIN, BEGIN + 9 * HOUR)):
        with pytest.raises(QueryError, match=r"rows go from 2025-01-01T00.*beyond the coverage"):
            fu.write_snapshot(
                usage, tmp_path / "a.parquet", coverage=fu.Coverage(start=start, end=end)
            )
    with pytest.raises(QueryError, match=r"expected a falusage\.Coverage"):
        fu.write_snapshot(usage, tmp_path / "a.parquet", coverage="all")  # type: ignore[arg-type]
    assert [] == list(tmp_path.iterdir())


def test_a_gap_is_kept(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A question over it is an error; one beside it is answered, as a LazyFrame."""
    hole = (BEGIN + 4 * HOUR, BEGIN + 6 * HOUR)
    rows = usage.filter(~pl.col("bucket").is_between(*hole, closed="left"))
    coverage = fu.Coverage(start=BEGIN, end=BEGIN + 10 * HOUR, gaps=[hole])
    fu.write_snapshot(rows, tmp_path / "a.parquet", coverage=coverage)
    snapshot = fu.open_snapshot(tmp_path / "a.parquet")
    with pytest.raises(CoverageError) as caught:
        fu.trend(snapshot, every="1h")
    assert (hole,) == caught.value.gaps
    beside = {"every": "1h", "start": BEGIN, "end": hole[0]}
    found = fu.trend(snapshot, **beside)
    assert isinstance(found, pl.LazyFrame)
    early = usage.filter(pl.col("bucket") < hole[0])
    assert_frame_equal(fu.trend(early, **beside), found.collect())


def test_a_snapshot_that_is_open_stays_as_it_was(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A file that takes its place has other rows and another coverage, and changes neither."""
    path = tmp_path / "a.parquet"
    fu.write_snapshot(usage, path, coverage=EVERYTHING)
    snapshot = fu.open_snapshot(path)
    fu.write_snapshot(usage.head(4), path)
    assert EVERYTHING == snapshot.coverage
    assert_frame_equal(usage, snapshot.usage.collect())


@pytest.fixture(scope="module")
def written(usage: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A snapshot's bytes."""
    path = tmp_path_factory.mktemp("written") / "a.parquet"
    fu.write_snapshot(usage, path, coverage=EVERYTHING)
    return path.read_bytes()


@pytest.mark.slow
@settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte(tmp_path: Path, written: bytes, place: float, flip: int) -> None:
    """Any changed byte is a SnapshotError that names the file."""
    path = tmp_path / "a.parquet"
    damaged = bytearray(written)
    damaged[int(place * len(damaged))] ^= flip
    path.write_bytes(damaged)
    with pytest.raises(SnapshotError, match=r"a\.parquet"):
        fu.open_snapshot(path)


def test_files_of_earlier_editions() -> None:
    """Their coverage is that of the receipt, or what the rows show."""
    march = datetime(2025, 3, 1, tzinfo=UTC)
    opened = fu.Coverage(
        start=march,
        end=march + 6 * DAY,
        timeframe="day",
        closed_until=march + 5 * DAY,
        settled_until=march + 2 * DAY,
        read_at=march + 5 * DAY + 9 * HOUR,
        reconciled=True,
    )
    closed = fu.Coverage(
        start=march,
        end=march + 6 * DAY,
        timeframe="day",
        settled_until=march + 3 * DAY,
        read_at=march + 6 * DAY + 9 * HOUR,
        reconciled=True,
    )
    bare = fu.Coverage(start=march, end=march + 6 * DAY, known=False)
    for name, edition, expected in (
        ("bare", 1, closed),
        ("ahead", 1, closed),
        ("edition-2", 2, opened),
        ("edition-2-bare", 2, bare),
    ):
        path = OLD / f"{name}.parquet"
        assert edition == snapshot_metadata(path).edition
        snapshot = fu.open_snapshot(path)
        assert expected == snapshot.coverage
        assert_frame_equal(fu.read_snapshot(path), snapshot.usage.collect())


def test_what_it_shows(usage: pl.DataFrame, load: fu.UsageLoad, tmp_path: Path) -> None:
    """Rows, range, gaps and what may still change, as text and as HTML without markup of names."""
    path = tmp_path / "<b>.parquet"
    fu.write_snapshot(usage, path, coverage=EVERYTHING)
    snapshot = fu.open_snapshot(path)
    for text in (repr(snapshot), snapshot._repr_html_()):
        for part in (
            "40 rows",
            "2024-12-31T00:00:00+00:00 to 2025-01-04T00:00:00+00:00 by hour in America/New_York",
            "never read: 2024-12-31T00:00:00+00:00 to 2024-12-31T23:00:00+00:00, 2025-01-03T00",
            "buckets from 2025-01-02T00:00:00+00:00 on may still grow",
            "not all of it was compared",
            "3 keys differ",
            "2 rows were invalid",
        ):
            assert part in text.replace("&#x27;", "'")
    assert "<b>.parquet" not in snapshot._repr_html_()
    fu.write_snapshot(load, path)
    assert "never read" not in repr(fu.open_snapshot(path))
