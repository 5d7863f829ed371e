"""An organization that a test can move, the rows it spends, and how tables are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import settings

import falusage as fu
from falusage.columns import USAGE

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


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


@contextmanager
def organization() -> Generator[World]:
    """Serve an organization that has spent nothing yet, with a client of it."""
    with (
        fu.Emulator(pl.DataFrame(schema=USAGE)) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=1) as client,
    ):
        yield World(emulator, client)


def spend(
    costs: Mapping[datetime, Sequence[float]], *, hours: int = 24, **further: object
) -> pl.DataFrame:
    """Return usage rows: for each bucket's start the quantities that were used, at 0.5 a piece."""
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
    """Return a table as a bag of rows, apart from what the store adds."""
    rows = table.lazy().collect()
    rows = rows.drop("read_at", "settled", *without, strict=False)
    return Counter(rows.select(sorted(rows.columns)).iter_rows())


def few_examples() -> int:
    """Return how many examples to try of a property that syncs several times for each."""
    profile = settings().max_examples
    return 4 if profile <= 20 else profile // 2
