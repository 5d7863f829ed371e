"""What coverage does to forecasts: where the past ends, what is open, and gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
START = datetime(2025, 3, 3, tzinfo=UTC)
CLOSED = datetime(2025, 4, 21, tzinfo=UTC)


def table(costs: list[float]) -> pl.DataFrame:
    """Return usage of one cost a day, from Monday, 3 March 2025."""
    days = [START + number * DAY for number in range(len(costs))]
    return pl.DataFrame(
        {
            "bucket": days,
            "bucket_end": [day + DAY for day in days],
            "cost": costs,
            "currency": "USD",
        }
    )


def test_the_past_ends_where_the_coverage_does() -> None:
    """Four days without usage at the end are zeros, which a bare frame must be told."""
    usage = table([10.0] * 45)
    coverage = fu.Coverage(start=START, end=CLOSED, read_at=CLOSED + DAY)
    asked: dict[str, Any] = {"horizon": 3, "model": "seasonal_naive"}

    got = fu.forecast(usage, coverage=coverage, **asked)

    assert CLOSED == got["period"][0]
    assert_frame_equal(fu.forecast(usage, end=CLOSED, **asked), got)
    with pytest.raises(fu.QueryError, match="the coverage of the table says where it ends"):
        fu.forecast(usage, end=CLOSED, coverage=coverage, **asked)


def test_open_buckets_are_forecast_and_not_learned_from() -> None:
    """Half a day looks like a fall; the coverage says that it is open, however late it is now."""
    usage = table([10.0] * 49 + [1.0])
    coverage = fu.Coverage(start=START, end=CLOSED + DAY, closed_until=CLOSED)

    with pytest.warns(fu.IncompletePeriodWarning, match="the forecast begins there"):
        got = fu.forecast(usage, horizon=2, coverage=coverage)

    assert [CLOSED, CLOSED + DAY] == got["period"].to_list()
    assert [10.0, 10.0] == pytest.approx(got["cost"].to_list())
    with pytest.warns(fu.IncompletePeriodWarning):
        assert "level" in fu.backtest(usage, horizon=2, coverage=coverage)["model"].to_list()


@pytest.mark.parametrize("as_of", [None, CLOSED + DAY, CLOSED + 3 * DAY])
def test_the_month_so_far_is_that_at_the_time_of_reading(as_of: datetime | None) -> None:
    """Read at noon: 20 whole days, what the open one had, half of its rest, and nine to come."""
    usage = table([10.0] * 49 + [6.0])
    coverage = fu.Coverage(
        start=START, end=CLOSED + DAY, closed_until=CLOSED, read_at=CLOSED + DAY / 2
    )

    with pytest.warns(fu.IncompletePeriodWarning):
        got = fu.month_outlook(usage, as_of=as_of, coverage=coverage).row(0, named=True)

    assert ("2025-04", CLOSED + DAY / 2) == (got["month"], got["as_of"])
    assert 206.0 == got["spent"]
    assert 206.0 + 5.0 + 90.0 == pytest.approx(got["projected"])


def test_open_buckets_are_left_out_if_nobody_knows_when_they_were_read() -> None:
    """Else their day would count twice: as spent, and as still to come."""
    usage = table([10.0] * 49 + [6.0])
    coverage = fu.Coverage(start=START, end=CLOSED + DAY, closed_until=CLOSED)

    got = fu.month_outlook(usage, coverage=coverage).row(0, named=True)

    assert CLOSED == got["as_of"]
    assert 200.0 == got["spent"]
    assert 300.0 == pytest.approx(got["projected"])


def test_a_gap_before_the_month_is_no_error() -> None:
    """The forecast learns from what comes after it, not from zeros."""
    usage = table([10.0] * 49)
    gap = (START + 5 * DAY, START + 9 * DAY)
    holed = usage.filter(~pl.col("bucket").is_between(*gap, closed="left"))
    coverage = fu.Coverage(start=START, end=CLOSED, gaps=[gap], read_at=CLOSED)

    got = fu.month_outlook(holed, coverage=coverage).row(0, named=True)

    assert (200.0, 300.0) == (got["spent"], pytest.approx(got["projected"]))
    with pytest.raises(fu.CoverageError, match="2025-03-08T00:00:00"):
        fu.month_outlook(holed, month="2025-03", coverage=coverage)
    with pytest.raises(fu.CoverageError, match="the table lacks 2025-03-08"):
        fu.forecast(holed, horizon=3, coverage=coverage)


def test_a_month_before_the_coverage_is_an_error() -> None:
    """Nothing spent and nothing read look alike in a sum."""
    usage = table([10.0] * 49)
    coverage = fu.Coverage(start=START, end=CLOSED)

    with pytest.raises(fu.CoverageError, match="the table lacks 2025-02-01"):
        fu.month_outlook(usage, month="2025-02", coverage=coverage)
    with pytest.raises(fu.CoverageError, match="the table lacks 2025-03-01"):
        fu.month_outlook(usage, month="2025-03", coverage=coverage)
    with pytest.raises(fu.QueryError, match="it has nothing of a month"):
        fu.month_outlook(usage, month="2025-02", coverage=fu.Coverage.from_rows(usage))
