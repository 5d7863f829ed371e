"""Rules split a table; nothing is lost, and each rejected row says what it broke."""

from __future__ import annotations

import json
import math
import warnings
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.columns import AUTH, SUMMARY, USAGE
from falusage.errors import CostMismatchWarning, SchemaError, UnknownProductWarning
from falusage.schema import usage_schema, validate_usage
from falusage.schema.rounding import has_places
from falusage.schema.rules import SUMMARY_ROWS, USAGE_ROWS, keeps_every_rule
from falusage.schema.validation import MARKS, oddities, require_valid, validate, validate_received

ROW: dict[str, Any] = {
    "bucket": datetime(2025, 1, 15, 5, tzinfo=UTC),
    "bucket_end": datetime(2025, 1, 16, 5, tzinfo=UTC),
    "username": "acme-ml",
    "product": "model_apis",
    "endpoint_id": "fal-ai/flux/dev",
    "unit": "image",
    "quantity": 4.0,
    "unit_price": 0.1,
    "cost": 0.4,
    "currency": "USD",
}


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    """Give a usage table of the row above, changed."""
    return pl.DataFrame([{**ROW, **row} for row in rows], schema=USAGE)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"username": None}, "username: null"),
        ({"product": None}, "product: null"),
        ({"endpoint_id": None}, "endpoint_id: null"),
        ({"unit": None}, "unit: null"),
        ({"quantity": None}, "quantity: null"),
        ({"currency": None}, "currency: null"),
        ({"bucket": None}, "bucket: null"),
        ({"bucket_end": None}, "bucket_end: null"),
        ({"bucket_end": ROW["bucket"]}, "bucket_end: not after bucket"),
        ({"bucket_end": datetime(2025, 1, 15, 4, tzinfo=UTC)}, "bucket_end: not after bucket"),
        ({"quantity": -1.0}, "quantity: negative"),
        ({"unit_price": -1e-300}, "unit_price: negative"),
        ({"cost": -0.01}, "cost: negative"),
        ({"cost": 1e18}, "cost: not below 1e18"),
        ({"quantity": math.inf}, "quantity: not below 1e18"),
        ({"currency": "US"}, "currency: not three letters"),
        ({"currency": "USDT"}, "currency: not three letters"),
        ({"currency": "US1"}, "currency: not three letters"),
        ({"currency": "€€€"}, "currency: not three letters"),
        ({"currency": ""}, "currency: not three letters"),
        ({"currency": "USD\n"}, "currency: not three letters"),
    ],
)
def test_each_rule_rejects_its_rows_and_no_other(change: dict[str, Any], rule: str) -> None:
    """The row between two good ones is set aside, with its rule."""
    whole = table({}, change, {"username": "other"})
    split = validate(whole)
    assert_frame_equal(whole[[0, 2]], split.good)
    assert [[rule]] == split.bad["rules"].to_list()
    assert_frame_equal(whole[[1]], split.bad.drop("rules", "received"))


def test_not_a_number_is_rejected() -> None:
    """NaN is no quantity, whatever it compares as."""
    split = validate(table({"cost": math.nan}))
    assert (0, 1) == (split.good.height, split.bad.height)
    assert ["cost"] == sorted({rule.split(":")[0] for rule in split.bad["rules"][0]})


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"quantity": 0.0, "unit_price": 0.0, "cost": 0.0},
        {"quantity": -0.0},
        {"cost": math.nextafter(1e18, 0)},
        {"currency": "usd"},
        {"username": ""},
        {"product": "new_product"},
        {"cost": 99.0},
        {"auth_method": "None", "api_key_id": "k"},
    ],
)
def test_what_is_odd_but_allowed_is_kept(change: dict[str, Any]) -> None:
    """Zeros, new products, a cost that is not quantity × price: for a warning at most."""
    whole = table(change)
    split = validate(whole)
    assert_frame_equal(whole, split.good)
    assert (0, [*USAGE, "rules", "received"]) == (split.bad.height, split.bad.columns)


cells = st.fixed_dictionaries(
    {},
    optional={
        "username": st.none(),
        "cost": st.sampled_from([None, -1.0, 1e18, math.nan, math.inf, 0.0, 7.5]),
        "quantity": st.sampled_from([None, -2.0, 0.0]),
        "currency": st.sampled_from([None, "US", "EUR"]),
    },
)


@pytest.mark.slow
@given(st.lists(cells, max_size=12))
def test_rows_received_are_rows_kept_and_rows_set_aside(changes: list[dict[str, Any]]) -> None:
    """Whatever is broken: the two parts together are the table, in order, and none is in both."""
    whole = table(*changes) if changes else table({}).clear()
    whole = whole.with_columns(number=pl.int_range(pl.len()))

    def sound(row: dict[str, Any]) -> bool:
        numbers = [row["cost"], row["quantity"]]
        return (
            row["username"] is not None
            and row["currency"] in {"USD", "EUR"}
            and all(n is not None and 0 <= n < 1e18 for n in numbers)
        )

    good = [row["number"] for row in whole.to_dicts() if sound(row)]
    split = validate(whole)
    assert good == split.good["number"].to_list()
    assert [n for n in range(len(changes)) if n not in good] == split.bad["number"].to_list()
    assert all(len(rules) > 0 for rules in split.bad["rules"])
    assert_frame_equal(
        whole, pl.concat([split.good, split.bad.drop("rules", "received")]).sort("number")
    )


@pytest.mark.slow
@given(st.lists(cells, max_size=3))
def test_the_schema_and_the_question_agree(changes: list[dict[str, Any]]) -> None:
    """A table that keeps every rule is one in which pandera finds nothing, and the reverse."""
    from pandera.errors import SchemaErrors

    whole = table(*changes) if changes else table({}).clear()
    try:
        usage_schema().validate(whole, lazy=True)
    except SchemaErrors:
        assert not keeps_every_rule(whole, USAGE_ROWS)
    else:
        assert keeps_every_rule(whole, USAGE_ROWS)


def test_a_row_says_everything_that_it_broke() -> None:
    """One rule does not hide another."""
    split = validate(table({"cost": -1.0, "currency": "X", "unit": None}))
    assert [["cost: negative", "currency: not three letters", "unit: null"]] == [
        sorted(rules) for rules in split.bad["rules"]
    ]


def marked(whole: pl.DataFrame, *marks: list[Any]) -> pl.DataFrame:
    """Add the marks of rows that could not be typed."""
    named = zip(MARKS.items(), marks, strict=True)
    return whole.with_columns(pl.Series(name, values, dtype) for (name, dtype), values in named)


def test_a_rejected_row_is_kept_as_received() -> None:
    """As JSON: the API's own where the row could not be typed, else from the cells."""
    whole = table({}, {"cost": None}, {"cost": -1.0})
    faults = [None, [{"column": "cost", "rule": "not a number"}], None]
    split = validate_received(marked(whole, faults, [None, '{"cost":"much"}', None]))
    assert [["cost: not a number"], ["cost: negative"]] == split.bad["rules"].to_list()
    first, second = split.bad["received"]
    assert '{"cost":"much"}' == first
    assert (-1.0, "acme-ml") == (json.loads(second)["cost"], json.loads(second)["username"])
    assert "bucket_end" not in json.loads(second)
    assert_frame_equal(table({}), split.good)
    assert [*USAGE, "rules", "received"] == split.bad.columns


def test_a_row_that_was_wrong_before_its_cells_were_is_rejected() -> None:
    """What could not be typed is rejected even where every cell keeps the rules."""
    faults = [[{"column": "auth_method", "rule": "not a text"}], None]
    split = validate_received(marked(table({}, {}), faults, ["{}", None]))
    assert [["auth_method: not a text"]] == split.bad["rules"].to_list()
    assert 1 == split.good.height


def test_what_was_broken_is_data_too() -> None:
    """Rule and column of each rejected row, beside the words."""
    whole = table({}, {"cost": None}, {"cost": -1.0, "currency": "X"})
    faults = [None, [{"column": "cost", "rule": "not a number"}], None]
    split = validate_received(marked(whole, faults, [None, "{}", None]))
    assert [
        (0, "cost", "not a number"),
        (1, "cost", "negative"),
        (1, "currency", "not three letters"),
    ] == split.broken.sort("row", "column").rows()


def test_new_columns_pass_unchecked() -> None:
    """A field that nobody knows is kept on both sides."""
    whole = table({}, {"cost": -1.0}).with_columns(tier=pl.Series(["a", "b"]))
    split = validate(whole)
    assert (["a"], ["b"]) == (split.good["tier"].to_list(), split.bad["tier"].to_list())


def test_a_summary_has_its_own_rules() -> None:
    """The same, without buckets."""
    summary = table({}, {"cost": -1.0}).select(*SUMMARY)
    split = validate(summary, SUMMARY_ROWS)
    assert (1, [["cost: negative"]]) == (split.good.height, split.bad["rules"].to_list())
    with pytest.raises(SchemaError, match="not a usage table: no bucket; no bucket_end"):
        validate(summary)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (table({}).drop("cost"), "no cost"),
        (table({}).with_columns(pl.col("cost").cast(pl.String)), "cost is String, not Float64"),
        (
            table({}).with_columns(pl.col("bucket").dt.replace_time_zone(None)),
            r"bucket is Datetime\(.*\), not",
        ),
        (table({}).with_columns(pl.col("bucket").dt.cast_time_unit("ms")), "bucket is Datetime"),
    ],
)
def test_a_table_that_is_none_is_refused_whole(broken: pl.DataFrame, words: str) -> None:
    """A column that is missing or of another type is no row's fault."""
    with pytest.raises(SchemaError, match=words) as refused:
        validate(broken)
    assert "Expected the columns bucket, bucket_end, username" in str(refused.value)
    assert isinstance(refused.value.failures, pl.DataFrame)


def test_refusing_counts_the_rules_and_hands_over_the_rows() -> None:
    """The message is for people, `failures` for programs."""
    bad = validate(table(*[{"cost": -1.0}] * 3, {"unit": None})).bad
    with pytest.raises(
        SchemaError, match=r"4 of the 9 rows break .*cost: negative \(3\), unit: null \(1\)"
    ) as refused:
        require_valid(bad, what="9 rows")
    assert_frame_equal(bad, refused.value.failures)
    require_valid(bad.clear(), what="9 rows")


def test_oddities_are_said_in_their_own_categories() -> None:
    """Each once, with how many rows or which names."""
    odd = table({"cost": 0.5}, {"cost": 9.0}, {"product": "zeta"}, {"product": "alpha"})
    with pytest.warns() as told:
        (oddities(odd[:2]) + oddities(odd[2:])).warn()
    assert [CostMismatchWarning, UnknownProductWarning] == [w.category for w in told]
    assert str(told[0].message).startswith(
        "2 of 4 rows have a cost that quantity × unit_price, less the discount, does not explain"
    )
    assert "unknown product 'alpha', 'zeta': kept as it is" == str(told[1].message)


@pytest.mark.parametrize(
    "change",
    [
        {"percent_discount": 20.0},
        {"percent_discount": 20.0, "cost": 0.33},
        {"percent_discount": 20.0, "cost": 0.3201},
        {"percent_discount": 20.0, "cost": 0.32, "cost_subtotal": 0.5, "cost_discount": 0.08},
        {"percent_discount": 20.0, "cost": 0.32, "cost_subtotal": 0.4, "cost_discount": 0.0},
        {"unit_price": 0.1234567, "cost": 0.4901},
    ],
)
def test_what_neither_discount_nor_rounding_explains_is_an_oddity(change: dict[str, Any]) -> None:
    """A discount that was not taken, or parts that make another cost."""
    with pytest.warns(CostMismatchWarning, match="1 of 1 rows"):
        oddities(table(change)).warn()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"quantity": 1e9, "unit_price": 1 / 3, "cost": 1e9 / 3},
        {"cost": 0.4000004},
        {"quantity": 0.0, "cost": 0.0},
        {"unit_price": 0.1234567, "cost": 0.49},
        {"percent_discount": 33.3, "cost": 0.4 * (1 - 33.3 / 100)},
        {"percent_discount": 33.3, "cost": 0.27},
        {"percent_discount": 100.0, "cost": 0.0, "cost_subtotal": 0.4, "cost_discount": 0.4},
        {"percent_discount": 33.3, "cost": 0.27, "cost_subtotal": 0.4, "cost_discount": 0.1332},
        {"percent_discount": 33.3, "cost": 0.27, "cost_subtotal": 0.4, "cost_discount": 0.13},
        {"percent_discount": 33.3, "cost": 0.267, "cost_subtotal": 0.4, "cost_discount": 0.134},
        {"percent_discount": 20.0, "cost": 0.32, "cost_subtotal": None, "cost_discount": 0.08},
    ],
)
def test_rounding_is_no_oddity(change: dict[str, Any]) -> None:
    """A millionth, absolute or relative, is how others round."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oddities(table(change)).warn()
        oddities(table({}).clear()).warn()


def test_a_table_of_ones_own_is_split_as_a_load_is() -> None:
    """Columns that may be null may be missing, and further ones stay."""
    optional = ("percent_discount", "cost_subtotal", "cost_discount", *AUTH)
    own = table({}, {"cost": -1.0}, {"currency": "dollars"}).drop(optional)
    own = own.with_columns(note=pl.Series(["a", "b", "c"]))

    good, rejected = validate_usage(own)

    assert_frame_equal(own.head(1), good)
    assert ["b", "c"] == rejected["note"].to_list()
    assert [["cost: negative"], ["currency: not three letters"]] == rejected["rules"].to_list()
    assert usage_schema().validate(good).equals(good)


def test_a_table_of_ones_own_is_warned_of_as_a_load_is() -> None:
    """Of a cost that nothing explains, in rows that are valid."""
    with pytest.warns(CostMismatchWarning, match="1 of 1 rows"):
        validate_usage(table({"percent_discount": 20.0}, {"cost": -1.0}))


@pytest.mark.parametrize("other", [table({}).lazy(), table({}).to_arrow(), None, "usage"])
def test_only_a_frame_with_its_rows_is_split(other: Any) -> None:
    """The message says what to do with a LazyFrame, and with another library's table."""
    with pytest.raises(
        SchemaError, match=r"frame is a .*collect a LazyFrame.*wrap another"
    ) as error:
        validate_usage(other)
    assert error.value.failures.is_empty()


@pytest.mark.parametrize(
    ("number", "places", "holds"),
    [
        (0.25, 2, True),
        (0.255, 2, False),
        (0.1 + 0.2, 2, True),
        (689_759_410_889.19, 2, True),
        (689_759_410_889.25, 1, False),
        (0.0, 2, True),
    ],
)
def test_how_many_decimals_a_number_has(number: float, places: int, holds: bool) -> None:
    """The noise of doubles is no decimal; an expression and an array answer alike."""
    numbers = pl.Series("cost", [number])
    assert holds == has_places(numbers.to_numpy(), places).item()
    assert holds == numbers.to_frame().select(has_places(pl.col("cost"), places)).item()
