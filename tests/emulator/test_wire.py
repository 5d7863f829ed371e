from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.contract import ORGANIZATION_USAGE
from falusage.emulator._wire import Written, cursor, items, page, page_number

ITEM = {
    "username": "acme",
    "product": "compute",
    "endpoint_id": "b",
    "unit": "second",
    "quantity": 1.0,
    "unit_price": 1.0,
    "percent_discount": 50.0,
    "cost_subtotal": 2.0,
    "cost_discount": 1.0,
    "cost_total": 1.0,
    "cost": 1.0,
    "currency": "USD",
}

DISCOUNT = ("percent_discount", "cost_subtotal", "cost_discount", "cost_total")


@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    number=st.floats(min_value=0, allow_nan=False, allow_infinity=False),
)
def test_text_and_numbers_read_back_as_they_are(text: str, number: float) -> None:
    """Any text (quotes, control characters, emoji) and any double survive the wire."""
    item = {**ITEM, "endpoint_id": text, "percent_discount": number, "auth_method": text}
    [written] = (
        pl.DataFrame([item]).select(items(ORGANIZATION_USAGE, 4, ["auth_method"])).to_series()
    )
    assert item == json.loads(written)


@pytest.mark.parametrize(
    ("text", "number"),
    [('"\\/\b\f\n\r\t\x00\x1f\x7f\u2028', 0.1), ("😀é", 5e-324), ("", 1.7976931348623157e308)],
)
def test_awkward_text_and_numbers_read_back(text: str, number: float) -> None:
    """The cases that encoders get wrong, one by one."""
    item = {**ITEM, "unit": text, "quantity": number}
    assert item == json.loads(pl.DataFrame([item]).select(items(ORGANIZATION_USAGE, 4)).item())


@pytest.mark.parametrize(
    ("detail", "key", "login", "expected"),
    [
        ("my-key", "k1", None, {"detail": "my-key", "api_key_id": "k1"}),
        ("alice", None, "al", {"detail": "alice", "login_username": "al"}),
        ("x", "k", "l", {"detail": "x", "api_key_id": "k", "login_username": "l"}),
        ("x", None, None, {"detail": "x"}),
        (None, None, None, None),
    ],
)
def test_null_members_are_left_out(
    detail: str | None, key: str | None, login: str | None, expected: dict[str, str] | None
) -> None:
    """Optional members stand only where they have a value, the object only if any has."""
    caller = {"auth_detail": detail, "api_key_id": key, "login_username": login}
    frame = pl.DataFrame([ITEM | caller], schema_overrides=dict.fromkeys(caller, pl.String))
    written = json.loads(
        frame.select(items(ORGANIZATION_USAGE, 4, ["auth_method_structured"])).item()
    )
    assert expected == written.get("auth_method_structured")


@pytest.mark.parametrize(
    ("edition", "discounts", "callers"),
    [(1, False, False), (2, False, False), (3, False, True), (4, True, True)],
)
def test_each_edition_has_its_own_members(edition: int, discounts: bool, callers: bool) -> None:
    """Products came with the second, structured callers with the third, discounts with 4."""
    caller = {"auth_method": "a", "auth_detail": "b", "api_key_id": None, "login_username": None}
    frame = pl.DataFrame([ITEM | caller])
    shown = ["auth_method", "auth_method_structured"]
    expected: dict[str, object] = {**ITEM, "auth_method": "a"}
    for name in () if discounts else DISCOUNT:
        del expected[name]
    if edition == 1:
        del expected["product"]
    if callers:
        expected["auth_method_structured"] = {"detail": "b"}
    assert expected == json.loads(frame.select(items(ORGANIZATION_USAGE, edition, shown)).item())


def test_extra_columns_are_written_with_their_nulls() -> None:
    """A newer API's fields are served as they are: scalars, lists, objects and null."""
    extra = {"is_surge": None, "tags": ["a", "b"], "meta": {"x": 1}}
    frame = pl.DataFrame([ITEM | extra])
    assert ITEM | extra == json.loads(
        frame.select(items(ORGANIZATION_USAGE, 4, extras=list(map(pl.col, extra)))).item()
    )


@given(
    buckets=st.lists(st.integers(1, 4), max_size=6),
    limit=st.integers(1, 8),
)
def test_pages_are_cuts_of_the_whole(buckets: list[int], limit: int) -> None:
    """Joined, pages of any size are all items in order, and only the last page is short."""
    label = [f"bucket {n}" for n, size in enumerate(buckets) for _ in range(size)]
    item = [f'{{"n":{n}}}' for n in range(len(label))]
    written = Written.from_lines(
        pl.DataFrame(
            {"bucket": label, "item": item}, schema=dict.fromkeys(["bucket", "item"], pl.String)
        ).with_columns(period=pl.lit(datetime(2025, 1, 1, tzinfo=UTC)))
    )
    count = max(1, math.ceil(len(label) / limit))
    pages = [json.loads(page(written, None, number=n + 1, limit=limit)) for n in range(count)]
    found = [
        [
            (bucket["bucket"], item["n"])
            for bucket in each["time_series"]
            for item in bucket["results"]
        ]
        for each in pages
    ]
    assert list(zip(label, range(len(label)), strict=True)) == [
        pair for each in found for pair in each
    ]
    assert all(len(each) == limit for each in found[:-1])
    assert [True] * (count - 1) + [False] == [each["has_more"] for each in pages]
    assert all(
        len({bucket["bucket"] for bucket in each["time_series"]}) == len(each["time_series"])
        for each in pages
    )
    past = json.loads(page(written, None, number=count + 1, limit=limit))
    assert past == {"time_series": [], "next_cursor": None, "has_more": False}


@given(st.integers(1, 10**30))
def test_cursors_read_back(number: int) -> None:
    """A cursor is the page number in base64."""
    assert number == page_number(cursor(number))


@pytest.mark.parametrize(
    "text", ["", "2", "MA==", "LTE=", "MDI=", "Mg", "Mg==\n", "Mi4w", "é", "IDI="]
)
def test_a_cursor_of_another_make_is_refused(text: str) -> None:
    """Zero, signs, leading zeros, spaces, missing padding and plain numbers are no cursors."""
    with pytest.raises(ValueError, match="cursor"):
        page_number(text)
