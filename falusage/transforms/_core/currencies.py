"""Rows in the currency that nearly all have, summed apart from the rest.

A currency belongs to the key of every sum, though in most tables there is one. A Parquet file says
of each row group which is its least and its greatest: so the rows in `HOME` are summed by a key
that has no currency, and that there are no others is found without reading a row.
"""

from __future__ import annotations

import polars as pl

from falusage.columns import HOME

_CURRENCY = pl.col("currency")


def tells_currencies(usage: pl.LazyFrame) -> bool:
    """Tell whether usage is the rows of Parquet files, as they are or filtered.

    Anything else would be worked out twice, or kept in memory whole, to be read in two parts.
    """
    if usage.collect_schema()["currency"] != pl.String:
        return False
    plan = usage.explain()
    return plan.startswith("Parquet SCAN") and "python_udf" not in plan


def at_home(usage: pl.LazyFrame) -> pl.LazyFrame:
    """Give the rows in `HOME`."""
    return usage.filter(_CURRENCY == HOME)


def abroad(usage: pl.LazyFrame) -> pl.LazyFrame:
    """Give the rows in other currencies, or in none."""
    return usage.filter(_CURRENCY.ne_missing(HOME))
