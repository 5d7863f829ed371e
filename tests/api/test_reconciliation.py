"""The sums of the rows, compared with the API's summary."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.api.reconciliation import compare, differences, matching, sums, suspect_keys
from falusage.columns import KEY, USAGE
from falusage.schema.validation import validate


def side(*amounts: float, unit: str = "second") -> pl.DataFrame:
    """Return the sums of rows with these costs."""
    rows = {name: [name] * len(amounts) for name in KEY} | {"unit": [unit] * len(amounts)}
    return sums([pl.DataFrame({**rows, "cost": amounts, "quantity": amounts})])


NOTHING = side(1.0).clear()


@pytest.mark.parametrize(
    ("loaded", "summary", "differing"),
    [
        (side(0.1, 0.2), side(0.3), 0),
        (side(0.1, 0.2), side(0.3 + 2e-6), 1),
        (side(1e9), side(1e9 + 0.9), 0),
        (side(1e9), side(1e9 + 1.1), 1),
        (side(1.0), side(1.0, unit="image"), 2),
        (NOTHING, side(0.0), 1),
        (side(0.0), NOTHING, 0),
    ],
)
def test_what_differs(loaded: pl.DataFrame, summary: pl.DataFrame, differing: int) -> None:
    """1e-9 of the sum and 1e-6 are noise; a key that only the summary has is a lost row."""
    assert differing == differences(compare(loaded, summary)).height


def keys(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    """Return keys, one for each tuple."""
    return pl.DataFrame(rows, schema=dict.fromkeys(KEY, pl.String), orient="row")


def test_a_suspect_key_matches_whatever_its_nulls_may_have_been() -> None:
    """A part that is there must be equal; a part that is null may be any."""
    one, two = ("a", "compute", "e", "s", "USD"), ("b", "compute", "f", "s", "USD")
    for suspect, matched in [
        (one, [one]),
        (("a", None, None, None, None), [one]),
        ((None, "compute", None, "s", None), [one, two]),
        ((None, None, None, None, None), [one, two]),
        (("a", "compute", "f", "s", "USD"), []),
    ]:
        found = matching(keys(one, two), [keys(suspect)])
        assert_frame_equal(keys(*matched), found, check_row_order=False)
    assert matching(keys(one), []).is_empty()


PARTS = st.tuples(*[st.sampled_from(["x", "y"])] * len(KEY))
SUSPECTS = st.tuples(*[st.sampled_from(["x", "y", None])] * len(KEY))


@given(st.sets(PARTS, min_size=1), st.lists(st.sets(SUSPECTS, min_size=1), max_size=3))
def test_matching_is_the_comparison_of_every_pair(
    differing: set[tuple[str, ...]], suspects: list[set[tuple[str | None, ...]]]
) -> None:
    """However many patterns of nulls there are."""
    expected = {
        key
        for key in differing
        for suspect in set().union(*suspects)
        if all(part is None or part == had for part, had in zip(suspect, key, strict=True))
    }
    found = matching(keys(*differing), [keys(*each) for each in suspects]).rows()
    assert expected == set(found)
    assert len(expected) == len(found)


def test_a_broken_part_of_a_key_may_have_been_anything() -> None:
    """A currency that is not three letters is null in the suspect key; the other parts stay."""
    row = dict.fromkeys(USAGE) | {name: name for name in KEY} | {"currency": "dollars"}
    table = pl.DataFrame([row], schema=dict(USAGE))
    suspects = suspect_keys(validate(table))
    assert [("username", "product", "endpoint_id", "unit", None)] == suspects.select(KEY).rows()
