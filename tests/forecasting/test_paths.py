"""Paths: as wide as the errors that were made, never in the millions, and the same on every run."""

from __future__ import annotations

import numpy as np
import pytest

from falusage.forecasting._past import Floats
from falusage.forecasting._paths import Doubt, Errors, bounds, draw, steps_seen

SURE = Doubt(level=0.0, steps=1e-9)


def noisy(windows: int = 20, span: int = 28, deviation: float = 0.1, mean: float = 100.0) -> Errors:
    """Return a record of a constant forecast and noise around it."""
    noise = np.random.default_rng(5).normal(0, deviation, (windows, span))
    return Errors(np.full((windows, span), mean), mean * (1 + noise), apart=span)


def test_paths_are_the_same_on_every_run() -> None:
    """The seed is that of the series."""
    ahead = np.full(40, 100.0)
    first, again = (draw(ahead, noisy(), SURE, seed=1) for _ in range(2))

    assert (1000, 40) == first.shape
    assert (first == again).all()
    assert (first != draw(ahead, noisy(), SURE, seed=2)).any()


def test_the_spread_follows_that_of_the_windows() -> None:
    """In proportion to the present level, and a fifth less: what the level may do comes on top."""
    for level in (100.0, 200.0):
        deviation = draw(np.full(28, level), noisy(), SURE, seed=1, paths=20_000).std(axis=0)

        assert 0.08 * level == pytest.approx(deviation.mean(), rel=0.1)
        assert deviation.max() < 1.3 * deviation.min()


def test_few_windows_show_little_of_how_far_errors_go() -> None:
    """Twenty windows that share most of their periods tell as much as two or three apart."""
    lows: list[float] = []
    for apart in (28, 2):
        errors = Errors(noisy().expected, noisy().actual, apart=apart)
        paths = draw(np.full(28, 100.0), errors, SURE, seed=1, paths=20_000)
        lows.append(float(np.quantile(paths, 0.025)))

    assert lows[1] < lows[0] - 5
    assert 20 == noisy().independent


def test_a_step_from_little_to_much_does_not_foretell_another_like_it() -> None:
    """The largest error of the past was 102 dollars; in proportion, the next would be at 10,500."""
    errors = Errors(np.ones((20, 28)), np.full((20, 28), 103.0), apart=28)

    assert draw(np.full(28, 103.0), errors, SURE, seed=1).max() < 2_000


def test_one_spike_makes_no_sawtooth() -> None:
    """It may come on any day, so the bounds of neighbouring days are alike."""
    errors = noisy(deviation=0.01)
    actual = errors.actual.copy()
    for window in range(4):
        actual[window, 20 - 9 * window if window < 3 else 0] = 1_000
    _, high = bounds(
        draw(np.full(28, 100.0), Errors(errors.expected, actual, apart=28), SURE, seed=1),
        [95],
        around=np.full(28, 100.0),
    )[95]

    assert high.max() < 1.2 * high.min()


def test_days_without_cost_are_days_without_cost() -> None:
    """A third of the days of a team that spends now and then, in the paths as in the past."""
    idle = np.random.default_rng(2).random((20, 28)) < 1 / 3
    errors = Errors(np.full((20, 28), 10.0), np.where(idle, 0.0, 15.0), apart=28)

    paths = draw(np.full(28, 10.0), errors, SURE, seed=1)

    assert idle.mean() == pytest.approx((paths == 0).mean(), abs=0.03)
    assert paths.min() == 0


def test_free_weekends_stay_free() -> None:
    """Where nothing was expected and nothing came, nothing is added."""
    week = np.array([10.0] * 5 + [0.0] * 2)
    expected = np.tile(week, (20, 4))
    errors = Errors(expected, expected * 1.1, apart=28)

    paths = draw(np.tile(week, 4), errors, SURE, seed=1)

    assert paths[:, 5::7].max() < 0.2
    assert paths[:, :5].min() > 8


def test_a_level_that_is_not_known_widens_totals() -> None:
    """The noise of days cancels in a month; what the level may be does not."""
    sure, unsure = (
        draw(np.full(28, 100.0), noisy(), doubt, seed=1).sum(axis=1).std()
        for doubt in (SURE, Doubt(level=0.2, steps=1e-9))
    )

    assert unsure > 3 * sure


def test_models_that_disagree_widen_totals() -> None:
    """After a step, some models still forecast the old level."""
    agreed, apart = (
        draw(np.full(28, 100.0), noisy(), doubt, seed=1).sum(axis=1).std()
        for doubt in (SURE, Doubt(level=0.0, steps=1e-9, models=0.1))
    )

    assert apart > 3 * agreed


def test_the_farther_ahead_the_likelier_is_a_step() -> None:
    """One step in fifty periods is unlikely tomorrow and likely in ninety."""
    paths = draw(np.full(90, 100.0), noisy(deviation=0.01), Doubt(0.02, 1 / 50), seed=1)

    stepped = (np.abs(paths / 100 - 1) > 0.3).mean(axis=0)

    assert stepped[0] < 0.05
    assert stepped[89] > 0.5


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (np.append(np.ones(40), np.full(31, 103.0)), 1),
        (np.random.default_rng(1).lognormal(3, 0.3, 200), 0),
        (1.01 ** np.arange(200.0), 0),
        (np.append(np.full(50, 10.0), [10_000.0]), 0),
        (np.ones(20), 0),
    ],
    ids=["step", "noise", "growth", "spike", "short"],
)
def test_lasting_steps_are_seen(history: Floats, expected: int) -> None:
    """Noise, growth and spikes are none."""
    assert expected == steps_seen(history, 14)


def test_one_spike_leaves_the_level_known() -> None:
    """The highest twentieth counts as no more than the rest."""
    from falusage.forecasting._rhythms import RHYTHMS

    flat, spiky = np.full(60, 10.0), np.full(60, 10.0)
    spiky[30] = 10_000.0

    assert Doubt.from_history(flat, RHYTHMS["1d"]) == Doubt.from_history(spiky, RHYTHMS["1d"])


def test_nothing_expected_is_nothing_drawn() -> None:
    """A series that has ended has no errors to repeat in proportion."""
    errors = Errors(np.zeros((5, 7)), np.zeros((5, 7)), apart=7)

    assert (draw(np.zeros(9), errors, SURE, seed=1) == 0).all()


def test_a_band_holds_its_forecast_and_the_narrower_one() -> None:
    """Whatever the paths are."""
    values = np.random.default_rng(2).exponential(1, (1000, 4))
    around = np.array([-1.0, 0.0, 1.0, 50.0])
    (low, high), (lower, higher) = bounds(values, (80, 95), around=around).values()

    assert (lower <= low).all()
    assert (low <= around).all()
    assert (around <= high).all()
    assert (high <= higher).all()
