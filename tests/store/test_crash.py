"""Whenever a sync dies, or its disk fails, the store is as before it or as after it.

The deaths are real ones: SIGKILL at lines spread over all that the storage room runs, and a timer
of the kernel that goes off in the midst of the Delta library's own writing. The failing disk is
the kernel's limit on the size of a file, which ends writes half-way.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import falusage as fu
from tests.world import BEGIN, DAY, World, bag, spend

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, signals and limits")

KILLED, ALARMED, REFUSED = 9, 14, 3
Order = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def victim(world: World) -> Iterator[Order]:
    """A process that syncs and dies as it is told; gives how it ended."""
    script = Path(__file__).with_name("victim.py")
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def order(folder: Path, **how: object) -> dict[str, Any]:
            known = {
                "folder": str(folder),
                "url": world.client.base_url,
                "key": world.emulator.api_key,
            }
            process.stdin.write(json.dumps({**known, **how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield order
        process.stdin.close()


@pytest.fixture(scope="module")
def nights() -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the API says on one night and on the next: young days changed, and one came."""
    one = [[4, 2]] * 20 + [[4, 2], [4, 2, 8], [4], [1]]
    two = [[4, 2]] * 20 + [[4, 2], [4, 3, 8], [4], [6, 1, 1], [9]]
    return tuple(  # type: ignore[return-value]
        spend({BEGIN + at * DAY: each for at, each in enumerate(quantities)})
        for quantities in (one, two)
    )


@pytest.fixture(scope="module")
def sound(
    world: World,
    nights: tuple[pl.DataFrame, pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A store of the first night."""
    folder = tmp_path_factory.mktemp("sound") / "store"
    world.on(BEGIN + 24 * DAY, nights[0])
    fu.UsageStore(folder).sync("2025-01-01", client=world.client)
    return folder


class Trial:
    """A store that is about to be synced by a victim, and what it may read as after."""

    def __init__(
        self,
        folder: Path,
        world: World,
        nights: tuple[pl.DataFrame, pl.DataFrame],
        sound: Path | None,
    ) -> None:
        self.world, self.folder, self.sound = world, folder / "trial", sound
        self.before = bag(nights[0] if sound else nights[0].clear())
        self.after = bag(nights[1])
        world.on(BEGIN + 25 * DAY, nights[1])

    def set_up(self) -> Path:
        """Give a fresh copy of the store before the sync."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.sound:
            shutil.copytree(self.sound, self.folder)
        return self.folder

    def judge(self) -> bool:
        """Hold the store to its promises; gives whether the sync had come through."""
        store = fu.UsageStore(self.folder)
        try:
            found = bag(store.scan())
            store.verify()
        except fu.StoreError as error:
            assert "there is no store" in str(error)  # noqa: PT017 - the first sync had not begun
            found = self.before
        assert found in (self.before, self.after)
        through = found == self.after
        result = store.sync("2025-01-01", client=self.world.client)
        assert self.after == bag(store.scan())
        assert sum(self.after.values()) == store.verify()
        assert not (through and result.commits)
        return through


def test_a_sync_imports_no_heavy_library(
    world: World, nights: tuple[pl.DataFrame, pl.DataFrame], victim: Order, tmp_path: Path
) -> None:
    """It needs neither pandas nor pandera, which take seconds, where all rows are valid."""
    trial = Trial(tmp_path, world, nights, None)
    assert [] == json.loads(victim(trial.set_up())["said"])["heavy"]


@pytest.mark.slow
@pytest.mark.parametrize(("anew", "points"), [(False, 9), (True, 5)])
def test_a_sync_that_is_killed_at_a_line(  # noqa: PLR0917 - fixtures
    world: World,
    nights: tuple[pl.DataFrame, pl.DataFrame],
    sound: Path,
    victim: Order,
    tmp_path: Path,
    anew: bool,
    points: int,
) -> None:
    """SIGKILL at lines spread over a whole sync: before or after, and the next one mends all."""
    trial = Trial(tmp_path, world, nights, None if anew else sound)
    lines = json.loads(victim(trial.set_up(), line=0)["said"])["lines"]
    assert trial.judge()
    came_through = []
    for point in range(points):
        ended = victim(trial.set_up(), line=1 + point * (lines - 1) // (points - 1))
        assert KILLED == ended["signal"], ended
        came_through.append(trial.judge())
    assert {True, False} == set(came_through)


@pytest.mark.slow
def test_a_sync_that_is_killed_as_it_writes(
    world: World,
    nights: tuple[pl.DataFrame, pl.DataFrame],
    sound: Path,
    victim: Order,
    tmp_path: Path,
) -> None:
    """The kernel's timer goes off at eight moments, from the first file to the commit's end."""
    trial = Trial(tmp_path, world, nights, sound)
    seconds = json.loads(victim(trial.set_up())["said"])["seconds"]
    came_through = []
    # A busy machine may be slower than it was: the last moment comes after all it does.
    for moment in (*(seconds * point / 6 for point in range(8)), 60.0):
        ended = victim(trial.set_up(), after=0.0002 + moment)
        assert ended["signal"] in {ALARMED, 0}, ended
        came_through.append(trial.judge())
    assert {True, False} == set(came_through)


@pytest.fixture(scope="module")
def files(
    world: World,
    nights: tuple[pl.DataFrame, pl.DataFrame],
    sound: Path,
    victim: Order,
    tmp_path_factory: pytest.TempPathFactory,
) -> int:
    """How many data files the second night's sync writes."""
    trial = Trial(tmp_path_factory.mktemp("count"), world, nights, sound)
    return json.loads(victim(trial.set_up())["said"])["files"]


@pytest.mark.slow
@pytest.mark.parametrize("write", ["a data file", "the log", "a new store's log"])
@pytest.mark.parametrize("size", [0, 700])
def test_a_disk_that_fails(  # noqa: PLR0917 - fixtures
    world: World,
    nights: tuple[pl.DataFrame, pl.DataFrame],
    sound: Path,
    files: int,
    victim: Order,
    tmp_path: Path,
    write: str,
    size: int,
) -> None:
    """A write that is cut short, of a data file or of the log, is a StoreError; nothing is lost."""
    trial = Trial(tmp_path, world, nights, None if write == "a new store's log" else sound)

    ended = victim(trial.set_up(), bytes=size, files=files if write == "the log" else 0)

    assert REFUSED == ended["code"], ended
    assert str(trial.folder) in ended["said"]
    assert "written" in ended["said"]
    assert not trial.judge()
