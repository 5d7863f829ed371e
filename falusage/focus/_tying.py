"""The tie-out: usage compared with the charges of a FOCUS file, and the gap explained.

Each side is summed by month, team, service and currency. What both have is matched; the rest of
either side goes to exactly one part, so that the parts sum to the gap in exact decimals. A line of
an invoice without a team is not assigned to one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from falusage._usage.periods import require_instants
from falusage._usage.table import (
    Arrow,
    Eager,
    Lazy,
    collected,
    lazy,
    require,
    require_numbers,
    take,
)
from falusage.columns import MONEY, PRODUCTS, exact
from falusage.coverage import Coverage
from falusage.errors import AlignmentError, QueryError
from falusage.focus._vocabulary import NEEDED
from falusage.timeframes import period_end, period_start
from falusage.transforms.rollup import exact_sums

_KEY: Final = ("period", "username", "product", "currency")
_PARTS: Final = ("credits", "tax", "no_team", "only_here", "only_there")
_TEAMS: Final = ("SubAccountId", "SubAccountName")
_ACCOUNTS: Final = ("BillingAccountId", "BillingAccountName")


def tie_out(
    usage: Lazy | Eager,
    focus: pl.LazyFrame | Arrow,
    *,
    coverage: Coverage | None = None,
) -> pl.DataFrame:
    """Compare usage with FOCUS charges per month, team and service, and explain the gap.

    With u the usage of a key and c its charges of category Usage: matched = min(u, c), and the
    rest of u or of c is on one side only. If a service has charges without a team, as on the
    invoice of teams that are billed together, the rest of its teams' usage may be in those, so
    both are in `no_team`. Over the teams it sums to those charges minus the usage that they may
    contain.

    Args:
        usage: A usage table of the months of the charges: a load, a snapshot, a store or a frame.
        focus: Charges from `read_focus` or `to_focus`. The team is the sub account, by id or by
            name, or the billing account if that has no sub accounts and has a team's name. A
            service is a product line by its name, in any spelling, with or without `fal` before
            it. Other names are kept: if the provider writes `GPU`, for example, use
            `focus.with_columns(pl.col("ServiceName").replace("GPU", "compute"))`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (Datetime in UTC, the month's start, by ChargePeriodStart), `username` (null for
        no team), `product`, `currency`; `usage_cost` and `billed_cost` (the sum of BilledCost),
        `gap` (billed − usage), `matched` (on both sides), and the parts that sum to the gap:
        `credits` (negative), `tax`, `no_team`, `only_here` (in usage only, negative) and
        `only_there` (billed only: purchases and adjustments, too). Decimal(38, 12), sorted by its
        key.

    Raises:
        AlignmentError: A bucket, or a charge of category Usage, crosses a month's end in UTC.
        CoverageError: A part of the usage table's range was never read.
        MissingColumnError: One of the tables lacks a column.
        QueryError: A column of one of the tables has the wrong dtype.

    Source: account reconciliation, as on a bank statement; the columns of FOCUS 1.2,
    https://focus.finops.org/focus-specification/v1-2/.

    >>> from datetime import UTC, datetime
    >>> month = {"start": datetime(2025, 1, 1, tzinfo=UTC), "end": datetime(2025, 2, 1, tzinfo=UTC)}
    >>> usage = pl.DataFrame({
    ...     "bucket": month["start"], "bucket_end": month["end"], "username": ["ads", "labs"],
    ...     "product": "compute", "cost": [60.0, 40.0], "currency": "USD",
    ... })
    >>> invoice = pl.DataFrame({
    ...     "BillingAccountId": "acme", "SubAccountId": None, "ServiceName": ["fal Compute", None],
    ...     "ChargeCategory": ["Usage", "Tax"], "BilledCost": [100.0, 19.0],
    ...     "BillingCurrency": "USD",
    ...     "ChargePeriodStart": month["start"], "ChargePeriodEnd": month["end"],
    ... })
    >>> lines = tie_out(usage, invoice).cast({pl.Decimal: pl.Float64})
    >>> lines.select("username", "product", "usage_cost", "billed_cost", "gap", "tax", "no_team")
    shape: (4, 7)
    ┌──────────┬─────────┬────────────┬─────────────┬───────┬──────┬─────────┐
    │ username ┆ product ┆ usage_cost ┆ billed_cost ┆ gap   ┆ tax  ┆ no_team │
    │ ---      ┆ ---     ┆ ---        ┆ ---         ┆ ---   ┆ ---  ┆ ---     │
    │ str      ┆ str     ┆ f64        ┆ f64         ┆ f64   ┆ f64  ┆ f64     │
    ╞══════════╪═════════╪════════════╪═════════════╪═══════╪══════╪═════════╡
    │ null     ┆ null    ┆ 0.0        ┆ 19.0        ┆ 19.0  ┆ 19.0 ┆ 0.0     │
    │ null     ┆ compute ┆ 0.0        ┆ 100.0       ┆ 100.0 ┆ 0.0  ┆ 100.0   │
    │ ads      ┆ compute ┆ 60.0       ┆ 0.0         ┆ -60.0 ┆ 0.0  ┆ -60.0   │
    │ labs     ┆ compute ┆ 40.0       ┆ 0.0         ┆ -40.0 ┆ 0.0  ┆ -40.0   │
    └──────────┴─────────┴────────────┴─────────────┴───────┴──────┴─────────┘
    """
    here = take(usage, coverage).as_text()
    here.require_covered()
    there = lazy(focus, name="focus").with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    used = collected(
        exact_sums(
            here,
            by=("username", "product"),
            every="1mo",
            timezone="UTC",
            values=("cost",),
        )
    ).rename({"cost": "usage_cost"})
    billed = _billed(there, used)
    lines = used.join(billed, on=_KEY, how="full", coalesce=True, nulls_equal=True)
    amounts = ("usage_cost", "billed_cost", "charged", "credits", "tax", "other")
    return (
        lines.with_columns(pl.col(amounts).fill_null(0), pl.col("lines").fill_null(0))
        .with_columns(_matched())
        .with_columns(gap=pl.col("billed_cost") - pl.col("usage_cost"), **_left())
        .select(*_KEY, "usage_cost", "billed_cost", "gap", "matched", *_PARTS)
        .sort(_KEY)
    )


def _matched() -> pl.Expr:
    used, charged = pl.col("usage_cost"), pl.col("charged")
    both = pl.min_horizontal(used, charged)
    return pl.when(both > 0).then(both).otherwise(0).cast(MONEY).alias("matched")


def _left() -> dict[str, pl.Expr]:
    """Return the part that the unmatched rest of a line belongs to."""
    here, there = (pl.col(name) - pl.col("matched") for name in ("usage_cost", "charged"))
    teamless = pl.col("username").is_null()
    service = ("period", "product", "currency")
    pooled = (teamless & (pl.col("lines") > 0)).any().over(service) & ~teamless
    zero = pl.lit(0, dtype=MONEY)
    return {
        "no_team": pl.when(teamless).then(there).when(pooled).then(-here).otherwise(zero),
        "only_here": pl.when(pooled).then(zero).otherwise(-here),
        "only_there": pl.when(teamless).then(zero).otherwise(there) + pl.col("other"),
    }


def _billed(focus: pl.LazyFrame, used: pl.DataFrame) -> pl.DataFrame:
    """Sum the charges by the key, in total and by category."""
    _check(focus)
    lacking = [name for name in (*_TEAMS, *_ACCOUNTS) if name not in focus.collect_schema()]
    lines = focus.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in lacking)
    is_usage = pl.col("ChargeCategory") == "Usage"
    cost = exact("BilledCost")
    kinds = {
        "charged": is_usage,
        "credits": pl.col("ChargeCategory") == "Credit",
        "tax": pl.col("ChargeCategory") == "Tax",
        "other": ~pl.col("ChargeCategory").is_in(["Usage", "Credit", "Tax"]),
    }
    return collected(
        lines.with_columns(
            period=_month(),
            username=_team(used["username"].unique().to_list()),
            product=_product(focus, used["product"].unique().to_list()),
            currency=pl.col("BillingCurrency").cast(pl.String),
        )
        .group_by(_KEY)
        .agg(
            cost.sum().alias("billed_cost"),
            *(cost.filter(kind).sum().alias(name) for name, kind in kinds.items()),
            is_usage.sum().alias("lines"),
        )
    )


def _check(focus: pl.LazyFrame) -> None:
    schema = focus.collect_schema()
    require(schema, (*NEEDED, "ServiceName"))
    require_numbers(schema, ["BilledCost"])
    instants = ("ChargePeriodStart", "ChargePeriodEnd")
    require_instants(schema, instants)
    start, end = (pl.col(name).dt.convert_time_zone("UTC") for name in instants)
    over = period_end(start, every="1mo", timezone="UTC") < end
    cost = pl.col("BilledCost").cast(MONEY, strict=False)
    known = pl.col("ChargeCategory").is_not_null() & pl.col("BilledCost").is_not_null()
    told = (
        focus.select(*instants, "ChargeCategory", cost, over.alias("over"))
        .filter(~known | start.is_null() | ((pl.col("ChargeCategory") == "Usage") & pl.col("over")))
        .head(1)
        .collect()
    )
    for first, last, category, billed, _ in told.iter_rows():
        if first is None or category is None or billed is None:
            raise QueryError(
                "a charge has no ChargePeriodStart, ChargeCategory or BilledCost; read_focus "
                "rejects such a file, and shows its rows"
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
