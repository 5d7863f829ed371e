"""Several tables become one, in which an unknown field has one type that keeps all its values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage import UsageQuery
from falusage.api._pages.page import read_page
from falusage.api.asks import asks
from falusage.api.line_items import LineItems, concat, joint_kinds, warn_of_unknown
from falusage.columns import SUMMARY, USAGE
from falusage.errors import UnknownFieldWarning

(ASK,) = asks(UsageQuery("2025-01-01", "2025-01-02"), time_series=True, summary=False)
ITEM = {
    "username": "a",
    "product": "compute",
    "endpoint_id": "e",
    "unit": "s",
    "quantity": 1,
    "unit_price": 2,
    "cost": 2,
    "currency": "USD",
}


def page(*values: Any) -> LineItems:
    """Read a page of one item for each value of the field `new`; ... leaves it out."""
    return read([{**ITEM, **({} if value is ... else {"new": value})} for value in values])


def read(items: list[dict[str, Any]]) -> LineItems:
    """Read a page of items."""
    series = [{"bucket": "2025-01-01T00:00:00Z", "results": items}]
    body = json.dumps({"next_cursor": None, "has_more": False, "time_series": series})
    rows = read_page(body.encode(), ASK, kinds={}).rows
    assert rows is not None
    return rows


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (1, 2, [1, 2]),
        (1, 2.5, [1.0, 2.5]),
        (2.5, 1, [2.5, 1.0]),
        (1, "two", ["1", '"two"']),
        ("é", 2, ['"é"', "2"]),
        (2.5, True, ["2.5", "true"]),
        (1, None, [1, None]),
        (None, True, [None, True]),
        (..., "x", [None, "x"]),
        ("x", ..., ["x", None]),
        (1, [1], ["1", "[1]"]),
        (1, 2**64, ["1", str(2**64)]),
        (2**53 + 1, 0.5, [str(2**53 + 1), "0.5"]),
        (-(2**63), 2**63 - 1, [-(2**63), 2**63 - 1]),
        (None, None, [None, None]),
    ],
)
def test_a_field_has_one_kind_over_all_pages(first: Any, second: Any, kept: list[Any]) -> None:
    """The kind that holds both pages' values as they are; else their JSON text."""
    table = concat([page(first), page(second)], USAGE).table
    assert (kept, [*USAGE, "new"]) == (table["new"].to_list(), table.columns)
    assert [type(value) for value in kept] == [type(value) for value in table["new"]]


scalars = st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(-9e9, 9e9)


@given(st.lists(st.lists(scalars | st.text(max_size=3), max_size=3), min_size=1, max_size=4))
def test_no_value_changes_on_the_way(values: list[list[Any]]) -> None:
    """Whatever is on which page, each value can be had back from the table."""
    sent = [value for part in values for value in part]
    joint = concat([page(*part) for part in values], USAGE)
    table = joint.table
    assert len(sent) == table.height
    kept = table["new"].to_list() if "new" in table.columns else [None] * len(sent)
    if joint.kinds.get("new") == "json":
        kept = [None if text is None else json.loads(text) for text in kept]
    assert sent == kept
    assert [type(v) is bool for v in sent] == [type(v) is bool for v in kept]


def test_no_pages_are_an_empty_table() -> None:
    """With the columns that it would have."""
    assert dict(USAGE) == dict(concat([], USAGE).table.schema)
    assert dict(SUMMARY) == dict(concat([], SUMMARY).table.schema)


KINDS = st.sampled_from(["null", "bool", "int", "long", "float", "string", "json"])


@given(st.lists(st.dictionaries(st.sampled_from("ab"), KINDS), min_size=1), st.randoms())
def test_the_joint_kind_does_not_depend_on_the_order(several: list[Any], dice: Any) -> None:
    """Joined at once, one after the other or shuffled; joining it again changes nothing."""
    joint = joint_kinds(several)
    step: Any = {}
    for kinds in several:
        step = joint_kinds([step, kinds])
    assert joint == step == joint_kinds([joint, *several])
    dice.shuffle(several)
    assert joint == joint_kinds(several)


def test_rows_keep_the_order_of_their_pages() -> None:
    """Broken rows keep what marks them, beside pages that have none."""
    table = concat([page(1), read([{**ITEM, "cost": "x"}]), page(3)], USAGE).table
    assert [1, None, 3] == table["new"].to_list()
    fault = {"column": "cost", "rule": "not a number"}
    assert [None, [fault], None] == table["_faults"].to_list()


def test_new_fields_are_named_in_a_warning() -> None:
    """Those of the rows, and those that belong to no row."""
    with pytest.warns(UnknownFieldWarning) as told:
        warn_of_unknown({"tier": "int", "region": "string"}, ["total"])
    assert ["'tier', 'region'" in str(told[0].message), "'total'" in str(told[1].message)] == [
        True,
        True,
    ]
    assert 2 == len(told)
