"""Why cost moved between two ranges: prices, discounts, days, volumes, mix, new and retired.

Bennet's decomposition weighs every change by the mean of both ranges, so it leaves no remainder
and reads the same backwards. The effects are products of means, which no decimal holds to its last
digit: what rounding leaves of a key, some 1e-12 of its cost, goes to the key's largest effect.
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
from falusage.columns import MONEY, exact
from falusage.coverage import Coverage
from falusage.errors import QueryError

Ends: TypeAlias = tuple[date | datetime | str, date | datetime | str]

EFFECTS = ("price", "discount", "days", "volume", "mix", "new", "retired")
_BEYOND = 1e6
"""So many times the cost, or a thousand, and a double no longer holds an effect's last cents."""
_ROUNDING = 1e-8
"""What may be left of such an amount, and goes to the largest effect."""
_SUMMED = ("cost", "quantity", "cost_subtotal")


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

    Taken at the finest key k = `by` + `mix_within` + `endpoint_id` + `unit` + `currency`, and
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
        baseline: The start and the end (exclusive) of the range that is compared with: dates,
            aware datetimes or ISO 8601 text. Of a bare frame, dates missing from it count as zero,
            so choose ranges that it holds whole.
        comparison: The start and the end of the range that is explained. The ranges must not
            overlap; if one is longer, its length is a part of `volume`, unless `per_day` is True.
        by: The columns to explain cost by; `()` explains the whole.
        mix_within: Columns within which quantities may be added, besides `unit` and `currency`,
            as `"product"` or `"endpoint_id"`.
        per_day: Show what the length of the ranges did apart, as `days`.
        timezone: The IANA zone in which a date means midnight; by default that of the coverage,
            or UTC.
        coverage: What is known of a bare frame beyond its rows.

    Returns:
        The columns of `by`, `unit`, `currency`, `effect` (String) and `amount` (Float64, in
        `currency`), sorted by these, effects in the order `price`, `discount`, `days`,
        `volume`, `mix`, `new`, `retired`. `price`, `volume` and `mix` are there if a key is in
        both ranges, `new` and `retired` if one is in one range only, `discount` if a key has a
        subtotal in every row of both, `days` with `per_day`. The amounts sum to the change in
        cost, to the last digit of Decimal(38, 12) before each is a Float64, and each is within
        1e-9 of its cost of the formula. Swap the ranges, and every amount changes its sign, and
        `new` its place with `retired`. A LazyFrame if `usage` is lazy, as a
        LazyFrame, a snapshot or a store is; then nothing is collected.

    Raises:
        AlignmentError: If an end of a range runs through a bucket; from a LazyFrame, when it is
            collected.
        CoverageError: If a part of a range was never read, or had not ended when it was.
        MissingColumnError: If the table lacks a column.
        QueryError: If the ranges overlap, or an argument is out of its range or form; when
            collected, if an implied price is beyond all reason.

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
        free(given, reserved=("effect", "amount", *_SUMMED, *EFFECTS), argument=argument)
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
    sums = among(rows, (*finest, *_SUMMED), spans=spans).group_by(finest)
    effects = sums.agg(*_sums()).map_batches(
        partial(
            _effects,
            alike=tuple(dict.fromkeys(("unit", "currency", *inner))),
            days=tuple(map(_days, spans)) if per_day else None,
        ),
        schema={**{name: schema[name] for name in finest}, **dict.fromkeys(EFFECTS, MONEY)},
    )
    order = pl.col("effect").replace_strict(EFFECTS, range(len(EFFECTS)), return_dtype=pl.Int8)
    long = effects.unpivot(EFFECTS, index=group, variable_name="effect", value_name="amount")
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
            f"baseline {before} and comparison {after} overlap; what lies in both would be "
            "compared with itself. An end is exclusive, so one range may start where another ends"
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


def _of(name: str, side: int) -> str:
    return f"_{name}_{side}"


def _sums() -> list[pl.Expr]:
    """Sum each range apart; a subtotal that a row lacks is missing from the sum as a whole."""
    found: list[pl.Expr] = []
    for side in (0, 1):
        inside = pl.col("_range") == side
        found.append(inside.any().alias(_of("there", side)))
        for name in _SUMMED:
            sum_ = pl.when(inside).then(exact(name)).sum()
            if name == "cost_subtotal":
                lacking = (inside & pl.col(name).is_null()).any()
                sum_ = pl.when(~lacking).then(sum_)
            found.append(sum_.alias(_of(name, side)))
    return found


def _effects(
    sums: pl.DataFrame, *, alike: Sequence[str], days: tuple[float, ...] | None
) -> pl.DataFrame:
    """Return each key's effects in Decimal, null where one does not apply."""
    there, cost, quantity, subtotal = (
        [pl.col(_of(name, side)) for side in (0, 1)] for name in ("there", *_SUMMED)
    )
    both = there[0] & there[1]
    groups = [q.filter(both).sum().over(alike) for q in quantity]
    c, q, list_cost, big = (
        [one.cast(pl.Float64) for one in two] for two in (cost, quantity, subtotal, groups)
    )
    priced = both & (quantity[0] > 0) & (quantity[1] > 0)
    listed = priced & ((subtotal[0] > 0) & (subtotal[1] > 0)).fill_null(value=False)
    prices, shares = _ratios(c, q), _ratios(q, big)
    lists, parts = _ratios(list_cost, q), _ratios(c, list_cost)
    exact = {
        "price": pl.when(listed)
        .then(_mean(q) * _mean(parts) * _change(lists))
        .otherwise(_mean(q) * _change(prices)),
        "discount": pl.when(listed).then(_mean(q) * _mean(lists) * _change(parts)),
        "days": pl.lit(None, pl.Float64),
        "volume": _mean(prices) * _mean(shares) * (groups[1] - groups[0]).cast(pl.Float64),
        "mix": _mean(prices) * _mean(big) * _change(shares),
    }
    if days is not None:
        rates = [total / length for total, length in zip(big, days, strict=True)]
        weight = _mean(prices) * _mean(shares)
        exact["days"] = weight * _mean(rates) * (days[1] - days[0])
        exact["volume"] = weight * (days[0] + days[1]) / 2 * _change(rates)
    effects = sums.with_columns(
        pl.when(priced).then(effect).alias(name) for name, effect in exact.items()
    )
    change = cost[1] - cost[0]
    scale = cost[0].abs() + cost[1].abs() + 1_000
    beyond = pl.sum_horizontal(pl.col(name).abs() for name in exact) > _BEYOND * scale
    _refuse_absurd(effects.filter(beyond))
    size = pl.concat_list(pl.col(name).abs() for name in exact).list.arg_max()
    rounded = effects.with_columns(
        pl.col(tuple(exact)).cast(MONEY), size.alias("_largest")
    ).with_columns((change - pl.sum_horizontal(*exact)).alias("_left"))
    left = pl.col("_left")
    if not rounded.filter(priced & (left.abs() > _ROUNDING * scale)).is_empty():
        raise AssertionError("the effects of a key are not its change")
    zero = pl.lit(0, dtype=MONEY)
    unpriced = {"price": change, "days": zero if days else None, "volume": zero, "mix": zero}
    return (
        rounded.with_columns(
            pl.when(priced)
            .then(pl.col(name) + pl.when(pl.col("_largest") == place).then(left).otherwise(0))
            .when(both)
            .then(unpriced.get(name))
            .alias(name)
            for place, name in enumerate(exact)
        )
        .with_columns(
            pl.when(there[1] & ~there[0]).then(cost[1]).alias("new"),
            pl.when(there[0] & ~there[1]).then(-cost[0]).alias("retired"),
        )
        .drop(
            *(_of(name, side) for name in ("there", *_SUMMED) for side in (0, 1)),
            "_largest",
            "_left",
        )
    )


def _ratios(above: Sequence[pl.Expr], below: Sequence[pl.Expr]) -> list[pl.Expr]:
    return [one / other for one, other in zip(above, below, strict=True)]


def _change(two: Sequence[pl.Expr]) -> pl.Expr:
    return two[1] - two[0]


def _mean(two: Sequence[pl.Expr]) -> pl.Expr:
    return (two[0] + two[1]) / 2


def _refuse_absurd(effects: pl.DataFrame) -> None:
    """Refuse amounts that no cost can have: a quantity next to nothing that cost a fortune."""
    for endpoint_id, unit in effects.select("endpoint_id", "unit").iter_rows():
        raise QueryError(
            f"the quantity of {endpoint_id!r} in {unit!r} is so small in one range, for what it "
            "cost, that its price explains nothing; leave its rows out, and name them apart"
        )
