"""What `pivot` promises: every sum in its cell, and no cell lost to a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import AlignmentError, QueryError
from falusage.transforms import pivot, rollup
from tests.transforms.random_tables import tables, zones

START = datetime(2025, 1, 1, tzinfo=UTC)
USAGE = pl.DataFrame(
    {
        "bucket": START,
        "bucket_end": START + timedelta(hours=24),
        "username": ["ads", "ads", "labs", "shop"],
        "product": ["compute", "model_apis", "model_apis", "serverless"],
        "endpoint_id": ["h100", "flux", "flux", "fn"],
        "unit": ["second", "image", "image", "second"],
        "quantity": [10.0, 20.0, 40.0, 5.0],
        "cost": [1.0, 2.0, 4.0, 0.5],
        "currency": ["USD", "USD", "USD", "USD"],
    },
    schema_overrides={
        "bucket": pl.Datetime("us", "UTC"),
        "bucket_end": pl.Datetime("us", "UTC"),
    },
)


def test_rows_by_columns_with_zeros_and_a_total() -> None:
    """Columns by falling total, zero where nothing was spent."""
    expected = pl.DataFrame(
        {
            "username": ["ads", "labs", "shop"],
            "currency": "USD",
            "model_apis": [2.0, 4.0, 0.0],
            "compute": [1.0, 0.0, 0.0],
            "serverless": [0.0, 0.0, 0.5],
            "total": [3.0, 4.0, 0.5],
        }
    )

    assert_frame_equal(expected, pivot(USAGE, index="username", on="product", totals=True))


def test_periods_are_rows_in_the_zone() -> None:
    """`period` leads the index."""
    wide = pivot(USAGE, index=(), on="product", every="1mo")

    assert ["period", "currency", "model_apis", "compute", "serverless"] == wide.columns
    assert [START] == wide["period"].to_list()


def test_a_lazyframe_gives_a_lazyframe() -> None:
    """The kind is kept, though the sums are collected for the names of the columns."""
    lazy = pivot(USAGE.lazy(), index="username", on="product")

    assert isinstance(lazy, pl.LazyFrame)
    assert_frame_equal(pivot(USAGE, index="username", on="product"), lazy.collect())


def test_mixed_currencies_are_ordered_without_adding_them() -> None:
    """A column is as large as its largest share of a currency: 1 EUR here outweighs 2 USD."""
    usage = USAGE.with_columns(
        currency=pl.when(pl.col("product") == "serverless")
        .then(pl.lit("EUR"))
        .otherwise("currency")
    )

    wide = pivot(usage, index="username", on="product")

    assert ["serverless", "model_apis", "compute"] == wide.columns[2:]
    assert ["USD", "USD", "EUR"] == wide["currency"].to_list()


def test_a_currency_without_cost_comes_last() -> None:
    """No share of nothing outweighs a share of something."""
    usage = USAGE.with_columns(
        cost=pl.when(pl.col("product") == "serverless").then(0.0).otherwise("cost"),
        currency=pl.when(pl.col("product") == "serverless")
        .then(pl.lit("EUR"))
        .otherwise("currency"),
    )

    wide = pivot(usage, index="username", on="product")

    assert ["model_apis", "compute", "serverless"] == wide.columns[2:]


def test_equal_totals_fall_by_name() -> None:
    """Ties fall the same way on every run."""
    wide = pivot(USAGE.with_columns(cost=0.0), index="username", on="product")

    assert ["compute", "model_apis", "serverless"] == wide.columns[2:]


def test_several_columns_name_a_column_together() -> None:
    """Combinations are named as Polars' own pivot does, so that quantities keep their unit."""
    wide = pivot(USAGE, index="username", on=["endpoint_id", "unit"], values="quantity")

    assert {'{"flux","image"}', '{"h100","second"}', '{"fn","second"}'} == set(wide.columns[2:])
    assert [20.0, 40.0, 0.0] == wide['{"flux","image"}'].to_list()


@pytest.mark.parametrize("name", ["*", "^.*$", "^flux|total$"])
def test_a_name_is_no_pattern(name: str) -> None:
    """What Polars would read as many columns names one."""
    usage = USAGE.with_columns(endpoint_id=pl.col("endpoint_id").replace("fn", name))

    wide = pivot(usage, index="username", on="endpoint_id", totals=True)

    assert ["username", "currency", "flux", "h100", name, "total"] == wide.columns
    assert [3.0, 4.0, 0.5] == wide["total"].to_list()
    assert [0.0, 0.0, 0.5] == wide[name].to_list()


def test_nulls_are_a_column_and_a_row() -> None:
    """Cost without an auth_method is not lost, on either side."""
    usage = USAGE.with_columns(auth_method=pl.lit(None, dtype=pl.String))

    assert [3.0, 4.0, 0.5] == pivot(usage, index="username", on="auth_method")["null"].to_list()
    assert 1 == pivot(usage, index="auth_method", on="product").height


@pytest.mark.parametrize(
    "arguments",
    [
        {"index": "username", "on": "product", "values": "quantity"},
        {"index": ["endpoint_id", "username"], "on": "product", "values": "quantity"},
        {"index": "username", "on": ["endpoint_id", "unit"], "values": "quantity", "totals": True},
    ],
)
def test_quantities_of_several_things_are_refused(arguments: dict[str, Any]) -> None:
    """Neither a cell nor a total adds images to seconds."""
    with pytest.raises(QueryError, match="have no sum"):
        pivot(USAGE, **arguments)


@pytest.mark.parametrize(
    ("renamed", "arguments"),
    [
        ("username", {}),
        ("currency", {}),
        ("total", {"totals": True}),
        ("period", {"every": "1d"}),
        ("null", {}),
    ],
)
def test_a_name_that_would_cover_a_column_is_refused(
    renamed: str, arguments: dict[str, Any]
) -> None:
    """A product called `total` must not stand in for the total."""
    usage = USAGE.with_columns(product=pl.Series(["compute", renamed, None, "serverless"]))
    with pytest.raises(QueryError, match=f"second column '{renamed}'"):
        pivot(usage, index="username", on="product", **arguments)


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"index": "username", "on": ()}, "on is empty"),
        ({"index": "username", "on": "username"}, "both hold 'username'"),
        ({"index": "username", "on": "currency"}, "currency is part of the index"),
        ({"index": "username", "on": "product", "values": "unit_price"}, "values is 'unit_price'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        pivot(USAGE, **arguments)


def test_a_bucket_over_a_boundary_is_refused() -> None:
    """The days of UTC are no days of New York."""
    with pytest.raises(AlignmentError):
        pivot(USAGE, index="username", on="product", every="1d", timezone="America/New_York")


def test_an_empty_table_has_the_index_alone() -> None:
    """No names, no columns; the total of nothing is there to be asked for."""
    wide = pivot(USAGE.clear(), index="username", on="product", every="1d", totals=True)

    assert ["period", "username", "currency", "total"] == wide.columns
    assert wide.is_empty()


@pytest.mark.slow
@given(data=st.data())
def test_cells_are_the_rollups_and_nothing_is_lost(data: st.DataObject) -> None:
    """Melted back, the cells are the rollup's sums; the totals are its sums without `on`."""
    usage, zone = data.draw(tables), data.draw(zones)
    wide = pivot(usage, index="auth_method", on="username", every="1d", timezone=zone, totals=True)
    key = ["period", "auth_method", "currency"]

    long = (
        wide.drop("total")
        .unpivot(index=key, variable_name="username", value_name="cost")
        .cast({"cost": pl.Float64})  # no columns, no dtype
        .filter(pl.col("cost") > 0)
        .select("period", "auth_method", "username", "currency", "cost")
    )
    sums = rollup(usage, by=["auth_method", "username"], every="1d", timezone=zone)
    assert_frame_equal(
        sums.filter(pl.col("cost") > 0), long, check_row_order=False, check_exact=True
    )
    totals = rollup(usage, by="auth_method", every="1d", timezone=zone)
    assert_frame_equal(
        totals.rename({"cost": "total"}), wide.select(*key, "total"), check_exact=True
    )
