"""What a disk does to a store is found when it is read, and named; a store alone is one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import falusage as fu
from falusage.errors import StoreError
from falusage.store._commits import DIGEST, EDITION, ENTRY, _sha256
from tests.world import BEGIN, DAY, World, bag, spend


@pytest.fixture(scope="module")
def sound(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A store of three versions, and what each reads as."""
    folder = tmp_path_factory.mktemp("sound") / "store"
    store = fu.UsageStore(folder)
    read = [None]
    for nights in (6, 8):
        usage = spend({BEGIN + at * DAY: [4, at + 1] for at in range(nights)})
        world.on(BEGIN + nights * DAY, usage)
        store.sync("2025-01-01", client=world.client)
        read.append(bag(store.scan()))
    return folder, read


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*/*.parquet", "_delta_log/*.json"])
@given(which=st.integers(0, 50), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit(  # noqa: PLR0917 - fixtures
    sound: tuple[Path, list[Any]],
    tmp_path: Path,
    kind: str,
    which: int,
    place: float,
    bit: int,
) -> None:
    """Of a data file or of the log: a StoreError that names the store's file, or the right rows."""
    folder, read = sound
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    files = sorted(copy.glob(kind))
    victim = files[which % len(files)]
    content = bytearray(victim.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    victim.write_bytes(content)
    store = fu.UsageStore(copy)
    for version in (1, 2):
        try:
            found = bag(store.scan(version=version))
        except StoreError as error:
            assert str(copy) in str(error)  # noqa: PT017 - either this, or the right rows
        else:
            assert read[version] == found
    if kind.endswith("parquet"):
        assert any(
            victim.name in str(error) for error in _errors(store, range(1, 3)) or [victim.name]
        )


def _errors(store: fu.UsageStore, versions: range) -> list[StoreError]:
    found = []
    for version in versions:
        try:
            store.scan(version=version).collect()
        except StoreError as error:
            found.append(error)
    return found


def _copied(folder: Path, copy: Path) -> fu.UsageStore:
    shutil.copytree(folder, copy)
    return fu.UsageStore(copy)


def test_what_is_missing_is_named(sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    """A data file that is gone, cut short or put in another's place; a version without its log."""
    store = _copied(sound[0], tmp_path / "copy")
    parts = sorted((tmp_path / "copy").glob("2025-01/*.parquet"))
    live = [Path(uri).name for uri in deltalake.DeltaTable(tmp_path / "copy").file_uris()]
    one, other = (part for part in parts if part.name in live[:2])
    whole = one.read_bytes()
    for damage, said in (
        (lambda: one.write_bytes(whole[:-1]), "damaged"),
        (lambda: one.write_bytes(b""), "damaged"),
        (lambda: shutil.copy(other, one), "damaged"),
        (one.unlink, "missing"),
    ):
        damage()
        for read in (store.scan().collect, store.verify):
            with pytest.raises(StoreError, match=f"{re.escape(one.name)} is {said}"):
                read()
    one.write_bytes(whole)
    (tmp_path / "copy/_delta_log" / f"{1:020}.json").unlink()
    with pytest.raises(StoreError, match=re.escape(str(tmp_path / "copy"))):
        store.scan(version=1)
    with pytest.raises(StoreError, match=re.escape(str(tmp_path / "copy"))):
        store.verify()


def test_a_line_of_the_log_that_is_left_out(sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    """A log that is good JSON but names fewer files is refused: the version knows its own."""
    store = _copied(sound[0], tmp_path / "copy")
    entry = tmp_path / "copy/_delta_log" / f"{2:020}.json"
    lines = entry.read_text().splitlines()
    for at, line in enumerate(lines):
        if '"commitInfo"' not in line:
            entry.write_text("\n".join(lines[:at] + lines[at + 1 :]))
            with pytest.raises(StoreError, match=r"log of .* is damaged"):
                store.scan()


def test_a_store_of_the_future_and_a_strangers_commit(
    sound: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    """A later edition says how to read it; what another program committed is not believed."""
    later = _copied(sound[0], tmp_path / "later")
    entry = tmp_path / "later/_delta_log" / f"{2:020}.json"
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if said := line.get("commitInfo"):
            newer = {"edition": EDITION + 1, "version": "9.0"}
            document = json.dumps({**json.loads(said[ENTRY]), **newer})
            said |= {ENTRY: document, DIGEST: _sha256(document)}
    entry.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(
        StoreError, match=rf"falusage 9\.0 wrote it in edition {EDITION + 1}.*upgrade"
    ):
        later.scan()

    foreign = _copied(sound[0], tmp_path / "foreign")
    deltalake.DeltaTable(tmp_path / "foreign").delete("bucket < '2025-01-02'")
    with pytest.raises(StoreError, match=r"0003\.json.*not written by falusage"):
        foreign.scan()
    assert foreign.scan(version=2).collect().height


def test_what_is_no_store(sound: tuple[Path, list[Any]], world: World, tmp_path: Path) -> None:
    """No folder, an empty one, a file, other files, another table: each is refused in words."""
    (tmp_path / "file").write_text("usage")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    deltalake.write_deltalake(tmp_path / "table", pl.DataFrame({"cost": [1.0]}))
    with pytest.raises(StoreError, match="is no folder"):
        fu.UsageStore(tmp_path / "file")
    for name, said in (
        ("none", "there is no store at .*none; the first sync makes it"),
        (".", "is no store, and not empty"),
        ("other", "is no store, and not empty"),
        ("table", r"_delta_log/0+\.json cannot be trusted.*not written by falusage"),
    ):
        store = fu.UsageStore(tmp_path / name)
        for ask in (store.scan, store.history, store.verify, lambda: store.restatements(0)):  # noqa: B023 - used at once
            with pytest.raises(StoreError, match=said):
                ask()
        if name != "none":
            with pytest.raises(StoreError, match=said):
                store.sync("2025-01-01", client=world.client)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["with space", "überübung 日本", "100%", "a#b", "q?", "[x]*", "~"])
def test_any_folder_name(world: World, tmp_path: Path, name: str) -> None:
    """Letters that mean something in addresses and patterns are letters here."""
    usage = spend({BEGIN: [1, 2]})
    world.on(BEGIN + 2 * DAY, usage)
    for store in (fu.UsageStore(tmp_path / name), fu.UsageStore((tmp_path / name).as_uri())):
        store.sync("2025-01-01", client=world.client)
        assert bag(usage) == bag(store.scan())
        assert 1 == store.history()["version"].max()
    assert [name] == [path.name for path in tmp_path.iterdir()]


def test_an_address_that_the_library_does_not_know() -> None:
    """It is refused by its name, not by the library's own error."""
    with pytest.raises(
        StoreError, match=r"foo://bucket/usage/_delta_log cannot be listed: .*check its scheme"
    ):
        fu.UsageStore("foo://bucket/usage").history()


@pytest.mark.parametrize("name", ["", " "])
def test_no_name_is_not_the_current_folder(name: str) -> None:
    """A variable that was not set must not make a store of wherever one is."""
    with pytest.raises(StoreError, match="the store has no name"):
        fu.UsageStore(name)


def test_what_cannot_be_read_is_not_damaged(sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    """A log that cannot be listed and an entry that cannot be read are named as that."""
    store = _copied(sound[0], tmp_path / "copy")
    log = tmp_path / "copy/_delta_log"
    entry = log / f"{1:020}.json"
    entry.unlink()
    entry.mkdir()  # nobody can read it, not even root
    with pytest.raises(StoreError, match=rf"{entry.name} (cannot be read|is missing)") as caught:
        store.verify()
    assert "damaged" not in str(caught.value)

    shutil.rmtree(log)
    log.write_text("")
    with pytest.raises(StoreError, match="_delta_log cannot be listed: Not a directory; check who"):
        store.scan()


def test_the_entry_that_failed_is_named(sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    """Of two, the one that is damaged, and what is read first is not blamed."""
    store = _copied(sound[0], tmp_path / "copy")
    entry = tmp_path / "copy/_delta_log" / f"{2:020}.json"
    entry.write_bytes(entry.read_bytes()[:-20])
    with pytest.raises(StoreError, match=rf"{entry.name} is damaged"):
        store.scan()
