"""How much of a day's final cost a store knew at which age."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import _clocks as clocks
from falusage.errors import StoreError
from tests.world import BEGIN, DAY, World, spend

START = "2025-01-01"
HOUR = timedelta(hours=1)

Night = Callable[[datetime, pl.DataFrame], fu.SyncResult]


@pytest.fixture
def store(tmp_path: Path) -> fu.UsageStore:
    """A store that is yet to be made."""
    return fu.UsageStore(tmp_path / "kept")


@pytest.fixture
def night(world: World, store: fu.UsageStore, monkeypatch: pytest.MonkeyPatch) -> Night:
    """Sync the store at a time, when the API knows some usage."""

    def synced(now: datetime, usage: pl.DataFrame) -> fu.SyncResult:
        monkeypatch.setattr(clocks, "local_time", lambda: now)
        return store.sync(START, client=world.on(now, usage).client)

    return synced


def grown(
    now: datetime, shares: Sequence[float], costs: Sequence[float] = (100.0,) * 30
) -> pl.DataFrame:
    """Return usage of which only a share is known at an age in days; from then on all of it."""
    known: dict[datetime, list[float]] = {}
    for day in range((now - BEGIN) // DAY):
        age = (now - BEGIN) // DAY - day - 1
        share = shares[age] if age < len(shares) else 1.0
        known[BEGIN + day * DAY] = [2 * costs[day] * share]
    return spend(known)


@pytest.fixture(scope="module")
def six_nights(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store of six nights: half of a day is known at age 0, four fifths at 1."""
    folder = tmp_path_factory.mktemp("six") / "kept"
    with pytest.MonkeyPatch.context() as patch:
        for count in range(1, 7):
            now = BEGIN + count * DAY + 2 * HOUR
            patch.setattr(clocks, "local_time", lambda now=now: now)
            fu.UsageStore(folder).sync(START, client=world.on(now, grown(now, (0.5, 0.8))).client)
    return folder


@pytest.fixture
def six(store: fu.UsageStore, six_nights: Path, tmp_path: Path) -> fu.UsageStore:
    """A copy of that store, in the place of the one that is yet to be made."""
    shutil.copytree(six_nights, tmp_path / "kept")
    return store


@pytest.mark.slow
def test_a_share_is_of_the_final_cost(store: fu.UsageStore, night: Night) -> None:
    """Six nights: half is known at age 0, four fifths at age 1, all at age 2, which is final."""
    costs = (100.0, 200.0, 300.0, 400.0, 500.0, 600.0)
    for count in range(1, 7):
        now = BEGIN + count * DAY + 2 * HOUR
        night(now, grown(now, (0.5, 0.8), costs))

    expected = pl.DataFrame(
        {
            "age": [0, 1, 2],
            "currency": "USD",
            # Three days are settled. At age 3 each was read for the last time.
            "windows": [3, 3, 3],
            "cost": [Decimal(300), Decimal(480), Decimal(600)],
            "final": [Decimal(600)] * 3,
            "known": [0.5, 0.8, 1.0],
            "lo_80": [0.5, 0.8, 1.0],
            "hi_80": [0.5, 0.8, 1.0],
        },
        schema_overrides={"cost": pl.Decimal(38, 12), "final": pl.Decimal(38, 12)},
    )
    assert_frame_equal(expected, store.settling())


@pytest.mark.slow
def test_the_band_is_that_of_the_days(store: fu.UsageStore, night: Night) -> None:
    """Shares by day of 0 to 1, in fifths: their quantiles, and the share of the sums."""
    shares = [fifth / 5 for fifth in range(6)]
    for count in range(1, 10):
        now = BEGIN + count * DAY + 2 * HOUR
        days = {
            BEGIN + day * DAY: [100.0 * (shares[day] if day == count - 1 and day < 6 else 1.0)]
            for day in range(count)
        }
        night(now, spend({day: cost for day, cost in days.items() if cost != [0.0]}))

    first = store.settling().row(0, named=True)

    assert (0, "USD", 6) == (first["age"], first["currency"], first["windows"])
    assert pytest.approx((0.5, 0.1, 0.9)) == (first["known"], first["lo_80"], first["hi_80"])


def test_days_that_were_read_once_say_nothing(store: fu.UsageStore, night: Night) -> None:
    """A history that is loaded in one sync has no rows; nor has one without a settled day."""
    now = BEGIN + 20 * DAY + 2 * HOUR
    night(now, grown(now, (0.5, 0.8)))
    assert store.settling().is_empty()
    night(now + DAY, grown(now + DAY, (0.5, 0.8)))

    assert [2] == store.settling()["age"].to_list(), "of the day that is settled since"


@pytest.mark.slow
def test_currencies_and_vanished_costs(store: fu.UsageStore, night: Night) -> None:
    """A currency is a row of its own; a day that lost its cost counts, one without never."""
    for count in range(1, 6):
        now = BEGIN + count * DAY + 2 * HOUR
        late = {BEGIN + (count - 1) * DAY: [10.0, 10.0, 4.0]}
        settled = {BEGIN + day * DAY: [10.0, 10.0] for day in range(count - 1)}
        night(now, spend({**settled, **late}))

    said = store.settling().filter(age=0).select("currency", "windows", "cost", "final", "known")

    assert [("EUR", 2, 4, 0, None), ("USD", 2, 20, 20, 1.0)] == said.rows()


@pytest.mark.slow
def test_only_whole_windows_of_an_hourly_store_count(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hours of a local day are one window; those of the day that is not over say nothing."""
    store = fu.UsageStore(tmp_path / "hours")
    zone = "America/New_York"
    midnight = datetime(2025, 1, 1, 5, tzinfo=BEGIN.tzinfo)
    for count in range(1, 7):
        now = midnight + count * DAY + 3 * HOUR
        hours = [midnight + at * HOUR for at in range(24 * count + 3)]
        known = spend({at: [1.0 if now - at <= DAY + 3 * HOUR else 2.0] for at in hours}, hours=1)
        monkeypatch.setattr(clocks, "local_time", lambda now=now: now)
        client = world.on(now, known).client
        store.sync("2025-01-01", client=client, timeframe="hour", timezone=zone)

    said = store.settling().select("age", "windows", "cost", "known")

    assert [(0, 3, 36, 0.5), (1, 3, 72, 1.0), (2, 3, 72, 1.0)] == said.rows()


@pytest.mark.slow
def test_merged_files_change_nothing(six: fu.UsageStore, night: Night) -> None:
    """`compact` writes the same rows to other files."""
    assert six.compact() is not None
    for count in (7, 8):
        now = BEGIN + count * DAY + 2 * HOUR
        night(now, grown(now, (0.5, 0.8)))
    before = six.settling()

    assert six.compact() is not None
    assert_frame_equal(before, six.settling())
    assert [5, 5, 5] == before["windows"].to_list()


@pytest.mark.slow
def test_a_vacuum_leaves_out_what_it_deleted(six: fu.UsageStore, night: Night) -> None:
    """Versions that were let go are not read; those that are kept still are."""
    for count in (7, 8):
        now = BEGIN + count * DAY + 2 * HOUR
        night(now, grown(now, (0.5, 0.8)))
    assert [5, 5, 5] == six.settling()["windows"].to_list()

    assert six.vacuum(older_than="4d", orphans="0h")
    left = six.settling()

    assert 0 < left["windows"].max() < 5
    assert [0.5, 0.8, 1.0] == left["known"].to_list()


@pytest.mark.slow
def test_a_lost_file_is_an_error(six: fu.UsageStore, tmp_path: Path) -> None:
    """If no vacuum deleted it; the file is named."""
    kept = {part.path for part in six._log.state().parts}
    for part in six._log.state(2).parts:
        if part.path not in kept:
            (tmp_path / "kept" / part.path).unlink()

    with pytest.raises(StoreError, match=r"\.parquet is missing"):
        six.settling()


def test_a_log_that_was_changed_is_an_error(six: fu.UsageStore, tmp_path: Path) -> None:
    """The files of each version are proved before they are read."""
    log = tmp_path / "kept/_delta_log"
    entry = log / f"{4:020}.json"
    lines = entry.read_text().splitlines()
    removed = next(line for line in lines if '"remove"' in line)
    entry.write_text("\n".join(line for line in lines if line != removed))

    with pytest.raises(StoreError, match="damaged"):
        six.settling()
