"""The count of a page's bytes, on which the fast path's proof rests."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.api._pages import byte_counts
from falusage.api._pages.byte_counts import LONGEST, count_members

NAMES = st.text("ab_", max_size=6)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)


def objects(texts: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw objects in objects and lists, with texts of such letters."""
    # Short ones, for a run of bytes without a member longer than LONGEST is not counted.
    scalars = st.text(texts, max_size=5) | NUMBERS | st.booleans() | st.none()
    lists = st.lists(scalars, max_size=3) if '"' in texts else st.nothing()
    return st.recursive(
        st.dictionaries(NAMES, scalars, max_size=4),
        lambda inner: st.dictionaries(
            NAMES, inner | st.lists(inner, max_size=3) | lists, max_size=4
        ),
        max_leaves=20,
    )


OBJECTS = objects("xyzé🎈'{}[],")
KINDS: dict[type, str] = {
    str: "texts",
    int: "numbers",
    float: "numbers",
    bool: "words",
    type(None): "nulls",
    list: "lists",
    dict: "objects",
}


def counted(value: Any) -> Counter[str]:
    """Count the members of all objects by kind, by walking them."""
    if isinstance(value, list):
        return sum(map(counted, value), Counter())
    if not isinstance(value, dict):
        return Counter()
    here = Counter(KINDS[type(member)] for member in value.values())
    return sum(map(counted, value.values()), here)


def spelt(value: Any, separators: tuple[str, str] = (",", ":")) -> bytes:
    """Write JSON without escapes for letters, as the API does."""
    return json.dumps(value, ensure_ascii=False, separators=separators).encode()


@given(OBJECTS, st.sampled_from([(",", ":"), (", ", ": ")]))
def test_members_are_counted_by_kind(page: dict[str, Any], separators: tuple[str, str]) -> None:
    """As a walk through the parsed page counts them, in the usual spacings."""
    assert counted(page) == count_members(spelt(page, separators))


@given(objects('x":1\\,{[ '))
def test_no_member_goes_uncounted(page: dict[str, Any]) -> None:
    """A text may look like members that are not there, but it hides none."""
    held = count_members(spelt(page))
    assert held is None or all(held[kind] >= count for kind, count in counted(page).items())


@given(OBJECTS, st.integers(1, 40))
def test_where_a_step_ends_changes_nothing(page: dict[str, Any], step: int) -> None:
    """A page is counted in steps, whose ends may fall anywhere: in a name, a text, a number."""
    body = spelt(page)
    whole = count_members(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_counts, "_STEP", step)
        assert whole == count_members(body)


@pytest.mark.parametrize("step", [7, 64, 2**18])
@pytest.mark.parametrize(
    ("value", "is_plain"),
    [("1" * (LONGEST - 10), True), ("1" * (LONGEST + 1), False), ('["a"]', False)],
)
def test_what_looks_odd_is_not_counted(
    value: str, is_plain: bool, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of absurd length, wherever a step ends, and texts that are no members."""
    monkeypatch.setattr(byte_counts, "_STEP", step)
    for last in ("", ',"b":2'):
        assert is_plain == (count_members(f'{{"a":{value}{last}}}'.encode()) is not None)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_page_that_stops_anywhere_is_counted_or_not(separators: tuple[str, str]) -> None:
    """A body that was cut is no reason to fail in another way than a reader of JSON does."""
    body = spelt({"a": "x", "b": [{"c": 1.5, "d": None}], "e": True}, separators)
    for length in range(len(body)):
        assert isinstance(count_members(body[:length]), Counter | None)
