"""What `forecast` promises: coherent, never below zero, the same each time, and honest."""

from __future__ import annotations

import math
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from tests.forecasting.cost_tables import table

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
WEEK = [10.0, 11.0, 12.0, 11.0, 10.0, 4.0, 3.0]


@pytest.fixture(scope="module")
def by_team(teams: pl.DataFrame) -> pl.DataFrame:
    """Three weeks ahead of every team."""
    with pytest.warns(fu.ShortHistoryWarning, match="launched/USD has 7 periods"):
        return fu.forecast(teams, horizon=21, by="username")


@pytest.fixture(scope="module")
def whole(teams: pl.DataFrame) -> pl.DataFrame:
    """Three weeks ahead of the organization."""
    return fu.forecast(teams, horizon=21)


def summed(parts: pl.DataFrame) -> pl.DataFrame:
    """Add up the parts of each period and currency."""
    keys = ("period", "currency")
    return parts.group_by(keys).agg(pl.col("cost").sum()).sort(keys)


def test_teams_sum_to_the_organization(by_team: pl.DataFrame, whole: pl.DataFrame) -> None:
    """To 1e-9, per currency and period, with different models among them."""
    expected = whole.select("period", "currency", "cost")

    assert_frame_equal(expected, summed(by_team), rel_tol=1e-9, abs_tol=1e-9)
    assert by_team["model"].n_unique() > 1


def test_another_cut_sums_to_the_same(teams: pl.DataFrame, whole: pl.DataFrame) -> None:
    """The whole does not depend on how it is cut, and by currency alone it is the whole."""
    halves = teams.with_columns(half=pl.col("username") < "l")

    parts = fu.forecast(halves, horizon=21, by="half", model="theta")
    alone = fu.forecast(teams, horizon=21, by="currency", model="theta")

    expected = alone.select("period", "currency", "cost")
    assert_frame_equal(expected, summed(parts), rel_tol=1e-9, abs_tol=1e-9)
    assert_frame_equal(fu.forecast(teams, horizon=21, model="theta"), alone.select(whole.columns))


def test_the_frame_is_the_designs(teams: pl.DataFrame, by_team: pl.DataFrame) -> None:
    """Columns, dtypes and order; a team without a name and one that is silent are there."""
    bands = {name: pl.Float64() for name in ("lo_80", "hi_80", "lo_95", "hi_95")}
    assert {
        "period": pl.Datetime("us", "UTC"),
        "username": pl.String(),
        "currency": pl.String(),
        "model": pl.String(),
        "cost": pl.Float64(),
        **bands,
    } == dict(by_team.schema)
    assert 21 * 7 == by_team.height
    assert_frame_equal(by_team, by_team.sort("period", "username", "currency"))
    assert [MONDAY + 140 * DAY + n * DAY for n in range(21)] == (
        by_team["period"].unique().sort().to_list()
    )
    assert {None, "steady", "growing", "launched", "retired", "silent"} == set(by_team["username"])


def test_nothing_is_below_zero_and_bands_are_nested(by_team: pl.DataFrame) -> None:
    """For teams of every kind."""
    inside = (
        (pl.col("lo_95") >= 0)
        & (pl.col("lo_95") <= pl.col("lo_80"))
        & (pl.col("lo_80") <= pl.col("cost"))
        & (pl.col("cost") <= pl.col("hi_80"))
        & (pl.col("hi_80") <= pl.col("hi_95"))
    )
    assert by_team.select(inside.all()).item()
    rare = fu.forecast(table([50.0 if day % 12 == 5 else 0.0 for day in range(140)]), horizon=14)
    assert rare.select(inside.all()).item()


def test_each_kind_of_team_is_forecast_as_one_would(by_team: pl.DataFrame) -> None:
    """The retired spends nothing, the launched goes on, the silent stays silent."""
    months = {
        (row[0], row[1]): row[2]
        for row in by_team.group_by("username", "currency").agg(pl.col("cost").sum()).iter_rows()
    }

    assert 0.0 == months["silent", "EUR"]
    assert months["retired", "USD"] < 10
    assert 0.6 < months["launched", "USD"] / (3 * sum(WEEK)) < 1.4
    assert 0.8 < months["steady", "EUR"] / (3 * sum(WEEK)) < 1.2
    assert months["growing", "USD"] > 2 * months["steady", "USD"]


def test_paths_of_teams_sum_to_those_of_the_organization(
    teams: pl.DataFrame, by_team: pl.DataFrame
) -> None:
    """So no band of a team reaches beyond that of its organization."""
    whole = fu.forecast(teams, horizon=21)
    both = by_team.join(whole, on=["period", "currency"], suffix="_whole")

    for level in (80, 95):
        over = pl.col(f"hi_{level}") - pl.col(f"hi_{level}_whole")
        assert both.select(over.max()).item() <= 1e-9


def test_the_same_table_gives_the_same_answer(teams: pl.DataFrame, whole: pl.DataFrame) -> None:
    """To the last bit, in whatever order the rows come, and as lazy as it was asked."""
    shuffled = teams.sample(fraction=1, shuffle=True, seed=4)

    assert_frame_equal(whole, fu.forecast(shuffled, horizon=21), check_exact=True)
    lazy = fu.forecast(teams.lazy(), horizon=21)
    assert isinstance(lazy, pl.LazyFrame)
    assert_frame_equal(whole, lazy.collect(), check_exact=True)


def test_a_gap_is_a_zero(noisy: list[float]) -> None:
    """Days without rows are days without cost, which statsforecast would close up."""
    gappy = [0.0 if day % 7 in (5, 6) else cost for day, cost in enumerate(noisy)]
    usage = table(gappy)

    ahead = fu.forecast(usage.filter(pl.col("cost") > 0), horizon=10)

    # The last whole day is the last with a row: Friday the 138th.
    assert MONDAY + 138 * DAY == ahead["period"][0]
    weekend = ahead.filter(pl.col("period").dt.weekday() > 5)["cost"]
    assert weekend.max() < 0.05 * ahead["cost"].max()


def test_an_incomplete_last_period_is_forecast_and_said_so(noisy: list[float]) -> None:
    """Nine hours of a day are not a cheap day."""
    hours = [cost / 24 for cost in noisy[:28] for _ in range(24)][: 27 * 24 + 9]
    usage = table(hours, length=timedelta(hours=1))

    with pytest.warns(fu.IncompletePeriodWarning, match="ends at 2025-02-02T00:00:00"):
        ahead = fu.forecast(usage, horizon=3, model="level")

    assert MONDAY + 27 * DAY == ahead["period"][0]
    assert_frame_equal(ahead, fu.forecast(table(noisy[:27]), horizon=3, model="level"))


def test_what_is_not_settled_is_not_learned_from(noisy: list[float]) -> None:
    """A store's column says it; null is not settled."""
    wild = [*noisy[:67], 9999.0, 9999.0, 9999.0]
    settled: list[bool | None] = [True] * 67 + [None, False, True]
    usage = table(wild).with_columns(settled=pl.Series(settled))

    with pytest.warns(fu.IncompletePeriodWarning):
        ahead = fu.forecast(usage, horizon=5, model="level")

    assert_frame_equal(fu.forecast(table(wild[:67]), horizon=5, model="level"), ahead)


def test_a_bucket_that_has_not_ended_is_open(noisy: list[float]) -> None:
    """By the clock, or by `as_of`: the present day's bucket holds a part of it only."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    usage = table([*noisy[:42], 0.01], start=today - 42 * DAY)

    with pytest.warns(fu.IncompletePeriodWarning):
        ahead = fu.forecast(usage, horizon=3, model="level")

    assert today == ahead["period"][0]
    assert ahead["cost"][0] > 1
    earlier = fu.forecast(usage, horizon=3, model="level", as_of=today - 3 * DAY)
    assert today - 3 * DAY == earlier["period"][0]


def test_a_range_that_ends_after_its_last_row_ends_in_zeros(noisy: list[float]) -> None:
    """As rows of nothing say it, for the series that stopped as for the whole."""
    stopped = [*noisy[:60], *(10 * [0.0])]
    rows, end = table(stopped[:60]), MONDAY + 70 * DAY

    expected = fu.forecast(table(stopped), horizon=5)
    assert_frame_equal(expected, fu.forecast(rows, horizon=5, end=end))
    assert_frame_equal(expected, fu.forecast(rows, horizon=5, as_of=end, end=end))
    assert_frame_equal(
        fu.backtest(table(stopped), horizon=5), fu.backtest(rows, horizon=5, end=end)
    )
    for earlier in (MONDAY, "2025-01-07"):
        assert_frame_equal(fu.forecast(rows, horizon=5), fu.forecast(rows, horizon=5, end=earlier))
    with pytest.warns(fu.IncompletePeriodWarning, match=r"or end='2025-03-17T00:00:00"):
        fu.forecast(rows, horizon=5, as_of=end)


def test_periods_of_other_lengths_are_compared_by_rate() -> None:
    """Ten a day are 310 in a month of 31 days, and 230 in a day of 23 hours at ten an hour."""
    usage = table([10.0] * 760, start=datetime(2023, 1, 1, tzinfo=UTC))
    with pytest.warns(fu.FalUsageWarning):
        months = fu.forecast(usage, horizon=3, every="1mo")
    assert [datetime(2025, m, 1, tzinfo=UTC) for m in (1, 2, 3)] == months["period"].to_list()
    assert [310.0, 280.0, 310.0] == pytest.approx(months["cost"].to_list())

    zone = "America/New_York"
    hourly = table(
        [10.0] * 24 * 45, start=datetime(2025, 1, 25, 5, tzinfo=UTC), length=timedelta(hours=1)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.IncompletePeriodWarning)
        days = fu.forecast(hourly, horizon=30, timezone=zone, as_of="2025-03-08")
    of_day = dict(zip(days["period"].dt.date().cast(pl.String), days["cost"], strict=True))
    assert 230.0 == pytest.approx(of_day["2025-03-09"])
    assert 240.0 == pytest.approx(of_day["2025-03-10"])


@pytest.mark.parametrize(
    ("every", "length", "count"),
    [("1h", timedelta(hours=1), 24 * 15), ("1w", DAY, 7 * 30), ("1q", DAY, 900), ("1y", DAY, 1200)],
)
def test_other_grains(every: Any, length: timedelta, count: int) -> None:
    """Each has a forecast of as many periods as were asked for, one after the other."""
    usage = table(
        [5.0 + (n % 7) for n in range(count)], length=length, start=datetime(2020, 1, 6, tzinfo=UTC)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.FalUsageWarning)
        ahead = fu.forecast(usage, horizon=4, every=every, model="level")

    assert 4 == ahead["period"].n_unique()
    assert ahead["cost"].is_between(1, 10_000).all()


def test_a_short_history_is_guessed_wider_and_said_so() -> None:
    """Twenty days are a fallback with a warning, not an exception; no band is without width."""
    with pytest.warns(fu.ShortHistoryWarning, match="coverage of the bands is a guess"):
        ahead = fu.forecast(table((WEEK * 3)[:20]), horizon=30)

    assert ahead.select((pl.col("hi_80") - pl.col("lo_80") > 0.2 * pl.col("cost")).all()).item()


def test_under_two_weeks_says_what_it_needs() -> None:
    """As an error of its own, which carries how much there is."""
    with pytest.raises(
        fu.ShortHistoryError, match="needs at least two weeks and two periods"
    ) as raised:
        fu.forecast(table(WEEK * 2).head(13), horizon=3)
    assert 13 == raised.value.periods
    with pytest.raises(fu.ShortHistoryError, match="0 whole, settled periods"):
        fu.forecast(table([1.0]).clear(), horizon=3)
    with pytest.raises(fu.ShortHistoryError, match="1 whole, settled periods of '1mo'"):
        fu.forecast(
            table([1.0] * 60, start=datetime(2025, 1, 5, tzinfo=UTC)), horizon=1, every="1mo"
        )


@pytest.mark.parametrize(
    "model", ["average", "level", "smoothing", "theta", "trend", "seasonal_naive", "drift"]
)
def test_a_model_can_be_named(noisy: list[float], model: str) -> None:
    """It is the one in the column."""
    ahead = fu.forecast(table(noisy[:70]), horizon=7, model=model, levels=[50, 97.5])

    assert {model} == set(ahead["model"])
    assert ["lo_50", "hi_50", "lo_97.5", "hi_97.5"] == ahead.columns[-4:]
    assert all(math.isfinite(cost) for cost in ahead["cost"])


def test_one_day_of_history_is_forecast_from_its_team_alone(noisy: list[float]) -> None:
    """A team launched yesterday has no track record, and bands that say so."""
    usage = pl.concat([table(noisy, username="a"), table([0.0] * 139 + [10.0], username="b")])

    with pytest.warns(fu.ShortHistoryWarning, match="b/USD has 1 periods"):
        ahead = fu.forecast(usage, horizon=2, by="username").filter(username="b")

    assert (ahead["hi_80"] > 1.4 * ahead["cost"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, "horizon is 0"),
        ({"horizon": True}, "horizon is True"),
        ({"horizon": 3, "model": "arima"}, "model is 'arima'; expected one of auto, average"),
        ({"horizon": 3, "levels": (80, 100)}, "levels has 100"),
        ({"horizon": 3, "levels": (80, 80)}, "name each once"),
        ({"horizon": 3, "every": "1m"}, "every is '1m'"),
        ({"horizon": 3, "by": "model"}, "which the result names itself"),
        ({"horizon": 3, "timezone": "Mars"}, "not an IANA time zone"),
        ({"horizon": 3, "as_of": datetime(2025, 1, 1)}, "has no UTC offset"),
        ({"horizon": 3, "end": datetime(2025, 1, 1)}, "end .* has no UTC offset"),
        ({"horizon": 3, "levels": None}, "levels is None"),
        ({"horizon": 3, "levels": "80"}, "levels is '80'"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: dict[str, Any], message: str) -> None:
    """In words, before anything is fitted."""
    usage = table(WEEK * 4).with_columns(model=pl.lit("flux"))
    with pytest.raises(fu.QueryError, match=message):
        fu.forecast(usage, **arguments)


def test_a_missing_column_is_named() -> None:
    """With the near one."""
    with pytest.raises(fu.MissingColumnError, match="no column 'user'"):
        fu.forecast(table(WEEK * 4, username="a"), horizon=3, by="user")
    with pytest.raises(fu.MissingColumnError, match="no column 'bucket_end'"):
        fu.forecast(table(WEEK * 4).drop("bucket_end"), horizon=3)


@pytest.mark.slow
def test_the_bands_hold_on_what_they_have_not_seen() -> None:
    """On the sample's teams, from four earlier days: near 80 and 95 of a hundred days."""
    usage = fu.sample_usage(start="2024-06-01", end="2025-06-01", every="1d").usage
    truth = fu.trend(usage, by="username").select("period", "username", "currency", actual="cost")
    held: list[tuple[float, float]] = []
    for as_of in ("2025-02-01", "2025-04-03"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fu.IncompletePeriodWarning)
            ahead = fu.forecast(usage, horizon=14, by="username", as_of=as_of)
        both = ahead.join(truth, on=["period", "username", "currency"])
        held.append(
            both.select(
                pl.col("actual").is_between("lo_80", "hi_80").mean(),
                in_95=pl.col("actual").is_between("lo_95", "hi_95").mean(),
            ).row(0)
        )
    in_80, in_95 = (sum(part) / len(held) for part in zip(*held, strict=True))
    assert 0.70 < in_80 < 0.92
    assert in_95 > 0.89
