"""Transforms take tables of other libraries through Arrow, and give back Polars."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from tests.public_functions import taking

USAGE = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
BUDGETS = pl.DataFrame({"username": ["acme-paris"], "currency": ["EUR"], "budget": [9000.0]})
MONTHS = {"baseline": ("2025-05-01", "2025-06-01"), "comparison": ("2025-06-01", "2025-06-24")}

ASKED: dict[str, Callable[[Any], Any]] = {
    "rollup": partial(fu.rollup, by="username", every="1mo"),
    "pivot": partial(fu.pivot, index="username", on="product", totals=True),
    "cost_share": partial(fu.cost_share, by="endpoint_id", every="1w", top=3),
    "trend": partial(fu.trend, by="product"),
    "cost_bridge": partial(fu.cost_bridge, by="username", **MONTHS),
    "price_changes": fu.price_changes,
    "anomalies": partial(fu.anomalies, by="product"),
    "allocate": partial(fu.allocate, shared=pl.col("product") == "compute"),
    "budget_status": partial(
        fu.budget_status, budgets=BUDGETS, month="2025-06", as_of="2025-06-20"
    ),
    "forecast": partial(fu.forecast, by="product", horizon=3, model="level"),
    "to_focus": partial(
        fu.to_focus, billing_account_id="a", billing_account_name="A", timeframe="month"
    ),
}
ELSEWHERE = {
    *("backtest", "month_outlook", "runway"),  # read their table as `forecast` does
    *("plot_heatmap", "report", "write_snapshot"),  # tried in their own rooms
    *("tie_out", "tie_out_events"),  # below, and beside its own tests
}


def test_every_function_of_usage_is_asked() -> None:
    """A new one needs its line above."""
    assert taking("usage") == ASKED.keys() | ELSEWHERE
    assert not ASKED.keys() & ELSEWHERE


class Capsule:
    """A table that has the Arrow interface and nothing else."""

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def in_categories(table: pl.DataFrame) -> pd.DataFrame:
    """Give pandas as it is kept small: names as categories, and rows that were chosen."""
    frame = table.to_pandas().astype({"username": "category", "product": "category"})
    return frame[frame["cost"] >= 0].iloc[::-1]


KINDS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "pandas": lambda table: table.to_pandas(),
    "pandas, in categories": in_categories,
    "pandas, over Arrow": lambda table: table.to_arrow().to_pandas(types_mapper=pd.ArrowDtype),
    "PyArrow": lambda table: table.to_arrow(),
    "PyArrow, as it is read": lambda table: table.to_arrow().to_reader(),
    "a capsule": Capsule,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ASKED)
def test_the_answer_is_that_of_polars(name: str, kind: str) -> None:
    """The same numbers to the last bit, in a Polars DataFrame."""
    got = ASKED[name](KINDS[kind](USAGE))

    assert isinstance(got, pl.DataFrame)
    assert_frame_equal(ASKED[name](USAGE), got, check_exact=True)


def test_what_stands_beside_the_usage_may_come_through_arrow_too() -> None:
    """Budgets of a spreadsheet, weights of a table, charges of a data frame."""
    expected = ASKED["budget_status"](USAGE)
    asked = {"month": "2025-06", "as_of": "2025-06-20"}
    assert expected.equals(fu.budget_status(USAGE, BUDGETS.to_pandas(), **asked))

    focus = ASKED["to_focus"](USAGE)
    assert fu.tie_out(USAGE, focus).equals(fu.tie_out(USAGE.to_pandas(), focus.to_arrow()))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (
            [{"cost": 1.0}],
            "usage is a list; expected a load, a snapshot, a store, a DataFrame or LazyFrame",
        ),
        (
            pl.Series("cost", [1.0]),
            "usage is a Series; expected a load, a snapshot, a store, a DataFrame",
        ),
        (None, "usage is a NoneType"),
        (
            pd.DataFrame({"cost": [1, "x"]}),
            "usage is a DataFrame that cannot be read through Arrow",
        ),
    ],
)
def test_what_is_no_table_is_refused(other: Any, says: str) -> None:
    """In words, whatever the library underneath would say."""
    with pytest.raises(fu.QueryError, match=says):
        fu.rollup(other)


def test_other_tables_are_checked_as_ours_are() -> None:
    """A missing column by its name, an instant that names none."""
    frame = USAGE.to_pandas()

    with pytest.raises(fu.MissingColumnError, match="no column 'usernam'"):
        fu.rollup(frame, by="usernam")
    frame["bucket"] = frame["bucket"].dt.tz_localize(None)
    with pytest.raises(fu.QueryError, match="is not an instant"):
        fu.rollup(frame, every="1d")


@pytest.mark.parametrize("name", ["cost", "quantity"])
def test_nan_of_pandas_is_no_zero(name: str) -> None:
    """A merge that found nothing leaves it behind, and Arrow has null for it."""
    frame = USAGE.to_pandas()
    frame.loc[[3, 5], name] = float("nan")

    for other in (frame, type("GeoFrame", (pd.DataFrame,), {})(frame)):
        with pytest.raises(fu.QueryError, match=f"column '{name}' is NaN in 2 of"):
            fu.rollup(other)
    assert fu.rollup(USAGE).equals(fu.rollup(USAGE.with_columns(note=None).to_pandas()))
