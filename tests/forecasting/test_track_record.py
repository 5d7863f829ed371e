"""The track record: nothing is seen too early, and a model's share follows from its errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.forecasting._past import Floats, Past
from falusage.forecasting._rhythms import RHYTHMS
from falusage.forecasting._track_record import disagreement, scale, shares, track_record

DAYS = RHYTHMS["1d"]


def last(past: Past, horizon: int) -> Floats:
    """Return the last value."""
    return np.full(horizon, past.history[-1])


@given(length=st.integers(1, 300), horizon=st.integers(1, 60))
def test_a_window_sees_only_what_was_before_it(length: int, horizon: int) -> None:
    """On a series that counts its own days, the last day seen is the one before the window."""
    record = track_record(
        np.arange(1.0, length + 1), horizon=horizon, rhythm=DAYS, models={"drift": last}
    )

    if record is None:
        assert 1 == length
        return
    assert [list(f) for f in record.forecasts["drift"]] == [
        [float(origin)] * record.span for origin in record.origins
    ]
    assert max(record.origins) + record.span == length
    assert record.span <= max(1, length // 3, 1)
    assert len(record.origins) <= 20
    raw = record.errors("drift") * record.scales[:, None]
    assert np.allclose(raw, np.arange(1, record.span + 1))
    assert min(max(horizon, 7), max(1, length // 3)) == record.span


@pytest.mark.parametrize("every", ["1h", "1d", "1w", "1mo"])
def test_windows_begin_on_every_place_of_the_season(every: str) -> None:
    """Their step shares no factor with the season, so no weekday is left out."""
    rhythm = RHYTHMS[every]
    history = np.ones(30 * rhythm.season)
    record = track_record(history, horizon=5, rhythm=rhythm, models={"drift": last})

    assert record is not None
    step = record.origins[0] - record.origins[1]
    assert 1 == math.gcd(step, rhythm.season)


def weights(**ahead: list[list[float]]) -> dict[str, float]:
    """Return the shares of models with these forecasts, where the actual cost was always zero."""
    forecasts = {name: np.array(windows) for name, windows in ahead.items()}
    windows, span = next(iter(forecasts.values())).shape
    return shares(np.zeros((windows, span)), forecasts, np.ones(windows))


def test_the_better_model_has_the_larger_share() -> None:
    """Half the error in eight windows is next to everything, and equal errors are equal shares."""
    better = weights(level=[[1.0]] * 8, theta=[[0.5]] * 8, trend=[[1.0]] * 8)

    assert 1 == pytest.approx(sum(better.values()))
    assert better["level"] == better["trend"] < 0.01
    assert {"level": 0.5, "theta": 0.5} == weights(level=[[3.0]] * 8, theta=[[-3.0]] * 8)


def test_one_window_tells_little() -> None:
    """The same difference divides the shares by less."""
    assert weights(level=[[1.0]], theta=[[0.5]])["level"] > 0.3


def test_the_error_of_the_total_counts() -> None:
    """Both miss each day by one; only one of them misses the total."""
    found = weights(level=[[1.0, 1.0]] * 4, drift=[[1.0, -1.0]] * 4)

    assert found["drift"] > 0.9


def test_no_error_is_infinitely_better() -> None:
    """A perfect record is as good as one with an error of a few hundredths."""
    found = weights(level=[[0.0]] * 8, theta=[[1e-9]] * 8)

    assert 0.5 == pytest.approx(found["level"])


def test_models_are_apart_by_the_logarithm_of_their_totals() -> None:
    """By nothing if they agree, or if nobody expects anything."""
    ahead = {
        "level": np.array([1.0, 3.0]),
        "theta": np.array([2.0, 2.0]),
        "trend": np.full(2, 20.0),
    }

    assert 0 == disagreement(ahead, {"level": 0.5, "theta": 0.5})
    assert np.log(10) / 2 == pytest.approx(
        disagreement(ahead, {"level": 0.5, "trend": 0.5}), rel=0.1
    )
    assert 0 == disagreement({"level": np.zeros(2)}, {"level": 1.0})


def test_the_scale_is_the_seasonal_difference_of_late() -> None:
    """Weeks that grow by 7 a week differ by 7; a flat series is given a hundredth of its level."""
    assert 7.0 == pytest.approx(scale(np.arange(100.0), DAYS))
    assert 0.5 == pytest.approx(scale(np.full(60, 50.0), DAYS))
    assert 1.0 == scale(np.zeros(60), DAYS)


def test_a_model_that_fails_in_one_window_is_no_candidate() -> None:
    """Its record would be of other windows than the rest."""

    def late(past: Past, horizon: int) -> Floats:
        return np.full(horizon, 1.0 if len(past.history) > 60 else np.nan)

    record = track_record(
        np.ones(100), horizon=7, rhythm=DAYS, models={"level": last, "drift": late}
    )

    assert record is not None
    assert ["average", "level"] == list(record.forecasts)


def test_a_quiet_time_does_not_decide() -> None:
    """The scale of a window is at least a tenth of the largest one."""
    history = np.append(np.full(60, 0.01), np.random.default_rng(1).normal(100, 20, 60))
    record = track_record(history, horizon=7, rhythm=DAYS, models={"level": last})

    assert record is not None
    assert record.scales.min() == pytest.approx(0.1 * record.scales.max())
