"""Usage tables at random, over days of 23 and 25 hours, for the promises that are general."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

ZONES = ("UTC", "America/New_York", "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe")
CHANGES = (datetime(2025, 3, 8, tzinfo=UTC), datetime(2025, 10, 4, tzinfo=UTC))
NAMES = ("acme", "other", 'a "b", c', "🎈", "", None)


@st.composite
def _tables(draw: st.DrawFn) -> pl.DataFrame:
    start = draw(st.sampled_from(CHANGES))
    row = st.fixed_dictionaries(
        {
            "hour": st.integers(0, 24 * 60),
            "username": st.sampled_from(NAMES[:-1]),
            "auth_method": st.sampled_from(NAMES),
            "cost": st.one_of(st.just(0.0), st.floats(0, 1e6), st.sampled_from([0.1, 0.2, 0.7])),
            "currency": st.sampled_from(["USD", "EUR"]),
        }
    )
    rows = draw(st.lists(row, max_size=30))
    schema = {
        "hour": pl.Int64,
        "username": pl.String,
        "auth_method": pl.String,
        "cost": pl.Float64,
        "currency": pl.String,
    }
    # Half hours, because a half-hour zone cuts whole ones.
    bucket = pl.lit(start, dtype=pl.Datetime("us", "UTC")) + pl.duration(minutes=30) * pl.col(
        "hour"
    )
    return pl.DataFrame(rows, schema=schema).select(
        bucket.alias("bucket"),
        (bucket + timedelta(minutes=30)).alias("bucket_end"),
        pl.exclude("hour"),
    )


@st.composite
def _lines(draw: st.DrawFn) -> pl.DataFrame:
    row = st.fixed_dictionaries(
        {
            "day": st.integers(0, 3),
            "username": st.sampled_from(NAMES),
            "product": st.sampled_from(["model_apis", "compute"]),
            "endpoint_id": st.sampled_from(["flux", "type: h100 (my-app, production)"]),
            "unit": st.sampled_from(["image", "second"]),
            "quantity": st.sampled_from([0.0, 0.001, 0.3, 1.0, 7.0, 1e6]),
            "cost": st.one_of(
                st.just(0.0), st.sampled_from([0.1, 0.2, 0.7]), st.integers(0, 10**9).map(_mills)
            ),
            "currency": st.sampled_from(["USD", "EUR"]),
        }
    )
    rows = draw(st.lists(row, max_size=30))
    text = dict.fromkeys(("username", "product", "endpoint_id", "unit", "currency"), pl.String)
    schema = {"day": pl.Int64, **text, "quantity": pl.Float64, "cost": pl.Float64}
    bucket = pl.lit(datetime(2025, 1, 1, tzinfo=UTC), dtype=pl.Datetime("us", "UTC")) + pl.duration(
        days="day"
    )
    return pl.DataFrame(rows, schema=schema).select(
        bucket.alias("bucket"), (bucket + timedelta(days=1)).alias("bucket_end"), pl.exclude("day")
    )


def _mills(value: int) -> float:
    return value / 1000


tables = _tables()
"""Usage tables."""
lines = _lines()
"""Line items over the first four days of 2025, amounts of few decimals."""
zones = st.sampled_from(ZONES)
"""Time zones, one with a half-hour shift."""
