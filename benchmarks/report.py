"""A report: how long the page of 90 days takes, and the peak memory of one over many rows.

The rival is what a user would write instead: pandas sums the same rows by month, team, product and
endpoint, and matplotlib draws the cost per day as one picture. It answers a small part of the page.

    python benchmarks/report.py --runs 5 --rows 50000000
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

import falusage as fu

SECONDS_OF_A_YEAR = 365 * 86_400
PEAK = """
import resource, sys
import polars as pl
import falusage as fu
report = fu.report(pl.scan_parquet(sys.argv[1]), out=sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{peak:.0f} {report.path.stat().st_size}")
"""


def write_year(path: Path, *, rows: int) -> None:
    """Write a year of usage: 40 teams, 300 endpoints, 1,500 pairs of them, each every day."""
    part = 2_000_000
    row = pl.int_range(part)
    parts: list[pl.LazyFrame] = []
    for first in range(0, rows, part):
        at = row + first
        pair = (at * 2_654_435_761) % 1_500
        endpoint = pair % 300
        quantity = 1 + (at * 40_503) % 997
        price = (1 + endpoint % 19) * 0.0025
        second = at * SECONDS_OF_A_YEAR // rows // 60 * 60
        bucket = (pl.lit(1_735_689_600) + second) * 1_000_000
        instant = bucket.cast(pl.Datetime("us", "UTC"))
        parts.append(
            pl.LazyFrame().select(
                bucket=instant,
                bucket_end=instant + pl.duration(minutes=1),
                username=pl.format("team-{}", pair // 300 * 8 + endpoint % 8),
                product=pl.lit("model_apis"),
                endpoint_id=pl.format("fal-ai/vendor-{}/model", endpoint),
                unit=pl.lit("image"),
                quantity=quantity.cast(pl.Float64),
                unit_price=price,
                cost=quantity * price,
                currency=pl.lit("USD"),
            )
        )
    folder = path.with_suffix(".parts")
    folder.mkdir()
    for number, one in enumerate(parts):
        one.sink_parquet(folder / f"{number:04}.parquet")
    pl.scan_parquet(folder / "*.parquet").head(rows).sink_parquet(path)
    for file in folder.iterdir():
        file.unlink()


def by_hand(usage: pl.DataFrame, out: Path) -> None:
    """Sum and draw a small part of the page with pandas and matplotlib."""
    from matplotlib.figure import Figure

    table = usage.to_pandas()
    june = table[table["bucket"] >= "2025-06-01"]
    sums = [june.groupby([by, "currency"])["cost"].sum() for by in ("username", "endpoint_id")]
    figure = Figure()
    axes = figure.subplots()
    days = table.groupby([table["bucket"].dt.floor("D"), "username"])["cost"].sum().unstack()
    axes.plot(days.index, days)
    figure.savefig(out.with_suffix(".png"))
    tables = "".join(one.to_frame().to_html() for one in sums)
    out.write_text(f"{tables}<img src={out.stem}.png>", "utf-8")


def timed(work: Callable[[], object], runs: int) -> float:
    """Return the median seconds of some runs, after one that imports and warms up."""
    work()
    found: list[float] = []
    for _ in range(runs):
        since = time.perf_counter()
        work()
        found.append(time.perf_counter() - since)
    return statistics.median(found)


def main() -> None:
    """Print the times and the peak."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=5)
    asked.add_argument("--rows", type=int, default=50_000_000)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usage = fu.sample_usage(start="2025-03-26", end="2025-06-24").usage
        out = folder / "page.html"
        page = timed(lambda: fu.report(usage, out=out), given.runs)
        hand = timed(lambda: by_hand(usage, folder / "hand.html"), given.runs)
        print(f"90 days by hour, {usage.height:,} rows, {out.stat().st_size / 1000:,.0f} kB")
        print(f"report()              {page:6.2f} s")
        print(f"pandas and one picture{hand:6.2f} s, {page / hand:.1f} of it")
        table = folder / "year.parquet"
        write_year(table, rows=given.rows)
        since = time.perf_counter()
        run = [sys.executable, "-c", PEAK, str(table), str(out)]
        done = subprocess.run(run, check=True, capture_output=True, text=True)
        peak, size = done.stdout.split()
        seconds = time.perf_counter() - since
        print(f"a year of 1,500 pairs, {given.rows:,} rows, {table.stat().st_size / 1e6:,.0f} MB")
        print(f"report() of the file  {seconds:6.1f} s, peak {peak} MB, {int(size) / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
