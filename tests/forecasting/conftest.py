"""A year of noise with a known rhythm, and teams of every kind."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.forecasting.cost_tables import WEEK, table


@pytest.fixture(scope="session")
def noisy() -> list[float]:
    """Twenty weeks of a weekly rhythm, with a tenth of noise."""
    noise = np.random.default_rng(3).normal(1, 0.1, 140)
    return [WEEK[day % 7] * float(factor) for day, factor in enumerate(noise)]


@pytest.fixture(scope="session")
def teams(noisy: list[float]) -> pl.DataFrame:
    """Teams of every kind in two currencies, one of them without a name."""
    other = [cost * 3 + day / 10 for day, cost in enumerate(reversed(noisy))]
    return pl.concat(
        [
            table(noisy, username="steady"),
            table(other, username="growing"),
            table([0.0] * 133 + noisy[:7], username="launched"),
            table([*noisy[:110], *[0.0] * 30], username="retired"),
            table([50.0 if day % 12 == 5 else 0.0 for day in range(140)], username=None),
            table(noisy, username="steady", currency="EUR"),
            table([0.0] * 140, username="silent", currency="EUR"),
        ]
    )
