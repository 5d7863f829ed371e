"""Why cost moved from one range to another: prices, volumes, their mix, what is new, what is gone.

Bennet's decomposition weighs every change by the mean of both ranges, so it leaves no remainder
and reads the same backwards. The effects are products of means, which no decimal holds to its last
digit: what rounding leaves of a key, some 1e-12 of its cost, goes to the key's largest effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import TypeAlias

import polars as pl

from falusage.columns import MONEY
from falusage.errors import QueryError
from falusage.transforms.periods import Range, among
from falusage.transforms.tables import Frame, free, like, names, plan, require, require_numbers

Ends: TypeAlias = tuple[date | datetime | str, date | datetime | str]

EFFECTS = ("price", "volume", "mix", "new", "retired")
_BEYOND = 1e6
"""So many times the cost, or a thousand, and a double no longer holds an effect's last cents."""
_ROUNDING = 1e-8
"""What may be left of such an amount, and goes to the largest effect."""
_SUMS = ("_cost_0", "_cost_1", "_quantity_0", "_quantity_1", "_there_0", "_there_1")


def cost_bridge(
    usage: Frame,
    *,
    baseline: Ends,
    comparison: Ends,
    by: str | Sequence[str],
    mix_within: str | Sequence[str] = (),
    timezone: str = "UTC",
) -> Frame:
    """Split the change of cost between two ranges into price, volume, mix, new and retired.

    Taken at the finest key k = `by` + `mix_within` + `endpoint_id` + `unit` + `currency`, and
    summed up to `by`. With q the quantity of k in a range, p = cost / q, Q the quantity of k's
    group (`unit`, `currency`, `mix_within`) over the keys that are in both ranges, s = q / Q, a
    bar for the mean of the two ranges and Δ for comparison − baseline:

        price = q̄·Δp    volume = p̄·s̄·ΔQ    mix = p̄·Q̄·Δs    (price + volume + mix = Δcost)

    A key with rows in one range only is `new` or `retired` with all its cost. A key whose quantity
    is zero in a range has no price there: it moves in `price`, and counts in Q with what it has.
    This is the one place that adds a unit's quantities over endpoints; `mix_within` narrows it.

    Args:
        usage: A usage table, of Polars or through Arrow. Nulls in `by` are a member of their own.
        baseline: The start and the end (exclusive) of the range that is compared with: dates,
            aware datetimes or ISO 8601 text. What the table lacks of a range counts as nothing
            spent, so name ranges that it holds whole.
        comparison: The start and the end of the range that is explained. The ranges must not
            overlap; if one is longer, its length is a part of `volume`.
        by: The columns to explain cost by; `()` explains the whole.
        mix_within: Columns within which quantities may be added, besides `unit` and `currency`,
            as `"product"` or `"endpoint_id"`.
        timezone: The IANA zone in which a date is midnight.

    Returns:
        The columns of `by`, `unit`, `currency`, `effect` (String) and `amount` (Float64, in
        `currency`), sorted by these, effects in the order `price`, `volume`, `mix`, `new`,
        `retired`. The first three stand where a key is in both ranges, `new` and `retired` where
        one is in one range only. The amounts sum to the change in cost, to the last digit of
        Decimal(38, 12) before each is a Float64, and each is within 1e-9 of its cost of the
        formula. Swap the ranges, and every amount changes its sign, and `new` its place with
        `retired`. A LazyFrame for a LazyFrame, with nothing collected.

    Raises:
        AlignmentError: If an end of a range runs through a bucket; from a LazyFrame, when it is
            collected.
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
        free(given, reserved=("effect", "amount", "cost", "quantity", *EFFECTS), argument=argument)
    spans = _ranges(baseline, comparison, timezone=timezone)
    table = plan(usage)
    group = tuple(dict.fromkeys((*columns, "unit", "currency")))
    finest = tuple(dict.fromkeys((*group, *inner, "endpoint_id")))
    schema = require(table, finest)
    require_numbers(table, ("quantity", "cost"))
    sums = among(table, (*finest, "quantity", "cost"), spans=spans).group_by(finest)
    effects = sums.agg(*(_sum(column) for column in _SUMS)).map_batches(
        partial(_effects, alike=tuple(dict.fromkeys(("unit", "currency", *inner)))),
        schema={**{name: schema[name] for name in finest}, **dict.fromkeys(EFFECTS, MONEY)},
    )
    order = pl.col("effect").replace_strict(EFFECTS, range(len(EFFECTS)), return_dtype=pl.Int8)
    long = effects.unpivot(EFFECTS, index=group, variable_name="effect", value_name="amount")
    return like(
        usage,
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


def _sum(column: str) -> pl.Expr:
    what, number = column.strip("_").split("_")
    inside = pl.col("_range") == int(number)
    if what == "there":
        return inside.any().alias(column)
    return pl.when(inside).then(pl.col(what).cast(MONEY)).sum().alias(column)


def _effects(sums: pl.DataFrame, *, alike: Sequence[str]) -> pl.DataFrame:
    """Give each key's effects in Decimal, null where one does not apply."""
    cost, quantity, there = zip(*[iter(map(pl.col, _SUMS))] * 2, strict=True)
    both = there[0] & there[1]
    groups = [q.filter(both).sum().over(alike) for q in quantity]
    c, q, big = ([one.cast(pl.Float64) for one in two] for two in (cost, quantity, groups))
    priced = both & (quantity[0] > 0) & (quantity[1] > 0)
    prices, shares = ([a / b for a, b in zip(*two, strict=True)] for two in ((c, q), (q, big)))
    growth = (groups[1] - groups[0]).cast(pl.Float64)
    exact = {
        "price": _mean(q) * (prices[1] - prices[0]),
        "volume": _mean(prices) * _mean(shares) * growth,
        "mix": _mean(prices) * _mean(big) * (shares[1] - shares[0]),
    }
    effects = sums.with_columns(
        pl.when(priced).then(effect).alias(name) for name, effect in exact.items()
    )
    change = cost[1] - cost[0]
    scale = cost[0].abs() + cost[1].abs() + 1_000
    beyond = sum(pl.col(name).abs() for name in exact) > _BEYOND * scale
    _refuse_absurd(effects.filter(beyond))
    size = pl.concat_list(pl.col(name).abs() for name in exact).list.arg_max()
    rounded = effects.with_columns(
        pl.col(tuple(exact)).cast(MONEY), size.alias("_largest")
    ).with_columns((change - pl.sum_horizontal(*exact)).alias("_left"))
    left = pl.col("_left")
    if not rounded.filter(priced & (left.abs() > _ROUNDING * scale)).is_empty():
        raise AssertionError("the effects of a key are not its change")
    return (
        rounded.with_columns(
            pl.when(priced)
            .then(pl.col(name) + pl.when(pl.col("_largest") == place).then(left).otherwise(0))
            .when(both)
            .then(change if name == "price" else pl.lit(0, dtype=MONEY))
            .alias(name)
            for place, name in enumerate(exact)
        )
        .with_columns(
            pl.when(there[1] & ~there[0]).then(cost[1]).alias("new"),
            pl.when(there[0] & ~there[1]).then(-cost[0]).alias("retired"),
        )
        .drop(*_SUMS, "_largest", "_left")
    )


def _mean(two: Sequence[pl.Expr]) -> pl.Expr:
    return (two[0] + two[1]) / 2


def _refuse_absurd(effects: pl.DataFrame) -> None:
    """Refuse amounts that no cost can have: a quantity next to nothing that cost a fortune."""
    for endpoint_id, unit in effects.select("endpoint_id", "unit").iter_rows():
        raise QueryError(
            f"the quantity of {endpoint_id!r} in {unit!r} is so small in one range, for what it "
            "cost, that its price explains nothing; leave its rows out, and name them apart"
        )
