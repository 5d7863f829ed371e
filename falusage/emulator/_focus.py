"""The FOCUS report: invoices and estimates, made from the table that is served.

The invoice of a month is issued in the next month, to each team, or to one customer under pooled
billing. Each of its lines is a SKU at one price, rounded to cents, half to even. It also has
`TAX`, and that of the workspace a `CREDIT`. A `CORRECTION` of its largest line follows on the
invoice issued one month later. An estimate has the usage alone, by charge period, unrounded.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage import timeframes
from falusage.columns import MONEY, exact
from falusage.contract import ORGANIZATION_FOCUS
from falusage.emulator._ledger import TAGS
from falusage.errors import QueryError

if TYPE_CHECKING:
    from falusage.emulator._app import Served
    from falusage.emulator._books import Books
    from falusage.emulator._parameters import Parameters

TAX: Final = Decimal("0.19")
"""What is added to the usage of an invoice less its credit, rounded to cents."""

CREDIT: Final = Decimal("25.00")
"""What the workspace need not pay of each month and currency; less if it spent less."""

CORRECTION: Final = Decimal("1.50")
"""The refund of the workspace's largest line of each month and currency; less if that line is
less."""

SERVICES: Final = {
    "model_apis": "Model APIs", "serverless": "Serverless", "compute": "Compute"
}  # fmt: skip
_LINE: Final = (
    *("username", "product", "endpoint_id", "unit"),
    *("unit_price", "percent_discount", "currency"),
)
"""What makes a line of usage, besides its period."""

_CENTS: Final = 2
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_COLUMNS: Final = (
    *("BillingAccountId", "BillingAccountName", "SubAccountId", "SubAccountName", "InvoiceId"),
    *("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"),
    *("ChargeCategory", "ChargeClass", "ChargeDescription", "ServiceName", "SkuId"),
    *("PricingQuantity", "PricingUnit", "ListUnitPrice", "ContractedUnitPrice"),
    *("BilledCost", "BillingCurrency", "Tags"),
)
_INVOICE: Final = (
    *("BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("ChargePeriodStart", "ChargePeriodEnd"),
)
"""What the lines of an invoice have in common."""

_SHOWN: Final[dict[str, pl.DataType]] = {
    "PricingQuantity": MONEY,
    **dict.fromkeys(("ListUnitPrice", "ContractedUnitPrice"), pl.Float64()),
}
"""What a line of usage shows of its amount."""


def report(asked: Parameters, served: Served) -> bytes:
    """Return the report that is asked for, as CSV; without charges, its header."""
    given, is_invoice = asked.model_fields_set, asked.asked("source") == "invoice"
    wrong = (
        ("start", "end", "timezone", "timeframe", "bound_to_timeframe")
        if is_invoice
        else ("billing_month", "charge_month")
    )
    for name in wrong:
        if name in given:
            other = "an estimate" if is_invoice else "an invoice"
            raise QueryError(f"{name} can be used only with {other}")
    lines = _invoiced(asked, served) if is_invoice else _estimated(asked, served)
    return _written(lines.filter(_wanted(asked, served)))


def _wanted(asked: Parameters, served: Served) -> pl.Expr:
    """Return which lines are asked for: those of a team, of the workspace, or all."""
    team = asked.asked("team_username")
    if asked.endpoint is not ORGANIZATION_FOCUS and not asked.wants("organization"):
        team = served.books.workspace
    elif team and served.pooled_billing and asked.asked("source") == "invoice":
        raise QueryError("team_username cannot be used with invoices under pooled billing")
    # A credit or a tax is of no team, but of an account.
    return pl.lit(True) if team is None else pl.coalesce("username", "BillingAccountId") == team


def _invoiced(asked: Parameters, served: Served) -> pl.DataFrame:
    """Return the lines of the invoices of a month that are issued by now."""
    columns = {"billing_month": "issued", "charge_month": "ChargePeriodStart"}
    starts = {
        column: timeframes.month_span(asked.asked(name), timezone="UTC")[0]
        for name, column in columns.items()
        if asked.asked(name) is not None
    }
    if not starts:
        raise QueryError("an invoice needs billing_month or charge_month")
    return _invoices(served.books, pooled=served.pooled_billing).filter(
        pl.col("issued") <= served.clock().astimezone(UTC),
        *(pl.col(column) == start for column, start in starts.items()),
    )


def _estimated(asked: Parameters, served: Served) -> pl.DataFrame:
    """Return the usage of a range by charge period."""
    most = timedelta(days=asked.endpoint.most_days or 0)
    start, end = asked.range(served.clock())
    if end - start > most:
        raise QueryError(f"an estimate covers at most {most.days} days")
    start, end, timeframe = asked.buckets(served.clock())
    rows = served.books.rows.filter(
        pl.col("bucket").is_between(pl.lit(start), pl.lit(end), closed="left")
    )
    every, timezone = timeframes.EVERY[timeframe], asked.asked("timezone")
    tags = [TAGS] if asked.asked("source") == "tagged-estimate" and TAGS in rows.columns else []
    usage = _usage(rows, every, timezone, tags)
    return _lines(served.books, usage, pooled=served.pooled_billing, is_invoice=False)


def _usage(rows: pl.DataFrame, every: str, timezone: str, tags: list[str]) -> pl.DataFrame:
    """Sum usage by charge period and SKU, exactly."""
    at = pl.col("bucket")
    periods = {
        "ChargePeriodStart": timeframes.period_start(at, every=every, timezone=timezone),
        "ChargePeriodEnd": timeframes.period_end(at, every=every, timezone=timezone),
    }
    utc = {
        name: each.alias(name).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
        for name, each in periods.items()
    }
    key = (*periods, *_LINE, *tags)
    return (
        rows.with_columns(**utc)
        .group_by(key)
        .agg(PricingQuantity=exact("quantity").sum(), BilledCost=exact("cost").sum())
        .sort(key)
    )


def _invoices(books: Books, *, pooled: bool) -> pl.DataFrame:
    """Return the lines of all invoices, and the month in which each is `issued`."""
    usage = _usage(books.rows, "1mo", "UTC", [])
    lines = _lines(books, usage, pooled=pooled, is_invoice=True).with_columns(
        pl.col("BilledCost").round(_CENTS)
    )
    own = lines.filter(pl.col("username") == books.workspace)
    credit = _credit(own)
    parts = pl.concat([lines, credit, _tax(lines, credit)], how="diagonal").with_columns(months=1)
    later = _correction(own).with_columns(months=2)
    is_usage = (pl.col("ChargeCategory") == "Usage") & pl.col("ChargeClass").is_null()
    every = pl.concat([parts, later], how="diagonal").filter(is_usage | (pl.col("BilledCost") != 0))
    issued = pl.col("ChargePeriodStart").dt.offset_by(pl.format("{}mo", "months"))
    return every.with_columns(
        issued=issued,
        InvoiceId=pl.format("{}-{}", issued.dt.strftime("%Y-%m"), "BillingAccountId"),
        BillingPeriodStart=issued.dt.offset_by("-1mo"),
        BillingPeriodEnd=issued,
    ).sort("BillingAccountId", "issued", "BillingCurrency", maintain_order=True)


def _credit(own: pl.DataFrame) -> pl.DataFrame:
    """Return the credit on each invoice of the workspace."""
    spent = own.group_by(_INVOICE).agg(pl.col("BilledCost").sum())
    return spent.with_columns(
        BilledCost=-pl.min_horizontal("BilledCost", pl.lit(CREDIT, MONEY)),
        ChargeCategory=pl.lit("Credit"),
        ChargeDescription=pl.lit("Credit for new customers"),
    )


def _tax(lines: pl.DataFrame, credit: pl.DataFrame) -> pl.DataFrame:
    """Return the tax on each invoice."""
    taxed = pl.concat(side.select(*_INVOICE, "BilledCost") for side in (lines, credit))
    cents = pl.col("BilledCost").cast(pl.Decimal(38, 4))
    return (
        taxed.group_by(_INVOICE)
        .agg(pl.col("BilledCost").sum())
        .with_columns(
            BilledCost=(cents * pl.lit(TAX)).round(_CENTS).cast(MONEY),
            ChargeCategory=pl.lit("Tax"),
            ChargeDescription=pl.format("VAT {} %", pl.lit(int(100 * TAX))),
        )
    )


def _correction(own: pl.DataFrame) -> pl.DataFrame:
    """Return the refund of the workspace's largest line of each month and currency."""
    largest = own.sort("BilledCost", "SkuId", "PricingUnit", descending=True).unique(
        ["ChargePeriodStart", "BillingCurrency"], keep="first", maintain_order=True
    )
    unsaid = (pl.lit(None, dtype).alias(name) for name, dtype in _SHOWN.items())
    return largest.with_columns(unsaid).with_columns(
        BilledCost=-pl.min_horizontal("BilledCost", pl.lit(CORRECTION, MONEY)),
        ChargeClass=pl.lit("Correction"),
        ChargeDescription=pl.format("Refund: {}", "ChargeDescription"),
    )


def _lines(books: Books, usage: pl.DataFrame, *, pooled: bool, is_invoice: bool) -> pl.DataFrame:
    """Return usage as lines of the report.

    Under pooled billing, one customer is billed, and the lines of its apps and machines on an
    invoice have no sub-account.
    """
    team, endpoint, unit = pl.col("username"), pl.col("endpoint_id"), pl.col("unit")
    account = pl.lit(books.workspace) if pooled else team
    told = pl.lit(pooled) & (pl.lit(not is_invoice) | (pl.col("product") == "model_apis"))
    sub = pl.when(told).then(team)
    left = 1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0
    return usage.with_columns(
        BillingAccountId=account,
        BillingAccountName=account,
        SubAccountId=sub,
        SubAccountName=sub,
        BillingCurrency="currency",
        BillingPeriodStart=pl.col("ChargePeriodStart").dt.truncate("1mo"),
        BillingPeriodEnd=pl.col("ChargePeriodStart").dt.truncate("1mo").dt.offset_by("1mo"),
        ChargeCategory=pl.lit("Usage"),
        ChargeDescription=pl.format("{}, per {}", endpoint, unit),
        ServiceName=pl.col("product").replace(SERVICES),
        SkuId=endpoint,
        PricingUnit=unit,
        ListUnitPrice="unit_price",
        ContractedUnitPrice=(pl.col("unit_price") * left).round_sig_figs(15),
        Tags=TAGS if TAGS in usage.columns else pl.lit(None, pl.String),
    )


def _written(lines: pl.DataFrame) -> bytes:
    """Return lines as CSV, with `NULL` where there is no value, and amounts without zeros."""
    missing = [name for name in _COLUMNS if name not in lines.columns]
    table = lines.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)
    plain = pl.col(pl.Decimal).cast(pl.String).str.replace(r"\.?0+$", "")
    written = table.select(_COLUMNS).with_columns(plain)
    return written.write_csv(datetime_format=_TIME, null_value="NULL").encode()
