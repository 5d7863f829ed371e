"""What every transform refuses in words: numbers without an exact sum, and names of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import falusage as fu
from falusage.errors import QueryError
from tests.public_functions import taking

DAYS = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=at) for at in range(3)]
USAGE = pl.DataFrame(
    {
        "bucket": DAYS,
        "bucket_end": [day + timedelta(days=1) for day in DAYS],
        "username": ["ads", "ads", "labs"],
        "product": "compute",
        "endpoint_id": "a",
        "unit": "second",
        "quantity": 1.0,
        "unit_price": 1.0,
        "cost": [1.0, 2.0, 3.0],
        "currency": "USD",
    }
)
BUDGETS = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 5.0})
RANGES = {"baseline": (DAYS[0], DAYS[1]), "comparison": (DAYS[1], DAYS[2])}
GROUPED: dict[str, Callable[..., Any]] = {
    "pivot by index": lambda usage, by: fu.pivot(usage, index=by, on="product"),
    "pivot by on": lambda usage, by: fu.pivot(usage, index="product", on=by),
    "cost_share": partial(fu.cost_share, top=1),
    "trend": fu.trend,
    "cost_bridge": partial(fu.cost_bridge, **RANGES),
    "price_changes": fu.price_changes,
    "anomalies": fu.anomalies,
    "allocate": lambda usage, by: fu.allocate(usage, shared=pl.col("unit") == "x", to=by),
    "budget_status": lambda usage, by: fu.budget_status(
        usage, budgets=BUDGETS.rename({"username": by}), by=by, month="2025-01", as_of=DAYS[2]
    ),
}


@pytest.mark.parametrize("name", ["rollup", *GROUPED])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e30])
def test_a_number_without_an_exact_sum(name: str, number: float) -> None:
    """Of a table that nobody validated, and which no load gives."""
    usage = USAGE.with_columns(cost=pl.Series([1.0, number, 3.0]))
    with pytest.raises(QueryError, match="cannot be summed exactly"):
        GROUPED.get(name, fu.rollup)(usage, by="username")


BALANCE = fu.Balance(
    username="acme",
    current_balance=100.0,
    currency="USD",
    read_at=datetime(2025, 1, 3, tzinfo=UTC),
)
BEYOND: dict[str, Callable[[pl.DataFrame], Any]] = {
    "to_focus": partial(
        fu.to_focus, billing_account_id="a", billing_account_name="A", timeframe="day"
    ),
    "tie_out": lambda usage: fu.tie_out(
        usage,
        fu.to_focus(USAGE, billing_account_id="a", billing_account_name="A", timeframe="day"),
    ),
    "tie_out_events": lambda usage: fu.tie_out_events(
        usage.with_columns(product=pl.lit("model_apis")),
        USAGE.select("username", "endpoint_id", "currency", timestamp="bucket", cost_nano=1),
    ),
    "forecast": partial(fu.forecast, horizon=2),
    "backtest": partial(fu.backtest, horizon=2),
    "month_outlook": partial(fu.month_outlook, month="2025-01", as_of="2025-01-03"),
    "runway": partial(fu.runway, balance=BALANCE, horizon=2),
    "pivot of a LazyFrame": lambda usage: fu.pivot(usage.lazy(), index="username", on="product"),
}


def test_every_function_of_usage_is_tried() -> None:
    """A new one needs its line in `GROUPED` or `BEYOND`, or sums nothing."""
    tried = {name.split(" ")[0] for name in (*GROUPED, *BEYOND)} | {"rollup"}
    assert taking("usage") - {"plot_heatmap", "report", "write_snapshot"} == tried


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_without_an_exact_sum_elsewhere(name: str, number: float) -> None:
    """In FOCUS and in forecasts, too."""
    usage = USAGE.with_columns(cost=pl.Series([1.0, number, 3.0]))
    with pytest.raises(QueryError, match="cannot be summed exactly"):
        BEYOND[name](usage)


def test_what_cannot_be_read_is_not_called_inexact(tmp_path: Path) -> None:
    """A file is at fault, not a number."""
    file = tmp_path / "usage.csv"
    file.write_text("username,product,currency,cost\nads,x,USD,1\nads,x,USD,oops\n", "utf-8")
    usage = pl.scan_csv(file, schema_overrides={"cost": pl.Float64})
    with pytest.raises(QueryError, match="the table cannot be read: could not parse `oops`"):
        fu.pivot(usage, index="username", on="product")


def test_what_is_no_usage_table_is_rejected() -> None:
    """Only what has a coverage is read through its attribute; times must be instants."""
    with pytest.raises(QueryError, match="usage is a SimpleNamespace; expected a load"):
        fu.rollup(SimpleNamespace(usage=USAGE))  # type: ignore[type-var]
    text = USAGE.with_columns(pl.col("bucket", "bucket_end").cast(pl.String))
    with pytest.raises(QueryError, match=r"pl.col\('bucket'\).str.to_datetime\(time_zone='UTC'\)"):
        fu.trend(text)


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize(
    "taken", ["_first", "_on", "_all", "_range", "_series", "_length", "_pool", "_passed"]
)
def test_a_column_that_bears_a_name_of_the_transforms_own(name: str, taken: str) -> None:
    """It would be overwritten on the way, and its groups lost."""
    with pytest.raises(QueryError, match=f"'{taken}', which the result names itself"):
        GROUPED[name](USAGE.rename({"username": taken}), by=taken)


@pytest.mark.parametrize("effect", ["price", "volume", "mix", "new", "retired"])
def test_a_bridge_is_not_by_the_name_of_an_effect(effect: str) -> None:
    """The name is that of a column on the way."""
    with pytest.raises(QueryError, match=f"'{effect}', which the result names itself"):
        fu.cost_bridge(USAGE.rename({"username": effect}), by=effect, **RANGES)


@pytest.mark.parametrize("by", [None, 5, [5], "*", "^.*$"])
def test_what_is_no_name(by: Any) -> None:
    """Of a caller without a type checker."""
    with pytest.raises(QueryError, match="by "):
        fu.rollup(USAGE, by=by)


def test_windows_and_seasons_end_somewhere() -> None:
    """One that no memory holds is refused before it is tried."""
    with pytest.raises(QueryError, match="window is 1000000000000"):
        fu.trend(USAGE, window=10**12)
    with pytest.raises(QueryError, match="season is 1000000000000"):
        fu.anomalies(USAGE, by="username", season=10**12)
    with pytest.raises(QueryError, match="other is 5"):
        fu.cost_share(USAGE, by="username", top=1, other=5)  # type: ignore[arg-type] # as above


def test_a_shared_credit_is_borne_too() -> None:
    """A hand-made table may hold amounts below zero; the total is conserved."""
    credit = USAGE.with_columns(cost=pl.Series([30.0, -8.0, 10.0]), unit=pl.Series(["s", "x", "s"]))
    borne = fu.allocate(credit, shared=pl.col("unit") == "x")
    assert [24.0, 8.0] == borne["total"].to_list()
