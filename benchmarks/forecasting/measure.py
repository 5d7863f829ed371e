"""The errors of each model on one series, and whether its bands held.

Each horizon is forecast by itself, because the choice of the model depends on it. Errors are in
units of the series' mean absolute seasonal difference, over its history and future together: the
same for all models, and no series with a quiet history dominates the mean.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

import numpy as np
import polars as pl

import falusage as fu

from .asked import LEVELS, Band, Period, confirm, told, usage_of
from .families import GROUP_AHEAD, Floats, Group, Series
from .rivals import auto_ets, prophet, seasonal_naive

Row = dict[str, Any]

DAYS: Final = {
    "1d": {7: 7, 28: 28, 90: 90},
    "1w": {1: 7, 4: 28, 13: 90},
    "1mo": {1: 28, 3: 90},
}
"""About how many days each horizon is; rows are compared by that."""
_LAGS: Final = {"1d": 7, "1w": 1, "1mo": 12}
_ROUNDING: Final = 1e-9


def of_series(series: Series, *, check: bool, with_prophet: bool) -> list[Row]:
    """Return one row per horizon and model, and one of the month's outlook.

    Args:
        series: The series.
        check: Whether to compare the shortest horizon with what `forecast` returns.
        with_prophet: Whether to ask Prophet, which knows days alone.
    """
    warnings.simplefilter("ignore")
    costs, every = series.costs, cast("Period", series.every)
    first = int(np.flatnonzero(costs)[0])
    history, future = costs[first : series.known], costs[series.known :]
    scale = _scale(costs[first:], series.every)
    usage = usage_of(series.start, series.days[: series.known_days])
    longest = max(series.horizons)
    others = {
        "AutoETS": auto_ets(history, every, longest),
        "SeasonalNaive": seasonal_naive(history, every, longest),
    }
    if with_prophet and every == "1d":
        others["Prophet"] = prophet(history, series.start + timedelta(days=first), longest)
    key = {"name": series.name, "kind": series.kind, "every": every}
    rows: list[Row] = []
    for horizon in series.horizons:
        ours, truth = told(usage, every=every, horizon=horizon), future[:horizon]
        if check and horizon == series.horizons[0]:
            confirm(usage, ours, every=every)
        held = {**_held(ours.bands, truth, scale), **_total_held(ours.totals, truth, scale)}
        said = {"auto": ours.cost, **ours.candidates, **others}
        for model, ahead in said.items():
            row = {**key, "days": DAYS[every][horizon], "model": model}
            row |= _errors(ahead[:horizon], truth, scale)
            rows.append(row | ({"chosen": ours.model, **held} if model == "auto" else {}))
    return rows + ([{**key, "model": "month", **_month(series)}] if every == "1d" else [])


def of_group(group: Group) -> list[Row]:
    """Return one row for each team of a group and one for their sum."""
    warnings.simplefilter("ignore")
    seen = group.days[:, : group.known]
    teams = [f"team {number}" for number in range(len(group.days))]
    usage = pl.concat(
        usage_of(group.start, days).with_columns(username=pl.lit(team))
        for team, days in zip(teams, seen, strict=True)
    )
    parts = fu.forecast(usage, horizon=GROUP_AHEAD, by="username", levels=LEVELS)
    whole = fu.forecast(usage, horizon=GROUP_AHEAD, levels=LEVELS)
    tables = {team: parts.filter(username=team) for team in teams}
    sums = np.sum([table["cost"].to_numpy() for table in tables.values()], axis=0)
    total = whole["cost"].to_numpy()
    off = float(np.abs(sums - total).max() / max(total.max(), _ROUNDING))
    rows: list[Row] = []
    everyone = zip([*tables.values(), whole], [*group.kinds, "the sum"], strict=True)
    for number, (table, kind) in enumerate(everyone):
        days = group.days[number] if number < len(teams) else group.days.sum(axis=0)
        scale = _scale(days[np.flatnonzero(days)[0] :], "1d")
        bands = {n: (table[f"lo_{n}"].to_numpy(), table[f"hi_{n}"].to_numpy()) for n in LEVELS}
        truth = days[group.known :]
        row: Row = {"name": group.name, "kind": kind, "model": "group", "off": off}
        row |= _errors(table["cost"].to_numpy(), truth, scale) | _held(bands, truth, scale)
        rows.append(row | {"lowest": min(float(low.min()) for low, _ in bands.values())})
    return rows


def _scale(costs: Floats, every: str) -> float:
    """Return the mean absolute seasonal difference, with a lag of 1 if a series is short."""
    lag = _LAGS[every] if len(costs) > _LAGS[every] + 3 else 1
    return float(np.abs(costs[lag:] - costs[:-lag]).mean()) or 1.0


def _errors(ahead: Floats, truth: Floats, scale: float) -> Row:
    off = (ahead - truth) / scale
    return {
        "error": float(np.abs(off).mean()),
        "total_error": float(np.abs(off.mean())),
        "bias": float(off.mean()),
    }


def _held(bands: Mapping[int, Band], truth: Floats, scale: float) -> Row:
    """Return the share of periods within each band, and how wide it is."""
    row: Row = {}
    for level, (low, high) in bands.items():
        row[f"in_{level}"] = float(_inside(low, high, truth, scale).mean())
        row[f"width_{level}"] = float((high - low).mean() / scale)
    return row


def _total_held(totals: Mapping[int, Band], truth: Floats, scale: float) -> Row:
    total = np.array([truth.sum()])
    return {
        f"total_{level}": float(_inside(low, high, total, scale)[0])
        for level, (low, high) in totals.items()
    }


def _inside(low: Floats, high: Floats, truth: Floats, scale: float) -> Any:
    room = _ROUNDING * scale
    return (low - room <= truth) & (truth <= high + room)


def _month(series: Series) -> Row:
    """Return whether the bands of the present month's total held."""
    known, days = series.known_days, series.days
    at = series.start + timedelta(days=known)
    if at.day == 1:  # nothing of the month is known
        return {}
    dates = [series.start + timedelta(days=day) for day in range(len(days))]
    month = [n for n, day in enumerate(dates) if (day.year, day.month) == (at.year, at.month)]
    usage = usage_of(series.start, days[:known])
    row = fu.month_outlook(usage, month=f"{at:%Y-%m}").row(0, named=True)
    total, room = float(days[month].sum()), _ROUNDING * float(days.max())
    return {
        f"month_{n}": float(row[f"lo_{n}"] - room <= total <= row[f"hi_{n}"] + room) for n in LEVELS
    }
