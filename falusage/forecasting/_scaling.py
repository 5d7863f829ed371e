"""How the paths of parts are scaled, so that they sum to those of the whole.

In a path, first the parts that are far from what is expected of them give way. The paths of a part
are drawn when they are needed, and those of one part are in memory at once.

Source: S. L. Wickramasuriya, G. Athanasopoulos and R. J. Hyndman, Optimal forecast reconciliation,
Journal of the American Statistical Association 114 (2019): uncertain parts take more of the
difference. Here it is divided within each path, which keeps everything above zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np

from falusage.forecasting._past import Floats

_USUAL = (0.15, 0.85)
"""Between these quantiles of its own paths, what a part costs is usual."""


class Drawn(Protocol):
    """Something that draws paths (paths × periods), the same ones each time."""

    @property
    def paths(self) -> Floats:
        """The paths."""
        ...


class Scale(NamedTuple):
    """How the paths of a part are scaled, so that the parts sum to the whole.

    Attributes:
        gap: What the paths of the whole are above the sum of those of the parts.
        toward: How much of what is unusual gives way, in the direction of the gap.
        factor: What each path and period is multiplied by then.
        rest: What is divided where no part has any cost.
        share: The part's share of that; all else is the same for all parts.
    """

    gap: Floats
    toward: Floats
    factor: Floats
    rest: Floats
    share: float = 0.0

    @classmethod
    def between(cls, whole: Floats, parts: Sequence[Drawn]) -> Scale:
        """Return how the paths of parts are scaled to those of the whole.

        First what is unusual is made less so where that suits the whole. Where the sum is above the
        whole, what parts cost beyond their own bands is lowered, each by the same share of it;
        where it is below, what they cost less than that is raised. So a steady team keeps its
        narrow band beside one that may step. Then all are scaled in proportion; where all are
        zero, the whole is divided.
        """
        gap = whole - _total(part.paths for part in parts)
        room = _total(_unusual(part.paths, gap) for part in parts)
        toward = np.sign(gap) * np.minimum(np.abs(gap) / np.where(room > 0, room, 1.0), 1.0)
        first = cls(gap, toward, np.ones_like(whole), np.zeros_like(whole))
        sums = _total(first.toward_whole(part.paths) for part in parts)
        spent = sums > 0
        factor = np.where(spent, whole / np.where(spent, sums, 1.0), 0.0)
        return first._replace(factor=factor, rest=np.where(spent, 0.0, whole))

    def toward_whole(self, path: Floats) -> Floats:
        """Return the paths of a part, with what is unusual made less so."""
        return path + self.toward * _unusual(path, self.gap)

    def of(self, path: Floats) -> Floats:
        """Return the paths of a part, scaled."""
        return self.toward_whole(path) * self.factor + self.share * self.rest


def _unusual(path: Floats, gap: Floats) -> Floats:
    """Return how far the paths of a part are from usual, where that suits the gap."""
    low, high = np.quantile(path, _USUAL, axis=0)
    return np.where(gap > 0, np.maximum(low - path, 0.0), np.maximum(path - high, 0.0))


def scaled(parts: Sequence[Floats], whole: Floats, shares: Floats) -> list[Floats]:
    """Return parts in proportion, so that they sum to the whole; where all are zero, by shares."""
    sums = _total(parts)
    spent = sums > 0
    scale = np.where(spent, whole / np.where(spent, sums, 1.0), 0.0)
    left = np.where(spent, 0.0, whole)
    return [part * scale + share * left for part, share in zip(parts, shares, strict=True)]


def _total(parts: Iterable[Floats]) -> Floats:
    return reduce(np.add, parts)
