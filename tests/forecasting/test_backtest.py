"""The track record in a frame: the choice can be made again from it."""

from __future__ import annotations

import polars as pl
import pytest

import falusage as fu
from falusage.forecasting._candidates import MODELS
from tests.forecasting.cost_tables import table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(noisy: list[float]) -> pl.DataFrame:
    """What each candidate did on a noisy series and on a silent one."""
    usage = pl.concat([table(noisy[:91], username="a"), table([0.0] * 91, username="silent")])
    return fu.backtest(usage, horizon=7, by="username", levels=(80, 95))


def test_every_candidate_is_listed_with_the_average_first(told: pl.DataFrame) -> None:
    """A series without cost has nothing to tell."""
    assert list(MODELS) == told["model"].to_list()
    assert {("a", "USD", 20, 7)} == set(
        told.select("username", "currency", "windows", "ahead").rows()
    )


def test_the_average_is_chosen_and_weighted_by_the_figures(told: pl.DataFrame) -> None:
    """Shares sum to one; the smaller the error of periods and totals, the larger the share."""
    alone = told.drop_nulls("weight").sort(pl.col("error") + pl.col("total_error"))

    assert ["average"] == told.filter("chosen")["model"].to_list()
    assert {"level", "smoothing", "theta", "trend"} == set(alone["model"])
    assert 1 == pytest.approx(alone["weight"].sum())
    assert alone["weight"].is_sorted(descending=True)
    assert alone["weight"][0] > alone["weight"][-1]
    assert (told["total_error"] <= told["error"]).all()
    assert (told["bias"].abs() <= told["total_error"] + 1e-9).all()


def test_it_is_the_model_that_the_forecast_takes(noisy: list[float], told: pl.DataFrame) -> None:
    """Of the same series, at the same horizon."""
    ahead = fu.forecast(table(noisy[:91]), horizon=7)

    assert told.filter("chosen")["model"].to_list() == ahead["model"].unique().to_list()


def test_a_new_team_gets_the_same_model_in_both(noisy: list[float]) -> None:
    """A week is too short to tell models apart: it gets the median level."""
    usage = pl.concat(
        [table(noisy, username="old"), table([0.0] * 133 + noisy[:7], username="new")]
    )

    told = fu.backtest(usage, horizon=7, by="username").filter("chosen", username="new")
    with pytest.warns(fu.ShortHistoryWarning):
        ahead = fu.forecast(usage, horizon=7, by="username").filter(username="new")

    assert ["level"] == told["model"].to_list() == ahead["model"].unique().to_list()


def test_the_measured_coverage_is_near_what_the_bands_say(told: pl.DataFrame) -> None:
    """On noise without surprises, for the models that know its week."""
    seasonal = told.filter(~pl.col("model").is_in(["drift"]))
    assert seasonal["coverage_80"].is_between(0.7, 0.95).all()
    assert seasonal["coverage_95"].is_between(0.88, 1).all()


def test_a_short_history_has_no_coverage_to_tell_of() -> None:
    """There are no three windows apart from each other."""
    told = fu.backtest(table([5.0, 6.0, 4.0, 5.0] * 4), horizon=30, levels=[80])

    assert {5} == set(told["ahead"])
    assert told["coverage_80"].null_count() == told.height


def test_the_frame_is_there_when_it_has_no_rows() -> None:
    """With its columns, as lazy as it was asked."""
    usage = table([0.0] * 40).lazy()

    told = fu.backtest(usage, horizon=3, levels=[90])

    assert isinstance(told, pl.LazyFrame)
    assert ["currency", "model", "windows", "ahead", "error", "total_error", "bias", "weight",
            "chosen", "coverage_90"] == told.collect().columns  # fmt: skip
    assert 0 == told.collect().height
