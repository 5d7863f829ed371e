"""Random numbers that are the same everywhere: a counter-based hash in integer arithmetic.

A draw depends only on a counter and a key, not on the draws before it. So it is the same for any
thread count, row order and version of a random generator. The mixer is Wellons' `lowbias32`
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
    """Return 32 bits for a name, the same on every machine (Python's own `hash` is salted).

    >>> key(0, "acme-studio") == key(0, "acme-studio") != key(1, "acme-studio")
    True
    """
    # Seeding with text uses SHA-512 on every platform.
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
    """Return a number in [0, 1) from a draw, exact as Float64."""
    return draw.cast(pl.Float64) / float(1 << 32)


def triangular(draw: pl.Expr) -> pl.Expr:
    """Return a number in [-1, 1) from a draw's two halves, most often near 0."""
    halves = draw // _bits(1 << 16) + (draw & _bits((1 << 16) - 1))
    return halves.cast(pl.Float64) / float(1 << 16) - 1.0


def second(draw: pl.Expr) -> pl.Expr:
    """Return another draw, derived from a draw."""
    return mixed(draw ^ _bits(_GOLDEN))


def spread(counter: pl.Expr, phase: pl.Expr) -> pl.Expr:
    """Return a draw for each step of a counter, where consecutive draws are evenly spread.

    This is Weyl's sequence of the golden ratio, starting at `phase`. With independent draws, a few
    weeks could be nearly equal by chance, and a robust scale of them would be too small.
    """
    return (counter.cast(pl.UInt64) * _bits(_GOLDEN) + phase) & _bits(_MASK)


def _bits(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)
