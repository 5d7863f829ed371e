"""The largest reasons why cost moved, as text; with the rest they sum to the change.

The bridge says by how much each team's endpoint moved cost, and how. Here its effects are put
together as people speak of them: a price belongs to an endpoint, a discount and use to a team, and
a single unusual day is named as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl

from falusage._wording.dates import moment
from falusage._wording.names import printable
from falusage.columns import exact
from falusage.reporting._bill import Bill
from falusage.reporting._ranges import Pair

MOST: Final = 3
_LEAST: Final = Decimal("0.01")
"""A smaller part of the change is no reason to name."""
_MONEY_ZERO: Final = Decimal(0)
_PAIR: Final = ("username", "endpoint_id")


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason, such as `veo3 is new`, and by how much it moved cost."""

    text: str
    amount: Decimal


def reasons(bill: Bill, currency: str) -> tuple[list[Reason], Decimal]:
    """Return the largest reasons for the change between two ranges, and what they leave over.

    Args:
        bill: A bill with ranges to compare.
        currency: The currency.

    Returns:
        At most three reasons, the largest first, and the sum of all others.
    """
    assert bill.pair is not None  # noqa: S101 - who asks has looked
    mine = bill.effects.filter(pl.col("currency") == currency).with_columns(exact("amount"))
    change = _sum(mine)
    found = [
        *_days(mine, bill.pair),
        *_appeared(bill, mine, currency),
        *_priced(bill, mine),
        *_used(bill, mine, currency),
    ]
    found.sort(key=lambda reason: (-abs(reason.amount), reason.text))
    least = abs(change) * _LEAST
    first = [reason for reason in found[:MOST] if reason.amount and abs(reason.amount) >= least]
    return first, change - sum((reason.amount for reason in first), _MONEY_ZERO)


def _days(effects: pl.DataFrame, pair: Pair) -> Iterator[Reason]:
    """Yield what the length of the ranges did."""
    later, earlier = pair.days
    more = later - earlier
    if abs(more) >= 1:
        text = f"{later:.0f} days instead of {earlier:.0f}"
        yield Reason(text, _sum(effects.filter(pl.col("effect") == "days")))


def _appeared(bill: Bill, effects: pl.DataFrame, currency: str) -> Iterator[Reason]:
    """Yield what is new and what is gone, of the organization or of one team."""
    assert bill.pair is not None  # noqa: S101 - as above
    for effect, ends, word in (
        ("new", bill.pair.baseline, "new"),
        ("retired", bill.pair.comparison, "no longer used"),
    ):
        there = bill.of(*ends).filter(pl.col("currency") == currency)["endpoint_id"]
        known = pl.col("endpoint_id").is_in(there.unique().implode(), nulls_equal=True)
        alone = pl.col("username").n_unique().over("endpoint_id") == 1
        rows = effects.filter(pl.col("effect") == effect).with_columns(
            pl.when(known | alone).then("username").alias("_at")
        )
        for endpoint, at, amount in _largest(rows, "endpoint_id", "_at"):
            where = "" if at is None else f" at {bill.team_name(at)}"
            yield Reason(f"{printable(endpoint)} is {word}{where}", amount)


def _priced(bill: Bill, effects: pl.DataFrame) -> Iterator[Reason]:
    """Yield what list prices did, by endpoint, and discounts, by team."""
    listed = effects.filter(pl.col("effect") == "price")
    for endpoint, amount in _largest(listed, "endpoint_id"):
        yield Reason(f"{printable(endpoint)} costs {'more' if amount > 0 else 'less'}", amount)
    discounted = effects.filter(pl.col("effect") == "discount")
    for team, amount in _largest(discounted, "username"):
        size = "smaller" if amount > 0 else "larger"
        whose = f" for {bill.team_name(team)}" if bill.team else ""
        yield Reason(f"a {size} discount{whose}", amount)


def _used(bill: Bill, effects: pl.DataFrame, currency: str) -> Iterator[Reason]:
    """Yield more and less use by a team, and apart from it unusual days."""
    assert bill.pair is not None  # noqa: S101 - as above
    used = effects.filter(pl.col("effect").is_in(["volume", "mix"]))
    by_pair = {(team, what): amount for team, what, amount in _largest(used, *_PAIR)}
    apart: dict[tuple[str | None, str | None], Decimal] = {}
    for day in bill.unusual_causes.filter(pl.col("currency") == currency).iter_rows(named=True):
        sign = _sign(day["period"], bill.pair)
        if not sign or day["endpoint_id"] is None:
            continue
        key = (day["username"], day["endpoint_id"])
        extra = Decimal(repr(day["endpoint_cost"] - day["usual_cost"])) * sign
        if 2 * abs(extra) <= abs(by_pair.get(key, _MONEY_ZERO)):
            continue  # a part of a change that lasts
        apart[key] = apart.get(key, _MONEY_ZERO) + extra
        kind = "an unusual" if day["excess"] > 0 else "an unusually quiet"
        where = f" at {bill.team_name(day['username'])}" if bill.team else ""
        what = f"{printable(day['endpoint_id'])}{where}"
        yield Reason(f"{kind} day ({moment(day['period'])}) of {what}", extra)
    pairs: dict[str | None, list[tuple[str | None, Decimal]]] = {}
    for (team, endpoint), amount in by_pair.items():
        left = amount - apart.get((team, endpoint), _MONEY_ZERO)
        if not bill.team:
            yield Reason(f"{'more' if left > 0 else 'less'} use of {printable(endpoint)}", left)
            continue
        pairs.setdefault(team, []).append((endpoint, left))
    for team, parts in pairs.items():
        whole = sum((amount for _, amount in parts), _MONEY_ZERO)
        word = "more" if whole > 0 else "less"
        endpoint, largest = max(parts, key=lambda part: (part[1] * whole, str(part[0])))
        most = f", mostly {printable(endpoint)}" if 2 * abs(largest) > abs(whole) else ""
        yield Reason(f"{bill.team_name(team)} uses {word}{most}", whole)


def _sign(period: datetime, pair: Pair) -> int:
    """Return 1 for a day in the later range, -1 for one in the earlier, else 0."""
    if pair.start <= period < pair.end:
        return 1
    return -1 if pair.before_start <= period < pair.before_end else 0


def _largest(effects: pl.DataFrame, *by: str) -> list[tuple[Any, ...]]:
    """Return the sums by some columns, the largest first."""
    sums = effects.group_by(by).agg(pl.col("amount").sum())
    return sums.sort(pl.col("amount").abs(), *by, descending=[True, *(False for _ in by)]).rows()


def _sum(effects: pl.DataFrame) -> Decimal:
    return effects.select(pl.col("amount").sum()).item() if effects.height else _MONEY_ZERO
