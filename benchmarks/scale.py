"""The peak memory of each command over a store, at two sizes of the store, and their ratio.

A store of a year by hour is written without HTTP: 40 teams, each with 38 of 300 endpoints. The
larger store has more rows an hour. Each command then runs in a process of its own.

    python benchmarks/scale.py --rows 5000000 20000000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

import falusage as fu
from falusage.columns import USAGE, widened
from falusage.store._commits import moved, seal, totals_of
from falusage.store._committing import append, create
from falusage.store._log import STORED
from falusage.store._parts import Written, write_part
from falusage.store._scope import Scope

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RISE = datetime(2024, 7, 1, tzinfo=UTC)
OF_A_TEAM = 38
FILE = 900_000
ACCOUNT = ["--billing-account-id", "acme", "--billing-account-name", "Acme"]


def usage(first: datetime, last: datetime, *, hourly: int, teams: int, prices: int) -> pl.DataFrame:
    """Invent the rows of a range.

    Args:
        first: Its start.
        last: Its end.
        hourly: How many rows an hour has.
        teams: How many teams there are.
        prices: How many prices each endpoint has side by side.
    """
    hours = (last - first) // HOUR
    at = pl.int_range(hours * hourly, dtype=pl.Int64) + (first - BEGIN) // HOUR * hourly
    chance = at.hash(7)
    team, nth = chance % teams, chance // teams % OF_A_TEAM
    endpoint = (team + nth * 7) % 300
    quantity = (1 + chance % 99_991).cast(pl.Float64)
    risen = (endpoint % 50 == 0) & (at // hourly >= (RISE - BEGIN) // HOUR)
    price = (1 + endpoint % 19) * 0.0025 + (chance // 77 % prices) * 0.0001
    price = pl.when(risen).then(price * 1.1).otherwise(price)
    bucket = (BEGIN.timestamp() + (at // hourly) * 3600) * 1_000_000
    instant = bucket.cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    made = pl.select(
        bucket=instant,
        bucket_end=instant + HOUR,
        username=pl.format("team-{}", team),
        product=pl.lit("model_apis"),
        endpoint_id=pl.format("fal-ai/vendor-{}/model", endpoint),
        unit=pl.lit("image"),
        quantity=quantity,
        unit_price=price,
        cost=quantity * price,
        currency=pl.lit("USD"),
    )
    return widened(made).cast(dict(USAGE))


def write_store(folder: Path, *, rows: int, teams: int = 40, prices: int = 1) -> fu.UsageStore:
    """Write a settled year in one version."""
    store = fu.UsageStore(folder)
    log = store._log  # pyright: ignore[reportPrivateUsage]
    create(log, Scope.of(fu.UsageQuery("2024-01-01", "2024-01-02", timeframe="hour")), BEGIN)
    hourly = -(-rows // (366 * 24))
    state = log.state()
    come: list[Written] = []
    totals = state.commit.totals
    for first, last in _days(FILE // (24 * hourly) or 1):
        made = usage(first, last, hourly=hourly, teams=teams, prices=prices).with_columns(
            read_at=pl.lit(END + 9 * DAY).cast(STORED["read_at"]), settled=pl.lit(True)
        )
        come += [write_part(log.place, piece, timezone="UTC") for piece in made.iter_slices(FILE)]
        totals = moved(totals, gone={}, come=totals_of(made))
    commit = state.commit.then(
        "sync",
        at=END + 9 * DAY,
        span=(BEGIN, END),
        settle=3 * DAY,
        totals=totals,
        settled=((BEGIN, END),),
        closed=((BEGIN, END),),
        files=seal([one.part.path for one in come], state.schema),
    )
    append(log, state, commit, come=come, gone=())
    return store


def _days(count: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield ranges of some days, none across the end of a month."""
    at = BEGIN
    while at < END:
        month = (at.replace(day=1) + 32 * DAY).replace(day=1)
        last = min(at + count * DAY, month)
        yield at, last
        at = last


def commands(store: Path, out: Path) -> dict[str, list[str]]:
    """Return what is measured."""
    where = ["--store", str(store)]
    november = str(out / "november.parquet")
    return {
        "report": ["report", *where, "--month", "2024-11"],
        "page": ["report", *where, "--month", "2024-11", "--out", str(out / "page.html")],
        "outlook": ["forecast", *where],
        "forecast by team": ["forecast", *where, "--horizon", "14", "--by", "username"],
        "focus": ["focus", *where, *ACCOUNT, "--out", str(out / "focus.parquet")],
        "tie-out": ["tie-out", *where, "--month", "2024-11", "--focus", november],
        "restatements": ["restatements", *where, "0", "--format", "csv"],
        "verify": ["verify", *where],
    }


def write_charges(store: fu.UsageStore, out: Path) -> None:
    """Write the charges of November, for the tie-out."""
    view = store.view(start="2024-11-01", end="2024-12-01")
    charges = fu.to_focus(
        view, billing_account_id="acme", billing_account_name="Acme", timeframe="day"
    )
    charges.write_parquet(out / "november.parquet")


def peak(command: list[str]) -> tuple[float, float]:
    """Run a command in a process of its own; return its peak in MB and its seconds."""
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "falusage", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"falusage {' '.join(command)} failed with status {status}")
    return used.ru_maxrss / 1024, time.perf_counter() - begun


def main() -> None:
    """Write the stores, run every command over each, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, nargs=2, default=[5_000_000, 20_000_000])
    asked.add_argument("--teams", type=int, default=40)
    asked.add_argument("--prices", type=int, default=1)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        found: dict[str, list[tuple[float, float]]] = {}
        for rows in given.rows:
            folder = root / str(rows)
            store = write_store(folder, rows=rows, teams=given.teams, prices=given.prices)
            write_charges(store, root)
            for title, command in commands(folder, root).items():
                found.setdefault(title, []).append(peak(command))
    few, many = (f"{rows:,} rows" for rows in given.rows)
    print(f"{'':18}{few:>24}{many:>24}  peaks")
    for title, pairs in found.items():
        cells = "".join(f"{megabytes:12,.0f} MB {seconds:6.1f} s" for megabytes, seconds in pairs)
        print(f"{title:18}{cells}  {pairs[1][0] / pairs[0][0]:5.2f}")


if __name__ == "__main__":
    main()
