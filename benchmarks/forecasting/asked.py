"""What falusage forecasts: its own choice, each candidate, and the bands of periods and totals.

`forecast` returns the bands of single periods of one model. So the paths behind them, and all
candidates at once, are asked for within the room. It is the same computation: `confirm` compares
it with `forecast`, and raises if a number differs. No other module here knows the room's inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

import numpy as np
import polars as pl

import falusage as fu
from falusage._usage.table import take
from falusage.forecasting._candidates import MODELS, all_forecasts, forecasters
from falusage.forecasting._futures import futures
from falusage.forecasting._history import histories
from falusage.forecasting._paths import bounds
from falusage.forecasting._rhythms import RHYTHMS

from .families import Floats

LEVELS: Final = (80, 95)
_ALONE: Final = tuple(name for name in MODELS if name != "average")
_EVEN: Final = ("level", "smoothing", "theta")
CANDIDATES: Final = (*_ALONE, "even")
"""The single models, and, harder to beat, the mean of three of them with equal weights."""

Band = tuple[Floats, Floats]
Period = Literal["1d", "1w", "1mo"]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What was forecast for one series.

    Attributes:
        model: The model that was chosen.
        cost: The cost of each period.
        bands: The bounds of each period, by level.
        totals: The bounds of the total over the horizon, by level.
        candidates: The forecast of each candidate; a series too short for one gets that of `level`.
    """

    model: str
    cost: Floats
    bands: dict[int, Band]
    totals: dict[int, Band]
    candidates: dict[str, Floats]


def usage_of(start: date, days: Floats) -> pl.DataFrame:
    """Return daily costs as a usage table."""
    first = datetime(start.year, start.month, start.day, tzinfo=UTC)
    buckets = [first + timedelta(days=day) for day in range(len(days))]
    return pl.DataFrame(
        {
            "bucket": buckets,
            "bucket_end": [at + timedelta(days=1) for at in buckets],
            "cost": days,
            "currency": "USD",
        }
    )


def told(usage: pl.DataFrame, *, every: Period, horizon: int) -> Told:
    """Forecast a table of one currency as one series."""
    parts, whole = histories(take(usage, None), [(), ()], every=every, timezone="UTC")
    future = futures(parts, whole, horizon=horizon, model="auto")[0]
    rates = parts.rates[0]
    history = rates[np.flatnonzero(rates)[0] :]
    lengths = parts.ahead(horizon)["length"].to_numpy()
    rhythm = RHYTHMS[every]
    able = all_forecasts(history, horizon, rhythm, forecasters(rhythm))
    alone = {name: able.get(name, able["level"]) * lengths for name in _ALONE}
    total, sums = np.array([future.cost.sum()]), future.paths.sum(axis=1, keepdims=True)
    return Told(
        model=future.model,
        cost=future.cost,
        bands=bounds(future.paths, LEVELS, around=future.cost),
        totals=bounds(sums, LEVELS, around=total),
        candidates={**alone, "even": np.mean([alone[name] for name in _EVEN], axis=0)},
    )


def confirm(usage: pl.DataFrame, ours: Told, *, every: Period) -> None:
    """Raise if `forecast` returns other numbers."""
    horizon = len(ours.cost)
    public = fu.forecast(usage, horizon=horizon, every=every, levels=LEVELS)
    np.testing.assert_allclose(public["cost"].to_numpy(), ours.cost, rtol=1e-9)
    for level, (low, high) in ours.bands.items():
        np.testing.assert_allclose(public[f"lo_{level}"].to_numpy(), low, rtol=1e-9)
        np.testing.assert_allclose(public[f"hi_{level}"].to_numpy(), high, rtol=1e-9)
    for name in _ALONE:
        alone = fu.forecast(usage, horizon=horizon, every=every, model=name)
        if alone["model"][0] == name:  # else a record was too short for it, and another was used
            np.testing.assert_allclose(alone["cost"].to_numpy(), ours.candidates[name], rtol=1e-9)
