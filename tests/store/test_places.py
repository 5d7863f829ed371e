"""Where a store may be: in a folder of its own, or at an address that means one place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import falusage as fu
from falusage.errors import StoreError
from falusage.store._place import Place
from tests.world import BEGIN, DAY, World, spend


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://bucket/#frag", "'#'"),
        ("s3://bucket/q?x=1", r"'\?'"),
        ("gs://bucket?x", r"'\?'"),
        ("az://container/a%20b", "'%20'"),
        ("s3://bucket/a%2Fb", "'%2F'"),
        ("s3://bucket/a%2fb", "'%2f'"),
        ("s3://bucket/a%2520b", "'%25'"),
        ("s3://bucket/a/../b", r"'\.\.'"),
        ("s3://bucket/..", r"'\.\.'"),
        ("s3://bucket/./b", r"'\.'"),
        ("s3://bucket//b", "'//'"),
        ("s3://bucket/b//", "'//'"),
        ("s3://bucket/b /", "' '"),
        ("s3://bucket/a\\b", "read"),
        ("s3://bucket/a\nb", "read"),
        ("s3://buc\tket/a", "read"),
        ("s3://bucket/a\x00", "read"),
        ("s3://bucket/a ", "' '"),
        (" s3://bucket/a", "' '"),
        ("\ns3://bucket/a", "read"),
        ("s3://", "names no bucket"),
        ("s3:///a", "names no bucket"),
        ("file://elsewhere/a", "this machine"),
        ("file://", "this machine"),
        ("file:///a?b", "%3F"),
        ("file:///a#b", "%23"),
        ("", "no name"),
        (" ", "no name"),
    ],
)
def test_an_address_that_means_something_else(address: str, said: str) -> None:
    """What the library would drop, decode or fold is refused by name, before anything is asked."""
    with pytest.raises(StoreError, match=said):
        fu.UsageStore(address)


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/usage/2025/", "s3://bucket/usage/2025"),
        ("s3://bucket/a b/größe", "s3://bucket/a b/größe"),
        ("s3://bucket/100%", "s3://bucket/100%"),
        ("s3://bucket/a..b/.hidden/...", "s3://bucket/a..b/.hidden/..."),
        (
            "abfss://container@account.dfs.core.windows.net/usage",
            "abfss://container@account.dfs.core.windows.net/usage",
        ),
    ],
)
def test_an_address_that_means_itself(address: str, uri: str) -> None:
    """It is taken as it is; a `/` at its end makes no difference."""
    place = Place.of(address, None)
    assert (uri, None) == (place.uri, place.folder)
    assert uri == str(place)


def test_an_address_of_this_machine(tmp_path: Path) -> None:
    """A `file://` address is decoded once, as everywhere; a path is not decoded."""
    decoded = (tmp_path / "a%20b").as_uri()
    assert decoded.endswith("a%2520b")
    assert tmp_path / "a%20b" == Place.of(decoded, None).folder
    assert tmp_path / "a b" == Place.of(f"FILE://localhost{tmp_path}/a%20b", None).folder
    assert tmp_path / "a%20b" == Place.of(f"{tmp_path}/a%20b", None).folder
    assert tmp_path / "x" / "s3:" / "y" == Place.of(f"{tmp_path}/x/s3://y", None).folder
    assert tmp_path / "b" == Place.of(os.fsencode(tmp_path / "b"), None).folder


def test_a_file_is_not_a_place(tmp_path: Path) -> None:
    """A store is a folder."""
    (tmp_path / "a").touch()
    with pytest.raises(StoreError, match="is no folder"):
        fu.UsageStore(tmp_path / "a")


def test_a_place_below_a_file(world: World, tmp_path: Path) -> None:
    """No folder can be made there; the message names the store."""
    (tmp_path / "a").touch()
    world.on(BEGIN + DAY, spend({BEGIN: [4]}))
    with pytest.raises(
        StoreError, match=f"{tmp_path}/a/kept cannot be made: {tmp_path}/a is a file"
    ):
        fu.UsageStore(tmp_path / "a" / "kept").sync("2025-01-01", client=world.client)


def test_a_place_inside_or_around_a_store(world: World, tmp_path: Path) -> None:
    """A store is neither made below another, however deep, nor around one; nothing is written."""
    world.on(BEGIN + DAY, spend({BEGIN: [4]}))
    kept = fu.UsageStore(tmp_path / "nest" / "kept")
    kept.sync("2025-01-01", client=world.client)
    (tmp_path / "link").symlink_to(tmp_path / "nest" / "kept" / "2025-01")
    had = sorted(tmp_path.rglob("*"))
    inside = f"is inside the store, or other Delta table, at {tmp_path}/nest/kept;"
    for path, said in {
        "nest/kept/teamB": inside,
        "nest/kept/teams/b/c": inside,
        "nest/kept/2025-01": inside,
        "nest/kept/2025-01/x": inside,
        "nest/kept/_delta_log": inside,
        "link/x": inside,
        "nest": "is no store, and not empty: it holds 'kept';",
        ".": "is no store, and not empty: it holds 'link' and 1 more;",
    }.items():
        with pytest.raises(StoreError, match=said):
            fu.UsageStore(tmp_path / path).sync("2025-01-01", client=world.client)
    assert had == sorted(tmp_path.rglob("*"))
    fu.UsageStore(tmp_path / "nest" / "teamB").sync("2025-01-01", client=world.client)
    assert 1 == kept.verify()


def test_a_place_inside_another_table(world: World, tmp_path: Path) -> None:
    """Whoever vacuums that table would delete the store; an empty folder of a log is no table."""
    world.on(BEGIN + DAY, spend({BEGIN: [4]}))
    (tmp_path / "table" / "_delta_log").mkdir(parents=True)
    (tmp_path / "table" / "_delta_log" / f"{9:020}.checkpoint.parquet").touch()
    with pytest.raises(StoreError, match="other Delta table"):
        fu.UsageStore(tmp_path / "table" / "kept").sync("2025-01-01", client=world.client)
    (tmp_path / "empty" / "_delta_log").mkdir(parents=True)
    store = fu.UsageStore(tmp_path / "empty" / "kept")
    store.sync("2025-01-01", client=world.client)
    assert 1 == store.verify()
