"""What has ended is decided by the earlier of two clocks, and a store that believed one heals."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import falusage as fu
from falusage import _clocks as clocks
from falusage.errors import ClockSkewWarning, CoverageError, StoreError
from falusage.store._commits import DIGEST, ENTRY
from tests.world import BEGIN, DAY, World, bag, few_examples, spend

START = "2025-01-01"


class Organization:
    """One that spends every day, and two clocks that may be wrong; the server serves the truth."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.local = BEGIN
        monkeypatch.setattr(clocks, "local_time", lambda: self.local)

    def spent(self, now: datetime) -> Any:
        """Return what was spent until then: an open day has half of what it will have."""
        days = (now - BEGIN) // DAY
        quantities = {BEGIN + at * DAY: [4, 2 + at % 3] for at in range(days)}
        if now > BEGIN + days * DAY:
            quantities[BEGIN + days * DAY] = [2]
        return spend(quantities)

    def at(self, now: datetime, *, server: timedelta = DAY * 0, local: timedelta = DAY * 0) -> Any:
        """Set the true time, and by how much each clock is off; returns the client."""
        self.world.on(now + server, self.spent(now))
        self.local = now + local
        return self.world.client


@pytest.fixture
def organization(world: World, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """An organization of its own for each test."""
    return Organization(world, monkeypatch)


def closed(store: fu.UsageStore) -> tuple[datetime, datetime]:
    """Return the range of the buckets that had ended when the store read them."""
    coverage = store.coverage
    return coverage.start, coverage.closed_until


@contextmanager
def skews(count: int) -> Iterator[None]:
    """Expect so many warnings of clocks, and none of anything else."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert [ClockSkewWarning] * count == [warning.category for warning in caught]


@pytest.mark.parametrize(("off", "later"), [("server", 1), ("local", 4), ("server", 30)])
def test_a_clock_that_is_a_week_ahead_for_one_night(
    organization: Organization, tmp_path: Path, off: str, later: int
) -> None:
    """Closes nothing that is open, whenever the next sync comes; it is said once."""
    store, now = fu.UsageStore(tmp_path), BEGIN + 40.5 * DAY
    with skews(1):
        result = store.sync(START, client=organization.at(now, **{off: 7 * DAY}))
    assert BEGIN + 41 * DAY == result.end
    assert (BEGIN, BEGIN + 40 * DAY) == closed(store)
    assert BEGIN + 37 * DAY == store.history()["settled_until"][-1]
    assert {now} == set(store.scan().collect()["read_at"])

    now += later * DAY
    with skews(0):
        store.sync(START, client=organization.at(now))

    assert bag(organization.spent(now)) == bag(store.scan())


@pytest.mark.parametrize("off", ["server", "local"])
def test_a_clock_that_is_a_week_behind_for_one_night(
    organization: Organization, tmp_path: Path, off: str
) -> None:
    """Nothing is lost or forgotten, and what was known a week before is not mixed with it."""
    store, now = fu.UsageStore(tmp_path), BEGIN + 40.5 * DAY
    store.sync(START, client=organization.at(now))
    known, kept = closed(store), bag(store.scan())
    with skews(1):
        result = store.sync(START, client=organization.at(now + DAY, **{off: -7 * DAY}))
    assert now - 6 * DAY == min(result.server_time, organization.local)
    assert known == closed(store)
    assert kept == bag(store.scan()), "days after both clocks are not read"
    with pytest.raises(StoreError, match="knew nothing yet"):
        store.scan(as_of=now - 5 * DAY)

    now += 2 * DAY
    store.sync(START, client=organization.at(now))
    assert bag(organization.spent(now)) == bag(store.scan())
    assert kept == bag(store.scan(as_of=now - DAY))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("usual", "later"),
    [(0 * DAY, 1), (600 * DAY, 4), (0 * DAY, 6)],
    ids=["both", "of one that is always so", "both, later"],
)
def test_clocks_that_are_ahead_are_found_out_by_the_next_night(
    organization: Organization, tmp_path: Path, usual: timedelta, later: int
) -> None:
    """A version that claims a time that has not come is not believed, now or later on."""
    store, now = fu.UsageStore(tmp_path), BEGIN + 40.5 * DAY
    week = 7 * DAY
    store.sync(START, client=organization.at(now - DAY, local=usual))
    store.sync(START, client=organization.at(now, server=week, local=usual or week))
    assert (BEGIN, BEGIN + 47 * DAY) == closed(store)
    for then in (now + later * DAY, now + (later + 30) * DAY):
        store.sync(START, client=organization.at(then, local=usual))
        assert bag(organization.spent(then)) == bag(store.scan())
        assert (BEGIN, BEGIN + (then - BEGIN) // DAY * DAY) == closed(store)


def _of_edition_1(store: fu.UsageStore, folder: Path, version: int, **said: Any) -> None:
    """Rewrite a version as the first edition wrote it, which trusted the server's Date alone."""
    entry = folder / f"_delta_log/{version:020}.json"
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if info := line.get("commitInfo"):
            document = {**json.loads(info[ENTRY]), "edition": 1, **said}
            text = json.dumps(document)
            info |= {ENTRY: text, DIGEST: hashlib.sha256(text.encode()).hexdigest()}
    entry.write_text("\n".join(map(json.dumps, lines)))


def _receipt(store: fu.UsageStore, version: int, **said: Any) -> dict[str, Any]:
    return {**(store._log.commit(version).receipt or {}), **said}


@pytest.fixture
def deceived(organization: Organization, tmp_path: Path) -> tuple[fu.UsageStore, datetime]:
    """A store of edition 1 that a Date deceived: it says 47 days are closed, of which 40 were."""
    store, now = fu.UsageStore(tmp_path), BEGIN + 40.5 * DAY
    week = 7 * DAY
    store.sync(START, client=organization.at(now, server=week, local=week))
    _of_edition_1(store, tmp_path, 0)
    for version in (1, 2):
        receipt = _receipt(store, version, started_at=now.isoformat())
        _of_edition_1(store, tmp_path, version, receipt=receipt)
    return store, now


@pytest.mark.slow
@pytest.mark.parametrize("later", [0, 1, 4, 30])
def test_a_store_that_was_deceived_heals(
    organization: Organization, deceived: tuple[fu.UsageStore, datetime], later: int
) -> None:
    """Its receipts have both clocks, so the days that had not happened are read again."""
    store, now = deceived
    assert (BEGIN, BEGIN + 40 * DAY) == closed(store)
    assert now == store.history()["at"][-1]
    then = now + later * DAY

    store.sync(START, client=organization.at(then))

    assert bag(organization.spent(then)) == bag(store.scan())
    settled = store.scan().collect().filter(settled=True)["bucket_end"].max()
    assert settled <= then - 3 * DAY
    assert store.scan(as_of=now + later * DAY).collect().height == store.scan().collect().height


@pytest.mark.slow
def test_days_that_a_deceived_store_left_out_are_a_gap(
    organization: Organization, deceived: tuple[fu.UsageStore, datetime], tmp_path: Path
) -> None:
    """Where the first edition went on from what it believed, the store says so, and then heals."""
    store, now = deceived
    then, settled_until = now + 30 * DAY, BEGIN + 44 * DAY
    store.sync(settled_until, client=organization.at(then))
    for version in range(3, store.history()["version"].max() + 1):
        commit = store._log.commit(version)
        closed = [[BEGIN.isoformat(), commit.closed[-1][1].isoformat()]]
        _of_edition_1(store, tmp_path, version, closed=closed, settled=closed)

    assert ((BEGIN + 40 * DAY, settled_until),) == store.coverage.gaps
    with pytest.raises(CoverageError, match=r"lacks 2025-02-10T00:00:00.* to 2025-02-14T00:00:00"):
        store.scan()

    store.sync(START, client=organization.at(then))
    assert () == store.coverage.gaps
    assert bag(organization.spent(then)) == bag(store.scan())


def test_a_restatement_is_of_what_had_ended(
    organization: Organization, deceived: tuple[fu.UsageStore, datetime]
) -> None:
    """A day that was open when it was read, by the earlier clock, is not restated by its rest."""
    store, now = deceived
    result = store.sync(START, client=organization.at(now + DAY))
    assert not any(result.restated.values())
    assert {False} == set(store.restatements(2)["restated"])


def test_whose_now_it_is(organization: Organization, tmp_path: Path) -> None:
    """A start that is still to come is refused with the clock that says so."""
    store = fu.UsageStore(tmp_path)
    for off, whose in (("server", "the server's"), ("local", "this machine's")):
        client = organization.at(BEGIN + 40.5 * DAY, **{off: -20 * DAY})
        with (
            pytest.warns(
                ClockSkewWarning,
                match=r"2025-02-10T12:00:00.* 2025-01-21T12:00:00|"
                r"2025-01-21T12:00:00.* 2025-02-10T12:00:00",
            ),
            pytest.raises(StoreError, match=f"not before {whose} now, 2025-01-21T12"),
        ):
            store.sync("2025-02-01", client=client)


ERRORS = st.sampled_from([-7 * DAY, -DAY, -timedelta(minutes=2), 0 * DAY, DAY, 7 * DAY, 400 * DAY])
NIGHTS = st.lists(st.tuples(st.integers(1, 200), ERRORS, st.booleans()), min_size=1, max_size=6)


@pytest.mark.slow
@settings(max_examples=few_examples())
@given(nights=NIGHTS)
@pytest.mark.filterwarnings("ignore::falusage.errors.ClockSkewWarning")
def test_nights_with_one_wrong_clock(
    organization: Organization,
    tmp_path_factory: pytest.TempPathFactory,
    nights: list[tuple[int, timedelta, bool]],
) -> None:
    """No day is called closed before it ended, and one right night makes all of it right."""
    store, now = fu.UsageStore(tmp_path_factory.mktemp("clocks")), BEGIN + 20 * DAY
    for hours, error, of_server in nights:
        now += timedelta(hours=hours)
        off: Any = {"server" if of_server else "local": error}
        store.sync(START, client=organization.at(now, **off))
        assert closed(store)[1] <= now
        assert () == store.coverage.gaps
    now += timedelta(hours=1)
    store.sync(START, client=organization.at(now))

    assert bag(organization.spent(now)) == bag(store.scan())
    assert (BEGIN, BEGIN + (now - BEGIN) // DAY * DAY) == closed(store)
    settled = store.scan().collect().filter(settled=True)["bucket_end"]
    assert settled.is_empty() or settled.max() <= now - 3 * DAY
