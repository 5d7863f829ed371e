"""Where the month will end: the sums, the chances, and what counts as spent."""

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
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def months(noisy: list[float]) -> pl.DataFrame:
    """Two teams and a second currency, from Monday, 3 March, to Sunday, 20 July."""
    return pl.concat(
        [
            table(noisy, start=MONDAY, username="ads"),
            table([2 * cost for cost in noisy], start=MONDAY, username="labs"),
            table(noisy, start=MONDAY, username="ads", currency="EUR"),
        ]
    )


def budgets_of(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Make a frame of budgets."""
    return pl.DataFrame(rows, schema=["username", "currency", "budget"], orient="row")


def test_the_parts_of_a_currency_sum_to_its_whole(months: pl.DataFrame) -> None:
    """What is spent and what is projected, to 1e-9."""
    parts = fu.month_outlook(months, by="username").group_by("currency")
    whole = fu.month_outlook(months)

    assert_frame_equal(
        whole.select("currency", "spent", "projected"),
        parts.agg(pl.col("spent", "projected").sum()).sort("currency"),
        rel_tol=1e-9,
    )
    assert {("2025-07", datetime(2025, 7, 21, tzinfo=UTC))} == set(
        whole.select("month", "as_of").rows()
    )


def test_the_projection_is_the_spend_and_the_forecast(months: pl.DataFrame) -> None:
    """Eleven days of July are to come."""
    row = fu.month_outlook(months).row(by_predicate=pl.col("currency") == "USD", named=True)
    ahead = fu.forecast(months, horizon=11).filter(currency="USD")
    july = months.filter(pl.col("bucket") >= datetime(2025, 7, 1, tzinfo=UTC), currency="USD")

    assert july["cost"].sum() == pytest.approx(row["spent"])
    assert row["spent"] + ahead["cost"].sum() == pytest.approx(row["projected"])
    assert row["spent"] < row["lo_95"] < row["lo_80"] < row["projected"]
    assert row["projected"] < row["hi_80"] < row["hi_95"] < row["spent"] + ahead["hi_95"].sum()
    assert ahead["model"][0] == row["model"]


def test_a_month_that_is_over_is_what_was_spent(months: pl.DataFrame) -> None:
    """Without bands, and without a model."""
    row = fu.month_outlook(months, month="2025-06").row(1, named=True)

    assert row["model"] is None
    assert 1 == len({row[name] for name in ("spent", "projected", "lo_95", "hi_80")})
    assert row["spent"] > 0


def test_a_month_to_come_has_nothing_spent(months: pl.DataFrame) -> None:
    """Its days alone are counted, not those until it begins."""
    row = fu.month_outlook(months, month="2025-08").row(1, named=True)

    assert 0.0 == row["spent"]
    assert row["projected"] == pytest.approx(31 / 7 * 3 * 61, rel=0.1)


def test_budgets_have_chances_and_a_day(months: pl.DataFrame) -> None:
    """Spent already, likely; of a name that nobody has, none; a team without a budget is listed."""
    kept = budgets_of(("ads", "USD", 100.0), ("labs", "USD", 500.0), ("Labs", "USD", 5.0))

    with pytest.warns(fu.UnmatchedWarning, match=r"'Labs', 'USD' \(the closest is 'labs', 'USD'\)"):
        found = fu.month_outlook(months, by="username", budgets=kept)

    said = {row["username"] + row["currency"]: row for row in found.iter_rows(named=True)}
    assert {"adsEUR", "adsUSD", "labsUSD", "LabsUSD"} == set(said)
    assert (None, None) == (said["adsEUR"]["budget"], said["adsEUR"]["chance_over"])
    assert (None, "at risk") == (said["adsEUR"]["status"], said["labsUSD"]["status"])
    assert 1.0 == said["adsUSD"]["chance_over"]
    assert date(2025, 7, 1) <= said["adsUSD"]["runs_out_on"] < date(2025, 7, 20)
    assert said["labsUSD"]["chance_over"] > 0.95
    assert date(2025, 7, 21) <= said["labsUSD"]["runs_out_on"] <= date(2025, 7, 31)
    assert (0.0, None, None, 5.0, None, None, "unmatched") == tuple(
        said["LabsUSD"][name]
        for name in (
            *("spent", "projected", "hi_95", "remaining", "chance_over", "runs_out_on", "status"),
        )
    )


def test_the_chance_falls_as_the_budget_grows(months: pl.DataFrame) -> None:
    """It is a half near the projection, and agrees with the bands."""
    ads = months.filter(username="ads", currency="USD")
    row = fu.month_outlook(ads).row(0, named=True)

    def chance(budget: float) -> float:
        kept = pl.DataFrame({"currency": ["USD"], "budget": [budget]})
        return fu.month_outlook(ads, budgets=kept)["chance_over"].item()

    chances = [chance(row[name]) for name in ("lo_95", "lo_80", "projected", "hi_80", "hi_95")]
    assert [0.975, 0.9, 0.5, 0.1, 0.025] == pytest.approx(chances, abs=0.06)


def test_spend_and_budget_are_those_of_budget_status(months: pl.DataFrame) -> None:
    """The same question, with another way to look ahead."""
    kept = budgets_of(("ads", "USD", 90.0), ("labs", "USD", 500.0), ("ads", "EUR", 1e6))
    asked: dict[str, Any] = {"by": "username", "month": "2025-07", "as_of": "2025-07-17"}

    ours = fu.month_outlook(months, budgets=kept, **asked)
    theirs = fu.budget_status(months, kept, **asked)

    columns = ["username", "currency", "budget", "spent", "remaining"]
    assert_frame_equal(theirs.select(columns), ours.select(columns))
    assert ["ok", "over"] == ours.filter(username="ads").sort("currency")["status"].to_list()
    over = (pl.col("username") == "ads") & (pl.col("currency") == "USD")
    assert theirs.filter(over)["runs_out_on"].item() == ours.filter(over)["runs_out_on"].item()


def test_the_rest_of_a_day_is_what_such_days_have_left() -> None:
    """Who spends in the morning has spent the day's money at noon."""
    day = [24.0] * 6 + [0.0] * 18
    usage = table(day * 60, start=datetime(2025, 3, 1, tzinfo=UTC), length=timedelta(hours=1))
    asked: dict[str, Any] = {"month": "2025-04"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.IncompletePeriodWarning)
        at = {
            hour: fu.month_outlook(usage, as_of=f"2025-04-20T{hour:02}:00:00Z", **asked)[
                "projected"
            ]
            for hour in (0, 3, 6, 12, 23)
        }

    assert [30 * 144.0] * 5 == pytest.approx([float(each[0]) for each in at.values()])


def test_an_open_bucket_counts_with_the_rest_of_its_day() -> None:
    """By the clock, where no shorter bucket says more."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    usage = table([100.0] * 40 + [30.0], start=today - 40 * DAY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.IncompletePeriodWarning)
        row = fu.month_outlook(usage).row(0, named=True)

    first = today.replace(day=1)
    left = ((first + 32 * DAY).replace(day=1) - now) / DAY
    assert 100 * (today - first).days + 30 == pytest.approx(row["spent"])
    assert row["spent"] + 100 * left == pytest.approx(row["projected"], rel=0.01)


def test_days_that_the_table_does_not_reach_are_to_come(months: pl.DataFrame) -> None:
    """An `as_of` after the table's end does not make them free, but a range that is known does."""
    usage = months.filter(pl.col("bucket") < datetime(2025, 7, 11, tzinfo=UTC))

    with pytest.warns(fu.IncompletePeriodWarning, match="is forecast, not taken as free"):
        later = fu.month_outlook(usage, as_of="2025-07-20")

    assert_frame_equal(fu.month_outlook(usage), later)
    assert {datetime(2025, 7, 11, tzinfo=UTC)} == set(later["as_of"])
    free = fu.month_outlook(usage, as_of="2025-07-20", end="2025-07-20")
    assert {datetime(2025, 7, 20, tzinfo=UTC)} == set(free["as_of"])
    assert free["spent"].equals(later["spent"])
    assert (free["projected"] < later["projected"]).all()


def test_a_month_too_far_ahead_is_refused(months: pl.DataFrame) -> None:
    """As a horizon of more periods is."""
    with pytest.raises(fu.QueryError, match="expected one of the next 5,000 days"):
        fu.month_outlook(months, month="2045-01")


def test_an_as_of_within_a_bucket_is_refused(months: pl.DataFrame) -> None:
    """No arithmetic says how much of it was spent by then."""
    with pytest.raises(fu.AlignmentError, match="is cut by the range"):
        fu.month_outlook(months, as_of="2025-07-17T12:00:00Z")


def test_what_cannot_be_asked_is_refused(months: pl.DataFrame) -> None:
    """In words."""
    with pytest.raises(fu.QueryError, match="month is '2025-13'"):
        fu.month_outlook(months, month="2025-13")
    kept = budgets_of(("ads", "USD", 1.0)).with_columns(username=pl.lit(None, pl.String))
    with pytest.raises(fu.QueryError, match="a budget has no username"):
        fu.month_outlook(months, by="username", budgets=kept)
    kept = budgets_of(("ads", "USD", 1.0))
    with pytest.raises(
        fu.QueryError, match="budgets has the column 'username', which is not in by"
    ):
        fu.month_outlook(months, budgets=kept)
    with pytest.raises(fu.QueryError, match="which the result names itself"):
        fu.month_outlook(months.rename({"username": "spent"}), by="spent")
    with pytest.raises(fu.ShortHistoryError, match="10 days of history"):
        fu.month_outlook(table([1.0] * 10))


def test_a_lazy_table_gives_a_lazy_frame(months: pl.DataFrame) -> None:
    """With the same in it."""
    lazy = fu.month_outlook(months.lazy(), month="2025-06")

    assert isinstance(lazy, pl.LazyFrame)
    assert_frame_equal(fu.month_outlook(months, month="2025-06"), lazy.collect())


def test_a_month_before_the_table_is_refused_and_one_in_part_is_said() -> None:
    """Nothing spent and nothing known look alike in a sum."""
    days = [datetime(2025, 3, 20, tzinfo=UTC) + timedelta(days=at) for at in range(60)]
    usage = pl.DataFrame(
        {
            "bucket": days,
            "bucket_end": [day + timedelta(days=1) for day in days],
            "cost": 10.0,
            "currency": "USD",
        }
    )
    with pytest.raises(fu.QueryError, match=r"begins at 2025-03-20.* nothing of a month"):
        fu.month_outlook(usage, month="2025-02")
    with pytest.warns(fu.IncompletePeriodWarning, match="what was spent before is not in the sums"):
        march = fu.month_outlook(usage, month="2025-03")
    assert [120.0] == march["spent"].to_list()
    assert [300.0] == fu.month_outlook(usage, month="2025-04")["spent"].to_list()
