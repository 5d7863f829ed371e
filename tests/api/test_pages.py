"""A page's bytes become the columns that they say, or are refused: never anything else."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage import timeframes
from falusage.api._pages import page as pages
from falusage.api._pages.page import Page, read_page
from falusage.api.asks import Ask, asks
from falusage.api.query import UsageQuery
from falusage.columns import AUTH, USAGE
from falusage.errors import AlignmentError, FalUsageError, PaginationError, ProtocolError
from falusage.schema.validation import FAULTS, MARKS
from falusage.transforms import rollup
from tests.api.answer_oracle import OutsideError, understood

DAYS = ("2025-01-01T00:00:00Z", "2025-01-02T00:00:00+00:00", "2025-01-02T19:00:00-05:00")


def ask(*, auth: bool = True, structured: bool = True, summary: bool = False, **query: Any) -> Ask:
    """Ask for four days of UTC, by day."""
    asked = UsageQuery(
        "2025-01-01",
        "2025-01-05",
        timeframe="day",
        auth_method=auth,
        auth_method_structured=structured,
        **query,
    )
    return next(asks(asked, time_series=True, summary=summary))


ASK = ask()
PLAIN = ask(auth=False, structured=False)
KEYED = ask(structured=False)


words = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    [
        "null",
        "true",
        'a "quoted" name',
        "back\\slash",
        "5",
        "-1e5",
        "nan",
        "type: gpu (a, b)",
        "é😀",
    ]
)
amounts = (
    st.integers(0, 2**70)
    | st.floats(0, 1e17, allow_nan=False)
    | st.sampled_from([0.1, 1 / 3, 2**53 + 1, 5e-324, 1e23])
)
scalars = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(-1e9, 1e9) | words
items = st.fixed_dictionaries(
    {
        "username": words,
        "product": st.sampled_from(["model_apis", "serverless", "compute"]),
        "endpoint_id": words,
        "unit": words,
        "quantity": amounts,
        "unit_price": amounts,
        "cost": amounts,
        "currency": st.sampled_from(["USD", "EUR"]),
    },
    optional={
        "percent_discount": st.none() | st.floats(0, 100),
        "cost_subtotal": st.none() | amounts,
        "cost_discount": amounts,
        "cost_total": st.none() | amounts,
        "auth_method": st.none() | words,
        "auth_method_structured": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "detail": st.none() | words,
                "api_key_id": st.none() | words,
                "login_username": st.none() | words,
            },
        ),
    },
)
extras = st.dictionaries(
    st.sampled_from(["percent_discount", "nullable", "region", "tier", "cost_discount"]),
    scalars,
    max_size=2,
)


@st.composite
def envelopes(draw: st.DrawFn) -> dict[str, Any]:
    """Valid answers of three days; in half of them every item has the same unknown fields."""
    shared = draw(st.just({}) | extras)
    entries = [
        {
            "bucket": day,
            "results": [
                {**item, **(draw(extras) if shared else {})}
                for item in draw(st.lists(items, max_size=3))
            ],
        }
        for day in DAYS
    ]
    cursor = draw(st.none() | words)
    return {"next_cursor": cursor, "has_more": cursor is not None, "time_series": entries}


def spelt(value: Any, dice: random.Random) -> str:
    """Write a value as JSON, in one of the many ways to spell it."""
    gap = dice.choice(["", "", " ", "\n\t"])
    if isinstance(value, dict):
        pairs = list(value.items())
        dice.shuffle(pairs)
        inner = [f"{gap}{spelt(n, dice)}{gap}:{gap}{spelt(v, dice)}" for n, v in pairs]
        return "{" + ",".join(inner) + gap + "}"
    if isinstance(value, list):
        return "[" + ",".join(gap + spelt(v, dice) for v in value) + gap + "]"
    if isinstance(value, str):
        return '"' + "".join(_letter(c, dice) for c in value) + '"'
    if type(value) is float and dice.random() < 0.5:
        return dice.choice([f"{value:.17e}", f"{value:.17E}", f"{value!r}"])
    if type(value) is int and value < 2**53 and dice.random() < 0.3:
        return f"{value}.0"
    return json.dumps(value)


def _letter(letter: str, dice: random.Random) -> str:
    if letter in '"\\' or ord(letter) < 32 or dice.random() < 0.05:
        return json.dumps(letter)[1:-1]
    return letter if dice.random() < 0.95 or letter.isalnum() else json.dumps(letter)[1:-1]


def body_of(envelope: dict[str, Any], seed: int) -> bytes:
    """Give an answer's bytes; seed 0 is how most servers write them."""
    if seed == 0:
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return spelt(envelope, random.Random(seed)).encode()


def rows_of(body: bytes, asked: Ask) -> pl.DataFrame:
    """Read a page's rows."""
    rows = read_page(body, asked, kinds={}).rows
    assert rows is not None
    return rows.table


def assert_says(page: Page, body: bytes) -> None:
    """Hold a page against what Python's json makes of its bytes."""
    try:
        expected, broken, cursor = understood(body)
    except OutsideError as error:
        raise AssertionError(f"accepted, though {error}: {body!r}") from None
    assert cursor == page.next_cursor
    assert page.rows is not None
    told = page.rows.table.drop(*MARKS, strict=False).to_dicts()
    assert len(expected) == len(told)
    unknown = [n for n in dict.fromkeys(n for row in expected for n in row) if n not in USAGE]
    assert set(unknown) <= set(page.rows.table.columns), body
    for name in unknown:
        if page.rows.kinds[name] == "json":
            for row in told:
                row[name] = None if row[name] is None else json.loads(row[name])
    for want, got in zip(expected, told, strict=True):
        assert want == {name: got[name] for name in want}, body
        assert all(value is None for name, value in got.items() if name not in want), body
        assert all(type(got[n]) is type(want[n]) for n in want if type(want[n]) is bool), body
    faults = page.rows.table.get_column(FAULTS, default=pl.Series([None] * len(told)))
    assert broken == [at for at, fault in enumerate(faults) if fault is not None], body


@given(envelopes(), st.integers(0, 3))
def test_a_valid_page_is_read_as_it_says(envelope: dict[str, Any], seed: int) -> None:
    """However a page is spelt, its rows are what Python's json says, to the last bit."""
    body = body_of(envelope, seed)

    page = read_page(body, ASK, kinds={})
    assert_says(page, body)
    assert page.rows is not None
    assert_says(read_page(body, ASK, kinds=page.rows.kinds), body)


def edited(body: bytes, dice: random.Random) -> bytes:
    """Spoil a page at one place."""
    at = dice.randrange(len(body))
    match dice.randrange(4):
        case 0:
            return body[:at] + body[at + 1 :]
        case 1:
            return body[:at] + bytes([dice.choice(b'0159-+.eE"\\{}[],: ntfu\x00\xff')]) + body[at:]
        case 2:
            return (
                body[:at]
                + bytes([dice.choice(b'0159-+.eE"\\{}[],: ntfu\x00\xff')])
                + body[at + 1 :]
            )
        case _:
            return body[:at] + body[at : at + dice.randrange(1, 30)] + body[at:]


FIELDS = (
    "username", "unit", "cost", "cost_total", "percent_discount", "cost_subtotal", "quantity",
    "currency", "auth_method", "x", "nullable",
)  # fmt: skip
STRANGE = ["5", "null", "true", '"7"', '"null"', "[]", "[1]", "{}", "-1", '"x"', '{"detail":3}']


def with_strange_members(envelope: dict[str, Any], dice: random.Random) -> bytes:
    """Drop, repeat, retype and add members, several at once, so that counts may still agree."""
    text = json.dumps(envelope, separators=(",", ":"))
    for _ in range(dice.randrange(1, 4)):
        spots = [n for n in range(len(text)) if text.startswith('"username":', n)]
        if not spots:
            break
        spot = dice.choice(spots)
        name = dice.choice(FIELDS)
        found = text.find(f'"{name}":', spot)
        match dice.randrange(3):
            case 0:
                text = f'{text[:spot]}"{name}":{dice.choice(STRANGE)},{text[spot:]}'
            case 1 if found > 0:
                end = text.find(",", found)
                text = text[:found] + text[end + 1 :]
            case 2 if found > 0:
                end = text.find(",", found)
                text = f'{text[:found]}"{name}":{dice.choice(STRANGE)}{text[end:]}'
            case _:
                pass
    return text.encode()


def assert_told_or_refused(body: bytes, asked: Ask) -> None:
    """Hold what is read, whatever fields earlier pages had, against the second opinion."""
    for kinds in ({}, {"x": "int"}, {"nullable": "null"}, {"x": "string", "nullable": "float"}):
        try:
            page = read_page(body, asked, kinds=kinds)
        except FalUsageError:
            continue
        assert_says(page, body)


@given(envelopes(), st.integers(0, 2), st.randoms(use_true_random=False))
def test_a_spoilt_page_is_refused_or_read_as_it_says(
    envelope: dict[str, Any], seed: int, dice: random.Random
) -> None:
    """No edit of a page's bytes gives a table other than the one that they now say."""
    body = body_of(envelope, seed)
    for _ in range(dice.randrange(1, 3)):
        body = edited(body, dice)
    assert_told_or_refused(body, ASK)


@given(envelopes(), st.randoms(use_true_random=False))
def test_strange_members_are_refused_or_read_as_they_say(
    envelope: dict[str, Any], dice: random.Random
) -> None:
    """Members dropped, repeated, retyped and added never cancel out."""
    assert_told_or_refused(with_strange_members(envelope, dice), ASK)


ITEM = (
    '"username":"a","product":"compute","endpoint_id":"e","unit":"s","quantity":1,"unit_price":2,'
    '"cost":2,"currency":"USD"'
)


def page_of(item: str = ITEM, envelope: str = '"next_cursor":null,"has_more":false') -> bytes:
    """Write a page of one item."""
    series = f'[{{"bucket":"2025-01-01T00:00:00Z","results":[{{{item}}}]}}]'
    return f'{{{envelope},"time_series":{series}}}'.encode()


def instead(old: str, new: str, *, more: str = "") -> str:
    """Write the item with one thing changed."""
    return ITEM.replace(old, new) + more


@pytest.mark.parametrize(
    ("body", "asked"),
    {
        "a name twice beside a text 'null'": (
            page_of(instead('"a"', '"null"', more=',"cost":9')),
            KEYED,
        ),
        "a new field beside a text 'null'": (
            page_of(instead('"a"', '"null"', more=',"x":9')),
            KEYED,
        ),
        "a new field with null in its name": (page_of(ITEM + ',"nullable":9'), KEYED),
        "a new null beside a member left out": (
            page_of(ITEM + ',"auth_method":"k","auth_method_structured":{"detail":"d"},"x":null'),
            ASK,
        ),
        "a number for a text, and a name twice": (
            page_of(instead('"a"', "5", more=',"cost":9')),
            PLAIN,
        ),
        "a number for a text, and a new field": (
            page_of(instead('"a"', "5", more=',"x":9')),
            PLAIN,
        ),
        "a number for a key, and a new field": (
            page_of(ITEM + ',"auth_method_structured":{"detail":"d","api_key_id":12,"x":9}'),
            ASK,
        ),
        "no next_cursor, beside a text 'null'": (
            page_of(instead('"a"', '"null"'), '"has_more":false,"x":9'),
            PLAIN,
        ),
        "no next_cursor, beside an item with one": (
            page_of(ITEM + ',"next_cursor":null', '"has_more":false'),
            PLAIN,
        ),
        "a number for a cursor": (page_of(envelope='"next_cursor":5,"has_more":true,"x":5'), PLAIN),
        "a number for a bucket": (
            page_of().replace(b'"2025-01-01T00:00:00Z"', b'20250101,"x":5'),
            PLAIN,
        ),
        "half a surrogate pair": (page_of(instead('"a"', r'"\ud800"')), PLAIN),
        "a backslash before a text's end": (page_of(instead('"a"', r'"a\\"')), PLAIN),
        "a name twice, beside an item without it": (
            page_of(ITEM + ',"auth_method":"k","auth_method":null},{' + ITEM),
            KEYED,
        ),
    }.values(),
)
def test_what_cancels_out_in_the_count_is_not_let_through(body: bytes, asked: Ask) -> None:
    """A quote too many here does not pay for one too few there."""
    assert_told_or_refused(body, asked)


def test_a_field_that_was_null_so_far_keeps_its_kind_when_it_comes() -> None:
    """A page whose values are the first of their field says of what kind they are."""
    page = read_page(page_of(ITEM + ',"region":"eu"'), PLAIN, kinds={"region": "null"})
    assert page.rows is not None
    assert {"region": "string"} == dict(page.rows.kinds)


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        instead('"a"', '"Zoë \\"Z\\" 😀"'),
        instead('"cost":2', '"cost":2.5e-3'),
        ITEM + ',"auth_method_structured":{"detail":"d","api_key_id":"k"}',
        ITEM + ',"auth_method":null,"auth_method_structured":null',
    ],
)
def test_a_plain_page_is_read_fast(item: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API sends every day does not take the careful path."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read with care")

    monkeypatch.setattr(pages, "read_strictly", refuse)
    page = read_page(page_of(item), ASK, kinds={})
    assert_says(page, page_of(item))


def items_of(*changes: dict[str, Any]) -> str:
    """Write items of the fourth edition, each with some members changed; `...` takes one away."""
    written: list[str] = []
    for change in changes:
        item = json.loads("{" + ITEM + "}") | {
            "percent_discount": 50.0,
            "cost_subtotal": 2,
            "cost_discount": 1,
            "cost_total": 1,
            "cost": 1,
        }
        item["currency"] = item.pop("currency")  # the API's last, or nulls are read with care
        item = {name: value for name, value in (item | change).items() if value is not ...}
        written.append(json.dumps(item, separators=(",", ":"))[1:-1])
    return "},{".join(written)


NO_DISCOUNT = {"percent_discount": None, "cost_discount": 0, "cost_total": 2, "cost": 2}


@pytest.mark.parametrize(
    "items",
    [
        items_of({}),
        items_of({}, NO_DISCOUNT, {}),
        items_of(NO_DISCOUNT, NO_DISCOUNT),
        items_of({"cost": ...}, {"cost": ...}),
        items_of({"cost_total": ...}, {"cost_total": ...}),
        items_of({"cost": ..., "percent_discount": None}, {"cost": ...}),
    ],
)
def test_a_page_of_the_fourth_edition_is_read_fast(
    items: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With discounts on some rows and null on others, and with either name of the charge."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read with care")

    monkeypatch.setattr(pages, "read_strictly", refuse)
    assert_says(read_page(page_of(items), PLAIN, kinds={}), page_of(items))


def test_a_discount_late_on_a_page_is_read_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that the page's beginning lacks is read as well as one that is always there."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read with care")

    monkeypatch.setattr(pages, "read_strictly", refuse)
    plain = dict.fromkeys(("percent_discount", "cost_subtotal", "cost_discount"), ...)
    body = page_of(items_of(*[plain] * 500, {}))
    page = read_page(body, PLAIN, kinds={})
    assert body.index(b"percent_discount") > 2**16
    assert_says(page, body)
    assert page.rows is not None
    assert [50.0] == page.rows.table["percent_discount"].drop_nulls().to_list()


DAMAGE: list[dict[str, Any]] = [
    {name: value}
    for name in ("percent_discount", "cost_subtotal", "cost_discount", "cost_total", "cost")
    for value in (..., None, -1, 101, 1e18, "1", True, [1], {"a": 1}, 1.0000000001, 1.00001)
]


@pytest.mark.parametrize("also", [{}, {"cost": ...}, {"cost_total": ...}, NO_DISCOUNT])
@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_both_readers_read_the_same_damaged_page(
    damage: dict[str, Any], also: dict[str, Any]
) -> None:
    """Whether it is read fast or, for its spacing, with care: as Python's json says."""
    body = page_of(items_of({}, also | damage, also))
    careful = body.replace(b'"has_more":', b'"has_more":   ')
    fast, slow = (read_page(each, PLAIN, kinds={}) for each in (body, careful))
    assert_says(fast, body)
    assert_says(slow, careful)
    assert fast.rows is not None
    assert slow.rows is not None
    known = list(USAGE)
    assert_frame_equal(fast.rows.table.select(known), slow.rows.table.select(known))


def test_columns_and_types_are_the_usage_tables() -> None:
    """A page has the usage table's columns, in order, null where not asked for."""
    for body in (page_of(), page_of(ITEM + ',"tier":1')):
        rows = rows_of(body, PLAIN)
        assert list(USAGE.items()) == list(rows.schema.items())[: len(USAGE)]
        assert [1] * len(AUTH) == [rows[name].null_count() for name in AUTH]


def test_empty_buckets_and_empty_pages_have_no_rows() -> None:
    """A bucket without results brings no row of nulls."""
    empty = page_of("").replace(b"{}", b"")
    none = b'{"next_cursor":null,"has_more":false,"time_series":[]}'
    for body in (empty, none):
        rows = rows_of(body, PLAIN)
        assert (0, dict(USAGE)) == (rows.height, dict(rows.schema))


def test_the_summary_is_read_where_it_was_asked_for() -> None:
    """A summary is a table of its own; a later page may come without."""
    asked = ask(auth=False, structured=False, summary=True)
    whole = page_of().replace(b"]}]}", b']}],"summary":[{' + ITEM.encode() + b"}]}")
    page = read_page(whole, asked, kinds={})
    assert page.summary is not None
    assert ["a"] == page.summary.table["username"].to_list()
    assert page.summary.table.columns == [name for name in USAGE if not name.startswith("bucket")]
    assert read_page(page_of(), asked, kinds={}).summary is None


def test_has_more_and_the_cursor_must_agree() -> None:
    """One says that there is more, the other that there is not: no guess is made."""
    for envelope in ('"next_cursor":null,"has_more":true', '"next_cursor":"Mg==","has_more":false'):
        with pytest.raises(PaginationError, match="has_more is"):
            read_page(page_of(envelope=envelope), PLAIN, kinds={})


@pytest.mark.parametrize(
    ("filters", "row", "word"),
    [
        ({"team_username": "b"}, ITEM, "username 'a'"),
        ({"product": "serverless"}, ITEM, "product 'compute'"),
        ({"endpoint_id": ["x", "y"]}, ITEM, "endpoint_id 'e'"),
        (
            {"api_key_id": "k1"},
            ITEM + ',"auth_method_structured":{"api_key_id":"k2"}',
            "api_key_id 'k2'",
        ),
    ],
)
def test_a_row_that_was_not_asked_for_is_refused(
    filters: dict[str, Any], row: str, word: str
) -> None:
    """A filter that the server forgot is noticed, on either path and in the summary."""
    for spoil in ("", ',"new":1'):
        with pytest.raises(ProtocolError, match=word):
            read_page(page_of(row + spoil), ask(**filters), kinds={})
    asked = ask(summary=True, **filters)
    summed = b'{"next_cursor":null,"has_more":false,"time_series":[],"summary":[{%s}]}'
    with pytest.raises(ProtocolError, match=word):
        read_page(summed % row.encode(), asked, kinds={})


@pytest.mark.parametrize(
    ("bucket", "word"),
    [
        ("2024-12-31T23:59:59Z", "outside the window"),
        ("2025-01-05T00:00:00Z", "outside the window"),
        ("2025-01-01", "no UTC offset"),
        ("2025-01-01T00:00:00", "no UTC offset"),
        ("noon", "not an ISO 8601 instant"),
    ],
)
def test_a_bucket_must_be_an_instant_of_the_window(bucket: str, word: str) -> None:
    """A bucket outside the window, or without an offset, is refused."""
    body = page_of().replace(b"2025-01-01T00:00:00Z", bucket.encode())
    with pytest.raises(ProtocolError, match=word):
        read_page(body, PLAIN, kinds={})


def test_a_bucket_ends_where_the_next_one_begins_in_the_querys_zone() -> None:
    """The night of a clock change has a day of 23 hours."""
    query = UsageQuery("2025-03-08", "2025-03-11", timezone="America/New_York", timeframe="day")
    (asked,) = asks(query, time_series=True, summary=False)
    body = page_of().replace(b"2025-01-01T00:00:00Z", b"2025-03-09T00:00:00-05:00")
    rows = rows_of(body, asked)
    assert ["2025-03-09T05:00:00+00:00", "2025-03-10T04:00:00+00:00"] == [
        rows[name].item().isoformat() for name in ("bucket", "bucket_end")
    ]


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        ("1 2", "int", [1, 2]),
        ("1 2.5", "float", [1.0, 2.5]),
        ("9007199254740993 1", "long", [9007199254740993, 1]),
        ("9007199254740993 2.5", "json", ["9007199254740993", "2.5"]),
        ("18446744073709551616 1", "json", ["18446744073709551616", "1"]),
        ("true null", "bool", [True, None]),
        ("true 1", "json", ["true", "1"]),
        ('"é" null', "string", ["é", None]),
        ('"é" 1', "json", ['"é"', "1"]),
        ('[1] {"a":"é"}', "json", ["[1]", '{"a": "é"}']),
        ("null null", "null", [None, None]),
    ],
)
def test_a_new_field_is_kept_as_what_it_is(values: str, kind: str, kept: list[Any]) -> None:
    """Scalars of one kind stay what they are; all else, and what no number holds, is JSON text."""
    first, second = values.split()
    page = read_page(page_of(f'{ITEM},"new":{first}}},{{{ITEM},"new":{second}'), PLAIN, kinds={})
    assert page.rows is not None
    assert {"new": kind} == dict(page.rows.kinds)
    assert kept == page.rows.table["new"].to_list()
    assert [type(value) for value in kept] == [type(value) for value in page.rows.table["new"]]
    assert "new" == page.rows.table.columns[-1]


def test_a_new_field_does_not_take_a_columns_place() -> None:
    """A field named as a column of ours is kept beside it."""
    sent = ',"bucket_end":"later","auth_detail":"me","bucket_end_sent":1'
    rows = rows_of(page_of(ITEM + sent), PLAIN)
    assert [("later", "me", 1)] == rows.select(
        "bucket_end_sent", "auth_detail_sent", "bucket_end_sent_sent"
    ).rows()


def test_a_new_field_without_a_name_is_kept() -> None:
    """No frame has a column of an empty name, so it gets one."""
    rows = rows_of(page_of(ITEM + ',"":"x"'), PLAIN)
    assert ["x"] == rows["_sent"].to_list()


@pytest.mark.parametrize("number", ["1" * 101, "1." + "0" * 100, "1e999", "NaN", "-Infinity"])
def test_absurd_numbers_are_refused(number: str) -> None:
    """A number longer than any double needs, or beyond them all, is no line item's."""
    with pytest.raises(ProtocolError):
        read_page(page_of(instead('"cost":2', f'"cost":{number}')), PLAIN, kinds={})
    at_the_end = instead('"cost":2,', "", more=f',"cost":{number}')
    with pytest.raises(ProtocolError):
        read_page(page_of(at_the_end), PLAIN, kinds={})


def test_the_largest_numbers_that_are_read_are_finite() -> None:
    """1e308 is read, for the rules to judge; nothing becomes infinite."""
    rows = rows_of(page_of(instead('"cost":2', '"cost":1e308')), PLAIN)
    assert math.isfinite(rows["cost"].item())


@pytest.mark.parametrize(
    ("timezone", "timeframe", "bucket", "end"),
    [
        ("America/New_York", "day", "2025-01-14T00:00:00Z", "2025-01-15T00:00:00+00:00"),
        ("UTC", "day", "2025-01-15T00:00:00-05:00", "2025-01-16T05:00:00+00:00"),
        ("UTC", "week", "2025-01-12T00:00:00Z", "2025-01-19T00:00:00+00:00"),
        ("UTC", "month", "2025-01-01T00:00:00-05:00", "2025-02-01T05:00:00+00:00"),
        ("Asia/Kolkata", "hour", "2025-01-14T00:00:00Z", "2025-01-14T01:00:00+00:00"),
    ],
)
def test_a_bucket_of_another_calendar_keeps_its_own_length(
    timezone: str, timeframe: Any, bucket: str, end: str
) -> None:
    """Where a server forgot the zone, or its weeks begin on Sunday, no transform cuts a bucket."""
    query = UsageQuery("2025-01-06", "2025-01-20", timezone=timezone, timeframe=timeframe)
    (asked,) = asks(query, time_series=True, summary=False)
    body = page_of().replace(b"2025-01-01T00:00:00Z", bucket.encode())
    rows = rows_of(body, asked)
    assert [end] == [at.isoformat() for at in rows["bucket_end"]]
    with pytest.raises(AlignmentError):
        rollup(rows, every=timeframes.EVERY[timeframe], timezone=timezone)


@pytest.mark.parametrize("bucket", ["2025-01-06T00:00:00Z", "2025-01-06T12:00:00Z"])
def test_the_first_bucket_of_a_loose_range_may_begin_before_it(bucket: str) -> None:
    """Where the ends are not widened, either the day's start or the range's is its name."""
    query = UsageQuery(
        "2025-01-06T12:00:00Z", "2025-01-08", timeframe="day", bound_to_timeframe=False
    )
    (asked,) = asks(query, time_series=True, summary=False)
    body = page_of().replace(b"2025-01-01T00:00:00Z", bucket.encode())
    rows = rows_of(body, asked)
    assert ["2025-01-07T00:00:00+00:00"] == [at.isoformat() for at in rows["bucket_end"]]
