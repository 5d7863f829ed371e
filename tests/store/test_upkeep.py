"""Housekeeping: fewer files, the same rows, nothing that was known lost; other engines read it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import polars as pl
import pytest

import falusage as fu
from falusage.errors import StoreError
from falusage.store import _committing as committing
from falusage.store import _parts as parts_room
from falusage.store import _scanning as scanning
from falusage.store import _upkeep
from tests.world import BEGIN, DAY, World, bag, spend

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kept(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> tuple[fu.UsageStore, Path, pl.DataFrame]:
    """Six nights of syncs, from the fourth of February on."""
    folder = tmp_path_factory.mktemp("kept")
    store = fu.UsageStore(folder)
    for night in range(34, 40):
        usage = spend({BEGIN + at * DAY: [4, at % 3 + 1] for at in range(night)})
        world.on(BEGIN + night * DAY, usage)
        store.sync("2025-01-01", client=world.client, settle="2d")
    return store, folder, usage


def opened(monkeypatch: pytest.MonkeyPatch, table: pl.LazyFrame) -> tuple[pl.DataFrame, list[str]]:
    """Collect a query, and tell which files it read."""
    files: list[str] = []

    def read(place: Any, part: Any) -> bytes:
        files.append(part.path)
        return parts_room.read_part(place, part)

    monkeypatch.setattr(scanning, "read_part", read)
    return table.collect(), sorted(files)


def test_a_query_reads_the_files_of_its_time(
    kept: tuple[fu.UsageStore, Path, pl.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Filters on the bucket choose the files, however they are put; others read them all."""
    store, _, usage = kept
    february = BEGIN + 31 * DAY
    for asked in (
        pl.col("bucket") >= february,
        (pl.col("username") == "team-0") & (pl.col("bucket") >= february),
        pl.col("bucket").dt.month() == 2,
        pl.col("bucket_end").is_between(february + DAY, february + 20 * DAY),
        (pl.col("bucket") >= february) & (pl.col("cost") > 0) & pl.col("currency").is_not_null(),
        ~(pl.col("bucket") < february),
    ):
        table, files = opened(monkeypatch, store.scan().filter(asked))
        assert bag(usage.filter(asked)) == bag(table)
        assert {"2025-02"} == {file[:7] for file in files}
    for asked in (
        (pl.col("bucket") >= february) | (pl.col("username") == "team-0"),
        pl.col("auth_method").is_null(),
    ):
        table, files = opened(monkeypatch, store.scan().filter(asked))
        assert bag(usage.filter(asked)) == bag(table)
        assert {"2025-01", "2025-02"} == {file[:7] for file in files}
    latest = store.scan().filter(pl.col("bucket") == pl.col("bucket").max()).collect()
    assert {BEGIN + 38 * DAY} == set(latest["bucket"])
    assert 3 == store.scan().head(3).collect().height
    assert store.scan().select(pl.len()).collect().item() == usage.height
    # Nothing but the number of rows is asked of the store here.
    numbered = store.scan().with_row_index().filter(pl.col("index") > 0).select("index")
    assert numbered.collect().height == usage.height - 1
    assert store.scan().select(pl.int_range(pl.len())).collect().height == usage.height


def test_any_transform_takes_a_scan(kept: tuple[fu.UsageStore, Path, pl.DataFrame]) -> None:
    """Lazily, and to the last bit what the table itself gives."""
    store, _, usage = kept
    monthly = fu.rollup(store.scan(), every="1mo").collect()
    assert fu.rollup(usage, every="1mo").equals(monthly)


def test_other_engines_read_a_store(kept: tuple[fu.UsageStore, Path, pl.DataFrame]) -> None:
    """Polars, DuckDB and Arrow by way of the Delta library find the same rows and the same sum."""
    store, folder, usage = kept
    table = deltalake.DeltaTable(folder)
    assert usage.height == table.count()
    assert usage.height == pl.scan_delta(str(folder)).select(pl.len()).collect().item()
    asked = pl.scan_delta(str(folder)).filter(pl.col("bucket") >= BEGIN + 31 * DAY)
    assert usage.filter(pl.col("bucket") >= BEGIN + 31 * DAY).height == asked.collect().height
    files = [str(folder / uri.partition(f"{folder}/")[2]) for uri in table.file_uris()]
    found = duckdb.sql(f"select sum(cost::decimal(38, 12)) from read_parquet({files})").fetchall()  # noqa: S608 - our own paths
    assert [(store.history().filter(version=store.history()["version"].max())["cost"].sum(),)] == (
        found
    )


def test_compacting_and_letting_go(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file a settled month; every version reads as before, until it is let go of by name."""
    store = fu.UsageStore(tmp_path)
    known = [None]
    for night in range(27, 37):
        usage = spend({BEGIN + at * DAY: [4, night % 3 + 1] for at in range(night)})
        world.on(BEGIN + night * DAY, usage)
        version = store.sync("2025-01-01", client=world.client, settle="1d").version
        known.append(bag(store.scan()))
    assert 10 == version

    assert 11 == store.compact()

    assert store.compact() is None
    table, files = opened(monkeypatch, store.scan())
    assert known[10] == bag(table)
    assert ["2025-01"] == [name[:7] for name in files if name.startswith("2025-01")]
    assert all(known[at] == bag(store.scan(version=at)) for at in range(1, 11))
    assert store.restatements(10).is_empty()
    assert ["compact"] == store.history().filter(version=11)["kind"].unique().to_list()

    name = f"2025-01/.falusage-{'0a' * 8}.tmp"
    orphan = tmp_path / name
    for age, gone in ((0, []), (30, [name])):
        orphan.write_bytes(b"of a sync that was killed")
        then = time.time() - age * 86400
        os.utime(orphan, (then, then))
        assert gone == store.vacuum(dry_run=True)
        assert orphan.exists()
        assert gone == store.vacuum()
    assert not orphan.exists()
    assert all(known[at] == bag(store.scan(version=at)) for at in range(1, 11))

    assert store.vacuum(older_than="3d", orphans="0h")

    assert known[10] == bag(store.scan())
    assert known[10] == bag(store.scan(version=10))
    assert known[7] == bag(store.scan(as_of=BEGIN + 33.5 * DAY))
    with pytest.raises(StoreError, match=r"\.parquet is missing"):
        store.scan(version=1).collect()
    assert sum(known[10].values()) == store.verify()
    world.on(BEGIN + 37 * DAY, spend({BEGIN + at * DAY: [4, 1] for at in range(37)}))
    store.sync("2025-01-01", client=world.client, settle="1d")
    assert store.verify()


def test_a_large_month_is_merged_in_pieces(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many rows at once as a file can have, in order of time, whatever the files overlap."""
    monkeypatch.setattr(_upkeep, "MOST_ROWS", 25)
    store = fu.UsageStore(tmp_path)
    for night in range(5, 41, 5):
        usage = spend({BEGIN + at * DAY: [4, 1, 2] for at in range(night)})
        world.on(BEGIN + night * DAY, usage)
        store.sync("2025-01-01", client=world.client, settle="1d")
    before = bag(store.scan())

    assert store.compact() is not None

    files = sorted((tmp_path / "2025-01").glob("*.parquet"))
    current = {Path(uri).name for uri in deltalake.DeltaTable(tmp_path).file_uris()}
    rows = [pl.read_parquet(file) for file in files if file.name in current]
    assert [25, 25, 25, 18] == [part.height for part in rows]
    assert pl.concat(rows)["bucket"].is_sorted()
    assert before == bag(store.scan())
    assert store.compact() is None


def test_a_full_file_stays_when_a_month_is_merged_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has come since is merged beside it, and the store is whole."""
    monkeypatch.setattr(_upkeep, "MOST_ROWS", 4)
    store = fu.UsageStore(tmp_path)
    usage = {BEGIN: [1, 2, 3, 4]}
    for night in range(1, 4):
        world.on(BEGIN + night * DAY, spend(usage))
        store.sync("2025-01-01", client=world.client, settle="1h")
        usage[BEGIN + night * DAY] = [night]
    world.on(BEGIN + 8 * DAY, spend(usage))
    store.sync("2025-01-01", client=world.client, settle="1h")
    before = bag(store.scan())
    full = {part.path for part in store._log.state().parts if part.rows == 4}

    assert store.compact() is not None

    assert full
    assert full <= {part.path for part in store._log.state().parts}
    assert before == bag(store.scan())
    assert sum(before.values()) == store.verify()
    assert store.compact() is None


def test_files_that_span_a_common_time_are_merged_together() -> None:
    """Their rows are sorted as one; files that only touch are not."""
    names = [(1, 3), (2, 4), (4, 5), (5, 9), (6, 7), (8, 9), (9, 10)]
    parts = [
        parts_room.Part.named(
            f"2025-01/202501{start:02}T000000Z_202501{end:02}T000000Z-{'0' * 64}.parquet"
        )
        for start, end in names
    ]
    groups = [[parts.index(part) for part in group] for group in _upkeep._overlapping(parts)]
    assert [[0, 1], [2], [3, 4, 5], [6]] == groups


def test_an_empty_store_reads_as_no_rows(world: World, tmp_path: Path) -> None:
    """An organization that has spent nothing has a history, too."""
    world.on(BEGIN + 9 * DAY, spend({}))
    store = fu.UsageStore(tmp_path)
    assert (1,) == store.sync("2025-01-01", client=world.client).commits
    assert () == store.sync("2025-01-01", client=world.client).commits
    assert store.scan().collect().is_empty()
    assert [*fu.columns.USAGE, "read_at", "settled"] == store.scan().collect_schema().names()
    assert 0 == store.verify()
    assert store.compact() is None
    assert store.restatements(0).is_empty()
    assert "UTC" == store.timezone


@pytest.mark.slow
def test_versions_beyond_checkpoints(tmp_path: Path) -> None:
    """The library writes one after many versions; what was known first is still known."""
    from falusage.store._scope import Scope
    from falusage.store._writing import commit_rows

    store = fu.UsageStore(tmp_path)
    log = store._log
    scope = Scope.of(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="day"))
    with pytest.MonkeyPatch.context() as patch:  # the library's own number is a hundred
        patch.setitem(committing._SETTINGS, "delta.checkpointInterval", "10")
        committing.create(log, scope, BEGIN)
    for night in range(1, 24):
        usage = spend({BEGIN: [night]})
        now = BEGIN + night * DAY
        commit_rows(log, log.state(), usage, span=(BEGIN, BEGIN + DAY), read_at=now, settle=DAY)
    assert 2 == len([*(tmp_path / "_delta_log").glob("*.checkpoint.parquet")])
    assert 24 == store.history()["version"].n_unique()
    for version in (1, 5, 9, 10, 11, 19, 20, 21, 23):
        assert [version] == store.scan(version=version).collect()["quantity"].to_list()
    assert [3.0] == store.scan(as_of=BEGIN + 3.5 * DAY).collect()["quantity"].to_list()
