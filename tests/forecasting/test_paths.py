"""Paths: as wide as the errors that were made, in each period and in their sum."""

from __future__ import annotations

import numpy as np
import pytest

from falusage.forecasting._paths import LEVEL, bounds, error_paths, guessed_paths

WINDOWS = np.random.default_rng(5).normal(0, 1, (20, 10)).cumsum(axis=1)


def test_paths_are_the_same_on_every_run() -> None:
    """The seed is fixed."""
    assert (error_paths(WINDOWS, horizon=25) == error_paths(WINDOWS, horizon=25)).all()
    assert (1000, 25) == error_paths(WINDOWS, horizon=25).shape
    assert (guessed_paths() == guessed_paths()).all()


def test_the_spread_is_that_of_the_windows() -> None:
    """And of a level that they may not show; in each period and, for whole paths, in the sum."""
    paths = error_paths(WINDOWS, horizon=10, paths=40_000)

    mean_square = (WINDOWS**2).mean(axis=0) * 1.05**2 + LEVEL**2
    assert mean_square == pytest.approx((paths**2).mean(axis=0), rel=0.05)
    of_sums = (WINDOWS.sum(axis=1) ** 2).mean() * 1.05**2 + (10 * LEVEL) ** 2
    assert of_sums == pytest.approx((paths.sum(axis=1) ** 2).mean(), rel=0.05)


def test_a_sum_is_not_the_sum_of_bounds() -> None:
    """Errors that cancel leave the sum surer than its parts."""
    windows = np.array([[1.0, -1.0], [-1.0, 1.0]] * 5)
    paths = error_paths(windows, horizon=2)

    _, high = bounds(paths, 80, around=np.zeros(2))
    _, of_sum = bounds(paths.sum(axis=1)[:, None], 80, around=np.zeros(1))

    assert high.sum() > 1.5
    assert of_sum[0] < 2 * LEVEL * 1.4


def test_beyond_the_windows_reach_paths_go_on_from_where_they_are() -> None:
    """The farther ahead, the wider; a level that was missed stays missed."""
    spread = error_paths(np.full((20, 7), 1.0), horizon=28).std(axis=0)

    assert (spread[6] < spread[7:14]).all()
    assert (spread[13] < spread[14:21]).all()


def test_the_fewer_the_windows_the_wider() -> None:
    """Two windows could have been lucky."""
    one, many = (error_paths(np.ones((n, 3)), horizon=3).max() for n in (1, 20))

    assert one > many


def test_a_band_holds_its_forecast_and_the_narrower_one() -> None:
    """Whatever the paths are."""
    values = np.random.default_rng(2).exponential(1, (1000, 4))
    around = np.array([-1.0, 0.0, 1.0, 50.0])
    (low, high), (lower, higher) = (bounds(values, level, around=around) for level in (80, 95))

    assert (lower <= low).all()
    assert (low <= around).all()
    assert (around <= high).all()
    assert (high <= higher).all()
