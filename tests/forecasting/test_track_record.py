"""The track record: nothing is seen too early, and the choice is the rule's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.forecasting._past import Floats, Past
from falusage.forecasting._rhythms import RHYTHMS
from falusage.forecasting._track_record import TrackRecord, scale, track_record

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


def record_of(**losses: list[float]) -> TrackRecord:
    """Make a record of windows of one period with these errors."""
    forecasts = {name: -np.array(values)[:, None] for name, values in losses.items()}
    count = len(next(iter(losses.values())))
    return TrackRecord(tuple(range(count)), np.zeros((count, 1)), forecasts, np.ones(count))


def test_within_noise_the_steadier_model_is_taken() -> None:
    """Theta is a little better on average, but not in most windows."""
    record = record_of(level=[1.0, 1.1, 0.9, 1.0], theta=[1.3, 0.7, 1.1, 0.8])

    assert "level" == record.chosen()


def test_beyond_noise_the_better_model_is_taken() -> None:
    """Theta is better in every window."""
    record = record_of(level=[1.0, 1.1, 0.9, 1.0], theta=[0.5, 0.6, 0.4, 0.5])

    assert "theta" == record.chosen()
    assert {"level": (pytest.approx(1.0), pytest.approx(0.0, abs=1e-9)), "theta": (0.0, 0.0)} == (
        record.behind()
    )


def test_one_window_tells_nothing() -> None:
    """The difference could be anything, so the steadiest model is taken."""
    record = record_of(level=[3.0], theta=[0.1])

    assert "level" == record.chosen()
    assert math.inf == record.behind()["level"][1]


def test_the_error_of_the_total_counts() -> None:
    """Both miss each day by one; only one of them misses the total."""
    even, odd = np.array([[1.0, -1.0]] * 4), np.array([[1.0, 1.0]] * 4)
    record = TrackRecord((1, 2, 3, 4), np.zeros((4, 2)), {"level": odd, "drift": even}, np.ones(4))

    assert "drift" == record.chosen()
    assert (1.0, 1.0) == tuple(part.mean() for part in record.off()["level"])
    assert (1.0, 0.0) == tuple(part.mean() for part in record.off()["drift"])


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
    assert ["level"] == list(record.forecasts)


def test_a_quiet_time_does_not_decide() -> None:
    """The scale of a window is at least a tenth of the largest one."""
    history = np.append(np.full(60, 0.01), np.random.default_rng(1).normal(100, 20, 60))
    record = track_record(history, horizon=7, rhythm=DAYS, models={"level": last})

    assert record is not None
    assert record.scales.min() == pytest.approx(0.1 * record.scales.max())
