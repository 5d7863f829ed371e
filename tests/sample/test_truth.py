"""Each planted thing is found by other means than it was made by, and nothing else is."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import falusage as fu
from falusage.sample import Sample, Truth

RANGES: list[dict[str, Any]] = [
    {},
    {"start": "2025-03-26", "end": "2025-06-24", "seed": 3},
    {"start": "2025-05-15", "end": "2025-06-02"},
    {"start": "2024-01-01", "end": "2025-07-01", "every": "1d", "timezone": "Europe/Paris"},
    {"start": "2025-05-20T16:00Z", "end": "2025-05-20T22:00Z", "every": "1m"},
    {"start": "2025-06-11", "end": "2025-06-12", "every": "1d"},
    {"start": "2024-12-30", "end": "2025-01-06"},
]


@pytest.fixture(scope="module", params=RANGES, ids=str)
def sample(request: pytest.FixtureRequest) -> Sample:
    """A sample of each kind of range."""
    return fu.sample_usage(**request.param)


def _seen(usage: pl.DataFrame, *keys: str) -> dict[tuple[Any, ...], tuple[datetime, datetime]]:
    """Return the first bucket and the last bucket's end of each key."""
    rows = usage.group_by(keys).agg(pl.col("bucket").min(), pl.col("bucket_end").max()).iter_rows()
    return {tuple(row[:-2]): (row[-2], row[-1]) for row in rows}


def test_one_endpoint_begins_and_one_ends(sample: Sample) -> None:
    """A team's endpoint is used from end to end of the range, but for those that are planted."""
    usage = sample.usage
    first, last = usage["bucket"].min(), usage["bucket_end"].max()
    slack = timedelta(hours=1) if usage["bucket"].n_unique() == 360 else timedelta(0)
    spans = _seen(usage, "username", "endpoint_id")
    late = {key: start for key, (start, _) in spans.items() if start > first + slack}
    early = {key: end for key, (_, end) in spans.items() if end < last - slack}
    assert {_start(usage, e.at): (e.username, e.endpoint_id) for e in sample.truth.launches} == {
        start: key for key, start in late.items()
    }
    assert {_end(usage, e.at): (e.username, e.endpoint_id) for e in sample.truth.retirements} == {
        end: key for key, end in early.items()
    }


def _start(usage: pl.DataFrame, at: datetime) -> datetime:
    """Return the start of the bucket that has an instant."""
    return usage.filter(pl.col("bucket") <= at)["bucket"].max()  # type: ignore[return-value]


def _end(usage: pl.DataFrame, at: datetime) -> datetime:
    """Return the end of the last bucket that has time before an instant."""
    return usage.filter(pl.col("bucket") < at)["bucket_end"].max()  # type: ignore[return-value]


def test_one_price_steps_and_no_other(sample: Sample) -> None:
    """The highest price of a line changes once, from the planted instant on, or never."""
    surging = {surge.endpoint_id for surge in sample.truth.surges}
    highest = (
        sample.usage.filter(~pl.col("endpoint_id").is_in(list(surging)))
        .group_by("endpoint_id", "unit", "currency", "bucket")
        .agg(pl.col("unit_price").max())
        .sort("bucket")
    )
    prices: dict[tuple[str, ...], list[tuple[datetime, float]]] = defaultdict(list)
    for endpoint_id, unit, currency, bucket, price in highest.iter_rows():
        prices[endpoint_id, unit, currency].append((bucket, price))
    steps = [
        (*key, old, new, bucket)
        for key, series in prices.items()
        for (_, old), (bucket, new) in pairwise(series)
        if old != new
    ]
    planted = [
        (e.endpoint_id, e.unit, e.currency, e.previous_price, e.price, _start(sample.usage, e.at))
        for e in sample.truth.price_rises
    ]
    assert planted == steps
    assert all(rise.price > rise.previous_price for rise in sample.truth.price_rises)


def test_one_teams_discount_changes_and_no_other_team_has_one(sample: Sample) -> None:
    """All of a team's rows have one discount before the planted instant and another after it."""
    discounted = sample.usage.filter(pl.col("percent_discount").is_not_null())
    assert {"acme-ml-team"} == set(discounted["username"])
    assert {"acme-ml-team"}.isdisjoint(
        sample.usage.filter(pl.col("percent_discount").is_null())["username"]
    )
    percents = _seen(discounted, "percent_discount")
    assert len(percents) == 1 + len(sample.truth.discounts)
    for change in sample.truth.discounts:
        assert change.before != change.after
        assert _end(sample.usage, change.at) == percents[change.before,][1]
        assert _start(sample.usage, change.at) == percents[change.after,][0]
        assert {(change.username, change.currency)} == set(
            discounted.select("username", "currency").iter_rows()
        )


def test_surge_rows_stand_beside_their_base(sample: Sample) -> None:
    """Two rows that differ in price and amounts alone: in the surge's hours, on its lines only."""
    same = ["bucket", "bucket_end", "username", "product", "endpoint_id", "unit", "currency"]
    same += ["auth_method", "auth_detail", "api_key_id", "login_username", "percent_discount"]
    risen = [rise.endpoint_id for rise in sample.truth.price_rises]
    usage = sample.usage.filter(~pl.col("endpoint_id").is_in(risen))
    beside = usage.group_by(same).agg(pl.col("unit_price").sort(), "quantity")
    assert beside["unit_price"].list.len().max() <= 2
    pairs = beside.filter(pl.col("unit_price").list.len() == 2)
    planted = {
        (surge.endpoint_id, surge.unit, surge.currency, surge.unit_price, surge.surge_price)
        for surge in sample.truth.surges
    }
    found = {
        (*row[:-1], *row[-1])
        for row in pairs.select("endpoint_id", "unit", "currency", "unit_price").iter_rows()
    }
    assert planted == found
    prices = {price for *_, price in planted}
    above = sample.usage.filter(pl.col("unit_price").is_in(list(prices)))
    lone = above.filter(pl.col("endpoint_id").is_in([key for key, *_ in planted]))
    assert lone.height == pairs.height


def test_surge_is_in_its_hours_and_share() -> None:
    """Weekday evenings have the surge rows, with three tenths of the usage."""
    sample = fu.sample_usage()
    surge = next(surge for surge in sample.truth.surges if surge.currency == "USD")
    line = sample.usage.filter(
        pl.col("endpoint_id") == surge.endpoint_id, pl.col("currency") == surge.currency
    )
    dearer = line.filter(pl.col("unit_price") == surge.surge_price)["bucket"].unique()
    hours = {
        bucket
        for bucket in line["bucket"].unique()
        if bucket.isoweekday() in surge.weekdays and bucket.hour in surge.hours
    }
    assert hours == set(dearer)
    within = line.filter(pl.col("bucket").is_in(dearer.implode()))
    share = (
        within.filter(pl.col("unit_price") == surge.surge_price)["quantity"].sum()
        / within["quantity"].sum()
    )
    assert share == pytest.approx(surge.share, abs=0.01)


def test_a_range_without_surge_hours_has_no_surge() -> None:
    """The truth lists what is in this table, not what might be in a longer one."""
    assert fu.sample_usage(start="2025-03-08", end="2025-03-10").truth.surges == ()


@pytest.fixture(scope="module")
def whole() -> Truth:
    """Return the truth of the whole sample."""
    return fu.sample_usage(every="1d").truth


@pytest.mark.slow
@given(first=st.integers(0, 24 * 70), hours=st.integers(1, 24 * 30))
def test_the_truth_of_a_slice_is_what_happens_in_it(whole: Truth, first: int, hours: int) -> None:
    """Of all the events, those that a random slice has time before and after, or a part of."""
    origin = datetime(2025, 4, 20, tzinfo=UTC)
    start, end = origin + timedelta(hours=first), origin + timedelta(hours=first + hours)
    truth = fu.sample_usage(start=start, end=end).truth
    for name in ("price_rises", "discounts", "launches", "retirements"):
        events: tuple[Any, ...] = getattr(whole, name)
        assert tuple(e for e in events if start < e.at < end) == getattr(truth, name)
    overlapping = (e for e in whole.anomalies if e.start < end and start < e.end)
    assert tuple(overlapping) == truth.anomalies
    assert whole.second_currencies == truth.second_currencies


def test_a_quiet_range_has_no_events() -> None:
    """Neither before the first event nor after the last; what is always so is in it."""
    for start, end in (("2024-03-01", "2024-03-08"), ("2026-03-01", "2026-03-08")):
        truth = fu.sample_usage(start=start, end=end).truth
        assert truth.events.is_empty()
        assert len(truth.surges) == 2
        assert ["acme-paris"] == [second.username for second in truth.second_currencies]


def test_one_team_is_billed_in_another_currency(sample: Sample) -> None:
    """All of one team's rows are in EUR, all others in USD."""
    (second,) = sample.truth.second_currencies
    found = sample.usage.select("username", "currency").unique()
    assert {(second.username, second.currency)} == set(
        found.filter(pl.col("currency") != "USD").iter_rows()
    )
    assert found["username"].is_unique().all()


@pytest.mark.parametrize("seed", range(4))
def test_one_team_day_stands_out(seed: int) -> None:
    """A robust score over the last eight like weekdays is above 3.5 on the planted day alone."""
    sample = fu.sample_usage(every="1d", seed=seed)
    (anomaly,) = sample.truth.anomalies
    daily = sample.usage.group_by("username", day=pl.col("bucket").dt.date()).agg(
        pl.col("cost").sum()
    )
    assert timedelta(days=1) == anomaly.end - anomaly.start
    for relative in (False, True):
        found = {
            (name, day)
            for (name,), frame in daily.sort("day").group_by("username", maintain_order=True)
            for day in _outliers(dict(frame.select("day", "cost").iter_rows()), relative=relative)
        }
        assert {(anomaly.username, anomaly.start.date())} == found


def _outliers(costs: dict[date, float], *, relative: bool) -> list[date]:
    residuals: list[float] = []
    found: list[date] = []
    for day, cost in costs.items():
        weeks = [day - timedelta(weeks=n) for n in range(1, 9)]
        past = [costs[week] for week in weeks if week in costs]
        if len(past) < 3:
            continue
        residual = cost - median(past)
        if relative:
            residual /= median(past)
        if len(residuals) >= 14:
            scale = 1.4826 * median(abs(other) for other in residuals)
            if abs(residual) > 3.5 * scale:
                found.append(day)
        residuals.append(residual)
    return found


def test_the_anomaly_is_one_keys_loop() -> None:
    """On the planted day one key's quantity is `factor` times its usual, and no other's is."""
    sample = fu.sample_usage()
    (anomaly,) = sample.truth.anomalies
    keys = ["username", "endpoint_id", "auth_method", "unit_price"]
    day = pl.col("bucket").dt.date()
    quantity = pl.col("quantity")
    launched = pl.col("endpoint_id").is_in([launch.endpoint_id for launch in sample.truth.launches])
    same_weekday = day.dt.weekday() == anomaly.start.isoweekday()
    weekday = sample.usage.filter(same_weekday, ~launched).group_by(keys)
    ratios = weekday.agg(
        quantity.filter(day == anomaly.start.date()).sum()
        / quantity.filter(day == anomaly.start.date() - timedelta(weeks=1)).sum()
    ).filter(quantity.is_finite(), quantity > 0)
    found = {row[:-1]: row[-1] for row in ratios.iter_rows()}
    looped = next(
        key
        for key in found
        if key[:3] == (anomaly.username, anomaly.endpoint_id, anomaly.auth_method)
    )
    assert found.pop(looped) == pytest.approx(anomaly.factor, rel=0.3)
    assert max(found.values()) < 1.5


def test_events_are_listed_in_order() -> None:
    """`events` is the instants of the truth as a table, for a notebook to print."""
    truth = fu.sample_usage().truth
    assert [
        (datetime(2025, 5, 11, tzinfo=UTC), "retirement", "acme-studio"),
        (datetime(2025, 5, 15, tzinfo=UTC), "discount", "acme-ml-team"),
        (datetime(2025, 5, 20, tzinfo=UTC), "price rise", None),
        (datetime(2025, 6, 2, tzinfo=UTC), "launch", "acme-studio"),
        (datetime(2025, 6, 11, tzinfo=UTC), "anomaly", "acme-growth"),
    ] == truth.events.select("at", "event", "username").rows()
