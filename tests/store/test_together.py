"""Two syncs of one store: one wins, or both do; nobody reads half a commit."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import falusage as fu
from falusage.errors import StoreError
from falusage.store import _writing
from falusage.store._committing import OvertakenError, create
from falusage.store._log import Log
from falusage.store._scope import Scope
from falusage.store._writing import commit_rows
from tests.world import BEGIN, DAY, World, bag, spend

pytestmark = pytest.mark.slow


class Meeting(fu.UsageClient):
    """A client that has something done after its nth load, as if by somebody else."""

    def after(self, nth: int, action: Any) -> Meeting:
        """Set what is done, and when."""
        self.nth, self.action, self.loads = nth, action, 0
        return self

    def load(self, *asked: Any, **how: Any) -> fu.UsageLoad:
        """Load, and meet."""
        return self._met(super().load(*asked, **how))

    def load_into(self, *asked: Any, **how: Any) -> Any:
        """Load a piece of a sync, and meet."""
        return self._met(super().load_into(*asked, **how))

    def _met(self, loaded: Any) -> Any:
        self.loads += 1
        if self.loads == self.nth:
            self.action()
        return loaded


@pytest.fixture
def meeting(world: World) -> Any:
    """A second client of the world."""
    with Meeting(world.emulator.api_key, base_url=world.client.base_url, workers=1) as client:
        yield client


def test_the_later_of_two_syncs_of_one_day(world: World, meeting: Meeting, tmp_path: Path) -> None:
    """Is told who won, and nothing is lost or doubled; run again, it has nothing to do."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(5)})
    world.on(BEGIN + 5 * DAY, usage)
    store = fu.UsageStore(tmp_path)
    other = fu.UsageStore(tmp_path)
    meeting.after(2, lambda: other.sync("2025-01-01", client=world.client))

    with pytest.raises(StoreError, match=r"another sync of .* was faster: version 1, read at 2025"):
        store.sync("2025-01-01", client=meeting)

    assert bag(usage) == bag(store.scan())
    assert () == store.sync("2025-01-01", client=world.client).commits


def test_disjoint_windows_both_succeed(world: World, meeting: Meeting, tmp_path: Path) -> None:
    """So does a sync that a compaction overtakes."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(60)})
    world.on(BEGIN + 70 * DAY, usage)
    store, other = fu.UsageStore(tmp_path), fu.UsageStore(tmp_path)
    for first in range(0, 20, 5):
        end = BEGIN + (first + 5) * DAY
        store.sync(BEGIN + first * DAY, end=end, client=world.client)

    def meanwhile() -> None:
        other.sync("2025-02-01", end="2025-02-10", client=world.client)
        other.compact()

    result = store.sync("2025-01-21", end="2025-01-31", client=meeting.after(2, meanwhile))

    assert (7,) == result.commits
    expected = bag(usage.filter(usage["bucket"].dt.ordinal_day() <= 20))
    expected += bag(usage.filter(usage["bucket"].is_between(BEGIN + 20 * DAY, BEGIN + 29 * DAY)))
    expected += bag(usage.filter(usage["bucket"].is_between(BEGIN + 31 * DAY, BEGIN + 39 * DAY)))
    ranges = ({"end": "2025-01-31"}, {"start": "2025-02-01"})
    assert expected == sum((bag(store.view(**each).usage) for each in ranges), Counter())
    assert sum(expected.values()) == store.verify()


def test_a_stale_version_is_never_built_upon(world: World, tmp_path: Path) -> None:
    """A commit goes on top of the version that was read alone, also where windows are disjoint."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(2)})
    store = fu.UsageStore(tmp_path)
    log = store._log
    create(log, Scope.of(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="day")), BEGIN)
    stale = log.state()
    how = {"read_at": BEGIN + 9 * DAY, "settle": DAY}
    first, second = usage.head(2), usage.tail(2)
    commit_rows(log, log.state(), first, span=(BEGIN, BEGIN + DAY), **how)
    with pytest.raises(OvertakenError):
        commit_rows(log, stale, second, span=(BEGIN + DAY, BEGIN + 2 * DAY), **how)
    assert bag(first) == bag(store.scan())


@pytest.mark.filterwarnings("ignore:the API sent unknown fields")
def test_a_sync_between_new_columns_and_their_rows(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New columns are a commit of their own, and who comes right after it is not built over."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(60)}, tier="gold")
    world.on(BEGIN + 70 * DAY, usage.drop("tier"))
    store = fu.UsageStore(tmp_path)
    store.sync("2025-01-01", end="2025-01-11", client=world.client)
    world.on(BEGIN + 70 * DAY, usage)
    widen, others = _writing.widen, [("2025-02-01", "2025-02-11"), ("2025-01-11", "2025-01-21")]

    def meet(*asked: Any) -> Any:
        state = widen(*asked)
        start, end = others.pop()
        fu.UsageStore(tmp_path).sync(start, end=end, client=world.client)
        return state

    monkeypatch.setattr(_writing, "widen", meet)
    with pytest.raises(StoreError, match=r"another sync of .* was faster: version 3"):
        store.sync("2025-01-11", end="2025-01-21", client=world.client)
    assert 40 == store.verify()

    monkeypatch.undo()
    world.on(BEGIN + 70 * DAY, usage.with_columns(rank=2.0))
    monkeypatch.setattr(_writing, "widen", meet)
    result = store.sync("2025-01-21", end="2025-02-01", client=world.client)

    assert (4, 6) == result.commits
    assert ["columns", "sync", "sync"] == store.history()["kind"].tail(3).to_list()
    read = usage.filter(usage["bucket"].dt.ordinal_day() <= 41)
    assert bag(store.scan(), "tier", "rank") == bag(read, "tier")
    assert 82 == store.verify()


def test_buckets_of_another_calendar_are_refused(tmp_path: Path) -> None:
    """A UTC day lies in two days of New York, and no window would ever replace it."""
    log = fu.UsageStore(tmp_path)._log
    asked = fu.UsageQuery("2025-01-01", "2025-01-04", timezone="America/New_York", timeframe="day")
    create(log, Scope.of(asked), BEGIN)
    rows = spend({BEGIN + DAY: [4, 2]})
    how = {"read_at": BEGIN + 9 * DAY, "settle": DAY}

    with pytest.raises(StoreError, match="which is no day of America/New_York; nothing of this"):
        commit_rows(log, log.state(), rows, span=(asked.start, asked.end), **how)

    assert 0 == log.last()


def test_readers_never_see_half_a_commit(world: World, tmp_path: Path) -> None:
    """While one syncs and compacts, another finds one of the versions each time, whole."""
    nights = [
        spend({BEGIN + at * DAY: [4, 2, night] for at in range(night)}) for night in range(1, 9)
    ]
    allowed = [bag(night.clear()) for night in nights[:1]]
    allowed += [bag(night) for night in nights]
    store = fu.UsageStore(tmp_path)
    world.on(BEGIN + DAY, nights[0])
    store.sync("2025-01-01", client=world.client, settle="90d")
    done = threading.Event()
    found: list[Any] = []

    def read() -> None:
        while not done.is_set():
            found.append(bag(fu.UsageStore(tmp_path).scan()))
            done.wait(0.02)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for night, usage in enumerate(nights[1:], start=2):
            world.on(BEGIN + night * DAY, usage)
            store.sync("2025-01-01", client=world.client, settle="90d")
            store.compact()
    finally:
        done.set()
        reader.join()

    assert len(found) > 1
    assert all(each in allowed for each in found)


def test_a_store_made_by_many_is_made_once(tmp_path: Path) -> None:
    """Whoever comes second finds it made; the ways to come second are as many as the moments."""
    scope = Scope.of(fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="day"))
    for at in range(25):
        folder = tmp_path / str(at)
        log, start = fu.UsageStore(folder)._log, threading.Barrier(6)
        made: list[int] = []

        def make(log: Log = log, start: threading.Barrier = start, made: list[int] = made) -> None:
            start.wait(60)
            create(log, scope, BEGIN)
            made.append(log.state().version)

        threads = [threading.Thread(target=make) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [0] * 6 == made
        assert 1 == len(list(folder.glob("_delta_log/*.json")))


def test_many_first_syncs_at_once(world: World, tmp_path: Path) -> None:
    """One makes the store; the others find it made, win their windows or are told who did."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(5)})
    world.on(BEGIN + 5 * DAY, usage)
    ends: list[object] = []

    def sync() -> None:
        try:
            ends.append(fu.UsageStore(tmp_path / "store").sync("2025-01-01", client=world.client))
        except StoreError as error:
            ends.append(error)

    threads = [threading.Thread(target=sync) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    store = fu.UsageStore(tmp_path / "store")
    assert 4 == len(ends)
    assert any(isinstance(end, fu.SyncResult) for end in ends)
    assert all("was faster" in str(end) for end in ends if isinstance(end, StoreError))
    assert bag(usage) == bag(store.scan())
    assert 10 == store.verify()
