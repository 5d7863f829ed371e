"""Thousands of teams with their own price for a month of hours: how long `price_changes` takes.

python benchmarks/prices.py                          # 5,000 teams, always there
python benchmarks/prices.py --teams 500 --presence 0.5
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import UTC, datetime

import polars as pl

import falusage as fu

HOURS = 720


def usage(teams: int, presence: float) -> pl.DataFrame:
    """Return an hourly table in which each team pays a price of its own."""
    row, start = pl.int_range(teams * HOURS), datetime(2025, 6, 1, tzinfo=UTC)
    quantity = (1 + (row * 2_654_435_761) % 97).cast(pl.Float64)
    price = 0.01 + 0.0001 * (row % teams)
    table = pl.select(
        bucket=pl.lit(start).cast(pl.Datetime("us", "UTC")) + pl.duration(hours=row // teams),
        username=pl.format("team-{}", row % teams),
        endpoint_id=pl.lit("fal-ai/flux/dev"),
        unit=pl.lit("image"),
        quantity=quantity,
        unit_price=price,
        cost=quantity * price,
        currency=pl.lit("USD"),
    )
    return table if presence == 1 else table.sample(fraction=presence, seed=0)


def main() -> None:
    """Ask once for all teams together, and print the time and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teams", type=int, default=5_000)
    parser.add_argument("--presence", type=float, default=1.0, help="the share of hours with usage")
    asked = parser.parse_args()
    table = usage(asked.teams, asked.presence)
    began = time.perf_counter()
    steps = fu.price_changes(table).height
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{table.height:,} rows: {steps} steps, {seconds:.2f} s, {peak:,.0f} MB at most")


if __name__ == "__main__":
    main()
