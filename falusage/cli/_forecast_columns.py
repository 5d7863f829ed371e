"""The columns of printed forecasts, outlooks and backtests."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from falusage._wording.forecasts import bands_held
from falusage._wording.numbers import NOTHING
from falusage.reporting.columns import (
    Column,
    amounts,
    bands,
    chances,
    models,
    names,
    percents,
    texts,
)


def columns(found: pl.DataFrame, by: Sequence[str], *, every: str) -> list[Column]:
    """Return the columns of what `month_outlook`, `forecast` or `backtest` returned.

    Args:
        found: The frame.
        by: The columns that make its series.
        every: The length of a period.
    """
    keys = [names(found, name) for name in by if name != "currency"]
    if "month" in found.columns:
        return [*keys, *_outlook(found)]
    return (
        _forecast(found, keys, every) if "period" in found.columns else [*keys, *_backtest(found)]
    )


def _outlook(found: pl.DataFrame) -> list[Column]:
    budgets = [
        amounts(found, "budget"),
        chances(found, "chance_over"),
        texts("runs out on", [str(day or NOTHING) for day in found["runs_out_on"]]),
        names(found, "status"),
    ]
    return [
        amounts(found, "spent"),
        *([amounts(found, "settling", signed=True)] if found["settling"].ne(0).any() else []),
        amounts(found, "projected"),
        bands(found, 80),
        bands(found, 95, optional=True),
        *(budgets if found["budget"].count() else []),
        *([] if found.height == 1 else [percents(found, "coverage_80", "80% band held")]),
        models(found, "1d"),
    ]


def _forecast(found: pl.DataFrame, keys: list[Column], every: str) -> list[Column]:
    return [
        texts("period", [f"{at:%Y-%m-%d %H:%M %Z}" for at in found["period"]]),
        *keys,
        amounts(found, "cost"),
        bands(found, 80),
        bands(found, 95, optional=True),
        models(found, every),
    ]


def held(found: pl.DataFrame) -> list[str]:
    """Return how often the bands of an outlook held, as text; nothing for several rows."""
    if "month" not in found.columns or found.height != 1:
        return []
    row = found.row(0, named=True)
    sentence = bands_held({80: row["coverage_80"], 95: row["coverage_95"]})
    return [sentence] if sentence else []


def _backtest(found: pl.DataFrame) -> list[Column]:
    def errors(name: str) -> Column:
        cells = [NOTHING if error is None else f"{error:.3f}" for error in found[name]]
        return texts(name.replace("_", " "), cells, numeric=True)

    windows = [f"{count} x {ahead}" for count, ahead in found.select("windows", "ahead").rows()]
    return [
        names(found, "currency"),
        names(found, "model"),
        texts("", ["chosen" if chosen else "" for chosen in found["chosen"]]),
        *map(errors, ("error", "total_error")),
        percents(found, "weight", "share in the average"),
        *(percents(found, f"coverage_{level}", f"in {level}% band") for level in (80, 95)),
        texts("windows", windows),
    ]
