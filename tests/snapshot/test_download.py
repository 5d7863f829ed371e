"""A load streamed to disk is the load kept in memory, whole or not at all; over real HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage._files import replacing
from falusage.api.line_items import KIND_DTYPES, Kind, LineItems, concat
from falusage.columns import USAGE
from falusage.errors import ReconciliationError, ServerError, SnapshotError, UnknownFieldWarning
from falusage.snapshot import _download as download
from falusage.snapshot import snapshot_metadata
from falusage.snapshot._parquet import SnapshotWriter

QUERY = fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="hour", auth_method_structured=True)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few pages make a batch, so that small tables stream too."""
    monkeypatch.setattr(download, "ROW_GROUP", 8)


@pytest.fixture
def plain(usage: pl.DataFrame) -> pl.DataFrame:
    """The rows without the field that nobody knows."""
    return usage.drop("surge_percent")


@pytest.fixture
def emulator(plain: pl.DataFrame) -> Iterator[fu.Emulator]:
    """The API, four items to a page."""
    with fu.Emulator(plain, page_size=4) as running:
        yield running


@pytest.fixture
def client(emulator: fu.Emulator) -> Iterator[fu.UsageClient]:
    """A client that gives up soon."""
    with fu.UsageClient(emulator.api_key, base_url=emulator.base_url, max_attempts=1) as ready:
        yield ready


def test_a_stream_is_the_load(client: fu.UsageClient, tmp_path: Path) -> None:
    """The file holds what `load` gives, row for row, and the receipt that is returned."""
    path = tmp_path / "a.parquet"
    receipt = fu.download_snapshot(QUERY, path, client=client)
    assert_frame_equal(client.load(QUERY).usage, fu.read_snapshot(path), check_exact=True)
    said = snapshot_metadata(path)
    assert (said.rows, said.query) == (receipt.rows_kept, QUERY)
    assert said.receipt is not None
    assert str(receipt) == str(said.receipt)
    assert_frame_equal(receipt.reconciliation, said.receipt.reconciliation)
    assert [path] == list(tmp_path.iterdir())
    import pyarrow.parquet as pq

    assert pq.ParquetFile(path).num_row_groups > 2


def test_nothing_to_load(client: fu.UsageClient, tmp_path: Path) -> None:
    """A range without usage is a snapshot without rows."""
    query = fu.UsageQuery("2024-01-01", "2024-01-02")
    assert fu.download_snapshot(query, tmp_path / "a.parquet", client=client).rows_kept == 0
    assert_frame_equal(client.load(query).usage, fu.read_snapshot(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    "values",
    [
        [None] * 20 + [12.5] * 20,
        [12.5] * 20 + [None] * 20,
        [None] * 20 + ["gold"] * 20,
        [True] * 20 + [None] * 20,
    ],
    ids=str,
)
def test_a_field_that_turns_up_half_way(
    emulator: fu.Emulator,
    client: fu.UsageClient,
    plain: pl.DataFrame,
    tmp_path: Path,
    values: list[object],
) -> None:
    """A new field widens the file to what `load` would give."""
    first, second = (
        plain[at : at + 20].with_columns(pl.Series("tier", values[at : at + 20])) for at in (0, 20)
    )
    whole = pl.concat([first, second], how="diagonal_relaxed")
    emulator.replace(whole)
    with pytest.warns(UnknownFieldWarning, match="tier"):
        fu.download_snapshot(QUERY, tmp_path / "a.parquet", client=client)
    with pytest.warns(UnknownFieldWarning, match="tier"):
        loaded = client.load(QUERY).usage
    found = fu.read_snapshot(tmp_path / "a.parquet")
    assert_frame_equal(loaded, found, check_exact=True)
    assert [tmp_path / "a.parquet"] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "steps",
    [
        [("int", 1), ("float", 0.5)],
        [("float", 0.5), ("int", 1)],
        [("long", 2**60 + 1), ("float", 0.5)],
        [("float", 0.5), ("long", 2**60 + 1)],
        [("int", 1), ("string", "gold"), ("int", 2)],
        [("null", None), ("bool", True), ("json", "[1]")],
        [("string", "gold"), ("int", 1), ("float", 0.5)],
    ],
    ids=str,
)
def test_a_field_that_changes_its_kind(
    plain: pl.DataFrame, tmp_path: Path, steps: list[tuple[Kind, object]]
) -> None:
    """Batches of every kind come to what one assembly of all pages gives, to the last digit."""
    batches = [
        LineItems(
            plain.with_columns(pl.Series("tier", [value] * 40, KIND_DTYPES[kind])), {"tier": kind}
        )
        for kind, value in steps
    ]
    with replacing(tmp_path / "a.parquet") as file:
        sink = download.SnapshotSink(file, SnapshotWriter)
        for items in batches:
            sink.write(items)
        sink.finish()
        sink.restart()
    whole = concat(batches, USAGE).table
    assert_frame_equal(whole, fu.read_snapshot(tmp_path / "a.parquet"), check_exact=True)


def test_a_server_that_dies(emulator: fu.Emulator, client: fu.UsageClient, tmp_path: Path) -> None:
    """An API that fails for good half-way leaves no file, and an old one as it was."""
    path = tmp_path / "a.parquet"
    for old in (None, b"old"):
        if old:
            path.write_bytes(old)
        emulator.statuses = itertools.chain([200] * 4, itertools.repeat(500))
        with pytest.raises(ServerError):
            fu.download_snapshot(QUERY, path, client=client)
        assert [(path, old)] * bool(old) == [(at, at.read_bytes()) for at in tmp_path.iterdir()]


class _Restless:
    """Statuses that are all well, during which the table changes before each given request."""

    def __init__(self, emulator: fu.Emulator, changes: dict[int, pl.DataFrame]) -> None:
        self.emulator, self.changes, self.asked = emulator, changes, 0

    def __iter__(self) -> _Restless:
        return self

    def __next__(self) -> int:
        self.asked += 1
        if self.asked in self.changes:
            self.emulator.replace(self.changes[self.asked])
        return 200


@pytest.mark.slow
def test_rows_that_arrive_while_reading(
    emulator: fu.Emulator, client: fu.UsageClient, plain: pl.DataFrame, tmp_path: Path
) -> None:
    """Rows and summary that disagree are read again, and the file is the second reading."""
    more = pl.concat([plain, plain.tail(4).with_columns(username=pl.lit("acme-new"))])
    emulator.statuses = _Restless(emulator, {6: more})
    receipt = fu.download_snapshot(QUERY, tmp_path / "a.parquet", client=client)
    found = fu.read_snapshot(tmp_path / "a.parquet")
    assert "acme-new" in found["username"]
    assert receipt.rows_kept == found.height
    assert_frame_equal(client.load(QUERY).usage, found)


@pytest.mark.slow
def test_a_table_that_never_rests(
    emulator: fu.Emulator, plain: pl.DataFrame, tmp_path: Path
) -> None:
    """What disagrees every time is refused, and no file is left.

    One request at a time: of requests under way together, all may see the newest table. The
    steps grow, so that no mean of several pages is the table that the summary saw.
    """
    changes = {at: plain.with_columns(cost=pl.col("cost") + at**3) for at in range(1, 300)}
    emulator.statuses = _Restless(emulator, changes)
    with (
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=1) as one,
        pytest.raises(ReconciliationError),
    ):
        fu.download_snapshot(QUERY, tmp_path / "a.parquet", client=one)
    assert list(tmp_path.iterdir()) == []


def test_a_place_is_checked_before_asking(
    emulator: fu.Emulator, client: fu.UsageClient, tmp_path: Path
) -> None:
    """A missing folder is found before a single request."""
    emulator.statuses = quiet = _Restless(emulator, {})
    with pytest.raises(SnapshotError, match="make the folder"):
        fu.download_snapshot(QUERY, tmp_path / "none" / "a.parquet", client=client)
    assert quiet.asked == 0


def test_the_client_of_the_environment(
    emulator: fu.Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a client, key and address come from the environment."""
    monkeypatch.setenv("FAL_ADMIN_KEY", emulator.api_key)
    monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
    assert fu.download_snapshot(QUERY, str(tmp_path / "a.parquet")).rows_kept == 40
