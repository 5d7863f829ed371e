"""How long a forecast of fifty teams takes."""

from __future__ import annotations

import os
from typing import NamedTuple

import polars as pl

import falusage as fu

MOST_CPU = 12.0


class Spent(NamedTuple):
    """CPU seconds, and how far the teams are off their sum, as a share of it."""

    importing: float
    forecasting: float
    off: float


def fifty_teams() -> Spent:
    """Forecast fifty teams of 400 days, 30 ahead, in a process that has not forecast before."""
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
    begun = _cpu()
    import statsforecast.models  # noqa: F401 - its cost is measured apart

    imported = _cpu()
    parts = fu.forecast(usage, horizon=30, by="username")
    done = _cpu()
    whole = fu.forecast(usage, horizon=30)
    sums = parts.group_by("period", "currency").agg(pl.col("cost").sum())
    both = sums.join(whole, on=["period", "currency"])
    off = ((both["cost"] - both["cost_right"]) / both["cost_right"]).abs().max()
    return Spent(imported - begun, done - imported, float(off))  # type: ignore[arg-type]


def _cpu() -> float:
    used = os.times()
    return used.user + used.system
