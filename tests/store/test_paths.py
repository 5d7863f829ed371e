"""A path means one place: a store is where its name says, and is read there."""

from __future__ import annotations

import os
from pathlib import Path

import deltalake
import pytest

import falusage as fu
from falusage.errors import StoreError
from falusage.store._committing import create
from falusage.store._log import Log
from falusage.store._place import Place
from tests.names import NAMES
from tests.world import BEGIN, DAY, World, spend


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)


def logs(folder: Path) -> list[str]:
    """Find the Delta logs below a folder."""
    return sorted(str(log.parent.relative_to(folder)) for log in folder.rglob("_delta_log"))


@pytest.mark.parametrize("path", ["a\0b", "\udcff"])
def test_no_path_at_all(tmp_path: Path, path: str) -> None:
    """A null character, and bytes that are not UTF-8, are refused before anything is written."""
    for place in (path, f"kept/{path}"):
        with pytest.raises(StoreError, match=r"null character|not UTF-8"):
            fu.UsageStore(place)
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
