"""The requests that a row of usage consists of, drawn from the row itself.

A row becomes one to three requests at instants inside its bucket. Whole quantities are split into
whole ones. The requests' nano dollars sum to the row's cost, rounded to a nano dollar, and their
quantities to its quantity. The draws are a hash of the row's line, its bucket and its place among
equal rows, so they do not depend on what else is served.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from falusage.columns import INSTANT
from falusage.emulator._ledger import TAGS
from falusage.errors import QueryError

_MOST: Final = 3
"""The most requests of a row."""

_SEED: Final = 21
LEAST: Final = timedelta(seconds=1)
"""The length of a bucket whose end is unknown: inside any bucket."""

_LINE: Final = (
    "username",
    "endpoint_id",
    "unit",
    "unit_price",
    "percent_discount",
    "auth_method",
    "api_key_id",
    "login_username",
)
"""What tells the rows of a bucket apart."""

_LARGEST: Final = 9e9
"""Larger costs have no Int64 of nano dollars."""

_Hash = npt.NDArray[np.uint64]
_Number = npt.NDArray[np.float64]


def requests_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the requests of rows of usage, unsorted.

    Args:
        rows: Rows of usage of one currency, with `ends`: when their buckets end.

    Returns:
        The rows' columns, with each request's own `timestamp`, `request_id`, `quantity`, `cost`,
        `cost_nano`, `cost_subtotal`, `cost_discount`, and `tags`.

    Raises:
        QueryError: A cost is too large for nano dollars.
    """
    costs = rows["cost"].to_numpy()
    if (costs > _LARGEST).any():
        raise QueryError(f"a row costs more than {_LARGEST:g}, too much for nano dollars")
    drawn = _draws(rows)
    quantities = rows["quantity"].to_numpy()
    counts = _counts(drawn, quantities)
    made = rows.select(pl.all().repeat_by(pl.Series(counts)).explode())
    nth = np.concatenate([np.arange(count) for count in counts])
    row = np.repeat(np.arange(rows.height), counts)
    each = _mixed(drawn[row] + nth.astype(np.uint64) + np.uint64(1))
    begins, ends = (rows[name].to_physical().to_numpy() for name in ("bucket", "ends"))
    length = np.maximum(ends - begins, 1).astype(np.uint64)
    moments = begins[row] + (each % length[row]).astype(np.int64)
    quantity = _quantities(quantities, counts, each)
    nano = _nano(np.rint(costs * 1e9).astype(np.int64), quantity, counts)
    cost = pl.Series("cost", nano / 1e9)
    listed = pl.lit(pl.Series(quantity)) * pl.col("unit_price")
    has_discount = pl.col("percent_discount").is_not_null()
    subtotal = pl.when(has_discount).then(pl.max_horizontal(listed, cost)).otherwise(cost)
    other = _mixed(each)
    return made.with_columns(
        pl.Series("timestamp", moments).cast(INSTANT),
        pl.Series(
            "request_id", [_name(*pair) for pair in zip(each.tolist(), other.tolist(), strict=True)]
        ),
        pl.Series("quantity", quantity),
        cost,
        pl.Series("cost_nano", nano),
        subtotal.alias("cost_subtotal"),
        (subtotal - cost).alias("cost_discount"),
        *([] if TAGS in rows.columns else [pl.lit(None, pl.String).alias(TAGS)]),
    )


def _draws(rows: pl.DataFrame) -> _Hash:
    """Return a number for each row, drawn from its line, its bucket and its place."""
    line = pl.concat_str(
        (pl.col(name).cast(pl.String).fill_null("") for name in _LINE), separator="\0"
    )
    told = rows.select("bucket", line=line, nth=pl.int_range(pl.len()).over("bucket", line))
    known = {text: _digest(text) for text in told["line"].unique()}
    lines = np.array([known[text] for text in told["line"]], dtype=np.uint64)
    moments = told["bucket"].to_physical().to_numpy().astype(np.uint64)
    return _mixed(_mixed(lines + moments) + told["nth"].to_numpy().astype(np.uint64))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{_SEED}\0{text}".encode()).digest()[:8])


def _mixed(numbers: _Hash) -> _Hash:
    """Return numbers that look drawn: the finalizer of SplitMix64 (Steele, Lea, Flood, 2014)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _name(high: int, low: int) -> str:
    digits = f"{high:016x}{low:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _counts(drawn: _Hash, quantities: _Number) -> npt.NDArray[np.int64]:
    """Return how many requests each row has: no more than it has whole units."""
    counts = 1 + (drawn >> np.uint64(7)).astype(np.int64) % _MOST
    return np.minimum(counts, np.maximum(quantities, 1.0).astype(np.int64))


def _quantities(totals: _Number, counts: npt.NDArray[np.int64], each: _Hash) -> _Number:
    """Split quantities: whole ones into whole ones from 1 up, others to three decimals."""
    ends = np.cumsum(counts)
    weights = 1.0 + (each >> np.uint64(40)).astype(np.float64) / 2.0**23
    shares = _running(weights, counts) / np.repeat(np.add.reduceat(weights, ends - counts), counts)
    nth = np.arange(len(each)) - np.repeat(ends - counts, counts) + 1
    whole, count = np.repeat(totals, counts), np.repeat(counts, counts)
    running = np.where(
        whole == np.rint(whole),
        nth + np.rint(shares * (whole - count)),
        np.round(shares * whole, 3),
    )
    running[ends - 1] = totals
    return np.where(count > 1, np.round(_steps(running, counts), 12), whole)


def _nano(
    totals: npt.NDArray[np.int64], quantities: _Number, counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Split nano dollars in proportion to quantities into whole ones that sum to them."""
    running = _running(quantities, counts)
    ends = np.cumsum(counts)
    all_of_it = np.repeat(running[ends - 1], counts)
    shares = np.minimum(running / np.where(all_of_it > 0, all_of_it, 1.0), 1.0)
    split = np.rint(np.repeat(totals, counts) * shares).astype(np.int64)
    split = np.minimum(split, np.repeat(totals, counts))
    split[ends - 1] = totals
    return _steps(split, counts)


def _running(values: _Number, counts: npt.NDArray[np.int64]) -> _Number:
    """Return the running totals within each row."""
    running = np.cumsum(values)
    firsts = np.cumsum(counts) - counts
    return running - np.repeat(running[firsts] - values[firsts], counts)


def _steps(running: Any, counts: npt.NDArray[np.int64]) -> Any:
    """Return the differences of running totals, row by row."""
    steps = np.diff(running, prepend=running[:1] * 0)
    firsts = np.cumsum(counts) - counts
    steps[firsts] = running[firsts]
    return steps
