"""Usage as FOCUS charges.

A charge is the usage of one SKU at one price and discount by one team (and caller) in one charge
period. Shorter buckets are summed, and longer ones are rejected. Amounts are not changed in any
other way: BilledCost is `cost`, to the last decimal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast, get_args

import polars as pl

from falusage._suggestions import did_you_mean
from falusage._usage.arguments import free
from falusage._usage.periods import BUCKET, require_instants, with_period
from falusage._usage.pieces import of_piece, pieces
from falusage._usage.table import Eager, Lazy, collected, take
from falusage.columns import AUTH, KEY, RATES, REQUIRED, UNSUMMED, exact
from falusage.contract import TIMEFRAMES, Timeframe
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.focus._columns import fixed, per_charge
from falusage.focus._vocabulary import Version
from falusage.timeframes import EVERY

_SUMS: Final = ("quantity", "cost")
_DISCOUNT: Final = ("percent_discount", "cost_subtotal", "cost_discount")
"""Columns that the unit prices and costs of FOCUS replace, so that no `x_` column repeats them."""

_WHOLE: Final = {"1m": "1h", "1h": "1h", "1d": "1d", "1w": "1mo", "1mo": "1mo"}
"""The periods that hold whole charge periods, by their length; a week ends with its month."""


def to_focus(
    usage: Lazy | Eager,
    *,
    billing_account_id: str,
    billing_account_name: str,
    timeframe: Timeframe | None = None,
    version: Version = "1.2",
    coverage: Coverage | None = None,
) -> pl.DataFrame:
    """Return usage as the Cost and Usage dataset of FOCUS.

    Rows are summed by charge period, team, product, endpoint, unit, `unit_price`,
    `percent_discount`, currency and caller, in Decimal(38, 12). So BilledCost, per currency, is
    exactly the total of `cost`. The billing period is the calendar month in UTC; a week across the
    end of a month is two charge periods.

    ListUnitPrice is `unit_price`, the price before the discount. ContractedUnitPrice is what
    `percent_discount` leaves of it, because a team's discount is negotiated. Each times
    PricingQuantity is ListCost and ContractedCost. BilledCost and EffectiveCost are `cost`.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame.
        billing_account_id: Who is billed: the provider's identifier.
        billing_account_name: Who is billed: the name.
        timeframe: The charge period, `"minute"` to `"month"`, in UTC. Buckets may be shorter. By
            default the timeframe of the coverage; required for a bare frame.
        version: `"1.2"`; or `"1.4"`, with ServiceProviderName and HostProviderName instead of
            ProviderName and PublisherName, and with InvoiceDetailId.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The mandatory columns of FOCUS and the conditional ones that apply, by name, then `x_`
        columns for the caller (null if not asked for) and for every further column of the table.
        The team is the sub account, the endpoint the SKU, `unit` its meter. Costs and quantities
        are Decimal(38, 12), unit prices Float64, instants Datetime("us", "UTC"); empty text is
        null. ListCost is the sum of `cost_subtotal`, and ContractedCost that of `cost`, where they
        are within 1e-9 of the product of price and quantity, else that product (null from 1e26
        on). Rows without a `cost_subtotal` (editions 2 and 3 of the API) are compared by their
        `cost`.

        A further column never splits or drops a charge. The `x_` column of numbers is their sum in
        Decimal(38, 12), null if a row of the charge has none. For any other column, and for a
        price such as `net_unit_price`, it is the value that all rows of the charge have, null if
        they differ. Sorted by charge period, then by the
        key. Save it with `write_parquet`, or with
        `write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")`, which is how the specification
        writes instants.

    Raises:
        AlignmentError: A bucket crosses the end of a charge period or of a month, as a day in New
            York crosses the month's end in UTC.
        CoverageError: A part of the table's range was never read.
        MissingColumnError: The table lacks a column.
        QueryError: An argument is invalid.

    Source: FOCUS 1.2 and 1.4, https://focus.finops.org/focus-specification/.

    >>> from datetime import UTC, datetime, timedelta
    >>> hours = [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (4, 5)]
    >>> usage = pl.DataFrame({
    ...     "bucket": hours, "bucket_end": [hour + timedelta(hours=1) for hour in hours],
    ...     "username": "ads", "product": "model_apis", "endpoint_id": "fal-ai/flux/dev",
    ...     "unit": "image", "quantity": [4.0, 6.0], "unit_price": 0.1, "cost": [0.4, 0.6],
    ...     "currency": "USD",
    ... })
    >>> focus = to_focus(
    ...     usage, billing_account_id="acme", billing_account_name="Acme", timeframe="day"
    ... )
    >>> focus.select("SubAccountName", "ServiceName", "PricingQuantity", "BilledCost").row(0)
    ('ads', 'fal Model APIs', Decimal('10.000000000000'), Decimal('1.000000000000'))
    """
    return pl.concat(
        to_focus_in_parts(
            usage,
            billing_account_id=billing_account_id,
            billing_account_name=billing_account_name,
            timeframe=timeframe,
            version=version,
            coverage=coverage,
        )
    )


def to_focus_in_parts(
    usage: Lazy | Eager,
    *,
    billing_account_id: str,
    billing_account_name: str,
    timeframe: Timeframe | None = None,
    version: Version = "1.2",
    coverage: Coverage | None = None,
) -> Iterator[pl.DataFrame]:
    """Return the charges of `to_focus` in parts, in order; of lazy usage one part is in memory.

    Arguments are checked at once, and the rows of a part when it is asked for.
    """
    table = take(usage, coverage).as_text()
    if timeframe is None and table.coverage is not None:
        timeframe = table.coverage.timeframe
    check_arguments(billing_account_id, billing_account_name, timeframe, version)
    table.require_covered()
    table.require((*BUCKET, *REQUIRED))
    schema = table.schema
    told = [name for name in _DISCOUNT if schema.get(name, pl.Null()) != pl.Null()]
    table.require_numbers((*_SUMS, "unit_price", *told))
    require_instants(schema, BUCKET)
    further = [name for name in schema if name not in {*BUCKET, *REQUIRED, *AUTH, *_DISCOUNT}]
    custom = _custom_names(schema, further)
    rows = table.rows.with_columns(
        pl.col("unit_price").cast(pl.Float64),
        *(pl.lit(None, pl.Float64).alias(name) for name in _DISCOUNT if name not in told),
    )
    every = EVERY[cast("Timeframe", timeframe)]
    columns = {**fixed(billing_account_id, billing_account_name, version), **per_charge(every)}
    callers = {name: pl.lit(None, dtype=pl.String) for name in AUTH if name not in schema}

    def charges(part: pl.LazyFrame) -> pl.DataFrame:
        summed = collected(_charges(part, schema, further, every=every))
        return _without_empty_text(summed).select(
            **{name: columns[name] for name in sorted(columns)},
            **{named: callers.get(name, pl.col(name)) for name, named in custom.items()},
        )

    if not table.is_lazy:
        return iter([charges(rows)])
    return (charges(rows.filter(of_piece(piece))) for piece in pieces(rows, every=_WHOLE[every]))


def check_arguments(
    account_id: str, account_name: str, timeframe: str | None, version: str
) -> None:
    """Raise `QueryError` if `to_focus` would reject an argument; no table is needed."""
    for name, value in (("id", account_id), ("name", account_name)):
        if not isinstance(value, str) or not value.strip():
            raise QueryError(f"billing_account_{name} is {value!r}; expected text, not empty")
    if timeframe not in TIMEFRAMES:
        raise QueryError(
            f"timeframe is {timeframe!r}; expected one of {', '.join(TIMEFRAMES)}."
            f"{did_you_mean(str(timeframe), TIMEFRAMES)}"
        )
    if version not in get_args(Version):
        raise QueryError(f"version is {version!r}; expected '1.2' or '1.4'")


def _custom(name: str) -> str:
    """Return the name of a custom column, as the specification requires it.

    >>> _custom("login_username")
    'x_LoginUsername'
    """
    return "x_" + "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _custom_names(schema: pl.Schema, further: Sequence[str]) -> dict[str, str]:
    free(further, reserved=("period", "_month"), argument="usage", hidden=False)
    named = {name: _custom(name) for name in (*AUTH, *further)}
    for name, custom in named.items():
        if list(named.values()).count(custom) > 1:
            raise QueryError(f"column {name!r} and another would both be {custom!r}; rename one")
        if name in schema and (schema[name].is_nested() or schema[name] == pl.Object):
            raise QueryError(
                f"column {name!r} is {schema[name]}; FOCUS has only numbers, times and text: cast "
                "it, for example to JSON text, or drop it"
            )
    return named


def _charges(
    table: pl.LazyFrame, schema: pl.Schema, further: Sequence[str], *, every: str
) -> pl.LazyFrame:
    """Sum the rows of each charge period; a charge period ends with its month."""
    key = [name for name in (*KEY, *RATES, *AUTH) if name in schema or name in _DISCOUNT]
    free = [name for name in further if name not in key]
    sums = [name for name in free if schema[name].is_numeric() and name not in UNSUMMED]
    labels = [name for name in free if name not in sums]
    numbers = ["cost_subtotal", *sums]
    columns = (*key, *_SUMS, *numbers, *labels)
    months = with_period(table, columns, every="1mo", timezone="UTC").rename({"period": "_month"})
    rows = with_period(months, (*columns, "_month"), every=every, timezone="UTC")
    group = ("_month", "period", *key)
    return (
        rows.group_by(group)
        .agg(
            *(exact(name).sum() for name in _SUMS),
            *(_whole_sum(name) for name in numbers),
            *(_same_throughout(name) for name in labels),
        )
        .sort(group)
    )


def _whole_sum(name: str) -> pl.Expr:
    """Return the exact sum, or null if a row has no value: a part of a sum would be wrong."""
    value = pl.col(name)
    return pl.when(value.is_not_null().all()).then(exact(value).sum()).alias(name)


def _same_throughout(name: str) -> pl.Expr:
    return pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name)


def _without_empty_text(table: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    return table.with_columns(
        pl.when(pl.col(name).str.strip_chars() != "").then(name) for name in texts
    )
