"""Vacuuming deletes what this store wrote and does not need, and no other file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import falusage as fu
from falusage.errors import StoreError
from tests.world import BEGIN, DAY, World, spend

STAMPS = "20250101T000000Z_20250102T000000Z"
ENTRY = f"_delta_log/{7:020}.json"
UUID = "0a1b2c3d-0000-4000-8000-0123456789ab"


@pytest.fixture(scope="module")
def synced(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three nights, a day restated in each."""
    folder = tmp_path_factory.mktemp("synced")
    for night in range(3, 6):
        usage = spend({BEGIN + at * DAY: [4, night] for at in range(night)})
        world.on(BEGIN + night * DAY, usage)
        fu.UsageStore(folder).sync("2025-01-01", client=world.client)
    return folder


@pytest.fixture
def store(synced: Path, tmp_path: Path) -> fu.UsageStore:
    """A copy of that store, in `tmp_path / "kept"`."""
    return fu.UsageStore(shutil.copytree(synced, tmp_path / "kept"))


def put(folder: Path, path: str, content: bytes = b"someone's work", *, days: float = 30) -> Path:
    """Write a file of an age."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    age(file, days)
    return file


def age(file: Path, days: float) -> None:
    """Make a file look as old."""
    then = time.time() - days * 86400
    os.utime(file, (then, then), follow_symlinks=False)


def part(content: bytes, *, stamps: str = STAMPS) -> str:
    """Give the name that a store gives a data file."""
    return f"2025-01/{stamps}-{hashlib.sha256(content).hexdigest()}.parquet"


def files(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


OURS = {
    "a data file of a sync that was killed": part(b"rows"),
    "a data file that was not finished": f"2025-01/.falusage-{'0a' * 8}.tmp",
    "an entry that was not finished": f"{ENTRY}#1",
    "a checkpoint that was not finished": f"_delta_log/{7:020}.checkpoint.parquet#12",
    "the last checkpoint, not finished": "_delta_log/_last_checkpoint#1",
    "an entry of a store without conditional writes": f"_delta_log/_commit_{UUID}.json.tmp",
}


@pytest.mark.parametrize("path", OURS.values(), ids=OURS)
def test_what_a_killed_sync_left(store: fu.UsageStore, tmp_path: Path, path: str) -> None:
    """A leftover goes once it is a week old, and everything else stays as it was."""
    kept = files(tmp_path)
    leftover = put(tmp_path / "kept", path, b"rows", days=6.9)
    assert [] == store.vacuum()
    age(leftover, 7.1)
    assert [path] == store.vacuum(dry_run=True)
    assert leftover.exists()

    assert [path] == store.vacuum()

    assert not leftover.exists()
    assert kept.items() <= files(tmp_path).items()
    assert 10 == store.verify()
    assert [] == store.vacuum(orphans="0h")
    assert "vacuum" == store.history()["kind"][-1]


FOREIGN = (
    "budget.csv",
    "exports/june.csv",
    "2025-01/notes.txt",
    "2025-01/orphan.parquet",
    "2025-01/.hidden",
    "2025-01/.falusage-0123.tmp",
    f"2025-01/.falusage-{'0A' * 8}.tmp",
    ".falusage-0123456789abcdef.tmp",
    f"exports/.falusage-{'0a' * 8}.tmp",
    part(b"rows").replace("2025-01/", ""),
    part(b"rows").replace("2025-01/", "2025-1/"),
    part(b"rows").replace("2025-01/", "backup/2025-01/"),
    part(b"rows").replace("2025-01/", "2025-01/2025-01/"),
    part(b"rows").replace("2025-01/", "٢٠٢٥-٠١/"),
    part(b"rows").replace(".parquet", ".PARQUET"),
    part(b"rows").replace(".parquet", " (copy).parquet"),
    part(b"rows").replace(".parquet", ".parquet.bak"),
    part(b"rows").replace(".parquet", ".parquet\n"),
    part(b"rows", stamps="20251301T000000Z_20250102T000000Z"),
    part(b"other rows"),
    ENTRY.replace(".json", ".json.bak"),
    f"{ENTRY}#",
    f"{ENTRY}#1#2",
    "_delta_log/_commit_.json.tmp",
    "_delta_log/notes#1",
    f"_delta_log/old/{7:020}.json#1",
    f"_delta_log/{part(b'rows')}",
    "_change_data/cdc-0.parquet",
)


def test_a_file_of_somebody_else_stays(store: fu.UsageStore, tmp_path: Path) -> None:
    """However old it is and whatever it is called: only this store's own names are deleted."""
    for path in FOREIGN:
        put(tmp_path / "kept", path, b"rows")
    kept = files(tmp_path)

    assert [] == store.vacuum(orphans="0h", dry_run=True)
    assert [] == store.vacuum(orphans="0h")

    assert kept == files(tmp_path)


def test_letting_go_of_versions_deletes_their_files_alone(
    store: fu.UsageStore, tmp_path: Path
) -> None:
    """Only what superseded versions had is deleted of all that lies there; the last stays whole."""
    for path in FOREIGN:
        put(tmp_path / "kept", path, b"rows")
    kept = files(tmp_path)
    superseded = {f for f in kept if f.startswith("kept/2025-01/2025") and len(kept[f]) > 99}
    superseded -= {f"kept/{each.path}" for each in store._log.state().parts}
    assert superseded

    deleted = store.vacuum(older_than="0d", orphans="0h")

    assert superseded == {f"kept/{path}" for path in deleted}
    assert superseded == set(kept) - set(files(tmp_path))
    assert 10 == store.verify()
    with pytest.raises(StoreError, match=r"\.parquet is missing"):
        store.scan(version=1).collect()


def test_a_store_below_another_stays(store: fu.UsageStore, synced: Path, tmp_path: Path) -> None:
    """A store that was copied into the first, even as one of its months, is never touched."""
    for name in ("teamB", "2025-01/teamB", "2024-12"):
        shutil.copytree(synced, tmp_path / "kept" / name)
    put(tmp_path / "kept", part(b"rows").replace("2025-01/", "2024-12/"), b"rows")
    kept = files(tmp_path)

    assert [] == store.vacuum(orphans="0h")

    assert kept == files(tmp_path)
    assert 10 == fu.UsageStore(tmp_path / "kept" / "2024-12").verify()


def test_links_are_not_followed(store: fu.UsageStore, tmp_path: Path) -> None:
    """A month that is a link leads elsewhere, and a data file that is one was not written so."""
    put(tmp_path, f"elsewhere/{part(b'rows')}", b"rows")
    target = put(tmp_path, "precious.bin", b"more rows")
    (tmp_path / "kept" / "2024-11").symlink_to(tmp_path / "elsewhere" / "2025-01")
    link = tmp_path / "kept" / part(b"more rows")
    link.symlink_to(target)
    age(link, 30)
    kept = files(tmp_path)

    assert [] == store.vacuum(orphans="0h")

    assert kept == files(tmp_path)
    assert link.is_symlink()


def lose_an_add(lines: list[Any]) -> list[Any]:
    """Take a data file out of an entry."""
    at = next(number for number, line in enumerate(lines) if "add" in line)
    return lines[:at] + lines[at + 1 :]


def rename_a_column(lines: list[Any]) -> list[Any]:
    """Declare another column."""
    for line in lines:
        if "metaData" in line:
            text = line["metaData"]["schemaString"]
            line["metaData"]["schemaString"] = text.replace('"unit"', '"units"')
    return lines


@pytest.mark.parametrize(("version", "damage"), [(1, lose_an_add), (0, rename_a_column)])
def test_a_damaged_log_deletes_nothing(
    store: fu.UsageStore,
    tmp_path: Path,
    version: int,
    damage: Callable[[list[Any]], list[Any]],
) -> None:
    """What an earlier version needs is only known from a log that is whole."""
    entry = tmp_path / "kept" / "_delta_log" / f"{version:020}.json"
    lines = damage([json.loads(line) for line in entry.read_text().splitlines()])
    entry.write_text("\n".join(map(json.dumps, lines)))
    kept = files(tmp_path)

    with pytest.raises(StoreError, match="damaged"):
        store.vacuum(orphans="0h")

    assert kept == files(tmp_path)


def test_a_missing_entry_deletes_nothing(store: fu.UsageStore, tmp_path: Path) -> None:
    """A checkpoint would still open the last version, but not tell what the first ones had."""
    store._log.state().table.create_checkpoint()
    (tmp_path / "kept" / "_delta_log" / f"{1:020}.json").unlink()
    kept = files(tmp_path)
    with pytest.raises(StoreError, match=f"{1:020}.json"):
        store.vacuum(older_than="0d", orphans="0h")
    assert kept == files(tmp_path)


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    """Nothing is listed for deletion where there is no store."""
    put(tmp_path, part(b"rows"), b"rows")
    with pytest.raises(StoreError, match=r"no.* store"):
        fu.UsageStore(tmp_path).vacuum(orphans="0h")
    assert {part(b"rows")} == set(files(tmp_path))
