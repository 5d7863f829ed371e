"""Each model alone: what it repeats, what it never does, and when it is no candidate."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from falusage.errors import MissingExtraError, QueryError
from falusage.forecasting._candidates import MODELS, all_forecasts, forecasters
from falusage.forecasting._past import Floats, Past, seasonal_pattern
from falusage.forecasting._rhythms import RHYTHMS, Rhythm
from falusage.forecasting._spikes import without_spikes

DAYS = RHYTHMS["1d"]
WEEK = np.array([10.0, 11.0, 12.0, 11.0, 10.0, 4.0, 3.0])
SEASONAL = ("level", "smoothing", "theta", "trend", "seasonal_naive")
LEVELS = ("level", "smoothing", "theta")


def ahead_of(name: str, history: Floats, horizon: int) -> Floats:
    """Return the forecast of one model of days."""
    return forecasters(DAYS)[name](Past.from_history(history, DAYS), horizon)


@pytest.mark.slow
def test_every_model_but_the_average_is_a_function() -> None:
    """The average needs a record; `MODELS` names it first, and all the others."""
    models = forecasters(DAYS)
    found = all_forecasts(np.tile(WEEK, 8), 3, DAYS, models)

    assert ["average", *models] == list(MODELS)
    assert set(models) == set(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEASONAL)
def test_a_rhythm_without_noise_goes_on(name: str) -> None:
    """Eight equal weeks are followed by a ninth, begun on the right day."""
    history = np.tile(WEEK, 8)[:-2]

    ahead = ahead_of(name, history, 9)

    assert np.tile(WEEK, 2)[5:14] == pytest.approx(ahead, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SEASONAL, "drift"])
def test_twice_the_cost_is_twice_the_forecast(name: str) -> None:
    """No model knows how large a unit of the currency is."""
    history = np.tile(WEEK, 8) * np.random.default_rng(1).normal(1, 0.1, 56)

    ahead = 2e-9 * ahead_of(name, history, 7)

    assert ahead == pytest.approx(ahead_of(name, 2e-9 * history, 7), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SEASONAL, "drift"])
def test_nothing_is_below_zero(name: str) -> None:
    """A series that falls to nothing stays there."""
    history = np.maximum(np.linspace(100, -60, 80), 0)

    assert (ahead_of(name, history, 40) >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("day", [-30, -3, -1])
def test_one_odd_day_moves_no_level(name: str, day: int) -> None:
    """Fifty-six days at 10 but for one at 10,000, even the last."""
    history = np.full(56, 10.0)
    history[day] = 10_000

    assert 10 == pytest.approx(ahead_of(name, history, 2)[0], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
def test_two_odd_days_are_news(name: str) -> None:
    """The smoothed levels follow a step from its second day; the median does after a week."""
    history = np.append(np.full(54, 10.0), [100.0, 100.0])

    assert (ahead_of(name, history, 1)[0] > 20) == (name != "level")


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
def test_of_what_comes_now_and_then_the_mean_is_expected(name: str) -> None:
    """A median of mostly nothing would leave a month empty."""
    history = np.tile([0.0] * 6 + [60.0] + [0.0] * 5, 8)

    assert 5.0 == pytest.approx(ahead_of(name, history, 30).mean(), rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smoothing", "theta", "trend"])
def test_skewed_noise_leaves_the_mean(name: str) -> None:
    """Days that are mostly low and sometimes high: a month's total is the sum of means."""
    means: list[float] = []
    for seed in range(20):
        history = np.random.default_rng(seed).lognormal(0, 0.7, 182)
        means.append(ahead_of(name, history, 30).mean())

    assert np.exp(0.7**2 / 2) == pytest.approx(np.mean(means), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
def test_how_a_fit_begins_does_not_count(name: str) -> None:
    """Theta's first fitted values are far off; a month's spend must not be raised by them."""
    history = np.where(np.arange(35) % 30 == 29, 8.0, 1.0) * np.linspace(0.9, 1.1, 35)

    assert ahead_of(name, history, 7).max() < 2


@pytest.mark.slow
def test_a_step_is_no_trend() -> None:
    """Only one half of the history rises; where both do, the line goes on."""
    step = np.repeat([10.0, 100.0], [40, 30])
    growth = 10 * 1.02 ** np.arange(70.0)

    assert 100 == pytest.approx(ahead_of("trend", step, 30)[-1], rel=0.05)
    assert growth[-1] * 1.02**20 == pytest.approx(ahead_of("trend", growth, 20)[-1], rel=0.1)


@pytest.mark.slow
def test_a_silence_longer_than_any_before_is_the_end() -> None:
    """A retired team is not forecast back into service."""
    history = np.append(np.tile([10.0, 0.0, 12.0], 20), np.zeros(9))

    assert [0.0] * 5 == ahead_of("level", history, 5).tolist()


@pytest.mark.slow
def test_no_trend_is_followed_longer_than_it_was_seen() -> None:
    """Thirty days that doubled show ten more; after that the level stays."""
    history = 10 * 2 ** (np.arange(30) / 30)

    ahead = ahead_of("trend", history, 90)

    assert 10 * 2 ** (39 / 30) == pytest.approx(ahead[9], rel=0.05)
    assert (ahead[9:] == ahead[9]).all()


def test_a_pattern_of_noise_is_none() -> None:
    """Eight weeks of noise have means by weekday that differ, but by no more than noise does."""
    noise = np.random.default_rng(1).normal(1, 0.2, 56)
    raw = noise.reshape(8, 7).mean(axis=0)

    assert np.ptp(raw) > 3 * np.ptp(seasonal_pattern(noise, 7))
    assert np.tile(WEEK, 8)[:7] / WEEK.mean() == pytest.approx(
        seasonal_pattern(np.tile(WEEK, 8), 7), rel=1e-9
    )


def test_growth_is_no_pattern() -> None:
    """Four years that grow by 3 % a month have no dear December."""
    assert np.ptp(seasonal_pattern(1.03 ** np.arange(48.0), 12)) < 0.01


def test_single_spikes_are_no_news_and_what_comes_and_goes_is() -> None:
    """One odd day of fifty is replaced; ten of fifty are not, and neither are two together."""
    logs = np.zeros(50)
    one, pair, many = logs.copy(), logs.copy(), logs.copy()
    one[20] = pair[20] = pair[21] = 3.0
    many[::5] = 3.0

    assert (without_spikes(one) == 0).all()
    assert (without_spikes(pair) == pair).all()
    assert (without_spikes(many) == many).all()
    assert (without_spikes(one[:13]) == one[:13]).all()


@pytest.mark.slow
def test_a_model_without_enough_history_is_no_candidate() -> None:
    """It gives not-a-number instead of a guess or an exception."""
    models = forecasters(DAYS)

    past = Past.from_history(np.array([5.0, 6.0]), DAYS)
    found = {name: bool(np.isfinite(model(past, 3)).all()) for name, model in models.items()}

    assert {"level", "seasonal_naive"} == {name for name, able in found.items() if able}


def test_a_missing_statsforecast_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "statsforecast", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'falusage\[forecast\]'"):
        forecasters(DAYS)


def test_minutes_are_not_forecast() -> None:
    """The grains that are, are named."""
    with pytest.raises(QueryError, match="every is '1m'; a forecast has periods of 1h, 1d, 1w"):
        Rhythm.from_every("1m")
