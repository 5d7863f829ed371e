"""What nothing is learned from, and what is known already."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from tests.forecasting.cost_tables import table

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
TEST_WEEK = [10.0] * 60 + [500.0] * 3 + [10.0] * 37


def test_an_excluded_range_is_as_if_it_had_been_usual() -> None:
    """Three days of a load test do not come again, in the forecast or in its bands."""
    usual = fu.forecast(table([10.0] * 100), horizon=14)
    wild = fu.forecast(table(TEST_WEEK), horizon=14)
    days = [(MONDAY + 60 * DAY, MONDAY + 63 * DAY)]

    got = fu.forecast(table(TEST_WEEK), horizon=14, exclude=days)

    assert_frame_equal(usual, got)
    assert wild["hi_95"].max() > 2 * usual["hi_95"].max()  # type: ignore[operator]


@pytest.mark.parametrize(
    "ranges",
    [
        [("2025-03-07", "2025-03-10")],
        [(date(2025, 3, 7), date(2025, 3, 9)), ("2025-03-09", "2025-03-10")],
        [("2025-03-07T12:00:00+00:00", "2025-03-09T01:00:00+00:00")],
        iter([("2025-03-07", "2025-03-10")]),
    ],
    ids=["dates", "two ranges", "parts of days", "an iterator"],
)
def test_ranges_are_given_as_everywhere(ranges: Any) -> None:
    """A date means midnight; a period that a range touches is excluded whole."""
    assert_frame_equal(
        fu.forecast(table([10.0] * 100), horizon=7),
        fu.forecast(table(TEST_WEEK), horizon=7, exclude=ranges),
    )


def test_the_spikes_that_anomalies_finds_are_excluded_in_one_word() -> None:
    """Of each series its own; a lasting step is learned from, although its days are unusual."""
    usual = [10.0 + (day * 5) % 3 for day in range(140)]
    spiky = [900.0 if day in (90, 91) else cost for day, cost in enumerate(usual)]
    stepped = [cost * (1 if day < 110 else 5) for day, cost in enumerate(usual)]
    usage = pl.concat([table(spiky, username="spiky"), table(stepped, username="stepped")])
    assert {"spiky", "stepped"} == set(fu.anomalies(usage, by="username")["username"])

    alone = usage.filter(username="spiky")
    stays = usage.filter(username="stepped")

    week = [("2025-04-06", "2025-04-08")]
    assert_frame_equal(
        fu.forecast(alone, horizon=7, exclude=week),
        fu.forecast(alone, horizon=7, exclude="anomalies"),
    )
    assert_frame_equal(
        fu.forecast(stays, horizon=7), fu.forecast(stays, horizon=7, exclude="anomalies")
    )


def test_excluded_days_count_as_spent(noisy: list[float]) -> None:
    """The month's total is what was spent; only what is to come is learned without them."""
    costs = list(noisy)
    costs[135] = 5_000.0
    spike = [("2025-05-21", "2025-05-22")]

    with_it = fu.month_outlook(table(costs), month="2025-05").row(0, named=True)
    without = fu.month_outlook(table(costs), month="2025-05", exclude=spike).row(0, named=True)

    assert with_it["spent"] == without["spent"] > 5_000
    assert without["projected"] - without["spent"] < 1.1 * 8 * max(noisy)


def test_known_costs_are_added_to_forecast_and_bands() -> None:
    """On their day, and to no other; costs after the horizon are for later."""
    usage = table([10.0 + n % 3 for n in range(84)])
    known = pl.DataFrame(
        {
            "period": [date(2025, 4, 2), date(2025, 8, 1)],
            "currency": ["USD", "USD"],
            "cost": [1_000.0, 7.0],
        }
    )

    plain = fu.forecast(usage, horizon=7)
    got = fu.forecast(usage, horizon=7, known=known)

    on_day = (
        pl.when(pl.col("period") == datetime(2025, 4, 2, tzinfo=UTC)).then(1_000.0).otherwise(0)
    )
    expected = plain.with_columns(pl.col("cost", "lo_80", "hi_80", "lo_95", "hi_95") + on_day)
    assert_frame_equal(expected, got)
    assert_frame_equal(got, fu.forecast(usage, horizon=7, known=known.lazy()))


def test_a_day_that_does_not_begin_at_midnight_has_its_known_cost() -> None:
    """In Cairo, 25 April 2025 began at one o'clock."""
    begins = datetime(2025, 1, 5, 22, tzinfo=UTC)
    usage = table([10.0] * 24 * 105, start=begins, length=timedelta(hours=1))
    known = pl.DataFrame({"period": [date(2025, 4, 25)], "currency": ["USD"], "cost": [1_000.0]})

    got = fu.forecast(usage, horizon=7, timezone="Africa/Cairo", known=known)

    assert [date(2025, 4, 25)] == got.filter(pl.col("cost") > 900)["period"].dt.date().to_list()


def test_parts_with_known_costs_sum_to_the_whole(noisy: list[float]) -> None:
    """Also of a team that has spent nothing yet, in a currency of its own."""
    usage = pl.concat([table(noisy, username="a"), table(noisy[::-1], username="b")])
    known = pl.DataFrame(
        {
            "period": [date(2025, 5, 27)] * 2,
            "username": ["b", "launch"],
            "currency": ["USD", "EUR"],
            "cost": [100.0, 50.0],
        }
    )

    with pytest.warns(fu.UnmatchedWarning, match="known has 1 that the table lacks.*'launch'"):
        parts = fu.forecast(usage, horizon=3, by="username", known=known)
    with pytest.warns(fu.UnmatchedWarning, match=r"'EUR' \(the table has 'USD'\)"):
        whole = fu.forecast(usage, horizon=3, known=known.drop("username"))

    assert {("a", "USD"), ("b", "USD"), ("launch", "EUR")} == set(
        parts.select("username", "currency").rows()
    )
    sums = parts.group_by("period", "currency").agg(pl.col("cost").sum())
    assert_frame_equal(
        whole.select("period", "currency", "cost"),
        sums.sort("period", "currency"),
        rel_tol=1e-9,
    )
    assert [50.0] == parts.filter(pl.col("cost") > 0, username="launch")["hi_95"].to_list()


def test_the_month_counts_known_costs_in_full() -> None:
    """Also those of the day that has begun, and those of a team without usage."""
    usage = table([10.0] * 49, start=datetime(2025, 3, 3, tzinfo=UTC), username="a")
    known = pl.DataFrame(
        {
            "period": [date(2025, 4, 25)] * 2,
            "username": ["a", "launch"],
            "currency": ["USD", "USD"],
            "cost": [100.0, 40.0],
        }
    )

    with pytest.warns(fu.UnmatchedWarning, match="'launch'"):
        got = fu.month_outlook(usage, by="username", known=known)

    assert {"a": 400.0, "launch": 40.0} == pytest.approx(
        dict(got.select("username", "projected").iter_rows())
    )
    balance = fu.Balance(
        username="acme",
        current_balance=120.0,
        currency="USD",
        read_at=datetime(2025, 4, 21, tzinfo=UTC),
    )
    sooner = fu.runway(usage, balance, known=known.filter(username="a").drop("username"))
    assert date(2025, 4, 25) == sooner.runs_out_on


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"exclude": "anomalie"}, fu.QueryError, "exclude is 'anomalie'.*'anomalies'"),
        ({"exclude": None}, fu.QueryError, "exclude is None; expected 'anomalies', or ranges"),
        ({"exclude": [("2025-01-01", "2026-01-01")]}, fu.QueryError, "leaves fewer than two"),
        ({"exclude": ["2025-03-07"]}, fu.QueryError, "expected ranges of a start and an end"),
        ({"exclude": [("2025-03-07", "2025-03-07")]}, fu.QueryError, "ends at its start"),
        ({"known": 3}, fu.QueryError, "known is 3; expected a frame of period, currency, cost"),
        (
            {"known": pl.DataFrame({"currency": ["USD"], "cost": [1.0]})},
            fu.MissingColumnError,
            "period",
        ),
        (
            {"known": pl.DataFrame({"period": ["x"], "currency": ["USD"], "cost": [1.0]})},
            fu.QueryError,
            "expected Date, or Datetime with a time zone",
        ),
        (
            {
                "known": pl.DataFrame(
                    {"period": [date(2025, 1, 7)], "currency": ["USD"], "cost": [1.0]}
                )
            },
            fu.QueryError,
            "known has a cost at 2025-01-07.*from 2025-04-16",
        ),
        (
            {
                "known": pl.DataFrame(
                    {"period": [None], "currency": ["USD"], "cost": [1.0]},
                    schema_overrides={"period": pl.Date},
                )
            },
            fu.QueryError,
            "known has a cost of 1.0 without a period",
        ),
        (
            {
                "known": pl.DataFrame(
                    {"period": [date(2025, 5, 7)], "currency": ["USD"], "cost": [-1.0]}
                )
            },
            fu.QueryError,
            "expected a number from 0",
        ),
    ],
)
def test_what_cannot_be_excluded_or_known_is_rejected(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """With what was expected."""
    with warnings.catch_warnings(), pytest.raises(error, match=message):
        fu.forecast(table([10.0] * 100), horizon=7, **arguments)
