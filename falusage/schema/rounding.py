"""What rounding did to a row's cost, as far as the row itself shows it.

A cost is quantity × unit price, less the discount. A provider may round that to some number of
decimals. The difference is then at most half a unit of the cost's last decimal, and that can be
seen: a row that was changed, or one whose cost is an exact product, shows nothing of the kind.
"""

from __future__ import annotations

from typing import Final

import polars as pl

FEWEST: Final = 2
"""Money is never rounded to fewer decimals. A number may have fewer by chance."""

_MOST: Final = 9
"""Rounding to more decimals cannot be told from the noise of doubles, and need not be."""

_NOISE: Final = 2e-15
"""The relative error of a product of three doubles, with room to spare."""


def product() -> pl.Expr:
    """Return quantity × unit price, less the discount: what a row's cost is before rounding."""
    share = 1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0
    return pl.col("quantity") * pl.col("unit_price") * share


def rounded_off() -> pl.Expr:
    """Return by how much rounding alone explains that a row's cost differs from its product.

    Zero if the cost is the product, or if the difference is more than half a unit of the cost's
    own last decimal.

    >>> row = {"quantity": 1.0, "unit_price": 0.123456, "percent_discount": None}
    >>> rows = pl.DataFrame([row | {"cost": cost} for cost in (0.1235, 0.123456, 0.125)])
    >>> rows.cast({"percent_discount": pl.Float64}).select(rounded_off().round(9))["cost"].to_list()
    [4.4e-05, 0.0, 0.0]
    """
    cost = pl.col("cost")
    off = (cost - product()).abs()
    # The most decimals that rounding by so much can have left.
    places = (-(2.0 * off).log10() + 1e-9).floor().clip(FEWEST, _MOST)
    scaled = cost * pl.lit(10.0).pow(places)
    has_so_few = (scaled - scaled.round()).abs() <= pl.max_horizontal(1e-6, scaled * 4e-16)
    is_rounding = (off > _NOISE * cost) & (off <= 0.5 * 10.0**-FEWEST * (1 + 1e-9)) & has_so_few
    return pl.when(is_rounding).then(off).otherwise(0.0).alias("cost")
