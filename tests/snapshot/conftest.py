"""The table that the tests keep, and an organization to load from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import polars as pl
import pytest

from falusage.columns import USAGE, widened
from tests.world import BEGIN, World, organization


@pytest.fixture(scope="session")
def usage() -> pl.DataFrame:
    """Forty literal rows: two teams, two currencies, nulls, and a column nobody knows."""
    table = pl.DataFrame(
        {
            "bucket": [BEGIN + timedelta(hours=at // 4) for at in range(40)],
            "bucket_end": [BEGIN + timedelta(hours=at // 4 + 1) for at in range(40)],
            "username": ["acme-ml", "acme-art"] * 20,
            "product": ["model_apis", "compute"] * 20,
            "endpoint_id": ["fal-ai/flux/dev", "type: gpu_1x_h100_sxm5 (my-app, prod)"] * 20,
            "unit": ["image", "second"] * 20,
            "quantity": [float(at) for at in range(40)],
            "unit_price": [0.1] * 40,
            "cost": [at * 0.1 for at in range(40)],
            "currency": ["USD", "USD", "EUR", "USD"] * 10,
            "auth_method": ["my-key (owner: zoë)", None] * 20,
            "auth_detail": [None] * 40,
            "api_key_id": [None, "key-1", "", "key-2"] * 10,
            "login_username": [None] * 40,
            "surge_percent": [None, 12.5] * 20,
        },
        schema_overrides={**USAGE, "surge_percent": pl.Float64()},
    )
    return widened(table)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """An organization that has spent nothing yet."""
    with organization() as world:
        yield world
