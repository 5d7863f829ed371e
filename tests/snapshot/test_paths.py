"""A path means one place: where a file is written is where it is read, whatever its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.errors import SnapshotError
from tests.names import NAMES


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)


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
    )
    for call in calls:
        with pytest.raises(SnapshotError, match=r"null character|not UTF-8"):
            call()
    assert [] == os.listdir(tmp_path)


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
        written = fu.report(usage.head(1), out=out).path
        assert tmp_path / there == written
        assert "<html" in written.read_text("utf-8")
