"""How often a store asks its server: as often after many nights as after a few."""

from __future__ import annotations

import http.client
import shutil
import threading
import time
from pathlib import Path

import pytest

import falusage as fu
from falusage.store import _committing as committing
from falusage.store._scope import Scope
from falusage.store._writing import commit_rows
from tests.store.object_stores.fault_proxy import Request
from tests.store.object_stores.servers import SIGNED, Service
from tests.world import BEGIN, DAY, World, spend

pytestmark = pytest.mark.slow

CHECKPOINTS = 4
"""After how many versions there is a checkpoint; the library's own number is a hundred."""

FEW, MANY = 6, 18
"""Nights, as many after the log's last checkpoint."""


@pytest.fixture(scope="module")
def kept(s3: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[int, fu.UsageStore]:
    """A store of few nights and one of many, each of which read four days."""
    root = tmp_path_factory.mktemp("nights")
    log = fu.UsageStore(root / "kept")._log
    scope = Scope.of(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="day"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(committing._SETTINGS, "delta.checkpointInterval", str(CHECKPOINTS))
        committing.create(log, scope, BEGIN)
    for night in range(1, MANY + 1):
        first = max(night - 4, 0)
        rows = spend({BEGIN + at * DAY: [4, 2] for at in range(first, night)})
        span = BEGIN + first * DAY, BEGIN + night * DAY
        commit_rows(log, log.state(), rows, span=span, read_at=span[1], settle=3 * DAY)
        if night == FEW:
            shutil.copytree(root / "kept", root / "few")
    assert MANY // CHECKPOINTS == len([*(root / "kept").glob("_delta_log/*.checkpoint.parquet")])
    return {
        FEW: uploaded(s3, root / "few", "few-nights"),
        MANY: uploaded(s3, root / "kept", "many-nights"),
    }


def uploaded(s3: Service, folder: Path, name: str) -> fu.UsageStore:
    """Return a store in the bucket that has the files of a folder."""
    server = http.client.HTTPConnection(s3.proxy.url.removeprefix("http://"), timeout=30)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            path = f"/bucket/{name}/{file.relative_to(folder)}"
            server.request("PUT", path, file.read_bytes(), headers=SIGNED)
            answer = server.getresponse()
            answer.read()
            assert 200 == answer.status
    server.close()
    return s3.store(name)


def test_a_night_asks_as_often(s3: Service, kept: dict[int, fu.UsageStore], world: World) -> None:
    """However many nights there were before it."""
    counts: dict[int, int] = {}
    for nights, store in kept.items():
        usage = spend({BEGIN + at * DAY: [4, 2] for at in range(nights + 1)})
        world.on(BEGIN + (nights + 1) * DAY, usage)
        asked: list[Request] = []
        with s3.proxy.breaking(asked.append):
            result = store.sync("2025-01-01", client=world.client)
        assert 1 == len(result.commits)
        counts[nights] = len(asked)

    assert counts[MANY] <= counts[FEW] + 3


def test_a_history_reads_each_entry_once_and_some_at_once(
    s3: Service, kept: dict[int, fu.UsageStore]
) -> None:
    """So that hundreds of versions take seconds, however long an answer takes."""
    entries: list[str] = []
    lock, under_way, most = threading.Lock(), [0], [0]

    def wait(request: Request) -> None:
        if request.path.endswith(".json"):
            entries.append(request.path)
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        with lock:
            under_way[0] -= 1

    with s3.proxy.breaking(wait):
        versions = kept[MANY].history()["version"].n_unique()

    assert versions > MANY
    assert versions == len(entries) == len(set(entries))
    assert most[0] >= 4
