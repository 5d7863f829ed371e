"""Bennet's decomposition: the change of each key's cost, split into effects.

Every change is weighed by the mean of both ranges, so the effects leave no remainder and swapping
the ranges negates them. They are products of means, which no decimal holds to its last digit: what
rounding leaves of a key, some 1e-12 of its cost, goes to the key's largest effect.

A pair of expressions is always the value in the baseline and the value in the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from falusage.columns import MONEY, exact
from falusage.errors import QueryError

EFFECTS: Final = ("price", "discount", "days", "volume", "mix", "new", "retired")
SUMMED: Final = ("cost", "quantity", "cost_subtotal")
RANGES: Final = ("_baseline", "_comparison")
"""A struct for each range: what was summed in it, and `there`, whether it has the key."""

_BEYOND: Final = 1e6
"""If an effect is so many times the cost, a double no longer holds its last cents."""
_ROUNDING: Final = 1e-8
"""How much of the cost rounding may leave over."""

_Pair = Sequence[pl.Expr]


def summed(number: int) -> pl.Expr:
    """Return the sums of a range, by its number in `_range`, as a struct.

    The sum of subtotals is null if one is missing.
    """
    inside = pl.col("_range") == number
    sums = {name: pl.when(inside).then(exact(name)).sum() for name in SUMMED}
    lacking = (inside & pl.col("cost_subtotal").is_null()).any()
    sums["cost_subtotal"] = pl.when(~lacking).then(sums["cost_subtotal"])
    named = (total.alias(name) for name, total in sums.items())
    return pl.struct(inside.any().alias("there"), *named).alias(RANGES[number])


def effects(
    sums: pl.DataFrame, *, alike: Sequence[str], days: tuple[float, ...] | None
) -> pl.DataFrame:
    """Return each key's effects in Decimal, null where one does not apply.

    Args:
        sums: The keys, with the structs `RANGES`.
        alike: The columns within which quantities are added.
        days: The lengths of the ranges, to show what they did apart; or None.

    Raises:
        QueryError: A price is too large for any effect to be exact.
    """
    there, cost, quantity, subtotal = (
        [pl.col(name).struct.field(field) for name in RANGES] for field in ("there", *SUMMED)
    )
    both = there[0] & there[1]
    priced = both & (quantity[0] > 0) & (quantity[1] > 0)
    groups = [q.filter(both).sum().over(alike) for q in quantity]
    listed = priced & ((subtotal[0] > 0) & (subtotal[1] > 0)).fill_null(value=False)
    parts = _parts(cost, quantity, subtotal, groups, listed=listed, days=days)
    found = sums.with_columns(
        pl.when(priced).then(part).alias(name) for name, part in parts.items()
    )
    scale = cost[0].abs() + cost[1].abs() + 1_000
    size = pl.sum_horizontal(pl.col(name).abs() for name in parts)
    _reject_absurd(found.filter(size > _BEYOND * scale))
    change = cost[1] - cost[0]
    largest = pl.concat_list(pl.col(name).abs() for name in parts).list.arg_max()
    rounded = found.with_columns(
        *(exact(name) for name in parts), largest.alias("_largest")
    ).with_columns((change - pl.sum_horizontal(*parts)).alias("_left"))
    left = pl.col("_left")
    if not rounded.filter(priced & (left.abs() > _ROUNDING * scale)).is_empty():
        raise AssertionError("the effects of a key do not sum to its change")
    zero = pl.lit(0, dtype=MONEY)
    unpriced = {"price": change, "days": zero if days else None, "volume": zero, "mix": zero}
    return (
        rounded.with_columns(
            pl.when(priced)
            .then(pl.col(name) + pl.when(pl.col("_largest") == place).then(left).otherwise(0))
            .when(both)
            .then(unpriced.get(name))
            .alias(name)
            for place, name in enumerate(parts)
        )
        .with_columns(
            pl.when(there[1] & ~there[0]).then(cost[1]).alias("new"),
            pl.when(there[0] & ~there[1]).then(-cost[0]).alias("retired"),
        )
        .drop(*RANGES, "_largest", "_left")
    )


def _parts(
    cost: _Pair,
    quantity: _Pair,
    subtotal: _Pair,
    groups: _Pair,
    *,
    listed: pl.Expr,
    days: tuple[float, ...] | None,
) -> dict[str, pl.Expr]:
    """Return the formulas of a key that has a price in both ranges; see `cost_bridge`."""
    c, q, listed_cost, big = (
        [one.cast(pl.Float64) for one in pair] for pair in (cost, quantity, subtotal, groups)
    )
    prices, shares = _ratios(c, q), _ratios(q, big)
    lists, left = _ratios(listed_cost, q), _ratios(c, listed_cost)
    weight = _mean(prices) * _mean(shares)
    parts = {
        "price": pl.when(listed)
        .then(_mean(q) * _mean(left) * _change(lists))
        .otherwise(_mean(q) * _change(prices)),
        "discount": pl.when(listed).then(_mean(q) * _mean(lists) * _change(left)),
        "days": pl.lit(None, pl.Float64),
        "volume": weight * (groups[1] - groups[0]).cast(pl.Float64),
        "mix": _mean(prices) * _mean(big) * _change(shares),
    }
    if days is not None:
        rates = [total / length for total, length in zip(big, days, strict=True)]
        parts["days"] = weight * _mean(rates) * (days[1] - days[0])
        parts["volume"] = weight * (days[0] + days[1]) / 2 * _change(rates)
    return parts


def _ratios(above: _Pair, below: _Pair) -> list[pl.Expr]:
    return [one / other for one, other in zip(above, below, strict=True)]


def _change(pair: _Pair) -> pl.Expr:
    return pair[1] - pair[0]


def _mean(pair: _Pair) -> pl.Expr:
    return (pair[0] + pair[1]) / 2


def _reject_absurd(effects: pl.DataFrame) -> None:
    """Raise for a quantity next to nothing that cost a fortune."""
    for endpoint_id, unit in effects.select("endpoint_id", "unit").iter_rows():
        raise QueryError(
            f"the quantity of {endpoint_id!r} in {unit!r} is so small in one range, for what it "
            "cost, that its price explains nothing; leave its rows out, and report them apart"
        )
