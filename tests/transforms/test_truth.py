"""Each thing that the sample plants is found by the transform whose job it is, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import falusage as fu
from falusage.sample import Sample

SAMPLES: list[dict[str, Any]] = [
    {"seed": 0},
    *({"seed": seed, "every": "1d"} for seed in range(1, 4)),
    {"start": "2024-01-01", "end": "2025-06-24", "every": "1d", "timezone": "Europe/Paris"},
]


@pytest.fixture(scope="module", params=SAMPLES, ids=str)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Half a year of hours, of days by several seeds, and more than a year of days in Paris."""
    return fu.sample_usage(**request.param)


def zone(sample: Sample) -> str:
    """Return the zone of the sample's days."""
    return "UTC" if sample.usage["bucket"][0].hour == 0 else "Europe/Paris"


def first_bucket(sample: Sample, at: datetime) -> datetime:
    """Return the start of the first bucket that an event has the whole of."""
    return sample.usage.filter(pl.col("bucket") >= at)["bucket"].min()  # type: ignore[return-value]


def fortnights(sample: Sample, at: datetime) -> dict[str, Any]:
    """Return the two weeks before an event and the two after it, without its own day."""
    day, weeks = at.astimezone(ZoneInfo(zone(sample))).date(), timedelta(weeks=2)
    after = day + timedelta(days=1)
    return {
        "baseline": (day - weeks, day),
        "comparison": (after, after + weeks),
        "timezone": zone(sample),
    }


@pytest.mark.slow
def test_the_price_rise_is_the_one_price_change(sample: Sample) -> None:
    """Surge prices, launches, discounts and growth are no change of a list price."""
    (rise,) = sample.truth.price_rises
    changes = fu.price_changes(sample.usage).filter(kind="list")

    since = first_bucket(sample, rise.at)
    assert [
        (rise.endpoint_id, rise.unit, rise.currency, since, rise.previous_price, rise.price)
    ] == changes.select(pl.nth(0, 1, 2, 3, 4, 5)).rows()
    after = sample.usage.filter(
        pl.col("endpoint_id") == rise.endpoint_id, pl.col("bucket") >= since
    )
    assert changes["impact"].item() == pytest.approx(
        after["quantity"].sum() * (rise.price - rise.previous_price)
    )
    callers = after.select("username", "auth_method").unique()
    apart = fu.price_changes(sample.usage, by=["username", "auth_method"]).filter(kind="list")
    assert callers.height == apart.height
    assert changes["impact"].sum() == pytest.approx(apart["impact"].sum())


def test_the_discount_steps_once_for_everything_that_its_team_uses(sample: Sample) -> None:
    """Each endpoint of the team has one step, and no other team has any."""
    (change,) = sample.truth.discounts
    steps = fu.price_changes(sample.usage, by="username").filter(kind="discount")

    used = sample.usage.filter(pl.col("username") == change.username)["endpoint_id"].unique()
    assert sorted(used) == sorted(steps["endpoint_id"])
    assert {(first_bucket(sample, change.at), change.username)} == set(
        steps.select("since", "username").iter_rows()
    )
    less = (100 - change.after) / (100 - change.before) - 1
    assert [pytest.approx(less)] * steps.height == steps["pct_change"].to_list()


def test_the_launch_and_the_retirement_are_what_is_new_and_retired(sample: Sample) -> None:
    """Weeks before and after: one key appears, one is gone, and each with all its cost."""
    (launch,), (retirement,) = sample.truth.launches, sample.truth.retirements
    for event, effect in ((launch, "new"), (retirement, "retired")):
        bridge = fu.cost_bridge(
            sample.usage,
            **fortnights(sample, event.at),
            by=["username", "endpoint_id"],
        )
        found = bridge.filter(pl.col("effect").is_in(["new", "retired"]))
        assert [(event.username, event.endpoint_id, event.currency, effect)] == found.select(
            "username", "endpoint_id", "currency", "effect"
        ).rows()


def test_the_price_rise_is_the_price_effect(sample: Sample) -> None:
    """Over whole weeks, no other line's price moves by as much as a percent of its cost."""
    (rise,) = sample.truth.price_rises
    bridge = fu.cost_bridge(
        sample.usage,
        **fortnights(sample, rise.at),
        by="endpoint_id",
    ).filter(effect="price")
    costs = fu.rollup(sample.usage.filter(pl.col("bucket") >= rise.at), by="endpoint_id")
    moved = bridge.join(costs, on=["endpoint_id", "currency"]).filter(
        pl.col("amount").abs() > 0.01 * pl.col("cost")
    )

    assert [rise.endpoint_id] == moved["endpoint_id"].to_list()


def test_the_anomaly_is_the_one_team_day(sample: Sample) -> None:
    """Growth, rhythm, surge, launch, retirement, the price rise and clock changes are not.

    A day in UTC is a part of two days in Paris.
    """
    (anomaly,) = sample.truth.anomalies
    found = fu.anomalies(sample.usage, by="username", timezone=zone(sample))

    local = ZoneInfo(zone(sample))
    ends = anomaly.start, anomaly.end - timedelta(microseconds=1)
    days = {end.astimezone(local).date() for end in ends}
    assert days == set(found["period"].dt.date())
    assert {(anomaly.username, anomaly.currency)} == set(
        found.select("username", "currency").iter_rows()
    )
    assert found["excess"].min() > 0
