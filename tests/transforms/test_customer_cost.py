"""The cost of customers: a leak, a lost log and a wrong unit are found, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu


def bill(*events: tuple[str | None, int]) -> pl.DataFrame:
    """Return events: a request and its nano dollars."""
    return pl.DataFrame(
        [
            {"request_id": request, "cost_nano": nano, "currency": "USD", "quantity": 1.0,
             "unit": "image"}
            for request, nano in events
        ],
        schema={"request_id": pl.String, "cost_nano": pl.Int64, "currency": pl.String,
                "quantity": pl.Float64, "unit": pl.String},
    )  # fmt: skip


def log(*requests: tuple[str | None, str | None]) -> pl.DataFrame:
    """Return a log: a request and its customer."""
    schema = {"request_id": pl.String, "customer": pl.String}
    return pl.DataFrame(list(requests), schema=schema, orient="row")


def told(found: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows, with plain numbers."""
    return found.with_columns(pl.col("cost").cast(pl.Float64)).drop("currency").rows()


@pytest.fixture(scope="module")
def day() -> tuple[pl.DataFrame, pl.DataFrame]:
    """A day's events of the sample's largest team, and a log that has each with its customer."""
    usage = fu.sample_usage(start="2025-06-01", end="2025-06-02").usage
    with (
        fu.Emulator(usage) as emulator,
        fu.UsageClient(emulator.workspace_key, base_url=emulator.base_url) as client,
    ):
        events = fu.load_events("2025-06-01", "2025-06-02", scope="workspace", client=client)
    number = pl.int_range(pl.len()) % 7
    customer = pl.format("customer-{}", number)
    return events, events.select("request_id", "quantity", "unit", customer=customer)


def test_a_whole_log_explains_the_whole_bill(day: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Nothing is found where nothing is wrong, and the customers sum to the bill."""
    events, requests = day
    found = fu.customer_cost(events, requests, by="customer")

    assert ["billed"] * 7 == found["part"].to_list()
    assert 0 == found["differing"].sum()
    assert 0 == found["request_ids"].list.len().sum()
    assert Decimal(events["cost_nano"].sum()) / 10**9 == found["cost"].sum()


def test_a_leak_a_lost_log_and_a_wrong_unit_are_found(
    day: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    """Just what was planted, and nothing else."""
    events, requests = day
    leak, lost, wrong, less = requests["request_id"][[3, 50, 101, 150]]
    is_wrong, is_less = pl.col("request_id") == wrong, pl.col("request_id") == less
    planted = requests.filter(pl.col("request_id") != leak).with_columns(
        unit=pl.when(is_wrong).then(pl.lit("five")).otherwise("unit"),
        quantity=pl.when(is_less).then(pl.col("quantity") * 0.625).otherwise("quantity"),
    )
    billed = events.filter(pl.col("request_id") != lost)

    found = fu.customer_cost(billed, planted, by="customer")

    odd = found.filter(pl.col("request_ids").list.len() > 0)
    assert {
        "not logged": [leak],
        "not billed": [lost],
        "billed": sorted([wrong, less]),
    } == {
        part: sorted(odd.filter(part=part)["request_ids"].explode().to_list())
        for part in odd["part"].unique()
    }
    assert 2 == found["differing"].sum()
    assert Decimal(billed["cost_nano"].sum()) / 10**9 == found["cost"].sum()


def test_each_part_has_its_row() -> None:
    """In order: by customer, then what no log knows."""
    events = bill(("r1", 5), ("r2", 7), ("r9", 11))
    requests = log(("r1", "globex"), ("r2", "globex"), ("r3", "globex"), (None, None))

    assert [
        ("globex", "billed", 2, 12e-9, None, []),
        ("globex", "not billed", 1, 0.0, None, ["r3"]),
        (None, "not logged", 1, 11e-9, None, ["r9"]),
        (None, "not billed", 1, 0.0, None, []),
    ] == told(fu.customer_cost(events, requests, by="customer"))


def test_a_request_with_two_events_is_one_request() -> None:
    """Its customer pays both."""
    found = fu.customer_cost(bill(("r1", 5), ("r1", 6)), log(("r1", "globex")), by="customer")

    assert [("globex", "billed", 1, 11e-9, None, [])] == told(found)


def test_a_request_that_is_logged_twice_alike_counts_once() -> None:
    """As after a retry that was logged, too."""
    found = fu.customer_cost(bill(("r1", 5)), log(("r1", "a"), ("r1", "a")), by="customer")

    assert [("a", "billed", 1, 5e-9, None, [])] == told(found)


def test_a_request_of_two_customers_is_an_error_that_names_them() -> None:
    """Its cost would count twice."""
    requests = log(("r1", "globex"), ("r2", "globex"), ("r1", "initech"))

    with pytest.raises(fu.QueryError, match="'r1' is of globex and initech"):
        fu.customer_cost(bill(("r1", 5)), requests, by="customer")


def test_nulls_in_the_log_are_not_compared() -> None:
    """Nor does a log without quantity and unit differ from anything."""
    requests = log(("r1", "a"), ("r2", "a")).with_columns(
        quantity=pl.Series([None, 2.0]), unit=pl.Series(["image", None])
    )
    for table in (requests, requests.to_pandas()):
        found = fu.customer_cost(bill(("r1", 5), ("r2", 5)), table, by="customer")
        assert [("a", "billed", 2, 10e-9, 1, ["r2"])] == told(found)


def test_customers_can_have_several_columns() -> None:
    """As a customer's projects."""
    requests = log(("r1", "a"), ("r2", "a")).with_columns(project=pl.Series([1, 2]))
    found = fu.customer_cost(bill(("r1", 5), ("r2", 6)), requests, by=["customer", "project"])

    assert [("a", 1, 5e-9), ("a", 2, 6e-9)] == [(a, p, c) for a, p, _, _, c, *_ in told(found)]


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 10**15))),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["x", "y", None])),
)
def test_the_parts_sum_to_the_bill(events: list[tuple[str, int]], requests: dict[str, str]) -> None:
    """Whatever bill and log: to the nano dollar, and every request is in one part."""
    found = fu.customer_cost(bill(*events), log(*requests.items()), by="customer")

    assert sum(nano for _, nano in events) == int(found["cost"].sum() * 10**9)
    assert len({*requests, *(request for request, _ in events)}) == found["requests"].sum()


def test_pandas_and_lazy_tables_are_joined_alike() -> None:
    """As everywhere, whatever the library."""
    events, requests = bill(("r1", 5), ("r3", 6)), log(("r1", "globex"), ("r2", "initech"))
    expected = fu.customer_cost(events, requests, by="customer")

    for kind in ("lazy", "to_pandas", "to_arrow"):
        got = fu.customer_cost(getattr(events, kind)(), getattr(requests, kind)(), by="customer")
        assert_frame_equal(expected, got)


def test_what_cannot_be_joined_is_an_error() -> None:
    """The message names the argument and the column."""
    events, requests = bill(("r1", 5)), log(("r1", "globex"))

    with pytest.raises(fu.MissingColumnError, match=r"'custommer'.*mean 'customer'"):
        fu.customer_cost(events, requests, by="custommer")
    with pytest.raises(fu.QueryError, match="by has 'unit'"):
        fu.customer_cost(events, requests.with_columns(unit=pl.lit("image")), by="unit")
    with pytest.raises(fu.QueryError, match="by is empty"):
        fu.customer_cost(events, requests, by=())
    with pytest.raises(fu.QueryError, match="'request_id' of requests is Int64"):
        fu.customer_cost(events, pl.DataFrame({"request_id": [1], "c": ["a"]}), by="c")
    with pytest.raises(fu.QueryError, match="'cost_nano' of events is Float64"):
        fu.customer_cost(events.cast({"cost_nano": pl.Float64}), requests, by="customer")
