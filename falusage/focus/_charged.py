"""The charges of a FOCUS table by month, team, service and currency, each in one kind.

A charge of category Usage is compared with usage, unless it corrects an earlier one or is below
zero. Every other charge is a part of the gap by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from falusage._usage.periods import require_instants
from falusage._usage.table import collected, require, require_numbers
from falusage.columns import MONEY, PRODUCTS, exact
from falusage.errors import AlignmentError, QueryError
from falusage.focus._vocabulary import CATEGORIES, NEEDED
from falusage.schema.rounding import FEWEST, MOST, has_places
from falusage.timeframes import period_end, period_start

KEY: Final = ("period", "username", "product", "currency")
KINDS: Final = ("charged", "credits", "tax", "corrections", "refunds", "other_charges")

_TEAMS: Final = ("SubAccountId", "SubAccountName")
_ACCOUNTS: Final = ("BillingAccountId", "BillingAccountName")
_OPTIONAL: Final = (*_TEAMS, *_ACCOUNTS, "ChargeClass")
_PRICES: Final = ("ContractedUnitPrice", "ListUnitPrice")
_NOISE: Final = 1e-12
"""If quantity × price and a charge differ by less, relative to the charge or to 1, the charge is
not rounded: that is the precision of the amounts."""


def charged(focus: pl.LazyFrame, used: pl.DataFrame) -> pl.DataFrame:
    """Sum the charges by the key.

    Args:
        focus: The charges.
        used: Usage by the key, whose teams and products are those to look for.

    Returns:
        The key; `billed_cost`, the sum of every kind; the `KINDS`; `lines`, how many charges are
        compared with usage; `places`, the most decimals that such a charge of the currency has;
        and `rounded`, how many of them may have been rounded to that.
    """
    _check(focus)
    lacking = [name for name in _OPTIONAL if name not in focus.collect_schema()]
    lines = focus.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in lacking)
    kind = _kind()
    cost = exact("BilledCost")
    is_compared = pl.col("kind") == "charged"
    return collected(
        lines.with_columns(
            period=_month(),
            username=_team(used["username"].unique().to_list()),
            product=_product(focus, used["product"].unique().to_list()),
            currency=pl.col("BillingCurrency").cast(pl.String),
            kind=kind,
            is_rounded=~_is_product(focus.collect_schema()),
            places=pl.when(kind == "charged").then(_places(cost.cast(pl.Float64))),
        )
        .with_columns(pl.col("places").max().over("currency"))
        .group_by(KEY)
        .agg(
            cost.sum().alias("billed_cost"),
            *(cost.filter(pl.col("kind") == name).sum().alias(name) for name in KINDS),
            lines=is_compared.sum(),
            places=pl.col("places").first(),
            rounded=(is_compared & pl.col("is_rounded")).sum(),
        )
    )


def _kind() -> pl.Expr:
    """Return the kind of each charge. A corrected tax is tax, and a corrected credit a credit."""
    category = pl.col("ChargeCategory").cast(pl.String)
    corrects = pl.col("ChargeClass").cast(pl.String).str.strip_chars().str.to_lowercase()
    return (
        pl.when(category == "Credit")
        .then(pl.lit("credits"))
        .when(category == "Tax")
        .then(pl.lit("tax"))
        .when(corrects == "correction")
        .then(pl.lit("corrections"))
        .when(category != "Usage")
        .then(pl.lit("other_charges"))
        .when(pl.col("BilledCost") < 0)
        .then(pl.lit("refunds"))
        .otherwise(pl.lit("charged"))
    )


def _places(amount: pl.Expr) -> pl.Expr:
    """Return how many decimals an amount has, from `FEWEST` to `MOST`."""
    return pl.coalesce(
        *(pl.when(has_places(amount, places)).then(places) for places in range(FEWEST, MOST)),
        MOST,
    )


def _is_product(schema: pl.Schema) -> pl.Expr:
    """Return whether a charge is the exact product of a quantity and a price that it shows."""
    prices = [name for name in _PRICES if schema.get(name, pl.Null()).is_numeric()]
    if not schema.get("PricingQuantity", pl.Null()).is_numeric() or not prices:
        return pl.lit(False)
    cost, quantity = (pl.col(name).cast(pl.Float64) for name in ("BilledCost", "PricingQuantity"))
    noise = _NOISE * pl.max_horizontal(cost.abs(), pl.lit(1.0))
    off = ((cost - quantity * pl.col(name).cast(pl.Float64)).abs() for name in prices)
    return pl.any_horizontal((each <= noise).fill_null(False) for each in off)


def _check(focus: pl.LazyFrame) -> None:
    schema = focus.collect_schema()
    require(schema, (*NEEDED, "ServiceName"))
    require_numbers(schema, ["BilledCost"])
    instants = ("ChargePeriodStart", "ChargePeriodEnd")
    require_instants(schema, instants)
    start, end = (pl.col(name).dt.convert_time_zone("UTC") for name in instants)
    over = period_end(start, every="1mo", timezone="UTC") < end
    cost = pl.col("BilledCost").cast(MONEY, strict=False)
    category = pl.col("ChargeCategory").cast(pl.String)
    known = category.is_in(CATEGORIES).fill_null(False) & cost.is_not_null()
    told = (
        focus.select(*instants, category, cost, over.alias("over"), known.alias("known"))
        .filter(
            ~pl.col("known")
            | start.is_null()
            | ((pl.col("ChargeCategory") == "Usage") & pl.col("over"))
        )
        .head(1)
        .collect()
    )
    for first, last, of, _, _, is_known in told.iter_rows():
        if first is None or not is_known:
            raise QueryError(
                "a charge has no ChargePeriodStart or BilledCost, or its ChargeCategory is not one "
                f"of {', '.join(CATEGORIES)} (it is {of!r}); read_focus rejects such a file, and "
                "shows its rows"
            )
        raise AlignmentError(
            f"the charge from {first.isoformat()} to {last.isoformat()} crosses a month's end in "
            "UTC. A charge is one number and cannot be split: ask the provider for a shorter "
            "timeframe"
        )


def _month() -> pl.Expr:
    start = pl.col("ChargePeriodStart").dt.convert_time_zone("UTC")
    return period_start(start, every="1mo", timezone="UTC")


def _team(teams: list[str]) -> pl.Expr:
    """Return the team of a charge: a name that usage has, else the name in the file."""
    named = pl.any_horizontal(pl.col(_TEAMS).is_not_null()).any().over("BillingAccountId")

    def known(columns: Iterable[str]) -> list[pl.Expr]:
        return [
            pl.when(pl.col(name).cast(pl.String).is_in(teams)).then(pl.col(name))
            for name in columns
        ]

    account = pl.when(~named).then(pl.coalesce(known(_ACCOUNTS)))
    said = pl.coalesce("SubAccountName", "SubAccountId").cast(pl.String)
    return pl.coalesce(*known(_TEAMS), said, account)


def _product(focus: pl.LazyFrame, products: list[str]) -> pl.Expr:
    """Return the product line of a service, or its own name."""
    lines = {_plain(product): product for product in (*PRODUCTS, *products)}
    names = focus.select(pl.col("ServiceName").drop_nulls().unique()).collect()["ServiceName"]
    told = {name: lines.get(_plain(name) or name, name) for name in names}
    return pl.col("ServiceName").cast(pl.String).replace(told)


def _plain(name: str) -> str:
    """Return the part of a name that does not depend on its spelling.

    >>> _plain("fal Model APIs"), _plain("model_apis")
    ('modelapis', 'modelapis')
    """
    return re.sub(r"^fal(ai)?", "", re.sub(r"[^a-z0-9]", "", name.lower()))
