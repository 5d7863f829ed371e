"""The usage table's columns, as the design has them and as every room takes them."""

from __future__ import annotations

import random
from fractions import Fraction

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from falusage import columns, summary_schema, usage_schema

USAGE = {
    "bucket": pl.Datetime("us", "UTC"),
    "bucket_end": pl.Datetime("us", "UTC"),
    "username": pl.String,
    "product": pl.String,
    "endpoint_id": pl.String,
    "unit": pl.String,
    "quantity": pl.Float64,
    "unit_price": pl.Float64,
    "percent_discount": pl.Float64,
    "cost_subtotal": pl.Float64,
    "cost_discount": pl.Float64,
    "cost": pl.Float64,
    "currency": pl.String,
    "auth_method": pl.String,
    "auth_detail": pl.String,
    "api_key_id": pl.String,
    "login_username": pl.String,
}


def test_the_tables_are_the_designs() -> None:
    """Names, order and dtypes; the summary is the same without the buckets."""
    assert list(USAGE.items()) == list(columns.USAGE.items())
    assert list(USAGE.items())[2:] == list(columns.SUMMARY.items())
    assert (1e18, 12) == (columns.ABSURD, columns.MONEY.scale)


def test_the_schemas_agree_with_the_columns() -> None:
    """Nothing is validated under another name or type than it is kept in."""
    for schema, kept in ((usage_schema(), columns.USAGE), (summary_schema(), columns.SUMMARY)):
        checked = {name: column.dtype.type for name, column in schema.columns.items()}
        assert dict(kept) == checked


@given(st.lists(st.floats(0, 1e9, allow_nan=False), max_size=60), st.randoms())
def test_a_total_is_the_same_in_any_order(costs: list[float], dice: random.Random) -> None:
    """To the last bit, and within a picocent per row of the true sum."""
    shuffled = dice.sample(costs, len(costs))
    one, other = (
        pl.DataFrame({"cost": values}, schema={"cost": pl.Float64})
        .select(columns.total("cost"))
        .item()
        for values in (costs, shuffled)
    )
    assert one == other
    true = sum(map(Fraction, costs), Fraction())
    assert abs(Fraction(one) - true) <= Fraction(len(costs), 10**12) + true / 10**15


def test_every_column_is_explained() -> None:
    """Those of a workspace, too."""
    assert set(columns.KNOWN) == set(columns.MEANINGS)
