"""Make the snapshots and stores beside this file, with the code of an older version.

They were written by the code of commit 07fbe33, which knew nothing of the API's fourth edition:

    git worktree add --detach ../old 07fbe33
    PYTHONPATH=../old python tests/old/make.py

`bare` was read from an API of the third edition; `ahead` from one that sent fields of the fourth,
which that version kept as unknown ones.
"""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

import falusage as fu
from falusage.columns import USAGE

HERE = Path(__file__).parent
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
CLOCK = datetime(2025, 3, 7, 9, tzinfo=UTC)


def usage(**further: object) -> pl.DataFrame:
    """Return six days of two teams: quantities 1 to 12 at 0.5 each."""
    return pl.DataFrame(
        [
            {
                "bucket": BEGIN + timedelta(days=at // 2),
                "bucket_end": BEGIN + timedelta(days=at // 2 + 1),
                "username": f"team-{at % 2}",
                "product": "model_apis",
                "endpoint_id": "fal-ai/flux/dev",
                "unit": "image",
                "quantity": at + 1.0,
                "unit_price": 0.5,
                "cost": (at + 1) / 2,
                "currency": "USD",
                **further,
            }
            for at in range(12)
        ],
        schema_overrides=USAGE,
    )


def main() -> None:
    """Write a snapshot and a store of each kind."""
    warnings.simplefilter("ignore")
    for name, further in {"bare": {}, "ahead": {"percent_discount": 0, "note": "a"}}.items():
        table = usage(**further)
        with (
            fu.Emulator(table) as emulator,
            fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
        ):
            emulator.clock = lambda: CLOCK
            query = fu.UsageQuery("2025-03-01", "2025-03-07", timeframe="day")
            fu.download_snapshot(query, HERE / f"{name}.parquet", client=client)
            store = fu.UsageStore(HERE / name)
            store.sync("2025-03-01", client=client, settle="1d")


def edition_2() -> None:
    """Write a snapshot of a load with an open day, and one of a bare frame, in edition 2.

    With the code of commit 0052e1c, in the way that is described above.
    """
    table = usage()
    with (
        fu.Emulator(table) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ):
        emulator.clock = lambda: datetime(2025, 3, 6, 9, tzinfo=UTC)
        query = fu.UsageQuery("2025-03-01", "2025-03-07", timeframe="day")
        fu.download_snapshot(query, HERE / "edition-2.parquet", client=client)
    fu.write_snapshot(table, HERE / "edition-2-bare.parquet")


if __name__ == "__main__":
    main()
