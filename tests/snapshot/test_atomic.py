"""A file is replaced whole or not at all: errors, Ctrl-C, full disks and kills leave the old."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage._files import replacing
from falusage.errors import SnapshotError
from falusage.snapshot._parquet import SnapshotWriter
from tests.permissions import run_without_override


def _fail(file: BinaryIO, error: type[BaseException]) -> None:
    file.write(b"half")
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_a_failure_half_way(tmp_path: Path, error: type[BaseException]) -> None:
    """Whatever ends the writing early leaves the old file, and nothing beside it."""
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as file:
        _fail(file, error)
    assert [path] == list(tmp_path.iterdir())
    assert path.read_text() == "old"


def test_the_old_file_stands_until_the_end(tmp_path: Path) -> None:
    """While the new content is written, readers see the old; afterwards, the new."""
    path = tmp_path / "a"
    path.write_text("old")
    with replacing(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    """A private file stays private, and a link still points at what it pointed at."""
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_places_that_take_no_file(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A missing folder, a folder, a device and a path through a file each say what to do."""
    (tmp_path / "file").touch()
    for place, said in {
        tmp_path / "none" / "a.parquet": r"make the folder .*none first",
        tmp_path: "it is not a file; name one",
        Path("/dev/null"): "it is not a file; name one",
        tmp_path / "file" / "a.parquet": "file is a file",
        tmp_path / ("a" * 300): "name too long.*choose another place",
    }.items():
        with pytest.raises(SnapshotError, match=f"(?i){said}"):
            fu.write_snapshot(usage, place)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert [tmp_path / "file"] == list(tmp_path.iterdir())


_CHILD = """
import os, resource, sys
import falusage as fu
usage = fu.read_snapshot(sys.argv[1])
def write():
    try:
        fu.write_snapshot(usage, sys.argv[2])
    except fu.SnapshotError as error:
        print(error)
"""


def _child(turn: str, *arguments: Path) -> list[str]:
    """Write a snapshot in a process of its own, which can be denied what it needs."""
    done = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, "-c", _CHILD + turn, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.slow
def test_no_space(usage: pl.DataFrame, tmp_path: Path) -> None:
    """Where a file may not grow, nothing is left but the old one, and the error says so."""
    sound, path = tmp_path / "sound.parquet", tmp_path / "a.parquet"
    fu.write_snapshot(usage, sound)
    path.write_text("old")
    limits = (
        "for room in (4_000, 100, 0):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (room, -1))\n"
        "    write()"
    )
    full = f"{path} was not written: File too large; free some space, or choose another place"
    assert [full] * 3 == _child(limits, sound, path)
    assert {sound, path} == set(tmp_path.iterdir())
    assert path.read_text() == "old"


@pytest.mark.slow
def test_a_folder_that_may_not_be_written(usage: pl.DataFrame, tmp_path: Path) -> None:
    """Without leave to write, the error says so, and nothing is left there."""
    sound, closed = tmp_path / "sound.parquet", tmp_path / "closed"
    path = closed / "a.parquet"
    fu.write_snapshot(usage, sound)
    closed.mkdir(mode=0o500)
    said = run_without_override(_CHILD + "write()", sound, path)
    assert f"{path} was not written: Permission denied; ask for permission to write there" in said
    assert [] == list(closed.iterdir())


_KILLED = """
import sys
import falusage as fu, polars as pl
usage = fu.read_snapshot(sys.argv[1])
print("ready", flush=True)
for turn in range(10_000):
    fu.write_snapshot(pl.concat([usage] * 500), sys.argv[1])
    usage = usage.head(40)
"""


@pytest.mark.slow
def test_a_kill_while_writing(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A process killed at any moment leaves a whole file, the old or the new."""
    path = tmp_path / "a.parquet"
    fu.write_snapshot(usage, path)
    for wait in (0.05, 0.3):
        child = subprocess.Popen(  # noqa: S603 (our own interpreter)
            [sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        with child.stdout as said:
            assert said.readline() == b"ready\n"
            time.sleep(wait)
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert_frame_equal(usage, fu.read_snapshot(path).head(40))
        assert all(left.name.startswith(".falusage-") for left in {*tmp_path.iterdir()} - {path})


def test_rows_that_were_not_written_are_not_forgotten() -> None:
    """Once the disk was full, nothing finishes the file, even if the disk has room again."""

    class Disk(io.BytesIO):
        full = False

        def write(self, data: Any) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    usage = fu.sample_usage(start="2025-03-01", end="2025-03-02").usage
    file = Disk()
    with SnapshotWriter(file, usage.schema) as writer:
        writer.write(usage)
        writer._wait(most=0)
        file.full = True
        writer.write(usage)
        with pytest.raises(OSError, match="No space"):
            writer._wait(most=0)
        file.full = False
        with pytest.raises(OSError, match="No space"):
            writer.finish()
