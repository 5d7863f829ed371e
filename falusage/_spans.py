"""Sets of time: which windows a store has, as runs with a start and an exclusive end.

A set is a tuple of runs in order that do not touch or overlap, so two sets of the same time are
equal. Windows without spend have no rows, and are remembered here alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import datetime

import polars as pl

from falusage.columns import INSTANT

Span = tuple[datetime, datetime]
Spans = tuple[Span, ...]


def union(one: Iterable[Span], other: Iterable[Span]) -> Spans:
    """Return the time that is in either set.

    >>> from datetime import UTC
    >>> days = [datetime(2025, 1, day, tzinfo=UTC) for day in range(1, 5)]
    >>> union([(days[0], days[1])], [(days[1], days[3])]) == ((days[0], days[3]),)
    True
    """
    runs: list[Span] = []
    for start, end in sorted((*one, *other)):
        if start >= end:
            continue
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return tuple(runs)


def without(one: Iterable[Span], other: Iterable[Span]) -> Spans:
    """Return the time that is in the first set and not in the second."""
    left = list(union(one, ()))
    for start, end in union(other, ()):
        left = [
            piece
            for had in left
            for piece in ((had[0], min(had[1], start)), (max(had[0], end), had[1]))
            if piece[0] < piece[1]
        ]
    return tuple(left)


def between(one: Iterable[Span]) -> Spans:
    """Return the time between the runs of a set.

    >>> from datetime import UTC
    >>> days = [datetime(2025, 1, day, tzinfo=UTC) for day in range(1, 5)]
    >>> between([(days[0], days[1]), (days[2], days[3])]) == ((days[1], days[2]),)
    True
    """
    runs = union(one, ())
    return tuple((one[1], other[0]) for one, other in itertools.pairwise(runs))


def until(one: Iterable[Span], end: datetime) -> Spans:
    """Return the time of a set that lies before an instant."""
    return tuple((first, min(last, end)) for first, last in one if first < end)


def within(one: Iterable[Span], span: Span) -> Spans:
    """Return the part of a set that lies in a range."""
    return without([span], without([span], one))


def meet(one: Iterable[Span], other: Iterable[Span]) -> bool:
    """Return whether two sets share any time."""
    other = tuple(other)
    return any(start < last and first < end for start, end in one for first, last in other)


def holds(spans: Iterable[Span]) -> pl.Expr:
    """Return an expression: whether the whole bucket of a row is in the set."""
    return pl.any_horizontal(
        pl.lit(False),
        *(
            (pl.col("bucket") >= pl.lit(start, INSTANT))
            & (pl.col("bucket_end") <= pl.lit(end, INSTANT))
            for start, end in spans
        ),
    )
