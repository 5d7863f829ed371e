"""A range with a gap is an error, whoever reads it; a range beside the gap can be taken."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import falusage as fu
from falusage import _clocks as clocks
from falusage.errors import AlignmentError, CoverageError, QueryError, StoreError
from tests.world import BEGIN, DAY, World, bag, spend

NOW = BEGIN + 30.5 * DAY


def january(*ranges: tuple[int, int]) -> list[tuple[datetime, datetime]]:
    """Return ranges of January: each from a day to another, exclusive."""
    return [(BEGIN + (a - 1) * DAY, BEGIN + (b - 1) * DAY) for a, b in ranges]


Kept = tuple[fu.UsageStore, pl.DataFrame]


@pytest.fixture(scope="module", autouse=True)
def _at_the_end_of_january() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clocks, "local_time", lambda: NOW)
        yield


def keep(world: World, folder: Path, *ranges: tuple[int, int]) -> Kept:
    """Sync ranges of January, of which some days are without spend."""
    usage = spend({BEGIN + at * DAY: [4, 2] for at in range(31) if at % 5})
    store = fu.UsageStore(folder)
    world.on(NOW, usage)
    for start, end in january(*ranges):
        store.sync(start, end=end, client=world.client)
    return store, usage


@pytest.fixture
def kept(world: World, tmp_path: Path) -> Callable[..., Kept]:
    """A function that syncs ranges of January into the test's own store."""
    return partial(keep, world, tmp_path / "store")


@pytest.fixture(scope="module")
def with_gaps(world: World, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A store that lacks two ranges of January."""
    return keep(world, tmp_path_factory.mktemp("with-gaps"), (1, 10), (12, 20), (22, 32))


@pytest.fixture(scope="module")
def unfinished(world: World, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The same, and the last days of January."""
    return keep(world, tmp_path_factory.mktemp("unfinished"), (1, 10), (12, 20), (22, 29))


def test_a_gap_is_named_wherever_a_store_is_read(with_gaps: Kept) -> None:
    """By `scan`, by a whole `view`, of any version and instant that has it."""
    store, usage = with_gaps
    gaps = tuple(january((10, 12), (20, 22)))
    assert gaps == store.coverage.gaps
    for read in (
        store.scan,
        store.view,
        lambda: store.scan(version=3),
        lambda: store.scan(as_of=NOW),
        lambda: store.view(version=3),
        lambda: store.view(start="2025-01-01", end="2025-02-01"),
    ):
        with pytest.raises(CoverageError) as caught:
            read()
        assert gaps == caught.value.gaps
        text = str(caught.value)
        for edge in ("2025-01-10T00", "2025-01-12T00", "2025-01-20T00", "2025-01-22T00"):
            assert edge in text
        assert "sync it from start 2025-01-10" in text
        assert "view(start=" in text
    with pytest.raises(CoverageError) as caught:
        store.scan(version=2)
    assert gaps[:1] == caught.value.gaps == pickle.loads(pickle.dumps(caught.value)).gaps  # noqa: S301 - our own
    assert bag(usage.filter(usage["bucket"] < gaps[0][0])) == bag(store.scan(version=1))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-01-01", "2025-01-10"),
        (None, "2025-01-10"),
        (date(2025, 1, 12), date(2025, 1, 20)),
        (BEGIN + 14 * DAY, "2025-01-18"),
        ("2025-01-22", None),
        ("2025-01-22", "2025-02-01"),
        ("2025-01-16", "2025-01-17"),
    ],
)
def test_a_range_beside_the_gaps_is_read(start: Any, end: Any, with_gaps: Kept) -> None:
    """Whole buckets from `start` to `end`; quiet days that were read are no gap."""
    store, usage = with_gaps
    first, last = (
        edge
        if edge is None or isinstance(edge, datetime)
        else datetime.fromisoformat(f"{edge}T00:00Z")
        for edge in (start, end)
    )
    expected = usage.filter(
        (pl.col("bucket") >= (first or BEGIN))
        & (pl.col("bucket_end") <= (last or BEGIN + 99 * DAY))
    )
    view = store.view(start=start, end=end)
    assert isinstance(view.usage, pl.LazyFrame)
    assert bag(expected) == bag(view.usage)
    assert fu.rollup(view.usage).collect().equals(fu.rollup(expected))


@pytest.mark.parametrize(
    ("start", "end", "lacking"),
    [
        ("2025-01-05", "2025-01-12", [(10, 12)]),
        ("2025-01-11", "2025-01-15", [(11, 12)]),
        ("2025-01-21", None, [(21, 22)]),
        (None, "2025-01-11", [(10, 11)]),
        ("2024-12-30", "2025-01-03", [(-1, 1)]),
        ("2025-01-22", "2025-02-01", [(29, 31)]),
        ("2025-01-29", "2025-01-30", [(29, 30)]),
        ("2024-12-01", "2024-12-30", [(-30, -1)]),
    ],
)
def test_a_range_that_was_not_all_read_is_refused(
    start: Any, end: Any, lacking: list[tuple[int, int]], unfinished: Kept
) -> None:
    """Between, before and after what was read; but for days that have not ended yet."""
    store, _ = unfinished
    with pytest.raises(CoverageError) as caught:
        store.view(start=start, end=end)
    assert tuple(january(*lacking)) == caught.value.gaps


def test_a_range_may_end_after_today(kept: Any) -> None:
    """What has not happened is not missing: the month so far is the month."""
    store, usage = kept((1, 32))
    assert bag(usage) == bag(store.view(start="2025-01-01", end="2025-03-01").usage)
    assert bag(usage) == bag(store.scan())


@pytest.mark.slow
def test_a_store_with_a_gap_goes_on_working(kept: Any, world: World) -> None:
    """Its versions are listed, compared, proven, compacted and cleaned; then it is filled."""
    store, usage = kept((1, 10), (12, 20))
    store, _ = kept((22, 32))
    gaps = store.coverage.gaps
    assert {"create", "sync"} == set(store.history()["kind"])
    assert {"appeared"} == set(store.restatements(1)["change"])
    held = store.verify()
    assert store.compact() is not None
    assert gaps == store.coverage.gaps, "files of a month that are merged do not fill it"
    with pytest.raises(CoverageError):
        store.scan()
    assert held == store.verify()
    store.vacuum()

    assert gaps[0][0] == store.sync(BEGIN, client=world.client).receipts[0].query.start

    assert () == store.coverage.gaps
    assert bag(usage) == bag(store.scan())


def test_a_store_of_hours_in_a_zone(world: World, tmp_path: Path) -> None:
    """A date is the midnight of the store's zone."""
    store, zone = fu.UsageStore(tmp_path), "America/New_York"
    usage = spend({BEGIN + at * timedelta(hours=1): [at] for at in range(1, 200)}, hours=1)
    world.on(NOW, usage)
    asked: Any = {"client": world.client, "timezone": zone, "timeframe": "hour"}
    store.sync("2025-01-02", end="2025-01-04", **asked)
    store.sync("2025-01-05", end="2025-01-07", **asked)
    midnight = datetime(2025, 1, 3, 5, tzinfo=UTC)
    found = store.view(start="2025-01-03", end="2025-01-04").usage.collect()
    assert [midnight + at * timedelta(hours=1) for at in range(24)] == sorted(found["bucket"])
    found = store.view(start=midnight + timedelta(hours=3), end="2025-01-04").usage.collect()
    assert 21 == found.height
    with pytest.raises(CoverageError, match=r"lacks 2025-01-04T05:00.* to 2025-01-05T05:00"):
        store.view(start="2025-01-03", end="2025-01-06")
    with pytest.raises(AlignmentError, match=r"start 2025-01-03T05:30.*start of a hour"):
        store.view(start=midnight + timedelta(minutes=30))


def test_ranges_that_are_none(kept: Any) -> None:
    """Said in words, before anything is read."""
    store, _ = kept((1, 10))
    for start, end in (("2025-01-05", "2025-01-05"), ("2025-01-05", "2025-01-02")):
        with pytest.raises(QueryError, match=r"not before end"):
            store.view(start=start, end=end)
    with pytest.raises(AlignmentError, match=r"end 2025-01-05T12:00.*start of a day"):
        store.view(end=BEGIN + 4.5 * DAY)
    with pytest.raises(QueryError, match="no UTC offset"):
        store.view(start=datetime(2025, 1, 6))
    with pytest.raises(QueryError, match="version and as_of"):
        store.view(version=1, as_of="2025-01-06")
    with pytest.raises(StoreError, match="no version 9"):
        store.view(version=9)


def test_a_store_that_was_never_read_has_no_range(kept: Any) -> None:
    """A version before the first sync holds nothing, and a range of it is a gap."""
    store, _ = kept((1, 10))
    assert store.scan(version=0).collect().is_empty()
    with pytest.raises(CoverageError) as caught:
        store.view(start="2025-01-02", end="2025-01-04", version=0)
    assert tuple(january((2, 4))) == caught.value.gaps
