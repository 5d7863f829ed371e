"""The usage table's columns, as the contract declares them.

`USAGE` is the table of `load_usage`, `SUMMARY` that of `load_summary`. Both may be followed by
columns that a newer API sends.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage.contract import INSTANT, ORGANIZATION_USAGE, PRODUCTS, Product

__all__ = ["INSTANT", "PRODUCTS", "Product"]

MONEY: Final = pl.Decimal(38, 12)
"""What costs and quantities are summed in, so that a total is the same on every run."""

HOME: Final = "USD"
"""The currency that fal bills in; tables in others are summed as well, and as exactly."""

ABSURD: Final = 1e18
"""Every number of a row must be below this."""

SUMMARY: Final = ORGANIZATION_USAGE.columns
BUCKET: Final = {"bucket": INSTANT, "bucket_end": INSTANT}
USAGE: Final = {**BUCKET, **SUMMARY}

REQUIRED: Final = ORGANIZATION_USAGE.required()
"""The columns that no row may lack, besides its bucket."""

KEY: Final = ORGANIZATION_USAGE.named("key")
"""Rows with an equal key are sums of one kind, and are reconciled together."""

NUMBERS: Final = ORGANIZATION_USAGE.numbers()
AMOUNTS: Final = ORGANIZATION_USAGE.named("amount")
"""The columns that are summed."""

RATES: Final = ORGANIZATION_USAGE.named("rate")
"""Prices and percentages: they tell rows apart and are never summed."""

LABELS: Final = ORGANIZATION_USAGE.named("label")

AUTH: Final = {name: SUMMARY[name] for name in ORGANIZATION_USAGE.named("caller")}
"""Who called; null if it was not asked for."""

MEANINGS: Final = {
    "bucket": "where the bucket starts",
    "bucket_end": "where it ends, exclusive",
    **{field.name: field.meaning for field in ORGANIZATION_USAGE.fields},
}
"""What each column means."""


_WHOLE: Final = 2.0**53
"""From here on, every double is a whole number."""

_LONG: Final = 2.0**63
"""What an Int64 cannot hold."""


def exact(number: str | pl.Expr) -> pl.Expr:
    """Return a column of costs or quantities as `MONEY`.

    Polars makes a Decimal of a double by multiplying doubles, which is off in the last digits of
    large whole numbers. These go by way of Int64. NaN, infinity and numbers beyond `MONEY` fail
    when the result is collected.

    >>> pl.DataFrame({"cost": [1e16 + 2]}).select(exact("cost")).item()
    Decimal('10000000000000002.000000000000')
    """
    value = pl.col(number) if isinstance(number, str) else number
    large = (value.abs() >= _WHOLE) & (value.abs() < _LONG)
    return (
        pl.when(large)
        .then(value.cast(pl.Int64, strict=False).cast(MONEY))
        .otherwise(pl.when(~large).then(value).cast(MONEY))
    )


def total(column: str) -> pl.Expr:
    """Return the exact sum of a column of costs or quantities, as Float64.

    >>> pl.DataFrame({"cost": [0.1, 0.2, 0.3]}).select(total("cost")).item()
    0.6
    """
    return exact(column).sum().cast(pl.Float64)


def widened(table: pl.DataFrame) -> pl.DataFrame:
    """Return a usage table with every known column: those that it lacks are null.

    Known columns come first, in their order. Tables written before a column was declared lack it.
    """
    lacking = [name for name in USAGE if name not in table.columns]
    missing = [pl.lit(None, USAGE[name]).alias(name) for name in lacking]
    further = [name for name in table.columns if name not in USAGE]
    return table.with_columns(missing).select(*USAGE, *further)
