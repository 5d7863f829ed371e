"""The transforms against DuckDB and pandas: the same questions of the same rows, in one run.

    uv pip install -e . --group bench
    python benchmarks/transforms.py                    # ten million rows
    python benchmarks/transforms.py --rows 100000 --runs 1 --no-memory   # a smoke test

Every question is put to a Parquet file, from cold plan to finished table, and the answers are
compared before a clock runs. The runs are interleaved, the two sides of a pair take turns to be
first, and each figure is the median of paired ratios, so that a machine busy with other things
slows both sides alike. DuckDB and pandas are asked as one would write it for them; DuckDB sums in
DECIMAL too, and pandas, which has no exact sum of this speed, in floats.

Peak memory is what the system counts as resident, and so holds the pages that Polars' allocator
keeps for half a second after use and the row groups that its reader has read ahead.
"""

# ruff: noqa: S608 - the SQL is made of this file's own words

from __future__ import annotations

import argparse
import math
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

import duckdb
import pandas as pd
import polars as pl

import falusage as fu

ZONE = "America/New_York"
MONEY = "CAST(cost AS DECIMAL(38, 12))"


def write_usage(path: Path, *, rows: int) -> None:
    """Write an invented usage table of `rows` rows: hourly, 40 teams, 300 endpoints, a year."""
    row = pl.int_range(rows)
    mixed = (row * 2_654_435_761) % 4_294_967_296
    endpoint = (mixed // 977) % 300
    quantity = 1 + mixed % 997
    price = (1 + endpoint % 19) * 0.0025
    bucket = pl.lit(1_735_689_600_000_000) + row * 8_760 // rows * 3_600_000_000
    instant = bucket.cast(pl.Datetime("us", "UTC"))
    table = pl.select(
        bucket=instant,
        bucket_end=instant + pl.duration(hours=1),
        username=pl.format("team-{}", (mixed // 131) % 40),
        product=pl.lit(pl.Series(["model_apis", "serverless", "compute"])).gather(endpoint % 3),
        endpoint_id=pl.format("fal-ai/vendor-{}/model", endpoint),
        unit=pl.lit(pl.Series(["image", "second", "megapixel"])).gather(endpoint % 3),
        quantity=quantity.cast(pl.Float64),
        unit_price=price,
        cost=quantity * price,
        currency=pl.lit("USD"),
        auth_method=pl.lit("my-key (owner: alice)"),
    )
    table.write_parquet(path, row_group_size=250_000)


def rollup_polars(usage: pl.LazyFrame) -> pl.DataFrame:
    """Ask falusage."""
    by = ["username", "product", "endpoint_id", "unit"]
    return fu.rollup(usage, by=by, every="1d", timezone=ZONE).collect()


def rollup_duckdb(usage: str) -> pl.DataFrame:
    """Ask DuckDB."""
    return _sql(f"""
        SELECT date_trunc('day', bucket) AS period, username, product, endpoint_id, unit, currency,
               CAST(sum({MONEY}) AS DOUBLE) AS cost
        FROM '{usage}' GROUP BY ALL ORDER BY ALL
    """)


def rollup_pandas(usage: str) -> pd.DataFrame:
    """Ask pandas."""
    by = ["username", "product", "endpoint_id", "unit", "currency"]
    rows = pd.read_parquet(usage, columns=["bucket", *by, "cost"])
    rows["period"] = rows["bucket"].dt.tz_convert(ZONE).dt.normalize()
    return rows.groupby(["period", *by], sort=True)["cost"].sum().reset_index()


def share_polars(usage: pl.LazyFrame) -> pl.DataFrame:
    """Ask falusage."""
    return fu.cost_share(usage, by="endpoint_id", every="1mo", timezone=ZONE, top=20).collect()


def share_duckdb(usage: str) -> pl.DataFrame:
    """Ask DuckDB."""
    return _sql(f"""
        WITH sums AS (
            SELECT date_trunc('month', bucket) AS period, endpoint_id, currency,
                   sum({MONEY}) AS cost
            FROM '{usage}' GROUP BY ALL
        ), places AS (
            SELECT endpoint_id, currency,
                   row_number() OVER (PARTITION BY currency
                                      ORDER BY sum(cost) DESC, endpoint_id) AS place
            FROM sums GROUP BY endpoint_id, currency
        ), folded AS (
            SELECT period, CASE WHEN place <= 20 THEN endpoint_id ELSE 'other' END AS endpoint_id,
                   currency, sum(cost) AS cost, place > 20 AS last
            FROM sums JOIN places USING (endpoint_id, currency) GROUP BY ALL
        ), ranked AS (
            SELECT *, row_number() OVER part AS rank, sum(cost) OVER part AS so_far,
                   sum(cost) OVER (PARTITION BY period, currency) AS whole
            FROM folded
            WINDOW part AS (PARTITION BY period, currency ORDER BY last, cost DESC, endpoint_id
                            ROWS UNBOUNDED PRECEDING)
        )
        SELECT period, endpoint_id, currency, CAST(cost AS DOUBLE) AS cost,
               CAST(cost AS DOUBLE) / CAST(whole AS DOUBLE) AS share,
               CAST(so_far AS DOUBLE) / CAST(whole AS DOUBLE) AS cumulative_share, rank
        FROM ranked ORDER BY period, currency, rank
    """)


def share_pandas(usage: str) -> pd.DataFrame:
    """Ask pandas."""
    rows = pd.read_parquet(usage, columns=["bucket", "endpoint_id", "currency", "cost"])
    local = rows["bucket"].dt.tz_convert(ZONE)
    rows["period"] = local.dt.tz_localize(None).to_numpy().astype("datetime64[M]")
    part = ["period", "currency"]
    sums = rows.groupby([*part, "endpoint_id"])["cost"].sum().reset_index()
    kept = sums.groupby("endpoint_id")["cost"].sum().nlargest(20).index
    sums["endpoint_id"] = sums["endpoint_id"].where(sums["endpoint_id"].isin(kept), "other")
    folded = sums.groupby([*part, "endpoint_id"])["cost"].sum().reset_index()
    folded["last"] = folded["endpoint_id"] == "other"
    folded = folded.sort_values([*part, "last", "cost"], ascending=[True, True, True, False])
    whole = folded.groupby(part)["cost"]
    folded["share"] = folded["cost"] / whole.transform("sum")
    folded["cumulative_share"] = whole.cumsum() / whole.transform("sum")
    folded["rank"] = whole.cumcount() + 1
    return folded


def pivot_polars(usage: pl.LazyFrame) -> pl.DataFrame:
    """Ask falusage."""
    return fu.pivot(usage, index="username", on="product").collect()


def pivot_duckdb(usage: str) -> pl.DataFrame:
    """Ask DuckDB."""
    return _sql(f"""
        PIVOT (SELECT username, currency, product, {MONEY} AS cost FROM '{usage}')
        ON product USING coalesce(CAST(sum(cost) AS DOUBLE), 0) GROUP BY username, currency
        ORDER BY username
    """)


def pivot_pandas(usage: str) -> pd.DataFrame:
    """Ask pandas."""
    rows = pd.read_parquet(usage, columns=["username", "product", "currency", "cost"])
    return rows.pivot_table(
        index=["username", "currency"],
        columns="product",
        values="cost",
        aggfunc="sum",
        fill_value=0,
    ).reset_index()


def trend_polars(usage: pl.LazyFrame) -> pl.DataFrame:
    """Ask falusage."""
    return fu.trend(usage, by="username", every="1d", timezone=ZONE).collect()


def trend_duckdb(usage: str) -> pl.DataFrame:
    """Ask DuckDB."""
    return _sql(f"""
        WITH sums AS (
            SELECT date_trunc('day', bucket) AS period, username, currency, sum({MONEY}) AS cost,
                   min(bucket) AS first, max(bucket_end) AS last
            FROM '{usage}' GROUP BY ALL
        ), edges AS (SELECT min(first) AS low, max(last) AS high FROM sums
        ), days AS (
            SELECT unnest(generate_series(date_trunc('day', low), high - INTERVAL 1 SECOND,
                                          INTERVAL 1 DAY)) AS period, low, high FROM edges
        ), filled AS (
            SELECT period, username, currency, coalesce(cost, 0) AS cost,
                   period >= low AND period + INTERVAL 1 DAY <= high AS complete
            FROM days CROSS JOIN (SELECT DISTINCT username, currency FROM sums)
            LEFT JOIN (SELECT period, username, currency, cost FROM sums)
            USING (period, username, currency)
        ), moved AS (
            SELECT *, lag(cost) OVER series AS previous,
                   complete AND lag(complete) OVER series AS ok,
                   sum(cost) OVER week AS week, bool_and(complete) OVER week AND
                   count(*) OVER week = 7 AS whole
            FROM filled
            WINDOW series AS (PARTITION BY username, currency ORDER BY period),
                   week AS (series ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
        )
        SELECT period, username, currency, CAST(cost AS DOUBLE) AS cost,
               CAST(previous AS DOUBLE) AS previous,
               CAST(CASE WHEN ok THEN cost - previous END AS DOUBLE) AS change,
               CASE WHEN ok AND previous > 0
                    THEN CAST(cost - previous AS DOUBLE) / CAST(previous AS DOUBLE) END
                    AS pct_change,
               CASE WHEN whole THEN CAST(week AS DOUBLE) / 7 END AS rolling_mean, complete
        FROM moved ORDER BY period, username, currency
    """)


def trend_pandas(usage: str) -> pd.DataFrame:
    """Ask pandas."""
    columns = ["bucket", "bucket_end", "username", "currency", "cost"]
    rows = pd.read_parquet(usage, columns=columns)
    rows["period"] = rows["bucket"].dt.tz_convert(ZONE).dt.normalize()
    sums = rows.groupby(["period", "username", "currency"])["cost"].sum()
    days = pd.date_range(rows["period"].min(), rows["period"].max(), freq="D", tz=ZONE)
    wide = sums.unstack(["username", "currency"]).reindex(days).fillna(0.0)
    ends = days + pd.DateOffset(days=1)
    complete = (days >= rows["bucket"].min()) & (ends <= rows["bucket_end"].max())
    known = wide.where(pd.Series(complete, index=days), axis=0)
    parts = {
        "cost": wide,
        "previous": wide.shift(1),
        "change": known.diff(),
        "pct_change": known.pct_change(),
        "rolling_mean": known.rolling(7).mean(),
    }
    return pd.concat({name: part.unstack() for name, part in parts.items()}, axis=1)


QUESTIONS: dict[str, tuple[str, Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "rollup": (
        "team, product, endpoint, unit; days in New York",
        rollup_polars,
        rollup_duckdb,
        rollup_pandas,
    ),
    "cost_share": ("top 20 endpoints, monthly", share_polars, share_duckdb, share_pandas),
    "pivot": ("team × product", pivot_polars, pivot_duckdb, pivot_pandas),
    "trend": ("team, daily", trend_polars, trend_duckdb, trend_pandas),
}


def _sql(query: str) -> pl.DataFrame:
    with duckdb.connect() as connection:
        connection.execute(f"SET timezone = '{ZONE}'")
        return pl.DataFrame(connection.sql(query).to_arrow_table())


def check(name: str, path: Path) -> int:
    """Compare the three answers, and give how many rows they have."""
    _, ours, duck, pandas = QUESTIONS[name]
    mine, theirs = ours(pl.scan_parquet(path)), duck(str(path))
    shared = [column for column in mine.columns if mine[column].dtype == pl.Float64]
    key = [column for column in mine.columns if mine[column].dtype == pl.String]
    assert mine.height == theirs.height, f"{name}: {mine.height} rows, DuckDB {theirs.height}"
    assert mine.select(key).equals(theirs.select(key)), f"{name}: keys differ from DuckDB's"
    for column in shared:
        assert mine[column].equals(theirs[column]), f"{name}: {column} differs from DuckDB's"
    answer = pandas(str(path))
    assert len(answer) == mine.height, f"{name}: pandas has {len(answer)} rows"
    numbers = [column for column in shared if column in answer]
    for column in numbers:
        one, other = math.fsum(answer[column].dropna()), math.fsum(mine[column].drop_nulls())
        assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6), f"{name}: {column}, pandas"
    return mine.height


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall and CPU seconds."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def race(name: str, path: Path, *, runs: int, pandas_runs: int) -> None:
    """Time one question on all three, interleaved, and print its line."""
    what, ours, duck, pandas = QUESTIONS[name]
    height = check(name, path)
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    threes: list[tuple[float, float]] = []
    for run in range(runs):
        sides = (lambda: ours(pl.scan_parquet(path)), lambda: duck(str(path)))
        # Who comes first meets what the one before has left behind, so they take turns.
        taken = {side: timed(sides[side]) for side in ((0, 1) if run % 2 else (1, 0))}
        pairs.append((taken[0], taken[1]))
        if run < pandas_runs:
            threes.append((taken[0][0], timed(lambda: pandas(str(path)))[0]))
    own, other = ([pair[side][0] for pair in pairs] for side in (0, 1))
    clock, processor = (
        statistics.median(duck[kind] / mine[kind] for mine, duck in pairs) for kind in (0, 1)
    )
    slower = statistics.median(pandas / mine for mine, pandas in threes)
    print(
        f"{name:<11}{what:<49}{height:>10,} {statistics.median(own):>8.2f} s "
        f"{statistics.median(other):>8.2f} s {clock:>7.2f}× {processor:>7.2f}× {slower:>8.1f}×",
        flush=True,
    )


def peaks(folder: Path, *, rows: int) -> None:
    """Print the peak memory of each question on files of one, two and four times the rows."""
    sizes = {times: folder / f"usage-{times}.parquet" for times in (1, 2, 4)}
    for times, path in sizes.items():
        if not path.exists():
            write_usage(path, rows=rows * times)
    print("\nPeak resident memory, MB, by times the rows:      1×       2×       4×")
    for name, (what, *_) in QUESTIONS.items():
        used = [_peak(name, path) for path in sizes.values()]
        print(f"{name:<11}{what:<34}" + "".join(f"{peak:>7.0f}  " for peak in used), flush=True)


def _peak(name: str, path: Path) -> float:
    command = [sys.executable, __file__, "--ask", name, "--file", str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pandas-runs", type=int, default=1)
    parser.add_argument("--only", choices=QUESTIONS, action="append")
    parser.add_argument("--no-memory", action="store_true", help="leave out the peaks of memory")
    parser.add_argument("--ask", choices=QUESTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        QUESTIONS[given.ask][1](pl.scan_parquet(given.file))
        # Not ru_maxrss: on Linux a child begins with the peak of the process that started it.
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage-1.parquet"
        write_usage(path, rows=given.rows)
        print(
            f"{given.rows:,} rows in {path.stat().st_size / 1e6:.0f} MB of Parquet; "
            f"{os.cpu_count()} processors, {platform.machine()}, Python "
            f"{platform.python_version()}, Polars {pl.__version__}, DuckDB "
            f"{duckdb.__version__}, pandas {pd.__version__}; median of {given.runs} runs\n"
        )
        print(
            f"{'':<60}{'rows out':>10} {'falusage':>10} {'DuckDB':>10} "
            f"{'clock':>8} {'CPU':>8} {'pandas':>9}"
        )
        for name in given.only or QUESTIONS:
            race(name, path, runs=given.runs, pandas_runs=min(given.runs, given.pandas_runs))
        if not given.no_memory:
            peaks(Path(folder), rows=given.rows)


if __name__ == "__main__":
    main()
