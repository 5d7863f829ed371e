"""Long forecasts for a terminal: the largest names, and the others summed into one row.

That row has no interval and no track record, because these have no sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from falusage.plotting import TOP
from falusage.reporting._spending import MOST, others_named

_SUMMED = ("cost", "spent", "settling", "projected")
_SHARED = ("month", "as_of")


def few(found: pl.DataFrame, by: Sequence[str], *, most: int = MOST) -> tuple[pl.DataFrame, str]:
    """Fold a forecast, an outlook or a track record into few rows.

    Args:
        found: What `forecast`, `month_outlook` or `backtest` returned.
        by: The columns that make its series.
        most: How many rows are few. At least seven names of each currency are kept.

    Returns:
        The frame, and a text that says what was folded or left out; empty if nothing was.

    >>> found = pl.DataFrame({
    ...     "username": [f"team{n}" for n in range(9)], "currency": "USD",
    ...     "projected": [float(n) for n in range(9)], "lo_80": 0.0,
    ... })
    >>> folded, said = few(found, ["username"], most=7)
    >>> folded.tail(2).rows(), said
    ([('team8', 'USD', 8.0, 0.0), ('2 others', 'USD', 1.0, None)], '2 of 9 series are folded')
    """
    keys = [name for name in by if name != "currency"]
    size = next((name for name in ("cost", "projected") if name in found.columns), None)
    if found.height <= most:
        return found, ""
    if size is None:
        return found.head(most), f"{found.height - most:,} more rows are not printed"
    if not keys:
        return found, ""
    periods = ["period"] if "period" in found.columns else []
    kept = max(TOP, most // found["period"].n_unique() if periods else most)
    ranked = (
        found.with_columns(_risk=_risk(found))
        .group_by(*keys, "currency")
        .agg(pl.col("_risk").max(), pl.col(size).sum().alias("_size"))
        .sort(-pl.col("_risk"), -pl.col("_size"), *keys)
        .with_columns(_place=pl.int_range(1, pl.len() + 1).over("currency"))
    )
    rest = ranked.filter(pl.col("_place") > kept)
    if rest.is_empty():
        return found, ""
    key = [*keys, "currency"]
    first = found.join(rest, on=key, how="anti", nulls_equal=True, maintain_order="left")
    counts = rest.group_by("currency").agg(others_named(pl.len()).alias(keys[0]))
    others = (
        found.join(rest, on=key, how="semi", nulls_equal=True)
        .group_by("currency", *periods)
        .agg(
            pl.col([name for name in _SUMMED if name in found.columns]).sum(),
            pl.col([name for name in _SHARED if name in found.columns]).first(),
        )
        .join(counts, on="currency")
        .sort("currency", *periods)
    )
    whole = pl.concat([first.cast({keys[0]: pl.String}), others], how="diagonal")
    if periods:
        whole = whole.sort("period", maintain_order=True)
    return whole, f"{rest.height:,} of {ranked.height:,} series are folded"


def _risk(found: pl.DataFrame) -> pl.Expr:
    """Return how much a row's budget is at risk; an unknown risk is the highest."""
    if "budget" not in found.columns or "chance_over" not in found.columns:
        return pl.lit(0.0)
    has_one = pl.col("budget").is_not_null()
    return pl.when(has_one).then(1.0 + pl.col("chance_over").fill_null(1.0)).otherwise(0.0)
