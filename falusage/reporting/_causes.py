"""Which endpoint is behind an unusual day: its cost and quantity, and what it usually has."""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage.columns import exact

WEEKS: Final = 4
"""A day is compared with the same weekday of so many weeks before."""

_WHO: Final = ("username", "currency")
_WHAT: Final = ("endpoint_id", "unit")


def causes(unusual: pl.DataFrame, items: pl.DataFrame, *, timezone: str) -> pl.DataFrame:
    """Return the endpoint behind each unusual day: the one that differs most from before.

    Args:
        unusual: What `anomalies` returned for teams and days, each day of a team once.
        items: The line items by day.
        timezone: The zone of the days.

    Returns:
        The rows of `unusual`, in their order, with `endpoint_id`, `unit`, `quantity` and
        `usual_quantity`, `endpoint_cost` and `usual_cost` (the medians of the same weekday in the
        four weeks before; a week without usage counts as zero). Null if nothing was used.
    """
    day = pl.col("bucket").dt.convert_time_zone(timezone).dt.date().alias("_day")
    numbered = unusual.select(pl.col("period").dt.date().alias("_day"), *_WHO).with_row_index(
        "_row"
    )
    weeks = pl.DataFrame({"_week": range(WEEKS + 1)}, schema={"_week": pl.Int32})
    asked = numbered.join(weeks, how="cross").with_columns(
        pl.col("_day").dt.offset_by(pl.format("-{}d", pl.col("_week") * 7))
    )
    sums = (exact(name).sum().cast(pl.Float64) for name in ("cost", "quantity"))
    daily = (
        items.lazy()
        .with_columns(day)
        .join(asked.lazy(), on=[*_WHO, "_day"], how="semi", nulls_equal=True)  # few of all days
        .group_by(*_WHO, *_WHAT, "_day")
        .agg(*sums)
        .collect()
    )
    found = asked.join(daily, on=[*_WHO, "_day"], how="inner", nulls_equal=True)
    grid = found.select("_row", *_WHAT).unique().join(weeks, how="cross")
    whole = grid.join(found, on=["_row", *_WHAT, "_week"], how="left", nulls_equal=True)
    cost, quantity, now = pl.col("cost"), pl.col("quantity"), pl.col("_week") == 0
    each = (
        whole.with_columns(cost.fill_null(0.0), quantity.fill_null(0.0))
        .group_by("_row", *_WHAT)
        .agg(
            cost.filter(now).sum().alias("endpoint_cost"),
            cost.filter(~now).median().alias("usual_cost"),
            quantity.filter(now).sum(),
            quantity.filter(~now).median().alias("usual_quantity"),
        )
    )
    # The cause moved in the direction of the day: a drop has its cause in what fell.
    moved = pl.col("endpoint_cost") - pl.col("usual_cost")
    signed = unusual.select(pl.col("excess").sign().alias("_sign")).with_row_index("_row")
    largest = (
        each.join(signed, on="_row")
        .sort(moved * pl.col("_sign"), *_WHAT, descending=[True, False, False])
        .unique("_row", keep="first", maintain_order=True)
        .drop("_sign")
    )
    return (
        unusual.with_row_index("_row")
        .join(largest, on="_row", how="left", maintain_order="left")
        .drop("_row")
    )
