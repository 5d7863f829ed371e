"""The table that the snapshot's tests keep, and the world that a store's tests sync with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

import falusage as fu
from falusage.columns import USAGE, widened

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


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


class World:
    """An organization whose usage and whose server's clock a test can move, over real HTTP."""

    def __init__(self, emulator: fu.Emulator, client: fu.UsageClient) -> None:
        self.emulator = emulator
        self.client = client

    def on(self, clock: datetime, usage: pl.DataFrame) -> World:
        """Set the server's clock, and what it knows."""
        self.emulator.clock = lambda: clock
        self.emulator.replace(usage)
        return self


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A server that knows nothing yet, and a client of it."""
    with (
        fu.Emulator(pl.DataFrame(schema=USAGE)) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=1) as client,
    ):
        yield World(emulator, client)


def spend(
    costs: Mapping[datetime, Sequence[float]], *, hours: int = 24, **further: object
) -> pl.DataFrame:
    """Give usage rows: for each bucket's start the quantities that were used, at 0.5 a piece."""
    return pl.DataFrame(
        [
            {
                "bucket": start,
                "bucket_end": start + timedelta(hours=hours),
                "username": f"team-{at % 2}",
                "product": "model_apis",
                "endpoint_id": "fal-ai/flux/dev",
                "unit": "image",
                "quantity": float(quantity),
                "unit_price": 0.5,
                "cost_subtotal": quantity * 0.5,
                "cost_discount": 0.0,
                "cost": quantity * 0.5,
                "currency": "EUR" if at % 3 == 2 else "USD",
                **further,
            }
            for start, quantities in costs.items()
            for at, quantity in enumerate(quantities)
        ],
        schema={**USAGE, **dict.fromkeys(further)},
        strict=False,
    )


def bag(table: pl.DataFrame | pl.LazyFrame, *without: str) -> Counter[tuple[object, ...]]:
    """Give a table as a bag of rows, apart from what the store adds."""
    rows = table.lazy().collect()
    rows = rows.drop("read_at", "settled", *without, strict=False)
    return Counter(rows.select(sorted(rows.columns)).iter_rows())


@pytest.fixture(scope="session")
def say() -> SimpleNamespace:
    """What tests of the store share: `spend` makes rows, `bag` compares them."""
    return SimpleNamespace(spend=spend, bag=bag, begin=BEGIN)
