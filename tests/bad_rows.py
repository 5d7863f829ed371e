"""Three days of usage, a question about them, and rows that break a rule."""

from __future__ import annotations

from typing import Final

import polars as pl

import falusage as fu
from tests.world import BEGIN, spend

DAYS: Final = [BEGIN.replace(day=day) for day in (1, 2, 3)]
GOOD: Final = {DAYS[0]: [1.0, 2.0], DAYS[1]: [3.0], DAYS[2]: [4.0]}
QUERY: Final = fu.UsageQuery("2025-01-01", "2025-01-04", timeframe="day")
LATER: Final = BEGIN.replace(day=20)


def with_bad_row(count: int = 1) -> pl.DataFrame:
    """The good rows, and as many more that have a negative cost."""
    bad = spend({DAYS[1]: [7.0]}).with_columns(cost=-3.5)
    return pl.concat([spend(GOOD), *[bad] * count])
