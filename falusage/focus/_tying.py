"""The tie-out: usage compared with the charges of a FOCUS table, and the gap explained.

Each side is summed by month, team, service and currency. What both have is matched; the rest of
either side goes to exactly one part, so that the parts sum to the gap in exact decimals. A service
that is charged without a team is compared without the team, and so is all of a workspace.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from falusage._usage.table import Arrow, Eager, Lazy, Table, collected, lazy, take
from falusage.columns import MONEY
from falusage.coverage import Coverage
from falusage.focus._charged import KEY, KINDS, charged
from falusage.focus._parts import PARTS
from falusage.schema.rounding import MOST, has_places
from falusage.timeframes import period_end, period_start
from falusage.transforms.rollup import exact_sums

_SERVICE: Final = ("period", "product", "currency")
_DEVIATIONS: Final = 6.0
"""Rounding explains at most so many standard deviations of the sum of its errors."""
_NOISE: Final = 1e-9
"""The noise of doubles, relative to a sum, as for the totals of a load."""


def tie_out(
    usage: Lazy | Eager,
    focus: pl.LazyFrame | Arrow,
    *,
    coverage: Coverage | None = None,
) -> pl.DataFrame:
    """Compare usage with FOCUS charges per month, team and service, and explain the gap.

    The charges of category Usage are compared with usage: with u the usage of a key and c its
    charges, matched = min(u, c). A service that has charges without a team, as apps and machines
    on the invoice of teams that are billed together, is one line without a team, with the usage of
    all teams. The usage of a workspace is compared without its name, which some keys may not read.

    A difference is `rounding` if rounding alone explains it: half a unit of the last decimal for
    each charge that is visibly rounded, and for more than twelve of them six standard deviations
    of the sum of such errors, because they cancel. No more charges are rounded than usage has rows
    with more decimals. Rounded charges are charges in a currency in which no
    charge has more decimals (two at least) while the usage has. A charge that is the exact product
    of its own quantity and price is not rounded and allows nothing. Besides, 1e-9 of the usage is
    allowed for the noise of doubles.

    If usage and charges agree only once corrections and refunds are counted, because both are as
    corrected, these are not a part of the gap.

    Args:
        usage: A usage table of the months of the charges: a load, a snapshot, a store or a frame.
        focus: Charges from `load_focus`, `read_focus` or `to_focus`. The team is the sub account,
            by id or by name, or the billing account if that has no sub accounts and has a team's
            name. A service is a product line by its name, in any spelling, with or without `fal`
            before it. Other names are kept: if the provider writes `GPU`, for example, use
            `focus.with_columns(pl.col("ServiceName").replace("GPU", "compute"))`. Do the same for
            a team whose `SubAccountName` is not its username.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (Datetime in UTC, the month's start, by ChargePeriodStart), `username` (null for
        no team), `product`, `currency`; `usage_cost` and `billed_cost` (the sum of BilledCost),
        `gap` (billed − usage), `matched` (on both sides), and the parts that sum to the gap:

        - `credits` (negative) and `tax`, by their category.
        - `corrections`: charges of class Correction; below zero they are refunds.
        - `refunds`: other charges of category Usage below zero.
        - `other_charges`: purchases and adjustments.
        - `rounding`.
        - `not_loaded`: charges that exceed the usage because its coverage does not have the
          product (a workspace has no compute) or all of the month, to its end or to the present.
        - `only_here` (negative): in the usage, but not charged.
        - `only_there`: charged, but not in the usage.

        Decimal(38, 12), sorted by its key.

    Raises:
        AlignmentError: A bucket, or a charge of category Usage, crosses a month's end in UTC.
        CoverageError: A part of the usage table's range was never read.
        MissingColumnError: One of the tables lacks a column.
        QueryError: A column of one of the tables has the wrong dtype, or a charge has no amount
            or an unknown category.

    Source: account reconciliation, as on a bank statement; the columns of FOCUS 1.2,
    https://focus.finops.org/focus-specification/v1-2/.

    >>> from datetime import UTC, datetime
    >>> month = {"start": datetime(2025, 1, 1, tzinfo=UTC), "end": datetime(2025, 2, 1, tzinfo=UTC)}
    >>> usage = pl.DataFrame({
    ...     "bucket": month["start"], "bucket_end": month["end"], "username": ["ads", "labs"],
    ...     "product": "compute", "cost": [60.0, 40.004], "currency": "USD",
    ... })
    >>> invoice = pl.DataFrame({
    ...     "BillingAccountId": "acme", "SubAccountId": None, "ServiceName": ["fal Compute", None],
    ...     "ChargeCategory": ["Usage", "Tax"], "BilledCost": [100.0, 19.0],
    ...     "BillingCurrency": "USD",
    ...     "ChargePeriodStart": month["start"], "ChargePeriodEnd": month["end"],
    ... })
    >>> lines = tie_out(usage, invoice).cast({pl.Decimal: pl.Float64})
    >>> lines.select("username", "product", "usage_cost", "billed_cost", "gap", "tax", "rounding")
    shape: (2, 7)
    ┌──────────┬─────────┬────────────┬─────────────┬────────┬──────┬──────────┐
    │ username ┆ product ┆ usage_cost ┆ billed_cost ┆ gap    ┆ tax  ┆ rounding │
    │ ---      ┆ ---     ┆ ---        ┆ ---         ┆ ---    ┆ ---  ┆ ---      │
    │ str      ┆ str     ┆ f64        ┆ f64         ┆ f64    ┆ f64  ┆ f64      │
    ╞══════════╪═════════╪════════════╪═════════════╪════════╪══════╪══════════╡
    │ null     ┆ null    ┆ 0.0        ┆ 19.0        ┆ 19.0   ┆ 19.0 ┆ 0.0      │
    │ null     ┆ compute ┆ 100.004    ┆ 100.0       ┆ -0.004 ┆ 0.0  ┆ -0.004   │
    └──────────┴─────────┴────────────┴─────────────┴────────┴──────┴──────────┘
    """
    here = take(usage, coverage).as_text()
    here.require_covered()
    there = lazy(focus, name="focus").with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    by = ("username", "product")
    used = collected(exact_sums(here, by=by, every="1mo", timezone="UTC", values=("cost",)))
    billed = charged(there, used)
    used = used.join(_finer(here, billed), on=KEY, how="left", nulls_equal=True)
    used = used.rename({"cost": "usage_cost"})
    teamless = billed.filter(pl.col("username").is_null(), pl.col("lines") > 0)
    if here.coverage is not None and here.coverage.scope == "workspace":
        teamless = pl.concat([used.select(_SERVICE), billed.select(_SERVICE)])
    lines = _merged(used, teamless).join(
        _merged(billed, teamless), on=KEY, how="full", coalesce=True, nulls_equal=True
    )
    numbers = pl.exclude(KEY).fill_null(strategy="zero")
    return (
        lines.with_columns(numbers)
        .with_columns(gap=pl.col("billed_cost") - pl.col("usage_cost"), matched=_matched())
        .with_columns(**_parts(here.coverage))
        .select(*KEY, "usage_cost", "billed_cost", "gap", "matched", *PARTS)
        .sort(KEY)
    )


def _finer(usage: Table, billed: pl.DataFrame) -> pl.DataFrame:
    """Return for each key how many rows have more decimals than the charges of its currency."""
    places = billed.select("currency", "places").unique().filter(pl.col("places") < MOST)
    if places.is_empty():
        return billed.clear().select(*KEY, finer=pl.lit(0, pl.UInt32))
    month = period_start(
        pl.col("bucket").dt.convert_time_zone("UTC"), every="1mo", timezone="UTC"
    ).dt.cast_time_unit("us")
    is_finer = ~has_places(pl.col("cost").cast(pl.Float64), pl.col("places"))
    return collected(
        usage.rows.select("bucket", "username", "product", "currency", "cost")
        .join(places.lazy(), on="currency")
        .group_by(month.alias("period"), "username", "product", "currency")
        .agg(finer=is_finer.sum())
    )


def _merged(side: pl.DataFrame, teamless: pl.DataFrame) -> pl.DataFrame:
    """Sum a side by the key, without the team in the services that are charged without one."""
    services = teamless.select(*_SERVICE, has_team=pl.lit(False)).unique()
    sums = [name for name in side.columns if name not in {*KEY, "places", "finer"}]
    others = [
        *([pl.col("finer").sum()] if "finer" in side.columns else []),
        *([pl.col("places").max()] if "places" in side.columns else []),
    ]
    return (
        side.join(services, on=_SERVICE, how="left", nulls_equal=True)
        .with_columns(username=pl.when(pl.col("has_team").is_null()).then("username"))
        .group_by(KEY)
        .agg(pl.col(sums).sum(), *others)
    )


def _matched() -> pl.Expr:
    used, charges = pl.col("usage_cost"), pl.col("charged")
    both = pl.min_horizontal(used, charges)
    return pl.when(both > 0).then(both).otherwise(0).cast(MONEY)


def _parts(coverage: Coverage | None) -> dict[str, pl.Expr]:
    """Return the parts of the gap of a line."""
    zero = pl.lit(0, dtype=MONEY)
    off = pl.col("charged") - pl.col("usage_cost")
    undone = pl.col("corrections") + pl.col("refunds")
    unit = pl.lit(10.0).pow(-pl.col("places").cast(pl.Float64))
    count = pl.min_horizontal("rounded", "finer").cast(pl.Float64)
    # The errors of many roundings cancel: each has a variance of unit² / 12.
    rounded = unit * pl.min_horizontal(count / 2, _DEVIATIONS * (count / 12).sqrt())
    allowed = rounded * (1 + _NOISE) + _NOISE * pl.col("usage_cost").cast(pl.Float64)

    def is_rounding(amount: pl.Expr) -> pl.Expr:
        return amount.cast(pl.Float64).abs() <= allowed

    as_charged = is_rounding(off)
    as_corrected = ~as_charged & (undone != 0) & is_rounding(off + undone)
    rest = pl.when(as_charged | as_corrected).then(zero).otherwise(off)
    over = pl.when(rest > 0).then(rest).otherwise(zero)
    is_loaded = _is_loaded(coverage)
    kept = {name: pl.col(name) for name in KINDS if name != "charged"}
    for name in ("corrections", "refunds"):
        kept[name] = pl.when(as_corrected).then(zero).otherwise(kept[name])
    return {
        **kept,
        "rounding": pl.when(as_charged)
        .then(off)
        .when(as_corrected)
        .then(off + undone)
        .otherwise(zero),
        "not_loaded": pl.when(is_loaded).then(zero).otherwise(over),
        "only_here": pl.when(rest < 0).then(rest).otherwise(zero),
        "only_there": pl.when(is_loaded).then(over).otherwise(zero),
    }


def _is_loaded(coverage: Coverage | None) -> pl.Expr:
    """Return whether the usage was asked for the product and the whole month of a line.

    A month is whole if the usage reaches its end, or the present.
    """
    if coverage is None or not coverage.known:
        return pl.lit(True)
    start, end = pl.col("period"), period_end(pl.col("period"), every="1mo", timezone="UTC")
    reaches_now = coverage.closed_until < coverage.end
    is_whole = (start >= coverage.start) & ((end <= coverage.end) | pl.lit(reaches_now))
    if not coverage.products:
        return is_whole
    return is_whole & pl.col("product").is_in(coverage.products).fill_null(True)
