"""A store knows what was read of which range, and passes that on with the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import _clocks as clocks
from falusage.errors import CoverageError, QuarantineWarning, StoreError
from tests.world import BEGIN, DAY, World, bag, spend

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _one_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clocks are that of the test's world."""
    monkeypatch.setattr(clocks, "local_time", lambda: world.emulator.clock())  # noqa: PLW0108 - it is replaced


def january(day: float) -> datetime:
    """Return an instant of January 2025, in UTC: 1.5 is noon of the first."""
    return BEGIN + (day - 1) * DAY


def daily(world: World, now: float, *, quiet: tuple[int, ...] = ()) -> World:
    """Set the time; every day that has begun has a row, but for the quiet ones."""
    begun = [day for day in range(1, 32) if day < now and day not in quiet]
    return world.on(january(now), spend({january(day): [4] for day in begun}))


def covering(start: float, end: float, **known: Any) -> fu.Coverage:
    """Return the coverage of a store of days."""
    whole: dict[str, Any] = {"timeframe": "day", "reconciled": True, **known}
    return fu.Coverage(start=january(start), end=january(end), **whole)


def test_days_that_had_ended(world: World, tmp_path: Path) -> None:
    """All closed; what was older than `settle` at the read is settled."""
    store = fu.UsageStore(tmp_path)
    daily(world, 12.5)
    store.sync("2025-01-01", end="2025-01-11", client=world.client, settle="3d")
    expected = covering(1, 11, settled_until=january(9), read_at=january(12.5))
    assert expected == store.coverage == store.view().coverage


def test_an_open_day(world: World, tmp_path: Path) -> None:
    """It may still grow; without rows it is not a part of the range yet."""
    for day, quiet, end in ((10.5, (), 11), (10.5, (10,), 10)):
        store = fu.UsageStore(tmp_path / f"{end}")
        daily(world, day, quiet=quiet)
        store.sync("2025-01-01", client=world.client, settle="3d")
        expected = covering(
            1,
            end,
            closed_until=january(10),
            settled_until=january(7),
            read_at=january(10.5),
        )
        assert expected == store.coverage


def test_the_first_day(world: World, tmp_path: Path) -> None:
    """With rows, everything may still grow; without rows there is no range, and that is said."""
    store = fu.UsageStore(tmp_path / "spent")
    daily(world, 1.5)
    store.sync("2025-01-01", client=world.client)
    begun = {"closed_until": january(1), "settled_until": january(1)}
    assert covering(1, 2, **begun, read_at=january(1.5)) == store.coverage

    empty = fu.UsageStore(tmp_path / "empty")
    daily(world, 1.5, quiet=(1,))
    result = empty.sync("2025-01-01", client=world.client)
    assert () == result.gaps
    assert empty.scan().collect().is_empty()
    for ask in (lambda: empty.coverage, empty.view, lambda: fu.rollup(empty)):
        with pytest.raises(StoreError, match=r"is empty: no bucket .* has ended; sync it later"):
            ask()


def test_gaps(world: World, tmp_path: Path) -> None:
    """Ranges between two syncs; the sync and the store name them, and a view is beside them."""
    store = fu.UsageStore(tmp_path)
    daily(world, 30.5)
    for start, end in (("2025-01-01", "2025-01-05"), ("2025-01-08", "2025-01-12")):
        result = store.sync(start, end=end, client=world.client)
    gap = (january(5), january(8))
    read_at = january(30.5)
    expected = covering(1, 12, settled_until=january(12), gaps=[gap], read_at=read_at)
    assert expected == store.coverage
    assert (gap,) == result.gaps
    assert "sync it from start 2025-01-05T00:00:00+00:00" in str(result)
    beside = covering(2, 5, settled_until=january(5), read_at=read_at)
    assert beside == store.view(start="2025-01-02", end="2025-01-05").coverage


def test_a_day_that_was_read_while_it_was_open_and_never_again(
    world: World, tmp_path: Path
) -> None:
    """Is a part of the gap: what was spent in its afternoon is missing."""
    store = fu.UsageStore(tmp_path)
    daily(world, 3.5)
    store.sync("2025-01-01", client=world.client)
    daily(world, 9)
    store.sync("2025-01-06", end="2025-01-08", client=world.client)
    assert ((january(3), january(6)),) == store.coverage.gaps
    assert january(8) == store.coverage.closed_until
    with pytest.raises(CoverageError):
        store.view(end="2025-01-04")
    assert 2 == store.view(end="2025-01-03").usage.collect().height


@pytest.mark.filterwarnings("ignore::falusage.errors.QuarantineWarning")
def test_what_was_let_through(world: World, tmp_path: Path) -> None:
    """Counts for ranges that share time with the read that let it through."""
    store = fu.UsageStore(tmp_path)
    bad = spend({january(6): [4], january(7): [4]}).with_columns(
        cost=pl.when(pl.col("bucket") == january(6)).then(-1.0).otherwise("cost")
    )
    world.on(january(20), pl.concat([spend({january(day): [4] for day in range(1, 6)}), bad]))
    store.sync("2025-01-01", end="2025-01-05", client=world.client)
    with pytest.warns(QuarantineWarning):
        store.sync(
            "2025-01-01",
            end="2025-01-08",
            client=world.client,
            invalid="quarantine",
            reconcile="off",
        )
    for view, expected in (
        (store.view(), (1, False)),
        (store.view(start="2025-01-06"), (1, False)),
        (store.view(end="2025-01-05"), (0, True)),
    ):
        assert expected == (view.coverage.quarantined, view.coverage.reconciled)


def test_hours_of_new_york(world: World, tmp_path: Path) -> None:
    """The spring night has 23 hours; what is closed ends with the last whole hour."""
    store = fu.UsageStore(tmp_path)
    start = datetime(2025, 3, 9, 5, tzinfo=UTC)  # midnight there; at 07:00Z the clocks change
    now = start + 30.25 * HOUR
    world.on(now, spend({start + at * HOUR: [at] for at in range(31)}, hours=1))
    asked: Any = {"timezone": "America/New_York", "timeframe": "hour", "product": ["model_apis"]}
    store.sync("2025-03-09", client=world.client, settle="6h", **asked)
    expected = fu.Coverage(
        start=start,
        end=start + 31 * HOUR,
        timezone="America/New_York",
        timeframe="hour",
        closed_until=start + 30 * HOUR,
        settled_until=start + 24 * HOUR,
        products=["model_apis"],
        filters=["product: model_apis"],
        read_at=now,
        reconciled=True,
    )
    assert expected == store.coverage
    monday = store.view(start="2025-03-10")
    assert start + 23 * HOUR == monday.coverage.start
    assert start + 24 * HOUR == monday.coverage.settled_until
    days = fu.trend(monday, every="1d").collect()
    assert ("America/New_York", False) == (
        days.schema["period"].time_zone,  # pyright: ignore[reportAttributeAccessIssue]
        days["complete"].item(),
    )


def test_each_version_has_its_own(world: World, tmp_path: Path) -> None:
    """By number and by instant; merging files changes nothing."""
    store = fu.UsageStore(tmp_path)
    for night in (3.5, 9.5):
        daily(world, night)
        store.sync("2025-01-01", client=world.client, settle="1d")
    first = store.view(version=1).coverage
    assert first == store.view(as_of=january(5)).coverage
    assert (january(3), january(4)) == (first.closed_until, first.end)
    last = store.coverage
    assert (january(9), january(10)) == (last.closed_until, last.end)
    assert store.compact() is not None
    assert last == store.coverage


def test_rows_and_coverage_are_of_one_version(world: World, tmp_path: Path) -> None:
    """A sync that comes after the store was taken in, and before its rows are read."""
    store = fu.UsageStore(tmp_path)
    daily(world, 5)
    store.sync("2025-01-01", client=world.client)
    rows, coverage = store.__usage__()
    view = store.view()
    before = bag(store.scan())
    daily(world, 20)
    store.sync("2025-01-10", client=world.client)
    assert before == bag(rows) == bag(view.usage)
    assert january(5) == coverage.end == view.coverage.end
    assert () == coverage.gaps
    assert store.coverage.gaps


def test_a_store_is_passed_as_usage(world: World, tmp_path: Path) -> None:
    """Its latest version, lazily; a range that has a gap is an error, whatever is asked."""
    store = fu.UsageStore(tmp_path)
    daily(world, 30.5)
    usage = spend({january(day): [4] for day in range(1, 6)})
    for start, end in (("2025-01-01", "2025-01-06"), ("2025-01-08", "2025-01-12")):
        store.sync(start, end=end, client=world.client)
    for ask in (fu.trend, fu.rollup):
        with pytest.raises(CoverageError) as caught:
            ask(store)
        assert ((january(6), january(8)),) == caught.value.gaps
    beside = {"start": january(1), "end": january(6)}
    found = fu.trend(store, **beside)
    assert isinstance(found, pl.LazyFrame)
    assert_frame_equal(fu.trend(usage, **beside), found.collect())
    view = store.view(end="2025-01-06")
    assert_frame_equal(fu.rollup(usage), fu.rollup(view).collect())
    with pytest.raises(CoverageError):
        fu.trend(view, start=january(1), end=january(7))


def test_a_snapshot_of_a_store_keeps_its_coverage(world: World, tmp_path: Path) -> None:
    """Of the store itself with its gap, and of a view."""
    store, path = fu.UsageStore(tmp_path / "store"), tmp_path / "a.parquet"
    daily(world, 30.5)
    for start, end in (("2025-01-01", "2025-01-06"), ("2025-01-08", "2025-01-12")):
        store.sync(start, end=end, client=world.client)
    for kept in (store, store.view(end="2025-01-06")):
        fu.write_snapshot(kept, path)
        snapshot = fu.open_snapshot(path)
        rows, coverage = kept.__usage__()
        assert coverage == snapshot.coverage
        assert bag(rows) == bag(snapshot.usage)
        assert {"read_at", "settled"} <= set(snapshot.usage.collect_schema())


def test_what_a_view_shows(world: World, tmp_path: Path) -> None:
    """The place, the version, the range and what may still change."""
    store = fu.UsageStore(tmp_path / "<a>")
    daily(world, 10.5)
    store.sync("2025-01-01", client=world.client)
    view = store.view(start="2025-01-04")
    for text in (repr(view), view._repr_html_()):
        assert "version 1" in text
        assert "2025-01-04T00:00:00+00:00 to 2025-01-11T00:00:00+00:00 by day in UTC" in text
        assert "buckets from 2025-01-10T00:00:00+00:00 on may still grow" in text
    assert "<a>" not in view._repr_html_()


SYNCS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 28), st.none() | st.integers(1, 8)),
    min_size=1,
    max_size=6,
)


def expected_coverage(
    syncs: list[tuple[float, int, int]],
) -> tuple[float, float, float, list[float]] | None:
    """Return start, end, `closed_until` and the days in gaps, from the syncs, in plain Python."""
    closed: set[int] = set()
    opened: set[int] = set()
    for now, start, end in syncs:
        for day in range(start, end):
            (closed if day + 1 <= now else opened).add(day)
    days = closed | {day for day in opened if day < syncs[-1][0]}
    if not days:
        return None
    first, last = min(days), max(days) + 1
    newest = max(closed, default=first - 1)
    held = closed | {day for day in opened if day > newest}
    gaps = [day for day in range(first, last) if day not in held]
    growing = [day for day in range(first, last) if day not in closed and day not in gaps]
    return first, last, growing[0] if growing else last, gaps


@pytest.mark.slow
@given(steps=SYNCS)
def test_any_syncs(
    world: World, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int | None]]
) -> None:
    """Of any ranges at any hours: what is closed, open or missing, by counting days."""
    store = fu.UsageStore(tmp_path_factory.mktemp("any"))
    now, done = 1.25, list[tuple[float, int, int]]()
    for hours, start, length in steps:
        now = min(now + hours / 24 + 0.03, 30.9)
        if start >= now:
            continue
        end = int(now) + 1 if length is None else min(start + length, int(now) + 1)
        daily(world, now)
        store.sync(
            january(start), end=None if length is None else january(end), client=world.client
        )
        done.append((now, start, end))
    if not done:
        return
    first, last, closed_until, gaps = expected_coverage(done) or (0, 0, 0, [])
    found = store.coverage
    assert (january(first), january(last)) == (found.start, found.end)
    assert january(closed_until) == found.closed_until
    assert gaps == [
        day for day in range(1, 32) for a, b in found.gaps if a <= january(day) and january(day) < b
    ]
    assert all(a == january(round((a - BEGIN) / DAY) + 1) for gap in found.gaps for a in gap)
