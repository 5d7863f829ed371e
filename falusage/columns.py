"""The usage table's columns, as the contract declares them.

`USAGE` is the table of `load_usage`, `SUMMARY` that of `load_summary`, and `EVENTS` that of
`load_events`. Each may be followed by columns that a newer API sends.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import polars as pl

from falusage.contract import (
    MODELS_USAGE,
    ORGANIZATION_EVENTS,
    ORGANIZATION_USAGE,
    PRODUCTS,
    SERVERLESS_USAGE,
    Product,
)
from falusage.contract.dtypes import INSTANT

__all__ = ["INSTANT", "PRODUCTS", "Product"]

MONEY: Final = pl.Decimal(38, 12)
"""The dtype in which costs and quantities are summed, so that totals are always the same."""

HOME: Final = "USD"
"""The currency in which fal bills; other currencies are summed as exactly."""

ABSURD: Final = 1e18
"""Every number of a row must be below this."""

SUMMARY: Final = ORGANIZATION_USAGE.columns
BUCKET: Final = {"bucket": INSTANT, "bucket_end": INSTANT}
USAGE: Final = {**BUCKET, **SUMMARY}

FURTHER: Final = {
    name: dtype for name, dtype in SERVERLESS_USAGE.columns.items() if name not in SUMMARY
}
"""The columns that follow in the usage of a workspace with serverless apps."""

KNOWN: Final = {**USAGE, **FURTHER}
"""Every declared column of usage, in order."""

EVENTS: Final = ORGANIZATION_EVENTS.columns
"""The table of `load_events`: one row for each billed request."""

REQUIRED: Final = ORGANIZATION_USAGE.required()
"""The columns that every row must have, besides its bucket."""

KEY: Final = ORGANIZATION_USAGE.named("key")
"""Rows with equal keys are reconciled together."""

NUMBERS: Final = ORGANIZATION_USAGE.numbers()
AMOUNTS: Final = ORGANIZATION_USAGE.named("amount")
"""The columns that are summed."""

RATES: Final = ORGANIZATION_USAGE.named("rate")
"""Prices and percentages: they tell rows apart and are never summed."""

UNSUMMED: Final = frozenset(
    field.name
    for endpoint in (ORGANIZATION_USAGE, MODELS_USAGE, SERVERLESS_USAGE)
    for field in (*endpoint.fields, *endpoint.sparse)
    if field.role == "rate"
)
"""Every declared price and percentage, also those that only some answers have."""

LABELS: Final = ORGANIZATION_USAGE.named("label")

AUTH: Final = {name: SUMMARY[name] for name in ORGANIZATION_USAGE.named("caller")}
"""Who called; null if it was not asked for."""

MEANINGS: Final = {
    "bucket": "where the bucket starts",
    "bucket_end": "where it ends, exclusive",
    **{
        field.name: field.meaning
        for field in (*SERVERLESS_USAGE.fields, *ORGANIZATION_USAGE.fields)
    },
}
"""What each column means."""


_WHOLE: Final = 2.0**53
"""From here on, every double is a whole number."""

_LONG: Final = 2.0**63
"""From here on, a number does not fit into an Int64."""


def exact(number: str | pl.Expr) -> pl.Expr:
    """Return a column of costs or quantities as `MONEY`.

    Polars converts a double to a Decimal by multiplying doubles, which changes the last digits of
    large whole numbers. These are converted to Int64 first. NaN, infinity and numbers too large
    for `MONEY` fail when the result is collected.

    Sums are exact below 1e26: up to 100 million rows of the largest amount, 1e18. Beyond that, a
    sum of groups in memory overflows in Polars without an error.

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


NANO: Final = Decimal("0.000000001")


def exact_nano(number: str) -> pl.Expr:
    """Return the exact sum of a column of whole nano dollars, in dollars as `MONEY`.

    >>> pl.DataFrame({"cost_nano": [1, 999_999_999_999_999_999]}).select(
    ...     exact_nano("cost_nano")
    ... ).item()
    Decimal('1000000000.000000000000')
    """
    nano = pl.col(number).cast(pl.Decimal(38, 0)).sum()
    return (nano * pl.lit(NANO, pl.Decimal(38, 9))).cast(MONEY)


def total(column: str) -> pl.Expr:
    """Return the exact sum of a column of costs or quantities, as Float64.

    >>> pl.DataFrame({"cost": [0.1, 0.2, 0.3]}).select(total("cost")).item()
    0.6
    """
    return exact(column).sum().cast(pl.Float64)


def widened(table: pl.DataFrame) -> pl.DataFrame:
    """Return a usage table with every known column; missing ones are added as nulls.

    Known columns come first, in their order. Tables that were written before a column was declared
    do not have it.
    """
    if table.columns[: len(USAGE)] == list(USAGE):
        return table
    missing = [pl.lit(None, USAGE[name]).alias(name) for name in USAGE if name not in table.columns]
    extra = [name for name in table.columns if name not in USAGE]
    return table.with_columns(missing).select(*USAGE, *extra)
