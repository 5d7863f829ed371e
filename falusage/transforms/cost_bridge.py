"""Why cost moved between two ranges: prices, discounts, days, volumes, mix, new and retired.

The amounts sum to the change in cost, and swapping the ranges negates every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeAlias, overload

import polars as pl

from falusage._usage.arguments import free, names
from falusage._usage.periods import Range, among
from falusage._usage.table import Eager, Lazy, take
from falusage.columns import MONEY
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.transforms._core.bennet import EFFECTS, SUMMED, effects, summed

Ends: TypeAlias = tuple[date | datetime | str, date | datetime | str]


@overload
def cost_bridge(
    usage: Lazy,
    *,
    baseline: Ends,
    comparison: Ends,
    by: str | Sequence[str],
    mix_within: str | Sequence[str] = (),
    per_day: bool = False,
    timezone: str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def cost_bridge(
    usage: Eager,
    *,
    baseline: Ends,
    comparison: Ends,
    by: str | Sequence[str],
    mix_within: str | Sequence[str] = (),
    per_day: bool = False,
    timezone: str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def cost_bridge(
    usage: Lazy | Eager,
    *,
    baseline: Ends,
    comparison: Ends,
    by: str | Sequence[str],
    mix_within: str | Sequence[str] = (),
    per_day: bool = False,
    timezone: str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Split the change of cost between two ranges into the effects that caused it.

    Computed for each finest key k = `by` + `mix_within` + `endpoint_id` + `unit` + `currency`, and
    summed up to `by`. With q the quantity of k in a range, p = cost / q, Q the quantity of k's
    group (`unit`, `currency`, `mix_within`) over the keys that are in both ranges, s = q / Q, a
    bar for the mean of the two ranges and Δ for comparison − baseline:

        price = q̄·Δp    volume = p̄·s̄·ΔQ    mix = p̄·Q̄·Δs    (price + volume + mix = Δcost)

    Where both ranges have `cost_subtotal` (edition 4), with l = subtotal / q the list price and
    f = cost / subtotal, the price effect is split: price = q̄·f̄·Δl, discount = q̄·l̄·Δf. With
    `per_day`, with d the length of a range in days of 24 hours and r = Q / d, the volume effect is
    split: days = p̄·s̄·r̄·Δd, volume = p̄·s̄·d̄·Δr.

    A key with rows in one range only is `new` or `retired` with all its cost. A key whose quantity
    is zero in a range has no price there: it moves in `price`, and counts in Q with what it has.
    This is the one place that adds a unit's quantities over endpoints; `mix_within` narrows it.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Nulls in `by` are a member of
            their own.
        baseline: The start and the end (exclusive) of the range to compare with: dates, aware
            datetimes or ISO 8601 text. Dates missing from a bare frame count as zero, so choose
            ranges that it has whole.
        comparison: The start and the end of the range to explain. The ranges must not overlap; if
            one is longer, its length is a part of `volume`, unless `per_day` is True.
        by: The columns to explain cost by; `()` explains the whole.
        mix_within: Columns within which quantities may be added, besides `unit` and `currency`,
            as `"product"` or `"endpoint_id"`.
        per_day: Show the effect of the length of the ranges separately, as `days`.
        timezone: The IANA zone in which a date means midnight; by default that of the coverage,
            or UTC.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The columns of `by`, `unit`, `currency`, `effect` (String) and `amount` (Float64, in
        `currency`), sorted by these, effects in the order `price`, `discount`, `days`,
        `volume`, `mix`, `new`, `retired`. `price`, `volume` and `mix` are there if a key is in
        both ranges, `new` and `retired` if one is in one range only, `discount` if a key has a
        subtotal in every row of both, `days` with `per_day`. The amounts sum to the change in
        cost, to the last digit of Decimal(38, 12) before each becomes a Float64, and each is
        within 1e-9 of its cost of the formula. Swapping the ranges negates every amount, and swaps
        `new` and `retired`. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a store
        is; then nothing is collected.

    Raises:
        AlignmentError: An end of a range runs through a bucket. From a LazyFrame, when it is
            collected.
        CoverageError: A part of a range was never read, or had not ended when it was read.
        MissingColumnError: The table lacks a column.
        QueryError: The ranges overlap, or an argument is invalid. When the result is collected, a
            price is too large for any effect to be exact.

    Source: T. L. Bennet, The Theory of Measurement of Changes in Cost of Living (Journal of the
    Royal Statistical Society 83, 1920); W. E. Diewert, Index Number Theory Using Differences
    Rather Than Ratios (2005).

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 1, 31, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)]
    >>> usage = pl.DataFrame({
    ...     "bucket": [days[0], days[1], days[1]],
    ...     "bucket_end": [day + timedelta(days=1) for day in (days[0], days[1], days[1])],
    ...     "username": "acme",
    ...     "endpoint_id": ["flux", "flux", "veo"],
    ...     "unit": ["image", "image", "second"],
    ...     "quantity": [100.0, 120.0, 8.0],
    ...     "cost": [4.0, 6.0, 3.2],
    ...     "currency": "USD",
    ... })
    >>> cost_bridge(
    ...     usage,
    ...     baseline=("2025-01-01", "2025-02-01"),
    ...     comparison=("2025-02-01", "2025-03-01"),
    ...     by="username",
    ... )
    shape: (4, 5)
    ┌──────────┬────────┬──────────┬────────┬────────┐
    │ username ┆ unit   ┆ currency ┆ effect ┆ amount │
    │ ---      ┆ ---    ┆ ---      ┆ ---    ┆ ---    │
    │ str      ┆ str    ┆ str      ┆ str    ┆ f64    │
    ╞══════════╪════════╪══════════╪════════╪════════╡
    │ acme     ┆ image  ┆ USD      ┆ price  ┆ 1.1    │
    │ acme     ┆ image  ┆ USD      ┆ volume ┆ 0.9    │
    │ acme     ┆ image  ┆ USD      ┆ mix    ┆ 0.0    │
    │ acme     ┆ second ┆ USD      ┆ new    ┆ 3.2    │
    └──────────┴────────┴──────────┴────────┴────────┘
    """
    columns, inner = names(by, argument="by"), names(mix_within, argument="mix_within")
    for argument, given in (("by", columns), ("mix_within", inner)):
        free(given, reserved=("effect", "amount", *SUMMED, *EFFECTS), argument=argument)
    table = take(usage, coverage)
    spans = _ranges(baseline, comparison, timezone=table.zone(timezone))
    if table.coverage is not None:
        for name, span in zip(("baseline", "comparison"), spans, strict=True):
            table.coverage.require_closed(*_ends(span), name=name)
    group = tuple(dict.fromkeys((*columns, "unit", "currency")))
    finest = tuple(dict.fromkeys((*group, *inner, "endpoint_id")))
    table.require(finest)
    table.require_numbers(("quantity", "cost"))
    rows, schema = table.rows, table.schema
    if "cost_subtotal" in schema:
        table.require_numbers(("cost_subtotal",))
    else:
        rows = rows.with_columns(cost_subtotal=pl.lit(None, pl.Float64))
    sums = among(rows, (*finest, *SUMMED), spans=spans).group_by(finest).agg(summed(0), summed(1))
    found = sums.map_batches(
        partial(
            effects,
            alike=tuple(dict.fromkeys(("unit", "currency", *inner))),
            days=tuple(map(_days, spans)) if per_day else None,
        ),
        schema={**{name: schema[name] for name in finest}, **dict.fromkeys(EFFECTS, MONEY)},
    )
    order = pl.col("effect").replace_strict(EFFECTS, range(len(EFFECTS)), return_dtype=pl.Int8)
    long = found.unpivot(EFFECTS, index=group, variable_name="effect", value_name="amount")
    return table.result(
        long.drop_nulls("amount")
        .group_by(*group, "effect")
        .agg(pl.col("amount").sum().cast(pl.Float64))
        .sort(*group, order),
    )


def _ranges(baseline: Ends, comparison: Ends, *, timezone: str) -> tuple[Range, Range]:
    read: list[Range] = []
    for name, ends in (("baseline", baseline), ("comparison", comparison)):
        if not isinstance(ends, tuple | list) or len(ends) != 2 or None in ends:
            raise QueryError(f"{name} is {ends!r}; expected its start and its end, as a pair")
        read.append(Range.read(*ends, timezone=timezone))
    before, after = read
    if not (_ends_by(before, after) or _ends_by(after, before)):
        raise QueryError(
            f"baseline {before} and comparison {after} overlap, so a part would be compared with "
            "itself; an end is exclusive, so one range may start where the other ends"
        )
    return before, after


def _ends_by(one: Range, other: Range) -> bool:
    return one.end is not None and other.start is not None and one.end <= other.start


def _ends(span: Range) -> tuple[datetime, datetime]:
    assert span.start is not None and span.end is not None  # noqa: S101, PT018 - of a pair of ends
    return span.start, span.end


def _days(span: Range) -> float:
    start, end = _ends(span)
    return (end - start) / timedelta(days=1)
