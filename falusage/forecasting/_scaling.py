"""How the paths of parts are scaled, so that they sum to those of the whole.

In a path, the more uncertain a part is, the more of the difference is its own. The paths of a part
are drawn when they are needed, and those of one part are in memory at once.

Source: S. L. Wickramasuriya, G. Athanasopoulos and R. J. Hyndman, Optimal forecast reconciliation
for hierarchical and grouped time series through trace minimization, Journal of the American
Statistical Association 114 (2019), with the variances of the parts. What would fall below zero, or
rise above it on a day without cost, is left to a scaling of all parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np

from falusage.forecasting._past import Floats


class Drawn(Protocol):
    """Something that draws paths (paths × periods), the same ones each time."""

    @property
    def paths(self) -> Floats:
        """The paths."""
        ...

    @property
    def is_guess(self) -> bool:
        """Whether a short history makes their spread a guess."""
        ...


class Scale(NamedTuple):
    """How the paths of a part are scaled, so that the parts sum to the whole.

    Attributes:
        moved: How far a path is moved in each period, for each unit of what a part takes; None for
            a part that takes nothing.
        factor: What each path and period is multiplied by then.
        rest: What is divided where no part has any cost.
        share: The part's share of that.
    """

    moved: Floats | None
    factor: Floats
    rest: Floats
    share: float = 0.0

    @classmethod
    def between(cls, whole: Floats, parts: Sequence[Drawn]) -> Scale:
        """Return how the paths of parts are scaled to those of the whole.

        First they are moved toward the whole in proportion to their variances. So a steady team
        keeps its narrow band beside one that is not; the wide band of a new one is left as it is.
        Then all are scaled in proportion; where all are zero, the whole is divided.
        """
        gap = whole - _total(part.paths for part in parts)
        nothing = np.zeros_like(gap)
        takes = _total(nothing if part.is_guess else _takes(part.paths) for part in parts)
        first = cls(gap / np.where(takes > 0, takes, 1.0), np.ones_like(gap), nothing)
        sums = _total(first.for_part(part).toward_whole(part.paths) for part in parts)
        spent = sums > 0
        factor = np.where(spent, whole / np.where(spent, sums, 1.0), 0.0)
        return first._replace(factor=factor, rest=np.where(spent, 0.0, whole))

    def for_part(self, part: Drawn, share: float = 0.0) -> Scale:
        """Return how one part is scaled."""
        return self._replace(moved=None if part.is_guess else self.moved, share=share)

    def toward_whole(self, paths: Floats) -> Floats:
        """Return the paths of a part, moved by what it takes, none below zero."""
        return paths if self.moved is None else np.maximum(paths + self.moved * _takes(paths), 0.0)

    def of(self, paths: Floats) -> Floats:
        """Return the paths of a part, scaled."""
        return self.toward_whole(paths) * self.factor + self.share * self.rest


def _takes(paths: Floats) -> Floats:
    """Return how much of a difference a part takes: nothing in a period without cost."""
    mean = paths.mean(axis=0)
    above = np.maximum(paths / np.where(mean > 0, mean, 1.0), 1.0)
    return np.where(paths > 0, paths.var(axis=0) * above, 0.0)


def scaled(parts: Sequence[Floats], whole: Floats, shares: Floats) -> list[Floats]:
    """Return parts in proportion, so that they sum to the whole; where all are zero, by shares."""
    sums = _total(parts)
    spent = sums > 0
    scale = np.where(spent, whole / np.where(spent, sums, 1.0), 0.0)
    left = np.where(spent, 0.0, whole)
    return [part * scale + share * left for part, share in zip(parts, shares, strict=True)]


def _total(parts: Iterable[Floats]) -> Floats:
    return reduce(np.add, parts)
