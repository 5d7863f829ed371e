"""What a store costs as it grows: `python benchmarks/store.py [--days 730] [--year 365]`.

Two years of hourly rows (10 million) are written through the store's own path, a month at a time.
Then one more day is synced into it, and into a store of one month: the cost should be the day's.
One month is scanned, and the files that are opened are counted. Last, a year of nightly syncs is
compacted and scanned, beside one plain Parquet file of the same rows. HTTP is left out, for it is
measured in `ingest.py`; seconds of the processor stand beside those of the clock, because others
may be at work on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

import falusage as fu
from falusage.columns import AUTH, USAGE
from falusage.store import _parts as parts
from falusage.store import _scanning as scanning
from falusage.store._committing import create
from falusage.store._scope import Scope
from falusage.store._writing import commit_rows
from falusage.timeframes import boundaries

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = 571  # in an hour: ten million in two years


_UNKNOWN = {*AUTH, "percent_discount", "cost_subtotal", "cost_discount"}


def hours(first: datetime, last: datetime, *, seed: int) -> pl.DataFrame:
    """Invent the hourly rows of a range."""
    hour = timedelta(hours=1)
    rows = pl.int_range(pl.len())
    price = (rows * 37 % 50 + 1) / 1000
    quantity = ((rows * 2654435761 + seed) % 9973).cast(pl.Float64)
    return (
        pl.select(
            bucket=pl.datetime_range(
                first, last, interval="1h", closed="left", time_unit="us"
            ).dt.convert_time_zone("UTC")
        )
        .join(pl.DataFrame({"item": range(ROWS)}), how="cross")
        .with_columns(
            bucket_end=pl.col("bucket") + hour,
            username=pl.format("team-{}", pl.col("item") % 12),
            product=pl.lit("model_apis"),
            endpoint_id=pl.format("fal-ai/model-{}", pl.col("item") % 97),
            unit=pl.lit("image"),
            quantity=quantity,
            unit_price=price,
            cost=quantity * price,
            currency=pl.lit("USD"),
        )
        .select(
            pl.col(name).cast(dtype) if name not in _UNKNOWN else pl.lit(None, dtype).alias(name)
            for name, dtype in USAGE.items()
        )
    )


class Kept:
    """A store that is written without HTTP."""

    def __init__(self, folder: Path) -> None:
        self.store = fu.UsageStore(folder)
        self.folder = folder
        self.log = self.store._log
        query = fu.UsageQuery("2024-01-01", "2024-01-02", timeframe="hour")
        create(self.log, Scope.of(query), BEGIN)

    def sync(self, first: datetime, last: datetime, *, now: datetime, seed: int = 0) -> None:
        """Commit what a range holds."""
        self.commit(hours(first, last, seed=seed), (first, last), now)

    def commit(self, rows: pl.DataFrame, span: tuple[datetime, datetime], now: datetime) -> None:
        """Commit rows."""
        commit_rows(self.log, self.log.state(), rows, span=span, read_at=now, settle=3 * DAY)

    def backfill(self, days: int) -> None:
        """Write a history, a month at a time, all of it settled."""
        end = BEGIN + days * DAY
        edges = boundaries(BEGIN, end, every="1mo", timezone="UTC").to_list()
        for first, last in pairwise(sorted({*edges, end})):
            self.sync(first, last, now=last + 4 * DAY)


def timed(what: Callable[[], object]) -> tuple[float, float]:
    """Return the wall and CPU seconds of a call."""
    began, clock = os.times(), time.perf_counter()
    what()
    ended = os.times()
    return time.perf_counter() - clock, ended.user + ended.system - began.user - began.system


def best(what: Callable[[], object], *, times: int = 5) -> tuple[float, float]:
    """Return the medians of several runs, in wall and CPU seconds."""
    runs = [timed(what) for _ in range(times)]
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def size(folder: Path) -> tuple[int, int]:
    """Return the number of data files, and their bytes."""
    files = list(folder.glob("*/*.parquet"))
    return len(files), sum(file.stat().st_size for file in files)


def replaced_by_the_library(root: Path, days: int = 62) -> None:
    """Measure a day read again: by the store, and by the Delta library's own `replaceWhere`."""
    from deltalake import CommitProperties, write_deltalake

    kept, plain = Kept(root / "ours"), str(root / "theirs")
    kept.backfill(days - 3)
    for first, last in pairwise([BEGIN + at * DAY for at in range(days - 3, days + 1)]):
        kept.sync(first, last, now=last + 5 * DAY)
    write_deltalake(plain, kept.store.scan().drop("read_at", "settled").sort("bucket").collect())
    first, last = BEGIN + (days - 1) * DAY, BEGIN + days * DAY
    where = f"bucket >= '{first.isoformat()}' AND bucket < '{last.isoformat()}'"

    def ours(seed: int) -> None:
        kept.sync(first, last, now=last + 5 * DAY, seed=seed)

    def theirs(seed: int) -> None:
        write_deltalake(
            plain,
            hours(first, last, seed=seed),
            mode="overwrite",
            predicate=where,
            commit_properties=CommitProperties(max_commit_retries=0),
        )

    runs = [[timed(partial(way, seed))[0] for way in (ours, theirs)] for seed in range(1, 8)]
    medians = [statistics.median(run[at] for run in runs) for at in (0, 1)]
    print(f"a day read again: {medians[0]:.3f} s, by replaceWhere {medians[1]:.3f} s")


def growth(root: Path, days: int) -> None:
    """Measure one day into a small store and into a large one, and the scan of a month."""
    costs = {}
    for name, history in (("one month", 31), ("two years", days)):
        kept = Kept(root / name.replace(" ", "-"))
        clock, _ = timed(lambda kept=kept, history=history: kept.backfill(history))
        rows, (files, total) = kept.store.verify(), size(kept.folder)
        print(f"{name}: {rows:,} rows, {files} files, {total / 1e6:.1f} MB, {clock:.1f} s")
        runs = []
        for nth in range(7):
            first = BEGIN + (history + nth) * DAY
            new = hours(first, first + DAY, seed=nth)
            before = size(kept.folder)
            args = (new, (first, first + DAY), first + DAY)
            runs.append(
                (
                    *timed(lambda kept=kept, args=args: kept.commit(*args)),
                    size(kept.folder)[1] - before[1],
                )
            )
        costs[name] = [statistics.median(run[at] for run in runs) for at in range(3)]
        clock, cpu, written = costs[name]
        day = f"{clock:.3f} s, {cpu:.3f} s of processor, {written / 1e3:.0f} kB written"
        print(f"  one more day: {day}")
    ratios = [large / small for small, large in zip(*costs.values(), strict=True)]
    print("  two years / one month: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))

    opened: list[str] = []

    def read(place: Any, part: parts.Part) -> bytes:
        opened.append(part.path)
        return parts.read_part(place, part)

    scanning.read_part = read  # type: ignore[assignment] - to count
    month = (pl.col("bucket") >= datetime(2025, 3, 1, tzinfo=UTC)) & (
        pl.col("bucket") < datetime(2025, 4, 1, tzinfo=UTC)
    )
    table = kept.store.scan().filter(month).collect()
    read_bytes = sum((kept.folder / path).stat().st_size for path in opened)
    share = read_bytes / size(kept.folder)[1]
    print(
        f"  scan of March 2025: {table.height:,} rows from {len(opened)} files of "
        f"{len(kept.log.state().parts)}, {share:.1%} of the bytes: {', '.join(opened)}"
    )
    scanning.read_part = parts.read_part
    clock, cpu = best(lambda: kept.store.scan().filter(month).collect())
    print(f"  which takes {clock:.3f} s, {cpu:.3f} s of processor")


def nights(root: Path, days: int) -> None:
    """Measure a year of nightly syncs, compacted, beside a plain file."""
    kept = Kept(root / "nights")
    year = hours(BEGIN, BEGIN + days * DAY, seed=1)

    def nightly() -> None:
        for night in range(1, days + 1):
            first, last = BEGIN + max(night - 4, 0) * DAY, BEGIN + night * DAY
            rows = year.slice((max(night - 4, 0)) * 24 * ROWS, min(night, 4) * 24 * ROWS)
            kept.commit(rows, (first, last), last)

    clock, cpu = timed(nightly)
    files = len(kept.log.state().parts)
    print(f"{days} nights: {clock:.1f} s, {cpu:.1f} s of processor, {files} files")
    plain = root / "plain.parquet"
    year.write_parquet(plain)
    compared(kept, plain, "before compacting")
    clock, _ = timed(kept.store.compact)
    print(f"compacted in {clock:.1f} s: {len(kept.log.state().parts)} files")
    compared(kept, plain, "compacted")


def by_day(table: pl.LazyFrame) -> pl.LazyFrame:
    """Ask what a store is for."""
    return fu.rollup(table, by="username", every="1d")


def compared(kept: Kept, plain: Path, when: str) -> None:
    """Print how a store's scans compare with those of a plain file."""
    for name, ask in (
        ("every row and column", lambda table: table.select(pl.col(*USAGE)).collect()),
        ("cost by team and day", lambda table: by_day(table).collect()),
    ):
        pairs = [
            (timed(partial(ask, kept.store.scan())), timed(partial(ask, pl.scan_parquet(plain))))
            for _ in range(9)
        ]
        clock, cpu = (
            statistics.median(ours[at] / max(theirs[at], 1e-9) for ours, theirs in pairs)
            for at in range(2)
        )
        ours = statistics.median(ours[0] for ours, _ in pairs)
        print(f"  {when}, {name}: {ours:.3f} s, {clock:.2f} times plain ({cpu:.2f} of processor)")


def main() -> None:
    """Run everything in a folder that is removed again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=730, help="the large store's history")
    parser.add_argument("--year", type=int, default=365, help="how many nights")
    asked = parser.parse_args()
    print(f"polars {pl.__version__}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        replaced_by_the_library(Path(folder))
        growth(Path(folder), asked.days)
        nights(Path(folder), asked.year)


if __name__ == "__main__":
    main()
