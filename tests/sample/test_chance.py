"""The hash, against the same arithmetic in Python's unbounded integers."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from falusage.sample import _chance as chance

WORDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50)


def _lowbias32(x: int) -> int:
    x = ((x ^ (x >> 16)) * 0x7FEB352D) % 2**32
    x = ((x ^ (x >> 15)) * 0x846CA68B) % 2**32
    return x ^ (x >> 16)


def _column(words: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"word": words}, schema={"word": pl.UInt64})


@given(WORDS)
def test_mixing_is_lowbias32(words: list[int]) -> None:
    """`mixed` is the published function, for every 32-bit word."""
    got = _column(words).select(chance.mixed(pl.col("word"))).to_series().to_list()
    assert [_lowbias32(word) for word in words] == got


@given(WORDS)
def test_draws_become_fractions(words: list[int]) -> None:
    """A uniform number is the word over 2³², a triangular one the mean of its halves, less one."""
    got = _column(words).select(
        uniform=chance.uniform(pl.col("word")), triangular=chance.triangular(pl.col("word"))
    )
    assert [word / 2**32 for word in words] == got["uniform"].to_list()
    assert [((word >> 16) + (word & 0xFFFF)) / 2**16 - 1 for word in words] == got[
        "triangular"
    ].to_list()


@given(st.integers(0, 2**32 - 1), st.integers(0, 10_000))
def test_few_in_a_row_are_spread(phase: int, first: int) -> None:
    """Any eight draws in a row leave no gap on the circle wider than a quarter of it."""
    steps = _column(list(range(first, first + 8)))
    spread = chance.spread(pl.col("word"), pl.lit(phase, dtype=pl.UInt64))
    draws = steps.select(chance.uniform(spread).sort()).to_series().to_list()
    gaps = [right - left for left, right in zip(draws, [*draws[1:], draws[0] + 1], strict=True)]
    assert max(gaps) < 0.25


def test_keys_do_not_depend_on_the_process() -> None:
    """A name's bits are the same in every process, and other for every other name."""
    assert chance.key(0, "acme-studio") == 3569894222
    assert len({chance.key(seed, name) for seed in range(50) for name in "abcdefghij"}) == 500
