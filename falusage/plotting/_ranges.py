"""The two ranges of a comparison: their dates, and what each cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from falusage._wording.dates import Moment, range_facts
from falusage.errors import MixedCurrencyError, QueryError

Cost: TypeAlias = float | Mapping[str, float]
"""A cost, or the cost in each currency."""

End: TypeAlias = tuple[Moment, Moment] | tuple[Moment, Moment, Cost]
"""The start and the end of a range, and its cost if it is known."""

_NOISE: Final = 1e-9
"""The part of a cost by which float sums of it may differ."""


@dataclass(frozen=True)
class RangeCost:
    """The dates of a range as text, and its cost in one currency."""

    name: str
    cost: float


@dataclass(frozen=True)
class Ranges:
    """The two ranges, as far as they are given."""

    names: tuple[str, str] | None
    costs: tuple[Cost, Cost] | None
    timezone: str

    @property
    def facts(self) -> list[str]:
        """What to write under the title."""
        if self.names is None:
            return []
        return [f"{self.names[1]} compared with {self.names[0]}", self.timezone]

    def ends(
        self, currency: str, change: float, *, alone: bool
    ) -> tuple[RangeCost, RangeCost] | None:
        """Return both ranges with their costs in a currency; None if the costs are not given.

        Raises:
            MixedCurrencyError: A cost is one number, and this is not the only currency.
            QueryError: The costs do not differ by the change.
        """
        if self.names is None or self.costs is None:
            return None
        before, after = (_in(cost, currency, alone=alone) for cost in self.costs)
        if not abs(after - before - change) <= _NOISE * max(abs(before), abs(after)) + 1e-6:
            raise QueryError(
                f"the bridge changes cost by {change} {currency}, but the costs of its ranges are "
                f"{before} and {after}, which differ by {after - before}; expected the costs of "
                "the same usage in the same ranges"
            )
        return RangeCost(self.names[0], before), RangeCost(self.names[1], after)


def read_ranges(baseline: End | None, comparison: End | None, timezone: str) -> Ranges:
    """Return the ranges that are given.

    Raises:
        QueryError: Only one range or only one cost is given, or a range is not a tuple.
    """
    if baseline is None or comparison is None:
        if baseline is comparison:
            return Ranges(None, None, timezone)
        raise QueryError("only one of baseline and comparison is given; expected both, or neither")
    for name, given in (("baseline", baseline), ("comparison", comparison)):
        if isinstance(given, str) or len(given) not in (2, 3):
            raise QueryError(f"{name} is {given!r}; expected (start, end) or (start, end, cost)")
    before, after = (
        range_facts(given[0], given[1], timezone)[0] for given in (baseline, comparison)
    )
    if len(baseline) != len(comparison):
        raise QueryError(
            "only one of baseline and comparison has a cost; expected (start, end, cost) for both"
        )
    if len(baseline) == 2 or len(comparison) == 2:
        return Ranges((before, after), None, timezone)
    return Ranges((before, after), (baseline[2], comparison[2]), timezone)


def _in(cost: Cost, currency: str, *, alone: bool) -> float:
    """Return a cost in a currency; a range without a row in it cost nothing."""
    if isinstance(cost, Mapping):
        return float(cost.get(currency, 0.0))
    if not alone:
        raise MixedCurrencyError(
            "the cost of a range is one number, but the bridge has several currencies; pass the "
            "costs by currency, as {'USD': 100.0, 'EUR': 50.0}"
        )
    if not math.isfinite(cost):
        raise QueryError(f"the cost of a range is {cost}; expected a finite number")
    return float(cost)
