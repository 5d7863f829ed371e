"""When a balance runs out: from which moment it is counted, and what the band says."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

import falusage as fu
from tests.forecasting.cost_tables import table

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
START = datetime(2025, 3, 3, tzinfo=UTC)
END = START + 49 * DAY  # Monday, 21 April


def steady(**columns: Any) -> pl.DataFrame:
    """Seven weeks of 10 USD a day."""
    return table([10.0] * 49, start=START, **columns)


def balance(amount: float, read_at: datetime = END, currency: str = "USD") -> fu.Balance:
    """Return a balance."""
    return fu.Balance(username="acme", current_balance=amount, currency=currency, read_at=read_at)


def test_steady_spend_runs_out_on_its_day() -> None:
    """100 USD pay for ten whole days; the eleventh is the one on which they run out."""
    found = fu.runway(steady(), balance(100.0))
    assert date(2025, 5, 1) == found.runs_out_on
    assert date(2025, 4, 26) <= found.earliest_95 <= found.earliest_80 <= date(2025, 5, 1)  # type: ignore[operator]
    assert found.chance > 0.99
    assert "100.00 USD of acme: it runs out on 1 May 2025 (80% band: 30 Apr – 1 May 2025)" == str(
        found
    )


@pytest.mark.parametrize("amount", [0.0, -3.5])
def test_an_empty_balance_has_run_out_already(amount: float) -> None:
    """On the day on which it was read, whatever the usage; there is nothing to forecast."""
    found = fu.runway(steady()[:1], balance(amount))
    assert (date(2025, 4, 21), date(2025, 4, 21), 1.0, None) == (
        found.runs_out_on,
        found.latest_95,
        found.chance,
        found.model,
    )
    assert f"{amount:.2f} USD of acme: it has run out already" == str(found)


def test_a_balance_may_last_longer_than_the_horizon() -> None:
    """Then there is no day, and no band, and the text says so."""
    found = fu.runway(steady(), balance(1000.0), horizon=30)
    assert (None, None, None) == (found.runs_out_on, found.earliest_80, found.latest_80)
    assert found.chance < 0.05
    assert "it does not run out within 30 days" in str(found)


def test_what_was_used_before_the_balance_was_read_is_off_it_already() -> None:
    """Five days between the usage's end and the balance cost nothing; half a day costs half."""
    later = balance(100.0, END + 5 * DAY)
    noon = END + DAY / 2
    assert date(2025, 5, 6) == fu.runway(steady(), later).runs_out_on
    # 5 of them on the 21st: neither 10 nor nothing.
    assert date(2025, 4, 30) == fu.runway(steady(), balance(94.0, noon)).runs_out_on
    assert date(2025, 5, 1) == fu.runway(steady(), balance(96.0, noon)).runs_out_on


def test_usage_after_the_balance_was_read_takes_it_down() -> None:
    """As it is: three days and a half of it; one that is used up has a day without a forecast."""
    early = END - 3.5 * DAY
    assert date(2025, 4, 27) == fu.runway(steady(), balance(96.0, early)).runs_out_on
    used_up = fu.runway(steady(), balance(20.0, early))
    assert (date(2025, 4, 19), None) == (used_up.runs_out_on, used_up.model)


def test_the_caller_may_say_until_when_usage_is_off_the_balance() -> None:
    """A balance that is shown late is counted from an earlier moment."""
    late = balance(100.0, END + 2 * DAY)
    assert date(2025, 5, 3) == fu.runway(steady(), late).runs_out_on
    assert date(2025, 5, 1) == fu.runway(steady(), late, counted_from=END).runs_out_on


def test_the_band_is_that_of_the_paths(noisy: list[float]) -> None:
    """It holds the day, and is wider at 95 than at 80 percent."""
    wild = np.random.default_rng(1).normal(1, 0.5, 140).clip(0.1)
    usage = table([cost * factor for cost, factor in zip(noisy, wild, strict=True)], start=START)
    found = fu.runway(usage, balance(400.0, START + 140 * DAY), horizon=500)
    days = [found.earliest_95, found.earliest_80, found.runs_out_on, found.latest_80]
    days.append(found.latest_95)
    assert days == sorted(days)  # type: ignore[type-var]
    assert days[0] < days[1] < days[3] < days[4]  # type: ignore[operator]


def test_only_the_currency_of_the_balance_counts() -> None:
    """Other usage is left out with a warning; a balance that pays for none of it is an error."""
    both = pl.concat([steady(), table([99.0] * 49, start=START, currency="EUR")])
    with pytest.warns(fu.FalUsageWarning, match="usage in EUR is left out"):
        assert date(2025, 5, 1) == fu.runway(both, balance(100.0)).runs_out_on
    with pytest.raises(fu.QueryError, match="the balance is in CHF, but the usage is in EUR, USD"):
        fu.runway(both, balance(100.0, currency="CHF"))


def test_usage_of_a_filter_warns() -> None:
    """The balance may pay for more than one team."""
    coverage = fu.Coverage(start=START, end=END, filters=("username: ads",))
    with pytest.warns(fu.FalUsageWarning, match="only username: ads; if the balance pays for more"):
        fu.runway(steady(), balance(100.0), coverage=coverage)


def test_a_gap_after_the_balance_was_read_is_an_error() -> None:
    """One before it is not: the forecast learns from what follows."""
    gap = (END - 5 * DAY, END - 4 * DAY)
    usage = steady().filter(~pl.col("bucket").is_between(*gap, closed="left"))
    coverage = fu.Coverage(start=START, end=END, gaps=[gap])
    with pytest.raises(fu.CoverageError):
        fu.runway(usage, balance(100.0, END - 6 * DAY), coverage=coverage)
    early = (START + DAY, START + 2 * DAY)
    usage = steady().filter(~pl.col("bucket").is_between(*early, closed="left"))
    coverage = fu.Coverage(start=START, end=END, gaps=[early])
    assert date(2025, 5, 1) == fu.runway(usage, balance(100.0), coverage=coverage).runs_out_on


def test_an_open_day_is_not_counted_twice() -> None:
    """Read at noon with 5 USD so far: what the balance still pays for is the afternoon."""
    usage = pl.concat([steady(), table([5.0], start=END)])
    coverage = fu.Coverage(
        start=START, end=END + DAY, closed_until=END, read_at=END + DAY / 2, timeframe="day"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fu.runway(usage, balance(94.0, END + DAY / 2), coverage=coverage)
    assert date(2025, 4, 30) == found.runs_out_on


def test_arguments_are_checked() -> None:
    """A number is no balance, since its currency and its time are not known."""
    with pytest.raises(fu.QueryError, match="expected a Balance, as load_balance returns it"):
        fu.runway(steady(), 100.0)  # type: ignore[arg-type]
    with pytest.raises(fu.QueryError, match="horizon is 0"):
        fu.runway(steady(), balance(100.0), horizon=0)
    with pytest.raises(fu.QueryError, match="load newer usage"):
        fu.runway(steady(), balance(100.0, END + 6000 * DAY))
