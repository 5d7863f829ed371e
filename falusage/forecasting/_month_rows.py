"""The rows of `month_outlook`: what was spent, what is still to come, and the budget, by key."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import polars as pl

from falusage.columns import INSTANT, exact
from falusage.forecasting._month_ahead import MonthAhead
from falusage.forecasting._past import Floats
from falusage.forecasting._paths import bounds
from falusage.forecasting._settling import NOTHING_LATE, Late
from falusage.timeframes import zone

LEVELS: Final = (80, 95)
RESULTS: Final = {
    "month": pl.String(),
    "as_of": INSTANT,
    "model": pl.String(),
    **{f"coverage_{level}": pl.Float64() for level in LEVELS},
    "spent": pl.Float64(),
    "settling": pl.Float64(),
    "projected": pl.Float64(),
    **{f"{side}_{level}": pl.Float64() for level in LEVELS for side in ("lo", "hi")},
    "budget": pl.Float64(),
    "remaining": pl.Float64(),
    "chance_over": pl.Float64(),
    "runs_out_on": pl.Date(),
    "status": pl.String(),
}
_ROUNDING: Final = 1 + 1e-9
"""A projection counts as over a budget only if it is over by more than float noise."""

_Course = tuple[Sequence[datetime], Sequence[Decimal]]
"""The buckets of a series, and its spend so far at each."""


def month_rows(
    spent: pl.DataFrame,
    ahead: MonthAhead,
    late: Mapping[tuple[Any, ...], Late],
    keys: pl.DataFrame,
    budgets: pl.DataFrame,
    *,
    lost: Container[tuple[Any, ...]],
    fixed: Mapping[str, Any],
    timezone: str,
) -> pl.DataFrame:
    """Return one row per key, in the columns of `RESULTS`.

    Args:
        spent: The rows of the month so far.
        ahead: What is still to come.
        late: What is still expected for days already spent, by key.
        keys: Every key, in order.
        budgets: Each key's budget; a key without one is absent.
        lost: The keys of budgets that appear nowhere in the table.
        fixed: The values that are the same in every row.
        timezone: The zone of dates.
    """
    courses = _courses(spent, keys.columns)
    budget_by_key = {row[:-1]: row[-1] for row in budgets.iter_rows()}
    place = keys.columns.index("currency")
    rows: list[dict[str, Any]] = []
    for key in keys.rows():
        course, budget = courses.get(key, ([], [])), budget_by_key.get(key)
        row: dict[str, Any] = {**dict(zip(keys.columns, key, strict=True)), **fixed}
        if key in lost:
            row |= {
                "spent": 0.0,
                "settling": 0.0,
                "budget": budget,
                "remaining": budget,
                "status": "unmatched",
            }
        else:
            future = ahead.futures.get(key)
            if future is not None:
                held = future.coverage(LEVELS)
                row |= {"model": future.model, **{f"coverage_{n}": held[n] for n in LEVELS}}
            days, paths = ahead.costs(key, key[place])
            more = late.get(key, NOTHING_LATE)
            row |= _outlook(course, days, paths, budget, ahead.days, late=more, timezone=timezone)
        rows.append(row)
    return pl.DataFrame(rows, schema={**keys.schema, **RESULTS})


def _courses(spent: pl.DataFrame, group: Sequence[str]) -> dict[tuple[Any, ...], _Course]:
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").cast(INSTANT).alias("bucket")
    sums = spent.group_by(*group, bucket).agg(exact("cost").sum()).sort("bucket")
    courses = sums.group_by(group).agg("bucket", pl.col("cost").cum_sum())
    return {row[:-2]: (row[-2], row[-1]) for row in courses.iter_rows()}


def _outlook(
    course: _Course,
    days: Floats,
    paths: Floats,
    budget: float | None,
    starts: Sequence[datetime],
    *,
    late: Late,
    timezone: str,
) -> dict[str, Any]:
    """Return the month's total, its bands and, with a budget, whether that lasts."""
    buckets, sums = course
    so_far = float(sums[-1]) if sums else 0.0
    projected = so_far + float(days.sum()) + late.expected
    totals = so_far + paths.sum(axis=1) + late.paths
    found: dict[str, Any] = {"spent": so_far, "settling": late.expected, "projected": projected}
    bands = bounds(totals[:, None], LEVELS, around=np.array([projected]))
    for level, (low, high) in bands.items():
        found |= {f"lo_{level}": float(low[0]), f"hi_{level}": float(high[0])}
    if budget is None:
        return found
    limit = budget * _ROUNDING
    known = np.array([*map(float, sums)])
    grown = known + np.cumsum([late.buckets.get(at, 0.0) for at in buckets])
    sofar = [*np.maximum(known, grown), *(so_far + late.expected + days.cumsum())]
    moments = zip([*buckets, *starts], sofar, strict=True)
    passed = next((at for at, spent in moments if spent > limit), None)
    remaining = Decimal(str(budget)) - (sums[-1] if sums else 0)
    risky = "at risk" if projected > limit else "ok"
    return found | {
        "budget": budget,
        "remaining": float(remaining),
        "chance_over": float((totals > limit).mean()),
        "runs_out_on": None if passed is None else passed.astimezone(zone(timezone)).date(),
        "status": "over" if remaining < 0 else risky,
    }
