"""What a store's versions tell of how costs become final, and the usage that it comes with.

The cost of a day may still change after the day has ended. A store that read days several times
knows how much of their final cost it had at which age. Only what a version could know belongs to
it: a view of an older version never learns from later reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import polars as pl

from falusage.coverage import Coverage


@dataclass(frozen=True, slots=True, eq=False)
class Settling:
    """How the windows (local days, or longer buckets) of one version of a store settled.

    Ages are in days of 24 hours since the window ended, when it was read; below zero if it had not
    ended. Costs are those of the buckets that had ended.

    Attributes:
        seen: What settled windows had cost at each read but their last: `start` (of the window),
            `age`, `currency`, `cost` (as it was read) and `final`, both Float64.
        young: The time that has ended and is not settled, by window: `start`, `end` and `age`.
    """

    seen: pl.DataFrame
    young: pl.DataFrame


Settles: TypeAlias = Callable[[], Settling | None]
"""Reads how a version settled; None if it has seen no restatement."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Usage of a store.

    Attributes:
        usage: The rows, lazy.
        coverage: What is known beyond the rows.
        settles: Reads how the version settled; None if there are no versions.
    """

    usage: pl.LazyFrame
    coverage: Coverage
    settles: Settles | None

    def __usage__(self) -> tuple[pl.LazyFrame, Coverage]:
        """Return the rows and their coverage, for every function that takes usage."""
        return self.usage, self.coverage

    def __kept__(self) -> Kept:
        """Return all of it, for the functions that need more."""
        return self


@runtime_checkable
class Keeping(Protocol):
    """Something that has usage of a store: the store, its view, or what a command opened."""

    def __kept__(self) -> Kept:
        """Return the rows, their coverage and how they settled, all of one version."""
        ...
