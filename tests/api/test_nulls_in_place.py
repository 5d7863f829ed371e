"""A field that is null in some rows, wherever the item holds it: read fast, and nothing lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from falusage.api._pages import page as pages
from falusage.api._pages.page import read_page
from falusage.api.asks import Ask, asks
from falusage.api.query import UsageQuery
from falusage.errors import ProtocolError

ASK: Ask = next(
    asks(UsageQuery("2025-01-01", "2025-01-03", timeframe="day"), time_series=True, summary=True)
)
DISCOUNTS = [None, 50.0, None, 0.0, None]
PLACES = (0, 4, 11)
"""The discount as the first, a middle and the last member."""


def item(discount: float | None, *, at: int) -> list[tuple[str, Any]]:
    """Return an item's members, with the discount at some place among them."""
    text = dict.fromkeys(("username", "product", "endpoint_id", "unit"), "a")
    money = dict.fromkeys(("quantity", "unit_price", "cost_subtotal", "cost_total", "cost"), 1.0)
    members: list[tuple[str, Any]] = [*text.items(), *money.items()]
    members += [("cost_discount", 0.0), ("currency", "USD")]
    members.insert(at, ("percent_discount", discount))
    return members


def body(items: list[list[tuple[str, Any]]], separators: tuple[str, str]) -> bytes:
    """Write a page with the items in two buckets, and again as the summary."""
    comma, colon = separators

    def listed(some: list[list[tuple[str, Any]]]) -> str:
        objects = (
            "{" + comma.join(f'"{name}"{colon}{json.dumps(value)}' for name, value in each) + "}"
            for each in some
        )
        return "[" + comma.join(objects) + "]"

    buckets = comma.join(
        f'{{"bucket"{colon}"2025-01-0{day}T00:00:00Z"{comma}"results"{colon}{listed(some)}}}'
        for day, some in ((1, items[:2]), (2, items[2:]))
    )
    return (
        f'{{"time_series"{colon}[{buckets}]{comma}"summary"{colon}{listed(items)}{comma}'
        f'"next_cursor"{colon}null{comma}"has_more"{colon}false}}'
    ).encode()


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("at", PLACES)
def test_a_field_that_some_rows_lack_is_read_fast(
    at: int, separators: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stands in its item, and in the two usual spacings."""
    monkeypatch.setattr(pages, "read_strictly", None)
    page = body([item(discount, at=at) for discount in DISCOUNTS], separators)
    found = read_page(page, ASK, kinds={})
    assert found.rows is not None
    assert found.summary is not None
    assert DISCOUNTS == found.rows.table["percent_discount"].to_list()
    assert DISCOUNTS == found.summary.table["percent_discount"].to_list()


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", ":"), (",\n ", ": ")])
@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("other", PLACES)
@pytest.mark.parametrize("twice", range(5))
def test_a_field_that_stands_twice_is_seen(
    at: int, other: int, twice: int, separators: tuple[str, str]
) -> None:
    """One item has it twice and its neighbour lacks it, so that the counts agree; it is refused."""
    items = [item(discount, at=at) for discount in DISCOUNTS]
    items[twice].insert(other, ("percent_discount", None))
    lacking = items[(twice + 1) % 5]
    lacking.remove(next(each for each in lacking if each[0] == "percent_discount"))
    with pytest.raises(ProtocolError, match="'percent_discount' twice"):
        read_page(body(items, separators), ASK, kinds={})
