"""How far rounding changed a row's cost, as far as the row itself shows it.

A cost is quantity × unit price, less the discount. A provider may round it to some number of
decimals. The difference is then at most half a unit of the cost's last decimal. A row whose cost
is the exact product, or differs by more, was not rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, overload

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEWEST: Final = 2
"""Money is never rounded to fewer decimals. A number may have fewer by chance."""

MOST: Final = 12
"""Rounding to more decimals looks like the noise of doubles, and is treated as such."""

_NOISE: Final = 2e-15
"""The relative error of a product of three doubles, with room to spare."""

_PARTS: Final = ("cost", "cost_subtotal", "cost_discount")
_OFF: Final = "off"


def product() -> pl.Expr:
    """Return quantity × unit price, less the discount: what a row's cost is before rounding."""
    share = 1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0
    return pl.col("quantity") * pl.col("unit_price") * share


def rounded_off(rows: pl.DataFrame) -> pl.Series:
    """Return by how much rounding alone explains that each row's cost differs from its product.

    Zero if the cost is the product, or if the difference is more than half a unit of the cost's
    own last decimal. A whole unit is allowed if the cost is a rounded subtotal less a rounded
    discount, and the row shows both.

    >>> row = {"quantity": 1.0, "unit_price": 0.123456, "percent_discount": None}
    >>> rows = pl.DataFrame([row | {"cost": cost} for cost in (0.1235, 0.123456, 0.125)])
    >>> rows = rows.with_columns(cost_subtotal=None, cost_discount=None).cast(
    ...     {name: pl.Float64 for name in ("percent_discount", "cost_subtotal", "cost_discount")}
    ... )
    >>> rounded_off(rows).round(9).to_list()
    [4.4e-05, 0.0, 0.0]
    """
    cost, subtotal, discount = (pl.col(name) for name in _PARTS)
    rows = rows.select(*_PARTS, (cost - product()).alias(_OFF))
    if not rows.select((pl.col(_OFF).abs() > _noise("cost")).any()).item():
        return pl.repeat(0.0, rows.height, dtype=pl.Float64, eager=True)
    is_rest = (subtotal - discount - cost).abs() <= _noise(*_PARTS[1:])
    is_rounding = pl.lit(_is_rounding(rows, 0.5, "cost")) | (
        is_rest & pl.lit(_is_rounding(rows, 1.0, *_PARTS))
    )
    return rows.select(pl.when(is_rounding).then(pl.col(_OFF).abs()).otherwise(0.0)).to_series()


def parts_are_rounded(rows: pl.DataFrame) -> pl.Series:
    """Return whether rounding explains that a cost is not its subtotal less its discount.

    Either the cost alone was rounded, or all three. False if the row does not show the parts.
    """
    cost, subtotal, discount = (pl.col(name) for name in _PARTS)
    rows = rows.select(*_PARTS, (cost - (subtotal - discount)).alias(_OFF))
    return _is_rounding(rows, 0.5, "cost") | _is_rounding(rows, 1.5, *_PARTS)


@overload
def has_places(number: pl.Expr, places: pl.Expr | int) -> pl.Expr: ...
@overload
def has_places(number: npt.NDArray[np.float64], places: int) -> npt.NDArray[np.bool]: ...
def has_places(number: Any, places: Any) -> Any:
    """Return whether a number has at most so many decimals, but for the noise of doubles.

    A few numbers take a tenth of the time as an array.
    """
    scaled = number * 10.0**places
    off = abs(scaled - scaled.round())
    return (off <= 1e-6) | (off <= scaled * 4e-16)


def _is_rounding(rows: pl.DataFrame, units: float, *numbers: str) -> pl.Series:
    """Return whether numbers have so few decimals that rounding explains a difference.

    Args:
        rows: The numbers, and the difference as `_OFF`.
        units: The largest difference that rounding can cause, in units of the last decimal.
        numbers: The names of the rounded numbers.
    """
    off, certain, places = pl.col(_OFF).abs(), pl.col("certain"), pl.col("places")
    # Column by column. As one expression, which repeats its parts, this takes five times as long.
    return (
        # The difference without its noise, and the most decimals that such rounding can leave.
        rows.with_columns(certain=off - _noise(*numbers))
        .with_columns(places=(1e-9 - (certain / units).log10()).floor().clip(FEWEST, MOST))
        .select(
            (certain > 0.0)
            & (certain <= units * 10.0**-FEWEST)
            & pl.all_horizontal(has_places(pl.col(name), places) for name in numbers)
        )
        .to_series()
        .fill_null(False)
    )


def _noise(*numbers: str) -> pl.Expr:
    return _NOISE * pl.max_horizontal(numbers)
