"""Chance that is the same everywhere: a counter-based hash in integer arithmetic.

A draw is a function of a counter and a key, not of the draws before it, so neither thread count,
row order nor the version of a random generator can change it. The mixer is Wellons' `lowbias32`
(https://nullprogram.com/blog/2018/07/31/), computed in 64 bits so that no product overflows.
"""

from __future__ import annotations

import random
from typing import Final

import polars as pl

_MASK: Final = (1 << 32) - 1
_STEPS: Final = ((16, 0x7FEB352D), (15, 0x846CA68B))
_GOLDEN: Final = 0x9E3779B9  # 2³² over the golden ratio


def key(*parts: object) -> int:
    """Give 32 bits for a name, the same on every machine (Python's own `hash` is salted).

    >>> key(0, "acme-studio") == key(0, "acme-studio") != key(1, "acme-studio")
    True
    """
    # Seeding with text goes through SHA-512, whatever the platform.
    return random.Random("/".join(map(str, parts))).getrandbits(32)  # noqa: S311 - not a secret


def mixed(counter: pl.Expr) -> pl.Expr:
    """Scramble integers below 2³² into others, one to one, as UInt64.

    >>> pl.DataFrame({"n": [1, 2, 3]}).select(mixed(pl.col("n"))).to_series().to_list()
    [1753845952, 3507691905, 1408362973]
    """
    bits = counter.cast(pl.UInt64)
    for shift, factor in _STEPS:
        bits = ((bits ^ (bits // _bits(1 << shift))) * _bits(factor)) & _bits(_MASK)
    return bits ^ (bits // _bits(1 << 16))


def uniform(draw: pl.Expr) -> pl.Expr:
    """Give a draw's place in [0, 1), exact as Float64."""
    return draw.cast(pl.Float64) / float(1 << 32)


def triangular(draw: pl.Expr) -> pl.Expr:
    """Give a number in [-1, 1) from a draw's two halves, most often near 0."""
    halves = draw // _bits(1 << 16) + (draw & _bits((1 << 16) - 1))
    return halves.cast(pl.Float64) / float(1 << 16) - 1.0


def second(draw: pl.Expr) -> pl.Expr:
    """Give another draw from a draw."""
    return mixed(draw ^ _bits(_GOLDEN))


def spread(counter: pl.Expr, phase: pl.Expr) -> pl.Expr:
    """Give a draw for each step of a counter, such that any few in a row lie evenly apart.

    This is Weyl's sequence of the golden ratio, begun at `phase`: unlike independent draws, some
    weeks of it never happen to be nearly equal, so a robust scale taken from them is not too small.
    """
    return (counter.cast(pl.UInt64) * _bits(_GOLDEN) + phase) & _bits(_MASK)


def _bits(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)
