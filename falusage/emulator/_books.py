"""The table that is served, checked once, and what each endpoint answers from it.

All endpoints tell of the same usage: whatever one sums, another one shows in detail.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Final

import polars as pl

from falusage import columns
from falusage._usage.table import Eager, Lazy, collected, take
from falusage.contract import (
    ENDPOINTS,
    ORGANIZATION_EVENTS,
    ORGANIZATION_USAGE,
    SERVERLESS_USAGE,
    USAGE_ENDPOINTS,
    Endpoint,
)
from falusage.emulator._directory import usual_credits
from falusage.emulator._events import Journal
from falusage.emulator._ledger import OWN, TAGS, Ledger
from falusage.errors import QueryError

_DISCOUNTS_SINCE: Final = next(
    field.since for field in ORGANIZATION_USAGE.fields if field.name == "percent_discount"
)
_SPARSE: Final = frozenset(name for endpoint in ENDPOINTS for name in endpoint.sparse_names)
_OWN_APP: Final = r"^(?:sdk: )?(?<machine>.*?) \((?<app>.*?)(?:, (?<environment>[^,]*))?\)$"
"""A serverless endpoint as `/organization/usage` names it: machine (app, environment)."""


class Books:
    """A usage table, prepared for every endpoint.

    Args:
        usage: A usage table. `bucket_end` and the auth columns may be missing. Without
            `bucket_end`, the rows are whole buckets of a timeframe if every `bucket` is one of
            its boundaries, and parts of buckets otherwise. Columns that an endpoint does not
            declare are served as extra fields, and rows that differ in them are never merged.
        edition: The edition of `/organization/usage` to serve.

    Raises:
        MissingColumnError: If a required column is missing.
        CoverageError: If a part of the table's range was never read.
        QueryError: If it is not a table, `bucket` has no time zone, or a number is not finite or
            is absurd.
    """

    def __init__(self, usage: Lazy | Eager, *, edition: int) -> None:
        self._edition = edition
        self.rows = _checked(usage)
        self._ledgers: dict[Endpoint, Ledger] = {}
        self._journals: dict[Endpoint, Journal] = {}
        self._lock = threading.Lock()

    @cached_property
    def workspace(self) -> str:
        """The team whose workspace the keys belong to: the one that spent most, if any."""
        spent = self.rows.group_by("username").agg(columns.exact("cost").sum())
        largest = spent.sort(pl.col("cost"), pl.col("username").rank() * -1, descending=True)
        return largest["username"].first() or "workspace"  # type: ignore[return-value]

    @cached_property
    def credits(self) -> float:
        """What the workspace was given to spend when the table begins; it may be set."""
        return usual_credits(self)

    def ledger(self, endpoint: Endpoint) -> Ledger:
        """Return the line items of an endpoint of usage."""
        with self._lock:
            if endpoint not in self._ledgers:
                organization = endpoint is ORGANIZATION_USAGE
                rows = self.rows if organization else self._own(endpoint)
                edition = self._edition if organization else max(endpoint.editions)
                rows = _with_discount(_with_extras(rows, endpoint), edition)
                self._ledgers[endpoint] = Ledger(rows, endpoint, edition=edition)
            return self._ledgers[endpoint]

    def journal(self, endpoint: Endpoint) -> Journal:
        """Return the billed requests of an endpoint of events."""
        with self._lock:
            if endpoint not in self._journals:
                is_own = pl.col("username") == self.workspace
                rows = self.rows if endpoint is ORGANIZATION_EVENTS else self.rows.filter(is_own)
                rows = _with_discount(rows, max(endpoint.editions))
                self._journals[endpoint] = Journal(rows, endpoint)
            return self._journals[endpoint]

    def _own(self, endpoint: Endpoint) -> pl.DataFrame:
        """Return the workspace's rows of the product that an endpoint has, with its columns."""
        products = {each: name for name, each in USAGE_ENDPOINTS["workspace"].items()}
        own = self.rows.filter(
            pl.col("username") == self.workspace, pl.col("product") == products[endpoint]
        )
        return _with_app(own) if endpoint is SERVERLESS_USAGE else own


def _checked(usage: Lazy | Eager) -> pl.DataFrame:
    """Return a usage table with every known column, checked."""
    table = take(usage).as_text()
    table.require(("bucket", *columns.REQUIRED))
    table.require_covered()
    rows = collected(table.rows)
    for name in ("bucket", "bucket_end"):
        dtype = rows.schema.get(name, columns.INSTANT)
        if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
            raise QueryError(f"{name} is {dtype}; expected a Datetime with a time zone")
    numbers = [name for name in columns.NUMBERS if name in rows.columns]
    sound = pl.col(numbers).cast(pl.Float64).abs().lt(columns.ABSURD).fill_null(True)
    if not rows.select(pl.all_horizontal(sound.all())).item():
        raise QueryError(f"{', '.join(numbers)} must be finite and below {columns.ABSURD}")
    return columns.widened(rows).with_columns(pl.col("bucket", "bucket_end").cast(columns.INSTANT))


def _with_extras(rows: pl.DataFrame, endpoint: Endpoint) -> pl.DataFrame:
    """Mark the columns that the endpoint does not declare; they are served as extra fields."""
    known = {*columns.USAGE}
    if endpoint is not ORGANIZATION_USAGE:  # the other endpoint may have the other columns
        known |= {*columns.FURTHER, TAGS} | (_SPARSE - endpoint.sparse_names)
    return rows.rename({name: f"{OWN}{name}" for name in rows.columns if name not in known})


def _with_discount(rows: pl.DataFrame, edition: int) -> pl.DataFrame:
    """Fill in missing amounts: without any sign of one, there was no discount.

    In an edition without discounts, the price is the price paid.
    """
    listed = pl.when(pl.col("percent_discount") > 0).then(pl.col("quantity") * pl.col("unit_price"))
    subtotal = pl.coalesce(
        "cost_subtotal", pl.col("cost") + pl.col("cost_discount"), listed, "cost"
    )
    paid = pl.col("unit_price") * (1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0)
    taken_off = (subtotal - pl.col("cost")).clip(0.0)  # float noise must not make it negative
    return rows.with_columns(
        cost_subtotal=subtotal,
        cost_discount=pl.coalesce("cost_discount", taken_off),
        unit_price="unit_price" if edition >= _DISCOUNTS_SINCE else paid,
    )


def _with_app(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what `/serverless/usage` says apart, from the endpoint where no column has it."""
    named = pl.col("endpoint_id").str.extract_groups(_OWN_APP).struct
    has_machine = pl.col("machine_type").is_not_null()
    for name in columns.FURTHER:
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, columns.FURTHER[name]).alias(name))
    return rows.with_columns(
        machine_type=pl.coalesce("machine_type", named.field("machine"), "endpoint_id"),
        app=pl.when(has_machine).then("app").otherwise(named.field("app")),
        environment=pl.when(has_machine).then("environment").otherwise(named.field("environment")),
        is_surge=pl.col("is_surge").fill_null(False),
    )
