"""The names, dtypes and fixed values of FOCUS, once.

Amounts are exact decimals, so that a file ties to the table it was made from. Prices stay the
doubles that the API sends. The specification: https://focus.finops.org/focus-specification/v1-2/
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import polars as pl

from falusage.columns import INSTANT, MONEY

Version = Literal["1.2", "1.4"]

CSV_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
"""The format of instants in a CSV: `focus.write_csv(path, datetime_format=CSV_TIME)`."""

CATEGORIES: Final = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
"""The categories of a charge; a closed list."""

DTYPES: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(
        ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"), INSTANT
    ),
    **dict.fromkeys(
        (
            *("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"),
            *("ConsumedQuantity", "PricingQuantity"),
        ),
        MONEY,
    ),
    **dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), pl.Float64()),
}
"""The columns that are not text."""

NEEDED: Final = (
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "ChargeCategory",
    "ChargePeriodEnd",
    "ChargePeriodStart",
)
"""The columns that every charge needs; never null. `ServiceName` is needed, too, but may be null
for the tax and the credits of an invoice."""


class Service(NamedTuple):
    """The name of a product line, and its one category."""

    name: str
    category: str
    subcategory: str


SERVICES: Final = {
    "model_apis": Service("fal Model APIs", "AI and Machine Learning", "Generative AI"),
    "serverless": Service("fal Serverless", "Compute", "Serverless Compute"),
    "compute": Service("fal Compute", "Compute", "Virtual Machines"),
}
"""The product lines as services; an unknown line is `fal NAME`, `Other`."""

PROVIDERS: Final[dict[Version, tuple[str, ...]]] = {
    "1.2": ("InvoiceIssuerName", "ProviderName", "PublisherName"),
    "1.4": ("HostProviderName", "InvoiceIssuerName", "ServiceProviderName"),
}
"""The columns of the provider: 1.3 renamed two of them, and 1.4 removed the old names."""

NO_INVOICE: Final[dict[Version, tuple[str, ...]]] = {
    "1.2": ("InvoiceId",),
    "1.4": ("InvoiceDetailId", "InvoiceId"),
}
"""Null, because usage is not invoiced yet."""

TIME_UNITS: Final = {
    form: f"{unit}s"
    for unit in ("Second", "Minute", "Hour", "Day", "Month", "Year")
    for form in (unit.lower(), f"{unit.lower()}s")
}
"""The specification's words for units of time; it leaves counts to the provider."""
