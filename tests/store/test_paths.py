"""A path means one place: where a file is written is where it is read, whatever its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.errors import FalUsageError, SnapshotError, StoreError
from falusage.store._committing import create
from falusage.store._log import Log
from falusage.store._place import Place
from tests.storage.world import BEGIN, DAY, World, spend

NAMES = (
    *("a%20b", "a%2Fb", "a%5Cb", "100%", "a%zz", "a%2520b"),
    *("a\\b", "a\nb", "a\tb", "a\x7fb", "a\x85b"),
    *("a#b", "a?b", "a*b", "a[1]", "a{b,c}", "a:b", "~", "s3:", " a ", "größe 😀", "..a"),
)


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)


def logs(folder: Path) -> list[str]:
    """Find the Delta logs below a folder."""
    return sorted(str(log.parent.relative_to(folder)) for log in folder.rglob("_delta_log"))


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_by_any_name(usage: pl.DataFrame, tmp_path: Path, name: str) -> None:
    """Folder and file have the name literally; what is written there is read there."""
    Path(name).mkdir()
    for path in (f"{name}/{name}.parquet", tmp_path / name / "b.parquet", f"{name}//c.parquet"):
        fu.write_snapshot(usage, path)
        assert_frame_equal(usage, fu.read_snapshot(path))
        assert_frame_equal(usage, fu.scan_snapshot(path).collect())
    assert {f"{name}.parquet", "b.parquet", "c.parquet"} == set(os.listdir(tmp_path / name))


def test_a_snapshot_beyond_a_link(usage: pl.DataFrame, tmp_path: Path) -> None:
    """`..` after a link is above the link's target, for writing and for reading."""
    (tmp_path / "disk" / "data").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "data")
    fu.write_snapshot(usage, "data/../a.parquet")
    assert (tmp_path / "disk" / "a.parquet").is_file()
    assert_frame_equal(usage, fu.read_snapshot("data/../a.parquet"))
    assert_frame_equal(usage, fu.scan_snapshot("data/../a.parquet").collect())


def test_a_snapshot_beyond_a_missing_folder(usage: pl.DataFrame, tmp_path: Path) -> None:
    """`..` takes the missing folder away, for writing and for reading; it is not made."""
    fu.write_snapshot(usage, "missing/../a.parquet")
    assert ["a.parquet"] == os.listdir(tmp_path)
    assert_frame_equal(usage, fu.read_snapshot("missing/../a.parquet"))
    assert_frame_equal(usage, fu.scan_snapshot("missing/../a.parquet").collect())


def test_a_lazy_snapshot_stays_where_it_was_opened(
    usage: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is read from the folder in which it was given."""
    fu.write_snapshot(usage, "a.parquet")
    lazy = fu.scan_snapshot("a.parquet")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert_frame_equal(usage, lazy.collect())


def test_a_missing_snapshot_is_not_asked_of_a_network() -> None:
    """A path that looks like an address is a path."""
    for path in ("s3://bucket/a.parquet", "file:///none/a.parquet", "https://127.0.0.1:1/a"):
        with pytest.raises(SnapshotError, match=f"there is no snapshot {path}"):
            fu.read_snapshot(path)


@pytest.mark.parametrize("path", ["a\0b", "\udcff"])
def test_no_path_at_all(usage: pl.DataFrame, tmp_path: Path, path: str) -> None:
    """A null character, and bytes that are not UTF-8, are refused before anything is written."""
    calls: tuple[Callable[[], Any], ...] = (
        lambda: fu.write_snapshot(usage, path),
        lambda: fu.read_snapshot(path),
        lambda: fu.scan_snapshot(path),
        lambda: fu.UsageStore(path),
        lambda: fu.UsageStore(f"kept/{path}"),
    )
    for call in calls:
        with pytest.raises(FalUsageError, match=r"null character|not UTF-8"):
            call()
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_store_by_any_name(name: str, tmp_path: Path) -> None:
    """Written and read in the folder that has the name literally, and nowhere else."""
    from falusage.store._scope import Scope
    from falusage.store._writing import commit_rows

    folder = tmp_path / name / name
    log = Log(Place.of(folder, None))
    with pytest.raises(StoreError, match="no store"):
        log.state()
    assert [] == os.listdir(tmp_path)
    create(log, Scope.of(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="day")), BEGIN)
    for night in (1, 2):
        log = Log(Place.of(f"{name}/{name}", None))
        commit_rows(
            log,
            log.state(),
            spend({BEGIN: [night]}),
            span=(BEGIN, BEGIN + DAY),
            read_at=BEGIN + night * DAY,
            settle=DAY,
        )

    store = fu.UsageStore(folder)
    assert [2.0] == store.scan().collect()["quantity"].to_list()
    assert [1.0] == store.scan(version=1).collect()["quantity"].to_list()
    assert 1 == store.verify()
    assert 1 == len(store.vacuum(older_than="0d", orphans="0h"))
    assert [0, 1, 2, 3] == store.history()["version"].unique().sort().to_list()
    assert [f"{name}/{name}"] == logs(tmp_path)
    assert [name] == os.listdir(tmp_path)
    assert {"_delta_log", "2025-01"} == set(os.listdir(folder))


def test_a_stand_in_ends_with_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What leads the library to a folder that it would misread is cleared away, the store not."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "a%20b" / "_delta_log").mkdir(parents=True)
    (tmp_path / "a%20b" / "_delta_log" / "kept").touch()
    store = fu.UsageStore("a%20b")
    assert 1 == len(os.listdir(tmp_path / "temporary"))
    del store
    assert [] == os.listdir(tmp_path / "temporary")
    assert ["kept"] == os.listdir(tmp_path / "a%20b" / "_delta_log")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a%20b"))
    with pytest.raises(StoreError, match="set TMPDIR"):
        fu.UsageStore("a%20b")
    assert ["_delta_log"] == os.listdir(tmp_path / "a%20b")


@pytest.mark.slow
def test_a_store_beyond_a_link(world: World, tmp_path: Path) -> None:
    """`..` after a link is above the link's target, for the library as for the system."""
    (tmp_path / "disk" / "data").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "data")
    world.on(BEGIN + 3 * DAY, spend({BEGIN + at * DAY: [4, 2] for at in range(3)}))
    for path, there in (
        ("data/../history", "disk/history"),
        ("missing/../plain", "plain"),
        ("data/missing/../../other", "disk/other"),
        ("data/inner", "disk/data/inner"),
    ):
        had = logs(tmp_path)
        store = fu.UsageStore(path)
        store.sync("2025-01-01", client=world.client)
        assert sorted([*had, there]) == logs(tmp_path)
        assert 6 == store.verify()
        assert 6 == fu.UsageStore(path).verify()
        assert 6 == deltalake.DeltaTable(tmp_path / there).count()
    assert {"disk", "data", "plain"} == set(os.listdir(tmp_path))


def test_a_store_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path and a link are resolved once, when the store is named."""
    (tmp_path / "link").symlink_to(tmp_path / "first")
    store = fu.UsageStore("link")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "second")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert f"UsageStore({str(tmp_path / 'first')!r})" == repr(store)


@pytest.mark.slow
def test_a_report_by_any_name(usage: pl.DataFrame, tmp_path: Path) -> None:
    """The page is written where its name says; what is returned leads there."""
    pytest.importorskip("jinja2")
    (tmp_path / "disk" / "data").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "data")
    for out, there in (
        ("a%20b\\c\n#?.html", "a%20b\\c\n#?.html"),
        ("data/../a.html", "disk/a.html"),
        ("missing/../b.html", "b.html"),
    ):
        written = fu.report(usage.head(1), out=out)
        assert tmp_path / there == written
        assert "<html" in written.read_text("utf-8")
