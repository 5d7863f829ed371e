"""When a price or a discount changed for good, and what that cost.

A price that takes the place of another is a step. Prices that share buckets are not, such as surge
and its base, or one team's discount; prices that come and go beside one that stays are not. If a
bucket shows a price for the last time and its successor for the first, the step happened in it:
both were charged there, so the new price dates from the next bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import overload

import polars as pl

from falusage._usage.arguments import free, names
from falusage._usage.periods import require_instants
from falusage._usage.table import Eager, Lazy, take
from falusage.columns import INSTANT, exact
from falusage.coverage import Coverage
from falusage.transforms._core.price_runs import Shown
from falusage.transforms._core.price_steps import lasting_steps

_RESULTS = {
    "since": INSTANT,
    "previous_price": pl.Float64(),
    "price": pl.Float64(),
    "pct_change": pl.Float64(),
    "impact": pl.Float64(),
    "kind": pl.String(),
}
_NUMBERS = {name: dtype for name, dtype in _RESULTS.items() if name != "kind"}
_DIGITS = 12


@overload
def price_changes(
    usage: Lazy,
    *,
    by: str | Sequence[str] = (),
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def price_changes(
    usage: Eager,
    *,
    by: str | Sequence[str] = (),
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def price_changes(
    usage: Lazy | Eager,
    *,
    by: str | Sequence[str] = (),
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Return each lasting step of a price: when, from what, to what, and its cost since.

    A step of kind `list` is a step of `unit_price`, the price before the discount. A step of kind
    `discount` is a step of `percent_discount`; its prices are net, at the mean list price of what
    was bought since. Discounts mostly belong to one team, so find them with `by="username"`.

    impact = Σ cost − what the same usage would have cost before the step, over what was bought at
    the new price from `since` until the next step away from it: negative if the price fell. A list
    price is compared at the discount that each row had. pct_change = price / previous_price − 1,
    null from zero.

    A price steps from a to b if a bucket shows a, the next one with usage shows b and no longer a,
    and the two never occur side by side. They do if they share a bucket, unless it is the one in
    which a ends and b begins. If several prices end and begin at once, only those that were shown
    in the most buckets step, each to the one of the same rank by quantity. Prices that come and go
    beside one that stays are no steps: a path of steps counts if its prices are shown in more
    buckets than the one that stays, and in most of the buckets from its first to its last. Use
    `by="username"` to see the steps of a team that is not there all the time.

    Editions of the API before 4 send the price that was paid, after any discount. In a series whose
    later rows have a discount, such prices are compared only with each other, and their impact ends
    where edition 4 begins.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Rows without a quantity show
            no price; prices that agree to twelve digits are one.
        by: Columns to follow prices by, besides `endpoint_id`, `unit` and `currency`: with
            `"username"`, each team's own discount is followed. Nulls are a member of their own.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `endpoint_id`, `unit`, `currency`, the columns of `by`; `since` (Datetime in UTC, the start
        of the first bucket at the new price), `previous_price`, `price`, `pct_change` (a fraction),
        `impact` (Float64, in `currency`) and `kind` (String), sorted by `since` and then by its
        key. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a store is; then nothing
        is collected.

    Raises:
        CoverageError: A part of the table's range was never read.
        MissingColumnError: The table lacks a column.
        QueryError: An argument is invalid.

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
    >>> price_changes(usage).drop("endpoint_id", "unit", "currency")
    shape: (1, 6)
    ┌─────────────────────────┬────────────────┬───────┬────────────┬────────┬──────┐
    │ since                   ┆ previous_price ┆ price ┆ pct_change ┆ impact ┆ kind │
    │ ---                     ┆ ---            ┆ ---   ┆ ---        ┆ ---    ┆ ---  │
    │ datetime[μs, UTC]       ┆ f64            ┆ f64   ┆ f64        ┆ f64    ┆ str  │
    ╞═════════════════════════╪════════════════╪═══════╪════════════╪════════╪══════╡
    │ 2025-01-02 00:00:00 UTC ┆ 0.04           ┆ 0.05  ┆ 0.25       ┆ 1.5    ┆ list │
    └─────────────────────────┴────────────────┴───────┴────────────┴────────┴──────┘
    """
    columns = names(by, argument="by")
    free(columns, reserved=(*_RESULTS, "bucket", "quantity", "unit_price", "cost", "weight"))
    series = tuple(dict.fromkeys(("endpoint_id", "unit", "currency", *columns)))
    table = take(usage, coverage)
    table.require_covered()
    table.require(series)
    table.require_numbers(("unit_price", "quantity", "cost"))
    require_instants(table.schema, ["bucket"])
    rows, discount, said = table.rows, pl.lit(0.0), pl.lit(value=True)
    shows: dict[str, pl.Expr] = {}
    if "percent_discount" in table.schema:
        table.require_numbers(("percent_discount",))
        discount = pl.col("percent_discount").cast(pl.Float64).fill_null(0.0)
        known = [name for name in ("percent_discount", "cost_subtotal") if name in table.schema]
        # Before edition 4 both are null, and discounts are unknown.
        said = pl.lit("cost_subtotal" not in known) | pl.any_horizontal(pl.col(known).is_not_null())
        shows = {"discount": pl.when(said).then(1.0 - discount / 100.0)}
    rows = rows.with_columns(said.alias("_said"), (discount > 0).alias("_discounted"))
    factor = 1.0 - discount / 100.0
    price, quantity = (pl.col(name).cast(pl.Float64) for name in ("unit_price", "quantity"))
    shows = {"list": price, **shows}
    # What the same usage would cost at a price of one, and at a factor of one.
    weights = {"list": quantity * factor, "discount": quantity * price}
    found = [
        _changes(rows, table.schema, value, weights[kind], series).with_columns(kind=pl.lit(kind))
        for kind, value in shows.items()
    ]
    net = (pl.col("previous_price", "price") * pl.col("_mean")).round_sig_figs(_DIGITS)
    found[1:] = [changes.with_columns(net) for changes in found[1:]]
    order = ("since", *series, "price", "kind")
    return table.result(pl.concat(found).select(*series, *_RESULTS).sort(order))


def _changes(
    rows: pl.LazyFrame, schema: pl.Schema, value: pl.Expr, weight: pl.Expr, series: Sequence[str]
) -> pl.LazyFrame:
    """Return the steps of a factor of the cost; `weight` is the product of the other factors."""
    bucket = pl.col("bucket").dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    sold = (pl.col("quantity") > 0) & bucket.is_not_null()
    shown = rows.group_by(
        *series, "_said", pl.when(sold).then(value.round_sig_figs(_DIGITS)).alias("price")
    ).agg(
        bucket.alias("bucket"),
        pl.col("quantity", "cost"),
        weight.alias("weight"),
        exact("quantity").sum().alias("_sold"),
        exact("cost").sum().alias("_cost"),  # fails if it has no exact sum
        pl.col("_discounted").any(),
    )
    # One function over the sums: a plan that used them often could scan as often.
    return shown.map_batches(
        partial(_steps, series=series),
        schema={**{name: schema[name] for name in series}, **_NUMBERS, "_mean": pl.Float64()},
    )


def _steps(shown: pl.DataFrame, *, series: Sequence[str]) -> pl.DataFrame:
    comparable = (*series, "_net")
    prices = _moving(_by_edition(shown.drop_nulls("price"), series), comparable)
    names = prices.select("_series", *series).unique("_series")
    previous, price = pl.col("previous_price"), pl.col("price")
    return (
        _impacts(prices, lasting_steps(Shown.from_prices(prices)))
        .join(names, on="_series")
        .with_columns(
            pl.when(previous > 0).then(price / previous - 1).round(_DIGITS).alias("pct_change")
        )
        .select(*series, *_NUMBERS, "_mean")
    )


def _by_edition(shown: pl.DataFrame, series: Sequence[str]) -> pl.DataFrame:
    """Add `_net`: whether a price may be net of a discount, in a series with list prices.

    Before edition 4 the API sent the price that was paid. If later rows of a series have a
    discount, both kinds of price are followed apart, or the list price would look like a rise.
    """
    said = pl.col("_said")
    if shown["_said"].n_unique() < 2:
        return shown.with_columns(_net=pl.lit(value=False))
    net = ~said & (said & pl.col("_discounted")).any().over(series)
    return (
        shown.with_columns(_net=net)
        .group_by(*series, "_net", "price", maintain_order=True)
        .agg(
            pl.col("bucket", "quantity", "cost", "weight").explode(),
            pl.col("_sold", "_cost").sum(),
        )
    )


def _moving(shown: pl.DataFrame, series: Sequence[str]) -> pl.DataFrame:
    """Number the series that have several prices, and these prices in order."""
    several = (
        shown.group_by(series)
        .len()
        .filter(pl.col("len") > 1)
        .select(series)
        .with_columns(pl.int_range(pl.len()).alias("_series"))
    )
    return (
        shown.join(several, on=series, nulls_equal=True)
        .sort("_series", "price")
        .with_columns(pl.int_range(pl.len()).alias("_item"))
    )


def _impacts(prices: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Add to each step what was bought at its new price until the next step to or from it."""
    key = ["_series", "price"]
    left = steps.select("_series", price="previous_price", until="since").sort("until")
    steps = (
        steps.sort("since")
        .join_asof(
            left,
            left_on="since",
            right_on="until",
            by=key,
            strategy="forward",
            check_sortedness=False,
        )
        .with_columns(pl.col("until").fill_null(datetime.max.replace(tzinfo=UTC)))
    )
    extra = pl.col("cost") - pl.col("weight") * pl.col("previous_price")
    return (
        prices.join(steps.select("_item").unique(), on="_item", how="semi")
        .select("_item", "bucket", "quantity", "cost", "weight")
        .explode("bucket", "quantity", "cost", "weight")
        .sort("bucket")
        .join_asof(
            steps,
            left_on="bucket",
            right_on="since",
            by="_item",
            strategy="backward",
            check_sortedness=False,
        )
        .filter(pl.col("bucket") < pl.col("until"))
        .group_by(*key, "since", "previous_price")
        .agg(exact(name).sum().cast(pl.Float64) for name in ("cost", "quantity", "weight"))
        .with_columns(
            extra.round(_DIGITS).alias("impact"),
            (pl.col("weight") / pl.col("quantity")).alias("_mean"),
        )
    )
