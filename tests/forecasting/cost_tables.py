"""Usage tables from lists of costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
WEEK = (10.0, 11.0, 12.0, 11.0, 10.0, 4.0, 3.0)


def table(
    costs: Sequence[float],
    *,
    start: datetime = MONDAY,
    length: timedelta = timedelta(days=1),
    currency: str = "USD",
    **columns: str | None,
) -> pl.DataFrame:
    """Return a usage table of one cost a bucket, by day if no length is given."""
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
