"""How far rounding changed a row's cost, as far as the row itself shows it.

A cost is quantity × unit price, less the discount. A provider may round it to some number of
decimals. The difference is then at most half a unit of the cost's last decimal. A row whose cost
is the exact product, or differs by more, was not rounded.
"""

from __future__ import annotations

from typing import Final

import polars as pl

FEWEST: Final = 2
"""Money is never rounded to fewer decimals. A number may have fewer by chance."""

MOST: Final = 12
"""Rounding to more decimals looks like the noise of doubles, and is treated as such."""

_NOISE: Final = 2e-15
"""The relative error of a product of three doubles, with room to spare."""


_NEEDED: Final = (
    "quantity",
    "unit_price",
    "percent_discount",
    "cost_subtotal",
    "cost_discount",
    "cost",
)


def product() -> pl.Expr:
    """Return quantity × unit price, less the discount: what a row's cost is before rounding."""
    share = 1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0
    return pl.col("quantity") * pl.col("unit_price") * share


def rounded_off() -> pl.Expr:
    """Return by how much rounding alone explains that a row's cost differs from its product.

    Zero if the cost is the product, or if the difference is more than half a unit of the cost's
    own last decimal. A whole unit is allowed if the cost is a rounded subtotal less a rounded
    discount, and the row shows both.

    >>> row = {"quantity": 1.0, "unit_price": 0.123456, "percent_discount": None}
    >>> rows = pl.DataFrame([row | {"cost": cost} for cost in (0.1235, 0.123456, 0.125)])
    >>> rows = rows.with_columns(cost_subtotal=None, cost_discount=None).cast(
    ...     {name: pl.Float64 for name in ("percent_discount", "cost_subtotal", "cost_discount")}
    ... )
    >>> rows.select(rounded_off().round(9))["cost"].to_list()
    [4.4e-05, 0.0, 0.0]
    """
    cost, expected = pl.col("cost"), product()
    parts = pl.col("cost_subtotal"), pl.col("cost_discount")
    is_rest = ((parts[0] - parts[1] - cost).abs() <= _noise(*parts)).fill_null(False)
    is_rounding = _is_rounding(cost - expected, 0.5, cost) | (
        is_rest & _is_rounding(cost - expected, 1.0, cost, *parts).fill_null(False)
    )
    return pl.when(is_rounding).then((cost - expected).abs()).otherwise(0.0).alias("cost")


def rounded_off_rows(table: pl.DataFrame) -> pl.Series:
    """Return `rounded_off` of each row.

    It takes many steps, so it is computed only where the cost is not the product, which in most
    tables is nowhere.
    """
    cost = pl.col("cost")
    at = table.select(((cost - product()).abs() > _noise(cost)).arg_true()).to_series()
    off = pl.Series("cost", [0.0]).new_from_index(0, table.height)
    if at.is_empty():
        return off
    return off.scatter(at, table.select(_NEEDED)[at].select(rounded_off()).to_series())


def parts_are_rounded() -> pl.Expr:
    """Return whether rounding explains that a cost is not its subtotal less its discount.

    Either the cost alone was rounded, or all three. Null if the row does not show the parts.
    """
    numbers = pl.col("cost"), pl.col("cost_subtotal"), pl.col("cost_discount")
    off = numbers[0] - (numbers[1] - numbers[2])
    return _is_rounding(off, 0.5, numbers[0]) | _is_rounding(off, 1.5, *numbers)


def has_places(number: pl.Expr, places: pl.Expr | int) -> pl.Expr:
    """Return whether a number has at most so many decimals, but for the noise of doubles."""
    scaled = number * pl.lit(10.0).pow(places)
    return (scaled - scaled.round()).abs() <= pl.max_horizontal(1e-6, scaled * 4e-16)


def _is_rounding(off: pl.Expr, units: float, *numbers: pl.Expr) -> pl.Expr:
    """Return whether numbers have so few decimals that rounding explains a difference.

    Args:
        off: The difference.
        units: The largest difference that rounding can cause, in units of the last decimal.
        numbers: The rounded numbers.
    """
    noise = _noise(*numbers)
    # The difference without its noise, and the most decimals that such rounding can leave.
    certain = off.abs() - noise
    places = (1e-9 - (certain / units).log10()).floor().clip(FEWEST, MOST)
    return (
        (off.abs() > noise)
        & (certain <= units * 10.0**-FEWEST)
        & pl.all_horizontal(has_places(number, places) for number in numbers)
    )


def _noise(*numbers: pl.Expr) -> pl.Expr:
    return _NOISE * pl.max_horizontal(numbers)
