"""Sums in order: a key as one number stands where `sort` would put it."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage._usage.codes import coded, in_order

LONG = st.integers(-(2**63) + 1, 2**63 - 1)
TIMES = st.one_of(LONG, st.integers(-3, 3).map(lambda hours: hours * 3_600_000_000))
KINDS: dict[str, tuple[st.SearchStrategy[object], pl.DataType]] = {
    "name": (st.sampled_from(["", "a", "Z", "zz", "é", "😀", "～"]), pl.String()),
    "other": (st.text(max_size=3), pl.String()),
    "instant": (TIMES, pl.Datetime("us", "America/New_York")),
    "length": (TIMES, pl.Duration("us")),
    "day": (st.integers(-(2**31) + 1, 2**31 - 1), pl.Date()),
    "price": (st.sampled_from([-1.0, 0.0, 0.5, float("inf")]), pl.Float64()),
    "own": (st.sampled_from(["b", "a"]), pl.Categorical()),
}


@st.composite
def _keys(draw: st.DrawFn) -> pl.DataFrame:
    """Different keys in no order, of any kinds of columns, with nulls."""
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5, unique=True))
    values = [st.none() | KINDS[kind][0] for kind in kinds]
    rows = draw(st.lists(st.tuples(*values), max_size=30, unique=True))
    return pl.DataFrame(
        [
            pl.Series(kind, [row[place] for row in rows]).cast(KINDS[kind][1])
            for place, kind in enumerate(kinds)
        ]
    )


AS_FAR_AS_TIMES_GO = pl.Series("length", [2**63 - 1, -(2**63), 0]).cast(pl.Duration("us"))
FOREVER = pl.Series("length", [2**63 - 1, None, 5, 0]).cast(pl.Duration("us"))
LAST_OF_A_NAME = pl.DataFrame({"name": ["b", "a", "a"], "day": [None, date(2025, 1, 2), None]})


@given(_keys())
@example(AS_FAR_AS_TIMES_GO.to_frame())
@example(FOREVER.to_frame())
@example(LAST_OF_A_NAME)
def test_sums_are_in_the_order_that_sort_gives(keys: pl.DataFrame) -> None:
    """Of names, times and anything else, however far apart; and coded or not."""
    sums = keys.with_row_index("cost")
    expected = sums.sort(keys.columns)

    assert_frame_equal(in_order(sums.lazy(), keys.columns).collect(), expected)
    assert_frame_equal(
        in_order(coded(sums.lazy(), sums.schema, keys.columns), keys.columns).collect(), expected
    )
