"""The usage table's columns, named and typed once.

Every other room takes names and dtypes from here. `USAGE` is the table of `load_usage`,
`SUMMARY` that of `load_summary`; both may be followed by columns that a newer API sends.
"""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

INSTANT: Final = pl.Datetime("us", "UTC")
"""Instants are kept in UTC, to the microsecond."""

MONEY: Final = pl.Decimal(38, 12)
"""What costs and quantities are summed in, so that a total is the same on every run."""

HOME: Final = "USD"
"""The currency that fal bills in; tables in others are summed as well, and as exactly."""

ABSURD: Final = 1e18
"""Quantities, prices and costs are below this, or refused."""

ITEM: Final = {
    "username": pl.String(),
    "product": pl.String(),
    "endpoint_id": pl.String(),
    "unit": pl.String(),
    "quantity": pl.Float64(),
    "unit_price": pl.Float64(),
    "cost": pl.Float64(),
    "currency": pl.String(),
}
"""A line item's required fields, as the API names them."""

NUMBERS: Final = ("quantity", "unit_price", "cost")

AUTH: Final = {
    "auth_method": pl.String(),
    "auth_detail": pl.String(),
    "api_key_id": pl.String(),
    "login_username": pl.String(),
}
"""Who called, null where it was not asked for."""

SUMMARY: Final = {**ITEM, **AUTH}
USAGE: Final = {"bucket": INSTANT, "bucket_end": INSTANT, **SUMMARY}

MEANINGS: Final = {
    "bucket": "where the bucket starts",
    "bucket_end": "where it ends, exclusive",
    "username": "the team",
    "product": "`model_apis`, `serverless` or `compute`",
    "endpoint_id": "the endpoint, app or machine that was used",
    "unit": "what is counted, as `image` or `second`",
    "quantity": "how many of them, from 0",
    "unit_price": "the price of one, in `currency`",
    "cost": "what is billed, in `currency`; not always quantity × price",
    "currency": "three letters, as `USD`",
    "auth_method": "who called, as text: the key and its owner, or a login",
    "auth_detail": "how the caller was known",
    "api_key_id": "the key that called",
    "login_username": "the login that called",
}
"""What each column says; the last four are null where it was not asked for."""

KEY: Final = ("username", "product", "endpoint_id", "unit", "currency")
"""What a sum is reconciled by."""

Product = Literal["model_apis", "serverless", "compute"]
PRODUCTS: Final = ("model_apis", "serverless", "compute")


def total(column: str) -> pl.Expr:
    """Give the exact sum of a column of costs or quantities, as Float64.

    >>> pl.DataFrame({"cost": [0.1, 0.2, 0.3]}).select(total("cost")).item()
    0.6
    """
    return pl.col(column).cast(MONEY).sum().cast(pl.Float64)
