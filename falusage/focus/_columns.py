"""The columns of FOCUS, computed from the sums of a charge."""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage.columns import exact
from falusage.focus._vocabulary import NO_INVOICE, PROVIDERS, SERVICES, TIME_UNITS, Version
from falusage.timeframes import period_end

_PROVIDER: Final = "fal"
_DIGITS: Final = 15
"""How many digits of a decimal a double keeps: 0.04 less 10 % is 0.036, not
0.036000000000000004."""

_LIMIT: Final = 1e26
"""The first number that is too large for Decimal(38, 12); a list cost from there on is null."""

_NOISE: Final = 1e-9
"""If quantity × price and cost differ by less, relative to the cost or to 1, they are the same
number in two doubles. The validator of the FinOps Foundation has the same limit."""


def fixed(account_id: str, account_name: str, version: Version) -> dict[str, pl.Expr]:
    """Return the columns that are the same for every charge."""
    texts = {
        "BillingAccountId": account_id,
        "BillingAccountName": account_name,
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeFrequency": "Usage-Based",
        "SkuPriceDetails": None,
        **dict.fromkeys(PROVIDERS[version], _PROVIDER),
        **dict.fromkeys(NO_INVOICE[version]),
    }
    return {name: pl.lit(text, dtype=pl.String) for name, text in texts.items()}


def per_charge(every: str) -> dict[str, pl.Expr]:
    """Return the other columns, for charge periods of a length."""
    month, period = pl.col("_month"), pl.col("period")
    endpoint, unit = pl.col("endpoint_id"), pl.col("unit")
    price = pl.format("{} {}", "unit_price", "currency")
    percent = pl.col("percent_discount")
    less = pl.when(percent > 0).then(pl.format(", less {} %", percent)).otherwise(pl.lit(""))
    left = pl.col("unit_price") * (100.0 - percent) / 100.0
    contracted = pl.coalesce(left.round_sig_figs(_DIGITS), "unit_price")
    measured = unit.str.to_lowercase().replace_strict(TIME_UNITS, default=unit)
    return {
        "BilledCost": pl.col("cost"),
        "BillingCurrency": pl.col("currency"),
        "BillingPeriodEnd": period_end(month, every="1mo", timezone="UTC"),
        "BillingPeriodStart": month,
        "ChargeDescription": pl.format("{} at {} per {}{}", endpoint, price, unit, less),
        "ChargePeriodEnd": pl.min_horizontal(
            period_end(period, every=every, timezone="UTC"),
            period_end(month, every="1mo", timezone="UTC"),
        ),
        "ChargePeriodStart": pl.max_horizontal(period, month),
        "ConsumedQuantity": pl.col("quantity"),
        "ConsumedUnit": measured,
        "ContractedCost": _priced(contracted, pl.col("cost")),
        "ContractedUnitPrice": contracted,
        "EffectiveCost": pl.col("cost"),
        "ListCost": _priced(pl.col("unit_price"), pl.coalesce("cost_subtotal", "cost")),
        "ListUnitPrice": pl.col("unit_price"),
        "PricingQuantity": pl.col("quantity"),
        "PricingUnit": measured,
        "ServiceCategory": _service("category", pl.lit("Other")),
        "ServiceName": _service("name", pl.format("fal {}", "product")),
        "ServiceSubcategory": _service("subcategory", pl.lit("Other (Other)")),
        "SkuId": endpoint,
        "SkuMeter": unit,
        "SkuPriceId": pl.format("{}|{}|{}", endpoint, unit, price),
        "SubAccountId": pl.col("username"),
        "SubAccountName": pl.col("username"),
    }


def _priced(price: pl.Expr, amount: pl.Expr) -> pl.Expr:
    """Return price × quantity, or the amount itself if it is the same number up to noise."""
    cost = amount.cast(pl.Float64)
    product = pl.col("quantity").cast(pl.Float64) * price
    noise = (product - cost).abs() <= _NOISE * pl.max_horizontal(cost.abs(), pl.lit(1.0))
    representable = exact(pl.when(product < _LIMIT).then(product))
    return pl.when(noise | product.is_null()).then(amount).otherwise(representable)


def _service(field: str, default: pl.Expr) -> pl.Expr:
    known = {product: getattr(service, field) for product, service in SERVICES.items()}
    return pl.col("product").replace_strict(known, default=default, return_dtype=pl.String)
