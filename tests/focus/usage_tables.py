"""Hours of usage around the end of a month, by hand and at random."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from falusage.columns import USAGE

MIDNIGHT = datetime(2025, 2, 1, tzinfo=UTC)


def usage_of(*rows: dict[str, Any], bucket: timedelta = timedelta(hours=1)) -> pl.DataFrame:
    """Return a usage table; a row says how many buckets after midnight of 1 February it starts."""
    told = [
        {
            "bucket": MIDNIGHT + row.get("at", 0) * bucket,
            "bucket_end": MIDNIGHT + (row.get("at", 0) + 1) * bucket,
            "username": "ads",
            "product": "model_apis",
            "endpoint_id": "fal-ai/flux/dev",
            "unit": "image",
            "quantity": 1.0,
            "unit_price": 0.025,
            "cost": 0.025,
            "currency": "USD",
            **{name: value for name, value in row.items() if name != "at"},
        }
        for row in rows
    ]
    further = {name: None for row in rows for name in row if name not in ("at", *USAGE)}
    return pl.DataFrame(told, schema={**USAGE, **further})


@st.composite
def _usages(draw: st.DrawFn) -> pl.DataFrame:
    amounts = st.one_of(st.just(0.0), st.sampled_from([0.1, 0.2, 0.7]), st.floats(0, 1e9))
    row = st.fixed_dictionaries(
        {
            "at": st.integers(-30, 30),
            "username": st.sampled_from(["ads", "labs", "a, b", "🎈"]),
            "product": st.sampled_from(["model_apis", "serverless", "compute", "new_line"]),
            "endpoint_id": st.sampled_from(["fal-ai/flux/dev", "type: h100 (my-app, production)"]),
            "unit": st.sampled_from(["image", "second"]),
            "quantity": amounts,
            "unit_price": st.sampled_from([0.0, 1e-7, 0.025, 1 / 3]),
            "percent_discount": st.sampled_from([None, 0.0, 10.0, 33.3, 100.0]),
            "cost_subtotal": st.one_of(st.none(), amounts),
            "cost": amounts,
            "currency": st.sampled_from(["USD", "EUR"]),
            "auth_method": st.sampled_from([None, "", 'key "1"', "None"]),
        }
    )
    return usage_of(*draw(st.lists(row, max_size=20)))


usages = _usages()
"""Hourly usage tables, over two months."""
