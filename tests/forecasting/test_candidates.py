"""Each model alone: what it repeats, what it never does, and when it is no candidate."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from falusage.errors import MissingExtraError, QueryError
from falusage.forecasting._candidates import BLENDED, MODELS, forecasters
from falusage.forecasting._rhythms import RHYTHMS, Rhythm

DAYS = RHYTHMS["1d"]
WEEK = np.array([10.0, 11.0, 12.0, 11.0, 10.0, 4.0, 3.0])
SEASONAL = ("rhythm", "theta", "ets", "mstl", "seasonal_naive")


@pytest.mark.slow
def test_every_model_but_the_blend_is_a_function() -> None:
    """The blend is made of three of the others, and `MODELS` names them all."""
    assert set(forecasters(DAYS)) | {"blend"} == set(MODELS)
    assert set(BLENDED) < set(forecasters(DAYS))


@pytest.mark.slow
@pytest.mark.parametrize("name", SEASONAL)
def test_a_rhythm_without_noise_goes_on(name: str) -> None:
    """Eight equal weeks are followed by a ninth, begun on the right day."""
    history = np.tile(WEEK, 8)[:-2]

    ahead = forecasters(DAYS)[name](history, 9)

    assert np.tile(WEEK, 2)[5:14] == pytest.approx(ahead, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SEASONAL, "drift"])
def test_twice_the_cost_is_twice_the_forecast(name: str) -> None:
    """No model knows how large a unit of the currency is."""
    history = np.tile(WEEK, 8) * np.random.default_rng(1).normal(1, 0.1, 56)
    model = forecasters(DAYS)[name]

    assert 2e-9 * model(history, 7) == pytest.approx(model(2e-9 * history, 7), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SEASONAL, "drift"])
def test_nothing_is_below_zero(name: str) -> None:
    """A series that falls to nothing stays there."""
    history = np.maximum(np.linspace(100, -60, 80), 0)

    assert (forecasters(DAYS)[name](history, 40) >= 0).all()


@pytest.mark.slow
def test_the_rhythm_is_not_moved_by_one_odd_day() -> None:
    """The level is a median."""
    history = np.full(56, 10.0)
    history[-3] = 10_000

    assert forecasters(DAYS)["rhythm"](history, 2)[0] == pytest.approx(10, rel=0.3)


@pytest.mark.slow
def test_of_what_comes_now_and_then_the_mean_is_expected() -> None:
    """A median of mostly nothing would leave a month empty."""
    history = np.tile([0.0] * 11 + [60.0], 8)

    assert 5.0 == pytest.approx(forecasters(DAYS)["rhythm"](history, 30).mean(), rel=0.1)


@pytest.mark.slow
def test_a_silence_longer_than_any_before_is_the_end() -> None:
    """A retired team is not forecast back into service."""
    history = np.append(np.tile([10.0, 0.0, 12.0], 20), np.zeros(9))

    assert [0.0] * 5 == forecasters(DAYS)["rhythm"](history, 5).tolist()


@pytest.mark.slow
def test_a_model_without_enough_history_is_no_candidate() -> None:
    """It gives not-a-number instead of a guess or an exception."""
    models = forecasters(DAYS)

    said = {name: bool(np.isfinite(f(np.array([5.0, 6.0]), 3)).all()) for name, f in models.items()}

    assert {"rhythm", "seasonal_naive"} == {name for name, able in said.items() if able}


def test_a_missing_statsforecast_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "statsforecast", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'falusage\[forecast\]'"):
        forecasters(DAYS)


def test_minutes_are_not_forecast() -> None:
    """The grains that are, are named."""
    with pytest.raises(QueryError, match="every is '1m'; a forecast has periods of 1h, 1d, 1w"):
        Rhythm.from_every("1m")
