"""A store that is reached through the Delta library's object store, as in S3, and not as a folder.

The address is one of files on this machine; the way to them is that of every other address.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import falusage as fu
from falusage.errors import StoreError
from falusage.store._log import Log
from falusage.store._place import Place
from tests.world import BEGIN, DAY, World, bag, spend

pytestmark = pytest.mark.slow


def elsewhere(folder: Path) -> fu.UsageStore:
    """Give a store that knows of no folder."""
    store = fu.UsageStore(folder)
    store._log = Log(Place(folder.as_uri(), None, None))
    return store


def test_it_keeps_what_a_folder_keeps(world: World, tmp_path: Path) -> None:
    """Night after night, with a row restated, files merged and old ones let go."""
    (tmp_path / "there").mkdir()
    stores = [fu.UsageStore(tmp_path / "here"), elsewhere(tmp_path / "there")]
    for night in range(40, 44):
        spent = {BEGIN + at * DAY: [4, 2, at % (night - 30)] for at in range(night)}
        world.on(BEGIN + night * DAY, spend(spent))
        for store in stores:
            store.sync("2025-01-01", client=world.client)
    for store in stores:
        assert store.compact() is not None
        assert 43 * 3 == store.verify()

    here, there = stores
    assert bag(here.scan()) == bag(there.scan())
    assert bag(here.scan(version=2)) == bag(there.scan(version=2))
    assert here.history().equals(there.history())
    assert here.restatements(1).equals(there.restatements(1))
    assert here.coverage == there.coverage
    kept = [store.vacuum(older_than="1d", orphans="0h", dry_run=True) for store in stores]
    assert sorted(kept[0]) == sorted(kept[1])


def test_it_believes_no_byte(world: World, tmp_path: Path) -> None:
    """A flipped bit and a lost file are named with the address."""
    world.on(BEGIN + 3 * DAY, spend({BEGIN + at * DAY: [4, 2] for at in range(3)}))
    store = elsewhere(tmp_path)
    store.sync("2025-01-01", client=world.client)
    file = min(tmp_path.rglob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match=f"{tmp_path.as_uri()}/.*damaged"):
        store.verify()
    file.unlink()
    with pytest.raises(StoreError, match=f"{tmp_path.as_uri()}/.*is missing"):
        store.verify()
