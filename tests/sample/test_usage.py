"""The generated table: its form, its determinism, and an organization that looks real."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from falusage import columns


@pytest.fixture(scope="module")
def usage() -> pl.DataFrame:
    """The default sample."""
    return fu.sample_usage().usage


def _digest(usage: pl.DataFrame) -> str:
    return hashlib.sha256(usage.write_csv().encode()).hexdigest()


def test_it_is_a_usage_table(usage: pl.DataFrame) -> None:
    """Columns, order and dtypes are the usage table's; only keys, logins and discounts are null."""
    assert pl.Schema(columns.USAGE) == usage.schema
    nulls = usage.null_count().row(0, named=True)
    assert {"api_key_id", "login_username", "percent_discount"} == {
        name for name, count in nulls.items() if count
    }
    assert usage["bucket"].is_sorted()


def test_the_default_range_is_half_a_year_of_whole_hours(usage: pl.DataFrame) -> None:
    """Every hour from 2025-01-01 to 2025-06-24 has rows, and each row covers just that hour."""
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 24, tzinfo=UTC)
    hours = [start + timedelta(hours=n) for n in range((end - start) // timedelta(hours=1))]
    assert hours == usage["bucket"].unique().sort().to_list()
    assert [timedelta(hours=1)] == (usage["bucket_end"] - usage["bucket"]).unique().to_list()


def test_subtotals_are_quantity_times_price_to_the_last_bit(usage: pl.DataFrame) -> None:
    """`cost_subtotal` is the IEEE product of two doubles beside it, as a JSON server sends it."""
    rows = usage.select("quantity", "unit_price", "cost_subtotal").iter_rows()
    assert [row for row in rows if row[0] * row[1] != row[2]] == []


def test_cost_is_what_the_discount_leaves(usage: pl.DataFrame) -> None:
    """The subtotal less the discount is the cost; without one they are the same number."""
    names = ("percent_discount", "cost_subtotal", "cost_discount", "cost")
    for percent, subtotal, discount, cost in usage.select(names).unique().iter_rows():
        if percent is None:
            assert (0.0, subtotal) == (discount, cost)
        else:
            assert subtotal - discount == cost
            assert discount == pytest.approx(subtotal * percent / 100, rel=1e-12)
            assert 0 < discount < subtotal


@pytest.mark.slow
@pytest.mark.parametrize("timeframe", ["hour", "month"])
def test_it_loads_without_a_warning(usage: pl.DataFrame, timeframe: Any) -> None:
    """The newest edition of the API explains every cost, and the totals are the sample's."""
    query = fu.UsageQuery("2025-05-01", "2025-06-01", timeframe=timeframe)
    may = usage.filter(pl.col("bucket").dt.month() == 5)
    with (
        warnings.catch_warnings(),
        fu.Emulator(may) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        warnings.simplefilter("error")
        load = client.load(query)
    assert 0 == load.receipt.rows_quarantined
    assert_frame_equal(fu.rollup(may, by="username"), fu.rollup(load.usage, by="username"))
    assert {None, 5.0, 10.0} == set(load.usage["percent_discount"])


def test_quantities_are_what_a_meter_shows(usage: pl.DataFrame) -> None:
    """Counts are whole, seconds have one decimal, and nothing of zero is billed."""
    assert usage["quantity"].min() > 0
    decimals = {"image": 0, "video": 0, "step": 0, "second": 1, "megapixel": 2}
    decimals["1000 characters"] = 3
    pairs = usage.select("unit", "quantity").unique().iter_rows()
    assert [(unit, q) for unit, q in pairs if round(q, decimals[unit]) != q] == []


def test_it_looks_like_an_organization(usage: pl.DataFrame) -> None:
    """Seven teams, all products, prices of one unit 1,000-fold apart, a bill worth reading."""
    assert usage["username"].n_unique() == 7
    assert set(columns.PRODUCTS) == set(usage["product"])
    seconds = usage.filter(pl.col("unit") == "second")["unit_price"]
    assert seconds.max() / seconds.min() > 1000
    machines = usage.filter(pl.col("product") == "compute")["endpoint_id"].unique()
    assert all(re.fullmatch(r"type: gpu_\dx_\w+ \([\w-]+, \w+\)", name) for name in machines)
    may = usage.filter(pl.col("bucket").dt.month() == 5, pl.col("currency") == "USD")
    assert 50_000 < may["cost"].sum() < 65_000


def test_callers_are_consistent(usage: pl.DataFrame) -> None:
    """A key has one id and no login, a login has its name, and `None` has neither."""
    forms = usage.select(*columns.AUTH).unique().rows()
    assert all(detail == method for method, detail, _, _ in forms)
    for method, _, key, login in forms:
        if match := re.fullmatch(r"(\w+) <\1@example\.com>", method):
            assert (None, match[1]) == (key, login)
        elif method == "None":
            assert (key, login) == (None, None)
        else:
            assert re.fullmatch(r"[\w-]+ \(owner: \w+\)", method)
            assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)
            assert login is None
    keys = [key for _, _, key, _ in forms if key]
    assert len(set(keys)) == len(keys)


def test_weeks_have_a_rhythm(usage: pl.DataFrame) -> None:
    """Offices rest at the weekend and at night, consumers do not, every week alike."""
    daily = usage.group_by("username", day=pl.col("bucket").dt.date()).agg(pl.col("cost").sum())
    weekly = (
        daily.filter(pl.col("day") >= date(2025, 1, 6), pl.col("day") < date(2025, 6, 9))
        .group_by("username", week=pl.col("day").dt.truncate("1w"))
        .agg(
            (
                pl.col("cost").filter(pl.col("day").dt.weekday() > 5).mean()
                / pl.col("cost").filter(pl.col("day").dt.weekday() <= 5).mean()
            ).alias("weekend")
        )
    )
    weekend = {name: set(frame["weekend"]) for (name,), frame in weekly.group_by("username")}
    assert all(max(weekend[name]) < 0.7 for name in ("acme-studio", "acme-growth", "acme-paris"))
    assert all(min(weekend[name]) > 1.1 for name in ("acme-app-prod", "acme-voice"))
    hourly = usage.filter(pl.col("username") == "acme-paris", pl.col("bucket").dt.weekday() <= 5)
    cost = dict(hourly.group_by(pl.col("bucket").dt.hour()).agg(pl.col("cost").sum()).iter_rows())
    assert cost[10] > 5 * cost[2]


def test_spend_grows(usage: pl.DataFrame) -> None:
    """Each team's usual week in May costs more than its usual week in January."""
    day = pl.col("bucket").dt.date()
    months = usage.group_by("username").agg(
        january=pl.col("cost").filter(day >= date(2025, 1, 6), day < date(2025, 2, 3)).sum(),
        may=pl.col("cost").filter(day >= date(2025, 4, 28), day < date(2025, 5, 26)).sum(),
    )
    assert all(1.01 < may / january < 1.25 for _, january, may in months.iter_rows())


def test_the_seed_decides() -> None:
    """The same seed gives the same table, another seed another table of the same lines."""
    span: dict[str, Any] = {"start": "2025-03-03", "end": "2025-03-17"}
    first = fu.sample_usage(**span, seed=7).usage
    assert_frame_equal(first, fu.sample_usage(**span, seed=7).usage, check_exact=True)
    other = fu.sample_usage(**span, seed=8).usage
    assert not first.equals(other)
    names = ["username", "endpoint_id", "auth_method"]
    assert_frame_equal(
        first.select(names).unique().sort(names), other.select(names).unique().sort(names)
    )


def test_threads_and_processes_do_not_matter() -> None:
    """A process with one thread and another hash salt makes the same bytes."""
    code = (
        "import hashlib, falusage as fu\n"
        "usage = fu.sample_usage(start='2025-03-03', end='2025-03-17').usage\n"
        "print(hashlib.sha256(usage.write_csv().encode()).hexdigest())\n"
    )
    alone = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code],
        env={**os.environ, "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "123"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = fu.sample_usage(start="2025-03-03", end="2025-03-17").usage
    assert alone.stdout.strip() == _digest(here)


@pytest.mark.slow
@given(st.integers(0, 24 * 90), st.integers(1, 24 * 20), st.sampled_from([0, 0, 5]))
def test_any_range_is_a_slice_of_any_longer_one(first: int, hours: int, seed: int) -> None:
    """Row for row and bit for bit, with or without events in it."""
    start = datetime(2025, 3, 26, tzinfo=UTC) + timedelta(hours=first)
    end = start + timedelta(hours=hours)
    longer = _three_months(seed).filter(pl.col("bucket").is_between(start, end, closed="left"))
    assert_frame_equal(
        longer, fu.sample_usage(start=start, end=end, seed=seed).usage, check_exact=True
    )


@functools.cache
def _three_months(seed: int) -> pl.DataFrame:
    """The sample from 26 March, which has every event, to 14 July."""
    return fu.sample_usage(start="2025-03-26", end="2025-07-14", seed=seed).usage


@pytest.mark.parametrize(
    ("every", "timezone", "start", "end"),
    [
        ("1d", "America/New_York", "2025-05-01", "2025-06-24"),
        ("1d", "Asia/Kolkata", "2025-05-20", "2025-05-21"),
        ("1h", "Asia/Kolkata", "2025-05-20", "2025-06-12"),
        ("1m", "UTC", "2025-06-11T23:30:00Z", "2025-06-12T00:10:00Z"),
        ("1d", "UTC", "2024-12-25", "2025-01-05"),
        ("1d", "UTC", "2025-06-20", "2025-06-28"),
    ],
)
def test_a_slice_is_one_by_day_and_minute_and_in_every_zone(
    every: Any, timezone: str, start: str, end: str
) -> None:
    """Over the price rise, the launch's last day of growth, and the turn of the year, too."""
    short = fu.sample_usage(start=start, end=end, every=every, timezone=timezone).usage
    around = timedelta(hours=3) if every == "1m" else timedelta(days=40)
    low, high = short["bucket"].min(), short["bucket_end"].max()
    assert isinstance(low, datetime)
    assert isinstance(high, datetime)
    long = fu.sample_usage(start=low - around, end=high + around, every=every, timezone=timezone)
    inside = long.usage.filter(pl.col("bucket").is_between(low, high, closed="left"))
    assert_frame_equal(inside, short, check_exact=True)


@pytest.mark.parametrize("month", ["2025-05", "2025-06"])
def test_a_month_by_day_costs_what_it_costs_by_hour(month: str) -> None:
    """Per team, endpoint, caller and price, to the last part that a meter counts."""
    start, end = f"{month}-01", f"{month[:-1]}{int(month[-1]) + 1}-01"
    by = ["username", "endpoint_id", "auth_method", "unit", "unit_price", "percent_discount"]
    parts = (pl.col("quantity") * 1000).round().cast(pl.Int64).sum()
    hours, days = (
        fu.sample_usage(start=start, end=end, every=every).usage.group_by(by).agg(parts).sort(by)
        for every in ("1h", "1d")
    )
    assert_frame_equal(hours, days, check_exact=True)


def test_growth_is_the_same_for_every_range_and_bounded() -> None:
    """A week of 2040 costs what one of 2027 costs, one of 2000 what one of 2023 costs."""

    def week(start: date) -> float:
        usage = fu.sample_usage(start=start, end=start + timedelta(weeks=1), every="1d").usage
        return usage.filter(pl.col("currency") == "USD")["cost"].sum()

    assert week(date(2027, 1, 4)) == pytest.approx(week(date(2040, 1, 2)), rel=0.03)
    assert week(date(2000, 1, 3)) == pytest.approx(week(date(2023, 1, 2)), rel=0.03)
    assert week(date(2023, 1, 2)) < 0.9 * week(date(2025, 1, 6)) < 0.9 * week(date(2026, 1, 5))


def test_one_bucket_is_a_range() -> None:
    """An hour, and a day, in which nothing begins or ends."""
    hour = fu.sample_usage(start="2025-03-03T05:10Z", end="2025-03-03T05:50Z")
    assert [datetime(2025, 3, 3, 5, tzinfo=UTC)] == hour.usage["bucket"].unique().to_list()
    assert hour.truth.events.is_empty()
    day = fu.sample_usage(start="2025-06-11", end="2025-06-12", every="1d")
    assert ["anomaly"] == day.truth.events["event"].to_list()


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_a_day_is_the_sum_of_its_hours(timezone: str) -> None:
    """Daily buckets hold what the hours of the same local days hold, part for part."""
    span: dict[str, Any] = {"start": "2025-05-10", "end": "2025-06-13", "timezone": timezone}
    hours = fu.sample_usage(**span, every="1h").usage
    days = fu.sample_usage(**span, every="1d").usage

    def sums(usage: pl.DataFrame) -> dict[tuple[Any, ...], int]:
        local = pl.col("bucket").dt.convert_time_zone(timezone).dt.date()
        keys = ["username", "endpoint_id", "auth_method", "unit_price", "percent_discount"]
        parts = (pl.col("quantity") * 1000).round().cast(pl.Int64).sum()
        rows = usage.group_by(local, *keys).agg(parts).iter_rows()
        return {tuple(row[:-1]): row[-1] for row in rows}

    assert sums(hours) == sums(days)
    assert len(sums(days)) == days.height


def test_days_are_the_zones_own() -> None:
    """Daily buckets run from local midnight to local midnight, on a day of 23 hours too."""
    usage = fu.sample_usage(
        start="2025-03-07", end="2025-03-12", every="1d", timezone="America/New_York"
    ).usage
    zone = ZoneInfo("America/New_York")
    edges = [datetime(2025, 3, day, tzinfo=zone).astimezone(UTC) for day in range(7, 13)]
    got = usage.select("bucket", "bucket_end").unique().sort("bucket").rows()
    assert list(pairwise(edges)) == got
    assert timedelta(hours=23) in [end - start for start, end in got]


def test_a_range_is_widened_to_whole_buckets() -> None:
    """Ends inside a bucket take the whole of it, and any form of an instant is read."""
    whole = fu.sample_usage(start=date(2025, 3, 3), end="2025-03-04").usage
    inside = fu.sample_usage(
        start="2025-03-03T00:20:00Z", end=datetime(2025, 3, 3, 23, 40, tzinfo=UTC)
    ).usage
    assert whole["bucket"].unique().sort().equals(inside["bucket"].unique().sort())


def test_minutes_add_up_to_about_the_hours() -> None:
    """A day of minutes costs what a day of hours costs, though most minutes lack some lines."""
    day: dict[str, Any] = {"start": "2025-03-03", "end": "2025-03-04"}
    minutes, hours = (fu.sample_usage(**day, every=every).usage for every in ("1m", "1h"))
    assert minutes["bucket"].n_unique() == 1440
    assert minutes["cost"].sum() == pytest.approx(hours["cost"].sum(), rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"every": "1w"}, "every is '1w'"),
        ({"start": "2025-03-03", "end": "2025-03-03"}, "start 2025-03-03 is not before end"),
        ({"start": "2025-03-04", "end": "2025-03-03"}, "start 2025-03-04 is not before end"),
        ({"start": datetime(2025, 3, 3)}, "no UTC offset"),
        ({"timezone": "Mars"}, "not an IANA time zone"),
    ],
)
def test_what_cannot_be_made_is_refused(arguments: dict[str, Any], said: str) -> None:
    """An empty range, or an unknown bucket or zone, is a QueryError."""
    with pytest.raises(fu.QueryError, match=said):
        fu.sample_usage(**arguments)


def test_its_repr_is_one_line() -> None:
    """A sample says how much it is, from when to when."""
    sample = fu.sample_usage(start="2025-03-03", end="2025-03-05", every="1d")
    rows = sample.usage.height
    assert f"Sample({rows} rows, 7 teams, 2025-03-03 00:00 to 2025-03-05 00:00 UTC)" == repr(sample)
