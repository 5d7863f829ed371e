"""What coverage does to a question: open periods, zeros at the edges, and gaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu

DAY = timedelta(days=1)
START = datetime(2025, 3, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Return midnight of a day, counted from 0 on March 1."""
    return START + number * DAY


def table(costs: dict[int, float]) -> pl.DataFrame:
    """Return usage from {day: cost}."""
    return pl.DataFrame(
        {
            "bucket": [day(number) for number in costs],
            "bucket_end": [day(number + 1) for number in costs],
            "username": "ads",
            "product": "model_apis",
            "endpoint_id": "flux",
            "unit": "image",
            "quantity": [10 * cost for cost in costs.values()],
            "unit_price": 0.1,
            "cost": list(costs.values()),
            "currency": "USD",
        }
    )


def test_a_trend_spans_the_range_that_was_asked_for() -> None:
    """Zero from the coverage's start to its end, where the table has no rows."""
    usage = table({2: 5.0, 3: 4.0})
    coverage = fu.Coverage(start=day(0), end=day(6))

    got = fu.trend(usage, coverage=coverage)

    assert [0.0, 0.0, 5.0, 4.0, 0.0, 0.0] == got["cost"].to_list()
    assert got["complete"].all()
    assert [5.0, 4.0] == fu.trend(usage)["cost"].to_list()


def test_a_period_that_may_still_grow_is_not_complete() -> None:
    """From `closed_until` on; a month that holds such a day is not, either."""
    usage = table(dict.fromkeys(range(40), 2.0))
    coverage = fu.Coverage(start=day(0), end=day(40), closed_until=day(39))

    days = fu.trend(usage, coverage=coverage)
    assert [True] * 39 + [False] == days["complete"].to_list()
    assert (None, None) == days.select("change", "rolling_mean").row(-1)
    months = fu.trend(usage, every="1mo", coverage=coverage)
    assert [True, False] == months["complete"].to_list()


def test_no_row_outside_of_the_coverage_is_lost() -> None:
    """Its period is shown, and is not complete."""
    usage = table({0: 1.0, 1: 2.0, 9: 4.0})
    coverage = fu.Coverage(start=day(1), end=day(4))

    got = fu.trend(usage, coverage=coverage)

    assert 7.0 == got["cost"].sum()
    assert [False, True, True, True, *[False] * 6] == got["complete"].to_list()


def test_a_range_of_ones_own_is_inside_the_coverage() -> None:
    """The range cuts the periods, and beyond the coverage nothing is known."""
    usage = table(dict.fromkeys(range(10), 1.0))
    coverage = fu.Coverage(start=day(0), end=day(10), closed_until=day(8))

    got = fu.trend(usage, start=day(2), end=day(9), coverage=coverage)
    assert [True] * 6 + [False] == got["complete"].to_list()
    with pytest.raises(fu.CoverageError) as caught:
        fu.trend(usage, start=day(-2), coverage=coverage)
    assert ((day(-2), day(0)),) == caught.value.gaps
    with pytest.raises(fu.CoverageError):
        fu.trend(usage, end=day(11), coverage=coverage)


def test_a_coverage_from_the_rows_knows_nothing_beyond_its_edges() -> None:
    """Like a bare frame, it never fails for them; but a gap that it names counts."""
    usage = table(dict.fromkeys(range(10), 1.0))
    bare = fu.Coverage.from_rows(usage)

    assert not bare.known
    wider: dict[str, Any] = {"start": day(-3), "end": day(12)}
    assert_frame_equal(fu.trend(usage, **wider), fu.trend(usage, **wider, coverage=bare))


def test_an_open_period_is_not_judged() -> None:
    """A day with half its cost is not a drop, and a day that is over is judged as before."""
    costs = {number: 10.0 + number % 7 + number % 3 for number in range(45)} | {44: 0.5}
    usage = table(costs)
    closed = fu.Coverage(start=day(0), end=day(45))
    opened = fu.Coverage(start=day(0), end=day(45), closed_until=day(44))

    assert [day(44)] == fu.anomalies(usage, coverage=closed)["period"].to_list()
    assert fu.anomalies(usage, coverage=opened).is_empty()


def test_a_bridge_needs_ranges_that_were_read_whole() -> None:
    """A range beyond the coverage, or with open buckets, would be explained by what is missing."""
    usage = table(dict.fromkeys(range(10), 1.0))
    coverage = fu.Coverage(start=day(0), end=day(10), closed_until=day(8))
    bridge = partial(fu.cost_bridge, usage, by="username", coverage=coverage)

    assert not bridge(baseline=(day(0), day(4)), comparison=(day(4), day(8))).is_empty()
    with pytest.raises(fu.CoverageError, match=r"comparison ends at .*-10T.*, but buckets from"):
        bridge(baseline=(day(0), day(4)), comparison=(day(4), day(9)))
    with pytest.raises(fu.CoverageError, match="the table lacks 2025-02-27"):
        bridge(baseline=(day(-2), day(4)), comparison=(day(4), day(8)))


def test_a_budget_counts_up_to_the_end_of_what_is_closed() -> None:
    """`as_of` is that of the coverage; a bare frame does not show it."""
    usage = table(dict.fromkeys(range(10), 1.0))
    coverage = fu.Coverage(start=day(0), end=day(10), closed_until=day(8))
    budgets = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 9.0})

    got = fu.budget_status(usage, budgets, month="2025-03", coverage=coverage)

    assert [(8.0, 31.0, "at risk")] == got.select("spent", "projected", "status").rows()
    with pytest.raises(fu.QueryError, match="as_of is missing"):
        fu.budget_status(usage, budgets, month="2025-03")
    with pytest.raises(fu.CoverageError):
        fu.budget_status(usage, budgets, month="2025-02", coverage=coverage)
    with pytest.raises(fu.CoverageError, match=r"up to as_of ends at .*-10T.*, but buckets from"):
        fu.budget_status(usage, budgets, month="2025-03", as_of=day(9), coverage=coverage)


def test_a_range_beyond_the_coverage_is_an_error() -> None:
    """A trend of days that were never read would be empty and look like nothing spent."""
    usage = table(dict.fromkeys(range(10), 1.0))
    coverage = fu.Coverage(start=day(0), end=day(10))

    with pytest.raises(fu.CoverageError, match=r"lacks 2025-03-11.* to 2025-03-13"):
        fu.trend(usage, start=day(12), coverage=coverage)
    with pytest.raises(fu.CoverageError, match=r"lacks 2025-02-27.* to 2025-03-01"):
        fu.trend(usage, end=day(-2), coverage=coverage)


HOLE = (day(5), day(7))
BESIDE: dict[str, Callable[..., Any]] = {
    "trend": partial(fu.trend, start=HOLE[1]),
    "anomalies": partial(fu.anomalies, end=HOLE[0]),
    "cost_bridge": partial(
        fu.cost_bridge, by="username", baseline=(day(0), day(5)), comparison=(day(7), day(10))
    ),
    "budget_status": lambda usage, **known: fu.budget_status(
        usage,
        pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 9.0}),
        month="2025-03",
        as_of=HOLE[0],
        **known,
    ),
}
ACROSS: dict[str, Callable[..., Any]] = {
    "trend": partial(fu.trend, start=day(6)),
    "anomalies": fu.anomalies,
    "cost_bridge": partial(
        fu.cost_bridge, by="username", baseline=(day(0), day(6)), comparison=(day(7), day(10))
    ),
    "budget_status": lambda usage, **known: fu.budget_status(
        usage,
        pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 9.0}),
        month="2025-03",
        **known,
    ),
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", BESIDE)
def test_a_gap_counts_only_inside_the_range(name: str, known: bool) -> None:
    """A sum over it would be too small; a range beside it is whole."""
    usage = table({number: 1.0 for number in range(10) if number not in (5, 6)})
    coverage = fu.Coverage(start=day(0), end=day(10), gaps=[HOLE], known=known)

    BESIDE[name](usage, coverage=coverage)
    with pytest.raises(fu.CoverageError, match=r"the table lacks 2025-03-0[67]") as caught:
        ACROSS[name](usage, coverage=coverage)
    ((start, end),) = caught.value.gaps
    assert HOLE[0] <= start < end <= HOLE[1]


def test_the_zone_of_the_buckets_is_the_zone_of_the_periods() -> None:
    """Local days need no `timezone=` if the coverage has it."""
    zone = "America/New_York"
    usage = table({0: 1.0}).with_columns(pl.col("bucket", "bucket_end") + timedelta(hours=5))
    first = day(0) + timedelta(hours=5)
    coverage = fu.Coverage(start=first, end=first + DAY, timezone=zone)

    got = fu.rollup(usage, every="1d", coverage=coverage)

    assert pl.Datetime("us", zone) == got.schema["period"]
    with pytest.raises(fu.AlignmentError):
        fu.rollup(usage, every="1d")


def test_the_timeframe_of_the_buckets_is_the_charge_period() -> None:
    """`to_focus` needs no `timeframe=` if the coverage has it."""
    usage = table({0: 1.0, 1: 2.0})
    coverage = fu.Coverage(start=day(0), end=day(2), timeframe="day")
    asked: dict[str, Any] = {"billing_account_id": "a", "billing_account_name": "A"}

    assert 2 == fu.to_focus(usage, coverage=coverage, **asked).height
    with pytest.raises(fu.QueryError, match="timeframe is None"):
        fu.to_focus(usage, **asked)


def test_one_table_has_one_coverage() -> None:
    """A second one beside a load, or anything that is none, is rejected."""
    usage = table({0: 1.0})
    coverage = fu.Coverage(start=day(0), end=day(1))

    class Load:
        def __usage__(self) -> tuple[pl.DataFrame, fu.Coverage]:
            return usage, coverage

    assert_frame_equal(fu.rollup(usage, coverage=coverage), fu.rollup(Load()))
    with pytest.raises(fu.QueryError, match="usage is a Load, which has its own coverage"):
        fu.rollup(Load(), coverage=coverage)
    with pytest.raises(fu.QueryError, match=r"expected a falusage\.Coverage"):
        fu.rollup(usage, coverage=(day(0), day(1)))  # type: ignore[call-overload]
