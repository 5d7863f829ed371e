"""One small table for this room: two months, two currencies, every number checkable by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest


@pytest.fixture(scope="session")
def usage() -> pl.DataFrame:
    """Two teams in USD and one in EUR: 2 a day in May, 3 in June, and 100 on the last of May."""
    days = [datetime(2025, 5, 1, tzinfo=UTC) + timedelta(days=day) for day in range(31 + 10)]
    rows = [
        {
            "bucket": day,
            "bucket_end": day + timedelta(days=1),
            "username": team,
            "product": "model_apis",
            "endpoint_id": f"fal-ai/{team}/model",
            "unit": "image",
            "quantity": cost * 10,
            "unit_price": 0.1,
            "cost": cost,
            "currency": currency,
        }
        for day in days
        for team, currency in (("ads", "USD"), ("labs", "USD"), ("paris", "EUR"))
        for cost in [100.0 if (day.month, day.day) == (5, 31) else 3.0 if day.month == 6 else 2.0]
    ]
    auth = dict.fromkeys(("auth_method", "auth_detail", "api_key_id", "login_username"), pl.String)
    nulls = [pl.lit(None, dtype).alias(name) for name, dtype in auth.items()]
    instants = pl.col("bucket", "bucket_end").cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(rows).with_columns(instants, *nulls)
