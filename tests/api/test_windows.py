"""Windows cut a range without gap or overlap, whatever is learnt on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage import UsageQuery
from falusage.api._pages.windows import Windows
from falusage.api.query import edges, instant_at


def query(**fields: Any) -> UsageQuery:
    """Ask for ten days of New York, over a clock change, by hour."""
    return UsageQuery(
        **{
            "start": "2025-03-05",
            "end": "2025-03-15",
            "timezone": "America/New_York",
            "timeframe": "hour",
            **fields,
        }
    )


@given(
    st.sampled_from(["hour", "day", "week", "month"]),
    st.booleans(),
    st.integers(0, 90),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 4)), max_size=30),
    st.integers(0, 3000),
)
def test_windows_tile_the_range(
    timeframe: str, bound: bool, minutes: int, answers: list[tuple[int, int]], first: int
) -> None:
    """They are runs of whole buckets, each bucket is in one, and they come in order."""
    asked = query(
        start=datetime(2025, 3, 5, 5, minutes % 60, tzinfo=UTC),
        timeframe=timeframe,
        bound_to_timeframe=bound,
    )
    grid = [instant_at(int(edge)) for edge in edges(asked)]
    windows = Windows(asked)
    windows.learn_from_first_page(counts={grid[0] + timedelta(hours=minutes): first})
    told = iter(answers)
    found: list[tuple[datetime, datetime, int]] = []
    while window := windows.take():
        found.append(window)
        rows, pages = next(told, (0, 1))
        windows.learn(rows=rows, buckets=window[2], pages=pages)

    assert [asked.start, *(end for _, end, _ in found)] == [*(s for s, _, _ in found), asked.end]
    assert all(start < end for start, end, _ in found)
    assert {end for _, end, _ in found} <= set(grid)
    assert len(grid) - 1 == sum(count for _, _, count in found) == windows.buckets
    assert [grid.index(end) - grid.index(start) for start, end, _ in found] == [
        count for _, _, count in found
    ]
    assert windows.take() is None


def page(rows: list[int]) -> dict[datetime, int]:
    """Return the first buckets of the range with the number of their rows."""
    return {instant_at(int(edge)): count for edge, count in zip(edges(query()), rows, strict=False)}


@pytest.mark.parametrize(
    ("rows", "hours"),
    [([10] * 10, 10), ([8, 12] * 5, 9), ([20, 0] * 5, 8), ([10] * 9 + [1], 9)],
    ids=["equal", "varied", "in every other hour", "cut short"],
)
def test_a_window_is_about_a_page(rows: list[int], hours: int) -> None:
    """A window fills a page if buckets are equal, and leaves room if they are not."""
    windows = Windows(query())
    windows.learn_from_first_page(counts=page(rows))
    taken = windows.take()
    assert taken is not None
    assert hours == taken[2]


def test_a_window_that_does_not_fit_leaves_room_in_the_next() -> None:
    """One more page than expected, though without a row, is a reason to ask for less."""
    windows = Windows(query())
    windows.learn_from_first_page(counts=page([10] * 10))
    windows.learn(rows=100, buckets=10, pages=2)
    assert 9 == (windows.take() or (0, 0, 0))[2]


def test_windows_shrink_where_usage_grows_and_grow_again_where_it_falls() -> None:
    """A window that spilt over is a lesson at once, a sparse one a slow one."""
    windows = Windows(query())
    windows.learn_from_first_page(counts=page([10] * 10))
    windows.learn(rows=900, buckets=9, pages=9)
    assert 1 == (windows.take() or (0, 0, 0))[2]
    for _ in range(10):
        windows.learn(rows=10, buckets=10, pages=1)
    assert 80 < (windows.take() or (0, 0, 0))[2] <= 92


def test_a_bucket_larger_than_a_page_is_a_window_of_its_own() -> None:
    """A window is never less than a bucket; its pages are followed."""
    windows = Windows(query())
    windows.learn_from_first_page(counts=page([5]))
    assert 1 == (windows.take() or (0, 0, 0))[2]


@pytest.mark.parametrize("before", [timedelta(0), timedelta(hours=11)])
def test_a_first_bucket_that_begins_before_the_range_is_one(before: timedelta) -> None:
    """A range that is not bound to its timeframe begins inside its first bucket."""
    asked = query(start="2025-03-05T17:00:00Z", timeframe="day", bound_to_timeframe=False)
    windows = Windows(asked)
    windows.learn_from_first_page(counts={asked.start - before: 50})
    assert (asked.start, asked.start + timedelta(hours=12), 1) == windows.take()
