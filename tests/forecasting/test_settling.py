"""The outlook of a store whose days grow after they have ended, against the truth of later on."""

from __future__ import annotations

import calendar
import random
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import _clocks as clocks
from falusage._usage.table import take
from falusage.errors import StoreError
from falusage.forecasting._settling import late_costs
from tests.world import BEGIN, DAY, organization, spend

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::falusage.errors.IncompletePeriodWarning"),
    pytest.mark.filterwarnings("ignore::falusage.errors.ShortHistoryWarning"),
]

START = "2025-01-01"
FIRST, NIGHTS, JUDGED = 31, 32, 20
"""The first night knows 31 days; the last 20 of 32 nights are judged, in two months."""

COPIED = (5, 6, 9)
"""After how many nights there is a copy of the store, for tests of what was known then."""

COST = 1500.0
"""What each day costs in the end."""


class Law:
    """How days become final: what is known at an age of 0, 1 and 2 days is drawn once by day."""

    def __init__(self, seed: int, *, final: float = 1.0) -> None:
        draw = random.Random(seed)
        lost = [min(0.9, max(0.1, draw.gauss(0.4, 0.12))) for _ in range(FIRST + NIGHTS)]
        self.shares = [(1 - each, 1 - each / 4, 1 - each / 20) for each in lost]
        self.final = final

    def known(self, now: datetime) -> pl.DataFrame:
        """Return what the API knows of two teams, of which the second spends twice as much."""
        days = (now - BEGIN) // DAY
        known: dict[datetime, Sequence[float]] = {}
        for day in range(days):
            age = days - day - 1
            share = self.shares[day][age] if age < 3 else self.final
            whole = round(2 * COST * share)
            known[BEGIN + day * DAY] = [whole // 3, whole - whole // 3]
        return spend(known)


@contextmanager
def after(nights: int) -> Generator[datetime]:
    """Set this machine's clock to half an hour after the midnight of the last of some nights."""
    now = BEGIN + (FIRST + nights - 1) * DAY + timedelta(minutes=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clocks, "local_time", lambda: now)
        yield now


@contextmanager
def synced(store: fu.UsageStore, law: Law, nights: int, *, since: int = 0) -> Generator[None]:
    """Sync a store in each of some nights; this machine's clock stays in the last."""
    with organization() as world:
        for night in range(since + 1, nights + 1):
            with after(night) as now:
                store.sync(START, client=world.on(now, law.known(now)).client)
    with after(nights):
        yield


class Replay(NamedTuple):
    """A store of many nights, and copies of its folder from earlier ones."""

    store: fu.UsageStore
    versions: Sequence[int]
    copies: Path


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    """Thirty-two nights of a law of which six tenths are known in the first night."""
    folder = tmp_path_factory.mktemp("nights")
    store = fu.UsageStore(folder / "kept")
    for since, until in pairwise((0, *COPIED)):
        with synced(store, Law(0), until, since=since):
            shutil.copytree(folder / "kept", folder / str(until))
    with synced(store, Law(0), NIGHTS, since=COPIED[-1]):
        versions = store.history().filter(kind="sync")["version"].to_list()
        yield Replay(store, versions, folder)


def outlook(usage: Any, **asked: Any) -> dict[str, Any]:
    """Return the outlook of the only series."""
    return fu.month_outlook(usage, **asked).lazy().collect().row(0, named=True)


def days_spent(usage: fu.StoreView) -> tuple[float, float, float]:
    """Return what days that are not settled cost in the end, in days: expected, and its band."""
    rows = usage.usage.collect()
    young = rows.filter(~pl.col("settled"))["cost"].sum()
    late = late_costs(take(usage), rows, ["currency"], paths=1000)[("USD",)]
    low, high = np.quantile(late.paths, [0.1, 0.9])
    return tuple((young + change) / COST for change in (late.expected, low, high))


def test_twenty_nights_are_replayed(replay: Replay) -> None:
    """The total is right on average, where what was read lacks half a day; bands hold the truth."""
    errors: list[float] = []
    unadjusted: list[float] = []
    inside: list[tuple[bool, bool]] = []
    for version in replay.versions[-JUDGED:]:
        view = replay.store.view(version=version)
        row = outlook(view)
        year, month = map(int, row["month"].split("-"))
        truth = COST * calendar.monthrange(year, month)[1]
        errors.append((row["projected"] - truth) / COST)
        unadjusted.append((row["projected"] - row["settling"] - truth) / COST)
        _, low, high = days_spent(view)
        inside.append((row["lo_80"] <= truth <= row["hi_80"], low <= 3 <= high))

    assert sum(unadjusted) / JUDGED < -0.4
    assert abs(sum(errors) / JUDGED) < 0.1
    months, days = (sum(each) / JUDGED for each in zip(*inside, strict=True))
    assert months >= 0.65, "the bands of a month also have those of its forecast"
    assert 0.65 <= days <= 0.95


def test_an_outlook_knows_nothing_of_later_nights(replay: Replay) -> None:
    """A view of an older version says what the store said then, to the bit."""
    with after(9):
        then = fu.month_outlook(fu.UsageStore(replay.copies / "9")).collect()

    assert then["settling"].item() > 0
    assert_frame_equal(
        then,
        fu.month_outlook(replay.store.view(version=replay.versions[8])).collect(),
        check_exact=True,
    )
    at = BEGIN + (FIRST + 8.5) * DAY
    assert_frame_equal(then, fu.month_outlook(replay.store.view(as_of=at)).collect())


def test_a_day_is_scaled_by_the_days_that_were_read_at_its_age(replay: Replay) -> None:
    """What is expected is the chain of `settling`: cost / known − cost, for each of three days."""
    ages = replay.store.settling()
    days = replay.store.scan().filter(~pl.col("settled")).collect()
    costs = days.group_by("bucket").agg(pl.col("cost").sum()).sort("bucket", descending=True)

    expected = (costs["cost"] / ages["known"].head(3) - costs["cost"]).sum()

    assert [0, 1, 2] == ages["age"].to_list()
    row = outlook(replay.store)
    assert pytest.approx(expected) == row["settling"]
    assert row["spent"] == days.filter(pl.col("bucket").dt.month() == 3)["cost"].sum() + sum(
        replay.store.scan()
        .filter(pl.col("settled"), pl.col("bucket").dt.month() == 3)
        .collect()["cost"]
    )


def test_parts_sum_to_their_whole_and_what_remains_is_of_what_was_spent(replay: Replay) -> None:
    """Also with what is still expected; a budget between both may already be passed."""
    whole = outlook(replay.store)
    teams = fu.month_outlook(replay.store, by="username").collect()

    for name in ("spent", "settling", "projected"):
        assert whole[name] == pytest.approx(teams[name].sum(), rel=1e-9)
    between = whole["spent"] + whole["settling"] / 2
    row = outlook(replay.store, budgets=pl.DataFrame({"currency": ["USD"], "budget": [between]}))
    assert pytest.approx(between - row["spent"]) == row["remaining"]
    assert "at risk" == row["status"]
    assert row["runs_out_on"] < row["as_of"].date()


def test_days_may_lose_and_no_total_is_below_zero(tmp_path: Path) -> None:
    """Where all is taken back in the end, what was read is expected to go."""
    store = fu.UsageStore(tmp_path / "kept")
    with synced(store, Law(3, final=0.001), 9):
        row = outlook(store)

    assert row["spent"] > 2000
    assert row["settling"] < -0.99 * sum(store.scan().filter(~pl.col("settled")).collect()["cost"])
    assert 0 <= row["lo_95"] <= row["lo_80"] <= row["projected"] <= row["hi_80"]


def test_without_restatements_nothing_changes(tmp_path: Path) -> None:
    """A store gives what its rows and their coverage give, to the bit."""
    law = Law(5)
    law.shares = [(1.0, 1.0, 1.0)] * len(law.shares)
    store = fu.UsageStore(tmp_path / "kept")
    with synced(store, law, 9):
        rows, coverage = store.__usage__()
        bare = fu.month_outlook(rows, by="username", coverage=coverage).collect()

        assert [1.0] * 3 == store.settling()["known"].to_list()
        for usage in (store, store.view()):
            found = fu.month_outlook(usage, by="username").collect()
            assert_frame_equal(bare, found, check_exact=True)
    assert {0.0} == set(bare["settling"])


def test_rows_alone_are_taken_as_they_are(replay: Replay) -> None:
    """A frame or a snapshot of a restating store has no versions, so nothing is known."""
    rows, coverage = replay.store.__usage__()

    assert 0.0 == outlook(rows.collect(), coverage=coverage)["settling"]


def test_four_days_are_too_few(replay: Replay) -> None:
    """With less than five settled days of an age, days of it stay as they are."""
    with after(5):
        store = fu.UsageStore(replay.copies / "5")
        assert [2, 3, 4] == store.settling()["windows"].to_list()
        assert 0.0 == outlook(store)["settling"]
    with after(6):
        store = fu.UsageStore(replay.copies / "6")
        assert [3, 4, 5] == store.settling()["windows"].to_list()
        oldest = store.scan().filter(~pl.col("settled")).sort("bucket").head(2).collect()
        share = store.settling()["known"][2]
        change = oldest["cost"].sum() * (1 / share - 1)
        assert pytest.approx(change) == outlook(store)["settling"]


def test_a_lost_file_of_an_earlier_night_is_said(replay: Replay, tmp_path: Path) -> None:
    """The outlook names it; the report has all but its outlook."""
    shutil.copytree(replay.copies / "5", tmp_path / "kept")
    store = fu.UsageStore(tmp_path / "kept")
    with after(5):
        kept = {part.path for part in store._log.state().parts}
        early = [part.path for part in store._log.state(1).parts if part.path not in kept]
        (tmp_path / "kept" / early[0]).unlink()
        with pytest.raises(StoreError, match=early[0]):
            outlook(store)
        text = fu.report(store, out=tmp_path / "report.html").path.read_text()

    assert "No outlook: " in text
    assert early[0] in text


def test_the_report_says_it(replay: Replay, tmp_path: Path) -> None:
    """In a sentence on page and terminal, and as a column beside what was spent."""
    row = outlook(replay.store)

    text = fu.report(replay.store, out=tmp_path / "report.html").path.read_text()

    amount = f"{float(format(row['settling'], '.3g')):,.0f} USD"
    assert f"It includes {amount} that the last days usually gain until they are final." in text
    assert "still expected" in text
