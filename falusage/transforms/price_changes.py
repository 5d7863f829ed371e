"""When a price moved, and what that cost: steps of `unit_price`, told from prices side by side.

A price that another takes the place of is a step. Prices that share buckets are a list, as surge
and its base or the discount of one team among several, and a list is no change, not even in an
hour that shows a part of it. A bucket that shows a price for the last time and its successor for
the first is where the step happened: there both were charged, so the new one dates from the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from falusage.columns import INSTANT, MONEY
from falusage.transforms.periods import require_instants
from falusage.transforms.tables import Frame, free, like, names, plan, require, require_numbers

_RESULTS = {
    "since": INSTANT,
    "previous_price": pl.Float64(),
    "price": pl.Float64(),
    "pct_change": pl.Float64(),
    "impact": pl.Float64(),
}
_DIGITS = 12


def price_changes(usage: Frame, *, by: str | Sequence[str] = ()) -> Frame:
    """List each step of a price, with when, from what, to what, and what it has cost since.

    impact = Σ cost − previous_price · Σ quantity, over what was bought at the new price from
    `since` until the next step away from it: negative where the price fell. pct_change = price /
    previous_price − 1, null from zero.

    A price steps from a to b where a bucket shows a, the next one with usage shows b and no longer
    a, and a and b nowhere stand side by side. Two prices stand side by side where they share a
    bucket, unless it is the one in which a ends and b begins. Where several prices step at once,
    each is taken to follow the one of its own rank by quantity.

    Args:
        usage: A usage table, of Polars or through Arrow. Rows without a quantity show no price;
            prices that agree to twelve digits are one.
        by: Columns to follow prices by, besides `endpoint_id`, `unit` and `currency`: with
            `"username"`, a team's own discount is followed apart. Nulls are a member of their own.

    Returns:
        `endpoint_id`, `unit`, `currency`, the columns of `by`; `since` (Datetime in UTC, the start
        of the first bucket at the new price), `previous_price`, `price`, `pct_change` (a fraction)
        and `impact` (Float64, in `currency`), sorted by `since` and then by its key. A LazyFrame
        for a LazyFrame, with nothing collected.

    Raises:
        MissingColumnError: If the table lacks a column.
        QueryError: If an argument is out of its form.

    Source: the price effect of price-volume-mix analysis, at Paasche's weights: the quantities of
    the new price (ILO et al., Consumer Price Index Manual, 2020, chapter 2).

    >>> from datetime import UTC, datetime
    >>> usage = pl.DataFrame({
    ...     "bucket": [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2, 3)],
    ...     "endpoint_id": "flux",
    ...     "unit": "image",
    ...     "quantity": [100.0, 100.0, 50.0],
    ...     "unit_price": [0.04, 0.05, 0.05],
    ...     "cost": [4.0, 5.0, 2.5],
    ...     "currency": "USD",
    ... })
    >>> price_changes(usage).drop("unit", "currency")
    shape: (1, 6)
    ┌─────────────┬─────────────────────────┬────────────────┬───────┬────────────┬────────┐
    │ endpoint_id ┆ since                   ┆ previous_price ┆ price ┆ pct_change ┆ impact │
    │ ---         ┆ ---                     ┆ ---            ┆ ---   ┆ ---        ┆ ---    │
    │ str         ┆ datetime[μs, UTC]       ┆ f64            ┆ f64   ┆ f64        ┆ f64    │
    ╞═════════════╪═════════════════════════╪════════════════╪═══════╪════════════╪════════╡
    │ flux        ┆ 2025-01-02 00:00:00 UTC ┆ 0.04           ┆ 0.05  ┆ 0.25       ┆ 1.5    │
    └─────────────┴─────────────────────────┴────────────────┴───────┴────────────┴────────┘
    """
    columns = names(by, argument="by")
    free(columns, reserved=(*_RESULTS, "bucket", "quantity", "unit_price", "cost"))
    series = tuple(dict.fromkeys(("endpoint_id", "unit", "currency", *columns)))
    table = plan(usage)
    schema = require(table, series)
    require_numbers(table, ("unit_price", "quantity", "cost"))
    require_instants(table, ["bucket"])
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    price = pl.col("unit_price").cast(pl.Float64).round_sig_figs(_DIGITS)
    shown = (
        table.filter(pl.col("quantity") > 0)
        .group_by(*series, bucket.alias("bucket"), price.alias("price"))
        .agg(pl.col("quantity", "cost").cast(MONEY).sum())
        .drop_nulls(["bucket", "price"])
    )
    # One function over the sums, because a plan that used them often could scan as often.
    steps = shown.map_batches(
        partial(_steps, series=series),
        schema={**{name: schema[name] for name in series}, **_RESULTS},
    )
    return like(usage, steps)


def _steps(shown: pl.DataFrame, *, series: Sequence[str]) -> pl.DataFrame:
    rows = (
        shown.filter(pl.col("price").n_unique().over(series) > 1)
        .sort(*series, "bucket", "price")
        .with_columns(pl.struct(series).rle_id().alias("_series"))
        .with_columns(pl.col("bucket").rle_id().over("_series").alias("_at"))
    )
    handovers, beside = _shared(_neighboured(rows))
    steps = _matched(
        _neighboured(rows.join(handovers, on=["_series", "_at", "price"], how="anti")), beside
    )
    previous, price = pl.col("previous_price"), pl.col("price")
    return (
        steps.join(_impacts(rows, steps), on=["_series", "since", "price"])
        .join(rows.group_by("_series").agg(pl.col(series).first()), on="_series")
        .with_columns(
            pl.when(previous > 0).then(price / previous - 1).round(_DIGITS).alias("pct_change")
        )
        .select(*series, *_RESULTS)
        .sort("since", *series, "price")
    )


def _neighboured(rows: pl.DataFrame) -> pl.DataFrame:
    """Say of each price in a bucket whether the bucket before and the one after show it too."""
    at, price = pl.col("_at").cast(pl.Int64), ["_series", "price"]
    return rows.with_columns(
        (at - at.shift(1).over(price) == 1).fill_null(value=False).alias("_before"),
        (at.shift(-1).over(price) - at == 1).fill_null(value=False).alias("_after"),
    )


def _shared(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give where a price is handed over to another in a bucket, and which stand side by side."""
    place = ["_series", "_at"]
    several = rows.filter(pl.len().over(place) > 1).select(*place, "price", "_before", "_after")
    pairs = several.join(several, on=place, suffix="_other").filter(
        pl.col("price") != pl.col("price_other")
    )
    begins = ~pl.col("_before") & pl.col("_after")
    ends = pl.col("_before") & ~pl.col("_after")
    begins_other = ~pl.col("_before_other") & pl.col("_after_other")
    ends_other = pl.col("_before_other") & ~pl.col("_after_other")
    taking_over = begins & ends_other
    return (
        pairs.filter(taking_over).select(*place, "price").unique(),
        pairs.filter(~taking_over & ~(ends & begins_other))
        .select("_series", "price", "price_other")
        .unique(),
    )


def _matched(rows: pl.DataFrame, beside: pl.DataFrame) -> pl.DataFrame:
    """Pair each price that a bucket no longer shows with the one that took its place."""
    ranked = rows.with_columns(pl.col("quantity").sum().over("_series", "price").alias("_sold"))
    rank = (
        ranked.select("_series", "price", "_sold")
        .unique()
        .sort("_series", "_sold", "price", descending=[False, True, False])
        .with_columns(pl.int_range(pl.len()).over("_series").alias("_rank"))
        .drop("_sold")
    )
    ranked = rows.join(rank, on=["_series", "price"])
    gone = ranked.filter(~pl.col("_after")).select(
        "_series", pl.col("_at") + 1, "price", previous_rank="_rank"
    )
    come = ranked.filter(~pl.col("_before")).select(
        "_series", "_at", since="bucket", price_other="price", rank="_rank"
    )
    order = [
        pl.col(name).rank("dense").over("_series", "_at") for name in ("rank", "previous_rank")
    ]
    return (
        gone.join(come, on=["_series", "_at"])
        .join(beside, on=["_series", "price", "price_other"], how="anti")
        .filter(order[0] == order[1])
        .select("_series", "since", previous_price="price", price="price_other")
    )


def _impacts(rows: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Sum what was bought at each step's new price until the next step away from it."""
    nexts = steps.select("_series", pl.col("since").alias("_until"), price="previous_price")
    later = pl.when(pl.col("_until") > pl.col("since")).then("_until")
    step = ["_series", "since", "price"]
    return (
        steps.join(nexts, on=["_series", "price"], how="left")
        .group_by(*step, "previous_price")
        .agg(later.min().alias("_until"))
        .join(rows, on=["_series", "price"])
        .filter(
            pl.col("bucket") >= pl.col("since"),
            (pl.col("bucket") < pl.col("_until")).fill_null(value=True),
        )
        .group_by(*step, "previous_price")
        .agg(pl.col("cost", "quantity").sum().cast(pl.Float64))
        .select(
            *step,
            (pl.col("cost") - pl.col("quantity") * pl.col("previous_price"))
            .round(_DIGITS)
            .alias("impact"),
        )
    )
