"""One rollup of a table larger than most memories, by Polars, DuckDB and Spark on the same machine.

    uv pip install -e . --group bench
    python benchmarks/engines.py                       # a hundred million rows, 300 MB of Parquet
    python benchmarks/engines.py --rows 2000000        # a smoke test

Teams and products, by the day in New York: the answer is small, so what is measured is how each
engine comes by it. Each runs in a process of its own, from cold plan to a Parquet file, and the
three files must be equal to the bit before a figure is shown. Peak memory is the largest resident
size of that process and, for Spark, of its Java process beside it. Spark is a cluster's engine:
on one machine its figures say what it costs there, not what many machines would do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from transforms import ZONE, write_usage

import falusage as fu

ASKED: dict[str, Any] = {"by": ("username", "product"), "every": "1d", "timezone": ZONE}
FILE_ROWS = 10_000_000
YEAR = pl.duration(hours=8_760)


def write_years(folder: Path, *, rows: int) -> None:
    """Write a file a year, the last of them the year that `write_usage` invents."""
    years = max(1, rows // FILE_ROWS)
    write_usage(folder / "first.parquet", rows=rows // years)
    for year in range(1, years):
        back = YEAR * year
        pl.scan_parquet(folder / "first.parquet").with_columns(
            pl.col("bucket", "bucket_end") - back
        ).sink_parquet(folder / f"back-{year:02}.parquet", row_group_size=250_000)


def by_polars(folder: Path) -> pl.DataFrame:
    """Stream the files past a LazyFrame."""
    return fu.rollup(pl.scan_parquet(folder / "*.parquet"), **ASKED).collect()


def by_duckdb(folder: Path) -> pl.DataFrame:
    """Ask a relation over the files."""
    import duckdb

    return fu.rollup(duckdb.read_parquet(str(folder / "*.parquet")), **ASKED).pl()


def by_spark(folder: Path) -> pl.DataFrame:
    """Ask a session with a worker for each core."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[*]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    return pl.DataFrame(fu.rollup(session.read.parquet(str(folder)), **ASKED).toArrow())


ENGINES: dict[str, Callable[[Path], pl.DataFrame]] = {
    "Polars": by_polars,
    "DuckDB": by_duckdb,
    "Spark": by_spark,
}


def ask(engine: str, folder: Path, out: Path) -> None:
    """Answer in this process, and write down how long it took and what it held."""
    began = time.perf_counter()
    answer = ENGINES[engine](folder)
    seconds = time.perf_counter() - began
    peak = sum(_peak(process) for process in [os.getpid(), *_children(os.getpid())])
    answer.with_columns(pl.col("period").dt.convert_time_zone("UTC")).write_parquet(out)
    print(json.dumps({"seconds": seconds, "peak": peak}), flush=True)


def _peak(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    found = [int(child) for child in listed.split()]
    return [*found, *(deeper for child in found for deeper in _children(child))]


def main() -> None:
    """Write the table, ask each engine of it, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the table is, or is to be")
    parser.add_argument("--ask", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        ask(given.ask, given.folder, given.out)
        return
    print(f"{given.rows:,} rows, {platform.machine()}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "table"
        if not folder.exists():
            folder.mkdir(parents=True)
            write_years(folder, rows=given.rows)
        runs: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
        for _ in range(given.runs):
            for engine, figures in runs.items():
                out = Path(temporary) / f"{engine}.parquet"
                command = [sys.executable, __file__, "--ask", engine, "--folder", folder]
                told = subprocess.run(
                    [*command, "--out", out], check=True, capture_output=True, text=True
                ).stdout
                figures.append(json.loads(told.splitlines()[-1]))
        answers = [pl.read_parquet(Path(temporary) / f"{engine}.parquet") for engine in ENGINES]
        assert all(answers[0].equals(answer) for answer in answers), "the engines disagree"
    print(f"{answers[0].height:,} rows in the answer, equal to the bit")
    for engine, figures in runs.items():
        seconds = statistics.median(run["seconds"] for run in figures)
        peak = max(run["peak"] for run in figures)
        print(f"{engine:<8} {seconds:7.1f} s   peak {peak:7,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
