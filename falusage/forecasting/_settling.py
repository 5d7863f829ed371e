"""What is still expected for days already spent, because such days grew before they were final.

A day that is not settled is scaled by what settled days came to that had been read at its age: in
expectation by the ratio of the sums, final over read; in each path by the ratio of one day, drawn
with a chance in proportion to its cost then, so that a day that was hardly read does not decide.
A draw is the same for every series of a currency, so parts sum to their whole, path by path.

Source: the chain-ladder method of loss reserving, with its factors drawn from those observed:
P. D. England and R. J. Verrall, Stochastic Claims Reserving in General Insurance, British Actuarial
Journal 8 (2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from falusage._usage.settling import Settling
from falusage._usage.table import Table
from falusage.columns import INSTANT, exact
from falusage.forecasting._past import Floats

_SEED: Final = 20251129
_FEWEST: Final = 5
"""With fewer settled days of an age, days of that age are left as they are."""

_UNSEEN: Final = 2.5
"""Few days show less than there is: their spread is widened by this over their number, about as
Student's t is wider than the normal distribution."""

_NEAR: Final = 0.5
"""How far the age of a read may be from that of the day, in days: nights are not punctual."""


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """What is still expected for the buckets of a series.

    Attributes:
        buckets: For each bucket, by its start in UTC, the expected change of its cost.
        paths: The change of their sum, by path.
    """

    buckets: dict[Any, float]
    paths: Floats

    @property
    def expected(self) -> float:
        """The expected change of their sum."""
        return float(sum(self.buckets.values()))


NOTHING_LATE: Final = Late({}, np.zeros(1))


@dataclass(frozen=True, slots=True)
class _Factor:
    """By what the cost of a day is multiplied: in expectation, and in each path."""

    expected: float
    paths: Floats


def late_costs(
    table: Table, spent: pl.DataFrame, group: Sequence[str], *, paths: int
) -> dict[tuple[Any, ...], Late]:
    """Return what is still expected for each series; empty if the table knows of no restatement.

    Args:
        table: The usage.
        spent: The rows that count as spent: `bucket`, `bucket_end`, the key and `cost`.
        group: The columns of the key; `currency` is among them.
        paths: How many paths to draw.
    """
    known = None if table.settles is None else table.settles()
    if known is None:
        return {}
    factors = _factors(known, paths)
    bucket, end = (
        pl.col(name).dt.convert_time_zone("UTC").cast(INSTANT) for name in ("bucket", "bucket_end")
    )
    costs = spent.group_by(*group, bucket, end).agg(exact("cost").sum().cast(pl.Float64))
    place = list(group).index("currency")
    found: dict[tuple[Any, ...], Late] = {}
    for number, (start, until) in enumerate(known.young.select("start", "end").rows()):
        inside = costs.filter(pl.col("bucket") >= start, pl.col("bucket_end") <= until)
        series = inside.sort("bucket").group_by(group, maintain_order=True)
        for *key, at, cost in series.agg("bucket", "cost").iter_rows():
            factor = factors.get((number, key[place]))
            if factor is not None:
                late = found.setdefault(tuple(key), Late({}, np.zeros(paths)))
                late.buckets.update(zip(at, np.array(cost) * (factor.expected - 1), strict=True))
                np.add(late.paths, sum(cost) * (factor.paths - 1), out=late.paths)
    return found


def _factors(known: Settling, paths: int) -> dict[tuple[int, str], _Factor]:
    """Return the factors of each young window, by its number and currency."""
    found: dict[tuple[int, str], _Factor] = {}
    random = np.random.default_rng(_SEED)
    for number, age in enumerate(known.young["age"]):
        away = (pl.col("age") - age).abs()
        alike = (
            known.seen.filter(away <= _NEAR)
            .filter(away == away.min().over("start"))
            .sort("currency", "start")
        )
        drawn = random.random(paths)
        for (currency,), rows in alike.group_by("currency", maintain_order=True):
            cost, final = rows["cost"].to_numpy(), rows["final"].to_numpy()
            if len(cost) >= _FEWEST and cost.sum() > 0:
                found[number, str(currency)] = _factor(cost, final, drawn)
    return found


def _factor(cost: Floats, final: Floats, drawn: Floats) -> _Factor:
    """Return the factor of a day from what other days had cost at its age, and cost in the end."""
    expected = float(final.sum() / cost.sum())
    was = cost > 0
    cost, final = cost[was], final[was]
    chosen = np.searchsorted(cost.cumsum(), drawn * cost.sum(), side="right")
    ratios = (final / cost)[np.minimum(chosen, len(cost) - 1)]
    wider = (1 + _UNSEEN / len(cost)) * (ratios - final.sum() / cost.sum())
    return _Factor(expected, np.maximum(expected + wider, 0.0))
