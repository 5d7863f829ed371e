"""Typical uses, as a user's type checker sees them; `test_uses.py` has two of them read this."""

# ruff: noqa: D103 - each function is a use, and its name says which
# mypy: warn-unused-ignores
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportUnknownMemberType=false

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import assert_type

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from matplotlib.axes import Axes
from pyspark.sql import DataFrame as SparkFrame

import falusage as fu


def asking() -> None:
    assert_type(fu.load_usage("2025-01-01", date(2025, 2, 1), timeframe="day"), pl.DataFrame)
    query = fu.UsageQuery("2025-01-01", "2025-02-01", product="compute", auth_method=True)
    assert_type(query.start, datetime)
    with fu.UsageClient(workers=4) as client:
        load = client.load(query, invalid="quarantine", reconcile="warn")
        for page in client.iter_usage(query):
            assert_type(page, pa.Table)
    assert_type(load, fu.UsageLoad)
    assert_type(load.usage, pl.DataFrame)
    assert_type(load.quarantine, pl.DataFrame)
    assert_type(load.receipt, fu.Receipt)
    assert_type(load.coverage, fu.Coverage)
    assert_type(load.receipt.rows_kept, int)
    assert_type(load.receipt.open_from, datetime | None)
    assert_type(fu.load_summary("2025-01-01", "2025-02-01", reconcile="warn"), pl.DataFrame)
    assert_type(fu.validate_usage(load.usage), tuple[pl.DataFrame, pl.DataFrame])
    fu.usage_schema().validate(load.usage)
    fu.summary_schema()


def refused() -> None:
    try:
        fu.load_usage("2025-01-01", "2025-02-01")
    except fu.RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except fu.ReconciliationError as error:
        assert_type(error.failures, pl.DataFrame)
    except fu.FalUsageError as error:
        assert_type(str(error), str)


def keeping(usage: pl.DataFrame) -> None:
    fu.write_snapshot(usage, "usage.parquet")
    assert_type(fu.read_snapshot(Path("usage.parquet")), pl.DataFrame)
    assert_type(fu.scan_snapshot("usage.parquet"), pl.LazyFrame)
    store = fu.UsageStore("store")
    assert_type(store.sync("2025-01-01", settle="3d").version, int)
    assert_type(store.sync("2025-01-01"), fu.SyncResult)
    assert_type(store.view(start="2025-01-01"), fu.StoreView)
    assert_type(store.scan(as_of="2025-02-01"), pl.LazyFrame)
    query = fu.UsageQuery("2025-01-01", "2025-02-01")
    assert_type(fu.download_snapshot(query, "usage.parquet"), fu.Receipt)
    assert_type(store.restatements(0), pl.DataFrame)


def understanding(eager: pl.DataFrame, lazy: pl.LazyFrame) -> None:
    assert_type(fu.rollup(eager, by="username", every="1d"), pl.DataFrame)
    assert_type(fu.rollup(lazy, by=["username", "product"], values="cost"), pl.LazyFrame)
    assert_type(fu.cost_share(eager, by="username", top=5), pl.DataFrame)
    assert_type(fu.cost_share(lazy, by="username"), pl.LazyFrame)
    assert_type(fu.trend(eager, window=28), pl.DataFrame)
    assert_type(fu.trend(lazy, by="product", every="1w"), pl.LazyFrame)
    assert_type(fu.price_changes(lazy), pl.LazyFrame)
    assert_type(fu.anomalies(eager, by="product"), pl.DataFrame)
    assert_type(fu.allocate(eager, shared=pl.col("product") == "compute"), pl.DataFrame)
    ranges = ("2025-01-01", "2025-02-01"), ("2025-02-01", "2025-03-01")
    bridge = fu.cost_bridge(eager, baseline=ranges[0], comparison=ranges[1], by="username")
    assert_type(bridge, pl.DataFrame)
    assert_type(eager.pipe(fu.pivot, index="username", on="product"), pl.DataFrame)


def elsewhere(relation: duckdb.DuckDBPyRelation, rows: SparkFrame) -> None:
    assert_type(fu.rollup(relation, by="username"), duckdb.DuckDBPyRelation)
    assert_type(fu.rollup(rows, by="username"), SparkFrame)


def other_frames(table: pa.Table, frame: pd.DataFrame) -> None:
    assert_type(fu.sample_usage(), fu.Sample)
    assert_type(fu.sample_usage().usage, pl.DataFrame)
    fu.trend(frame)
    fu.trend(table)


def looking(usage: pl.DataFrame) -> None:
    assert_type(fu.plot_trend(fu.trend(usage)), Axes)
    assert_type(fu.plot_share(fu.cost_share(usage, by="username"), ax=None), Axes)
    ranges = ("2025-01-01", "2025-02-01"), ("2025-02-01", "2025-03-01")
    bridge = fu.cost_bridge(usage, baseline=ranges[0], comparison=ranges[1], by="username")
    ahead = fu.forecast(usage, horizon=14, levels=(80,))
    colors = fu.colors_of(["ads", "labs"])
    assert_type(colors, dict[str, str])
    assert_type(fu.plot_bridge(bridge, steps="username"), Axes)
    assert_type(fu.plot_stack(fu.trend(usage, by="username"), colors=colors), Axes)
    assert_type(fu.plot_heatmap(usage), Axes)
    assert_type(fu.plot_anomalies(fu.anomalies(usage)), Axes)
    assert_type(fu.plot_forecast(ahead, history=usage), Axes)
    assert_type(fu.report(usage, out="report.html"), Path)


def looking_ahead(usage: pl.DataFrame, budgets: pl.DataFrame) -> None:
    assert_type(fu.forecast(usage, horizon=14, levels=(80,)), pl.DataFrame)
    assert_type(fu.backtest(usage, horizon=14), pl.DataFrame)
    assert_type(fu.month_outlook(usage, by="username", budgets=budgets), pl.DataFrame)
    assert_type(fu.budget_status(usage, budgets, month="2025-02"), pl.DataFrame)


def invoices(usage: pl.DataFrame) -> None:
    assert_type(fu.read_focus("focus.csv"), pl.DataFrame)
    focus = fu.to_focus(
        usage, billing_account_id="1", billing_account_name="Acme", timeframe="day", version="1.4"
    )
    assert_type(fu.tie_out(usage, focus), pl.DataFrame)


def on_ones_own_machine() -> None:
    with fu.Emulator(latency=0.1, faults=fu.Faults(error_rate=0.1)) as emulator:
        assert_type(emulator.base_url, str)


def mistakes(usage: pl.DataFrame) -> None:
    """Each is one that a checker finds; an ignore that is not needed is an error."""
    fu.rollup(usage, every="2d")  # type: ignore
    fu.cost_share(usage)  # type: ignore
    fu.trend(usage, "username")  # type: ignore
    fu.load_usage("2025-01-01", "2025-02-01", timeframe="days")  # type: ignore
    fu.to_focus(usage, billing_account_id="1", billing_account_name="A", version="2")  # type: ignore
    fu.UsageQuery("2025-01-01")  # type: ignore
