"""Usage tables from lists of costs, and a year of noise with a known rhythm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

Daily = Callable[..., pl.DataFrame]
MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
WEEK = (10.0, 11.0, 12.0, 11.0, 10.0, 4.0, 3.0)


def _table(
    costs: Sequence[float],
    *,
    start: datetime = MONDAY,
    length: timedelta = timedelta(days=1),
    currency: str = "USD",
    **columns: str | None,
) -> pl.DataFrame:
    buckets = [start + n * length for n in range(len(costs))]
    return pl.DataFrame(
        {
            "bucket": buckets,
            "bucket_end": [bucket + length for bucket in buckets],
            "cost": [float(cost) for cost in costs],
            "currency": currency,
            **columns,
        },
        schema_overrides={
            "bucket": pl.Datetime("us", "UTC"),
            "bucket_end": pl.Datetime("us", "UTC"),
        }
        | {name: pl.String() for name in columns},
    )


@pytest.fixture(scope="session")
def table() -> Daily:
    """Make a usage table of one cost a bucket, of a day where nothing else is said."""
    return _table


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
            _table(noisy, username="steady"),
            _table(other, username="growing"),
            _table([0.0] * 133 + noisy[:7], username="launched"),
            _table([*noisy[:110], *[0.0] * 30], username="retired"),
            _table([50.0 if day % 12 == 5 else 0.0 for day in range(140)], username=None),
            _table(noisy, username="steady", currency="EUR"),
            _table([0.0] * 140, username="silent", currency="EUR"),
        ]
    )
