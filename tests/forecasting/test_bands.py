"""Bands that keep their promise: after steps and spikes, and where spend comes and goes."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest

import falusage as fu
from tests.forecasting.cost_tables import table

pytestmark = pytest.mark.slow

STEP = [1.0] * 40 + [103.0] * 31
TEST_CALL = [0.01] + [0.0] * 20 + [50.0] * 20
SPIKE = [10.0] * 50 + [10_000.0]


@pytest.mark.parametrize(
    ("costs", "level", "most"),
    [(STEP, 103.0, 1_300.0), (TEST_CALL, 50.0, 300.0), (SPIKE, 10.0, 30.0)],
    ids=["step", "test call", "spike"],
)
def test_a_band_stays_near_what_was_spent(costs: list[float], level: float, most: float) -> None:
    """Not in the hundred thousands or millions, and the usual day is within it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.ShortHistoryWarning)
        ahead = fu.forecast(table(costs), horizon=30)

    assert ahead["hi_80"].max() <= most  # type: ignore[operator]
    assert ahead["hi_95"].max() <= 50 * level  # type: ignore[operator]
    assert ((ahead["lo_80"] <= level * 1.1) & (ahead["hi_80"] >= level * 0.99)).all()


def test_a_budget_far_above_the_new_level_is_likely_to_last() -> None:
    """Forty days at 1, then at 103: the month ends near 3,310, and 5,000 are likely enough."""
    budgets = pl.DataFrame({"currency": ["USD"], "budget": [5_000.0]})

    row = fu.month_outlook(table(STEP), budgets=budgets).row(0, named=True)

    assert 3_193 == pytest.approx(row["projected"], rel=0.05)
    assert row["chance_over"] < 0.2
    assert row["hi_80"] < 6_000


def test_one_spike_leaves_no_sawtooth() -> None:
    """The bound of the 95 % band may widen, but does not jump up and down from day to day."""
    costs = np.random.default_rng(2).normal(100, 5, 140)
    costs[100] = 3_000

    high = fu.forecast(table(costs.tolist()), horizon=28)["hi_95"].to_numpy()

    steps = high[1:] / high[:-1]
    assert steps.max() < 1.5
    assert steps.min() > 0.9


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside other teams"])
def test_where_spend_comes_and_goes_bands_hold_the_days_without(beside: bool) -> None:
    """A third of the days: the lower bound is zero, and most days are within the band."""
    random = np.random.default_rng(7)
    costs = np.where(random.random(238) < 1 / 3, random.lognormal(4, 0.3, 238), 0.0)
    usage = table(costs[:210].tolist(), username="now and then")
    if beside:
        steady = random.normal(300, 20, 210).tolist()
        usage = pl.concat([usage, table(steady, username="steady")])

    ahead = fu.forecast(usage, horizon=28, by="username").filter(username="now and then")

    assert 0.0 == ahead["lo_80"].max()
    actual = pl.Series(costs[210:])
    held = [
        ((ahead[f"lo_{level}"] <= actual) & (actual <= ahead[f"hi_{level}"])).mean()
        for level in (80, 95)
    ]
    assert held[0] > 0.75  # type: ignore[operator]
    assert held[1] > 0.88  # type: ignore[operator]


def test_a_steady_team_keeps_its_band_beside_a_wild_one() -> None:
    """What the organization does not expect of its sum is taken from the team that varies."""
    random = np.random.default_rng(3)
    steady = table(random.normal(10, 0.5, 140).tolist(), username="steady")
    spikes = np.where(random.random(140) < 0.05, 20, 1)
    wild = table((random.lognormal(4, 0.8, 140) * spikes).tolist(), username="wild")

    both = fu.forecast(pl.concat([steady, wild]), horizon=28, by="username")
    alone = fu.forecast(steady, horizon=28)

    beside = both.filter(username="steady")
    widths = [(one["hi_80"] - one["lo_80"]).mean() for one in (beside, alone)]
    assert widths[0] < 1.3 * widths[1]  # type: ignore[operator]
