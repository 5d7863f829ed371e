"""Typical uses, as a user's type checker sees them; `test_uses.py` has three of them read this."""

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


def asking_for_events(log: pd.DataFrame) -> None:
    events = fu.load_events("2025-01-01", date(2025, 2, 1), scope="workspace", tag="team=red")
    assert_type(events, pl.DataFrame)
    with fu.UsageClient() as client:
        for page in client.iter_events("2025-01-01", "2025-02-01", request_id=["a", "b"]):
            assert_type(page, pa.Table)
        load = client.load(fu.UsageQuery("2025-01-01", "2025-02-01"))
    assert_type(fu.tie_out_events(load, events), pl.DataFrame)
    assert_type(fu.customer_cost(events, log, by="customer"), pl.DataFrame)


def asking_the_account() -> None:
    with fu.UsageClient() as client:
        assert_type(fu.load_teams(client=client), pl.DataFrame)
        assert_type(fu.load_keys(client=client), pl.DataFrame)
        assert_type(fu.load_prices(["fal-ai/flux/dev"], client=client), pl.DataFrame)
        balance = fu.load_balance(client=client)
    assert_type(balance, fu.Balance)
    assert_type(balance.current_balance, float)


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
    assert_type(fu.open_snapshot("usage.parquet"), fu.Snapshot)
    assert_type(store.restatements(0), pl.DataFrame)
    assert_type(store.settling(), pl.DataFrame)


THEN, NOW = ("2025-01-01", "2025-02-01"), ("2025-02-01", "2025-03-01")


def understanding_what_is_in_memory(usage: pl.DataFrame, load: fu.UsageLoad) -> None:
    budgets = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 5.0})
    assert_type(fu.allocate(usage, shared=pl.col("product") == "compute"), pl.DataFrame)
    assert_type(fu.anomalies(usage, by="product"), pl.DataFrame)
    assert_type(fu.budget_status(usage, budgets, month="2025-02"), pl.DataFrame)
    assert_type(fu.cost_bridge(usage, baseline=THEN, comparison=NOW, by="username"), pl.DataFrame)
    assert_type(fu.cost_share(usage, by="username", top=5), pl.DataFrame)
    assert_type(fu.pivot(usage, index="username", on="product"), pl.DataFrame)
    assert_type(fu.price_changes(usage), pl.DataFrame)
    assert_type(fu.rollup(usage, by=["username", "product"], values="cost"), pl.DataFrame)
    assert_type(fu.trend(usage, every="1w", window=4), pl.DataFrame)
    assert_type(fu.forecast(usage, horizon=3, levels=(80,)), pl.DataFrame)
    assert_type(fu.backtest(usage, horizon=3), pl.DataFrame)
    assert_type(fu.month_outlook(usage, by="username"), pl.DataFrame)
    assert_type(fu.allocate(load, shared=pl.col("product") == "compute"), pl.DataFrame)
    assert_type(fu.anomalies(load, by="product"), pl.DataFrame)
    assert_type(fu.budget_status(load, budgets, month="2025-02"), pl.DataFrame)
    assert_type(fu.cost_bridge(load, baseline=THEN, comparison=NOW, by="username"), pl.DataFrame)
    assert_type(fu.cost_share(load, by="username", top=5), pl.DataFrame)
    assert_type(fu.pivot(load, index="username", on="product"), pl.DataFrame)
    assert_type(fu.price_changes(load), pl.DataFrame)
    assert_type(fu.rollup(load, by=["username", "product"], values="cost"), pl.DataFrame)
    assert_type(fu.trend(load, every="1w", window=4), pl.DataFrame)
    assert_type(fu.forecast(load, horizon=3, levels=(80,)), pl.DataFrame)
    assert_type(fu.backtest(load, horizon=3), pl.DataFrame)
    assert_type(fu.month_outlook(load, by="username"), pl.DataFrame)


def understanding_what_is_lazy(
    usage: pl.LazyFrame, snapshot: fu.Snapshot, view: fu.StoreView, store: fu.UsageStore
) -> None:
    budgets = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 5.0})
    assert_type(fu.allocate(usage, shared=pl.col("product") == "compute"), pl.LazyFrame)
    assert_type(fu.anomalies(usage, by="product"), pl.LazyFrame)
    assert_type(fu.budget_status(usage, budgets, month="2025-02"), pl.LazyFrame)
    assert_type(fu.cost_bridge(usage, baseline=THEN, comparison=NOW, by="username"), pl.LazyFrame)
    assert_type(fu.cost_share(usage, by="username", top=5), pl.LazyFrame)
    assert_type(fu.pivot(usage, index="username", on="product"), pl.LazyFrame)
    assert_type(fu.price_changes(usage), pl.LazyFrame)
    assert_type(fu.rollup(usage, by=["username", "product"], values="cost"), pl.LazyFrame)
    assert_type(fu.trend(usage, every="1w", window=4), pl.LazyFrame)
    assert_type(fu.forecast(usage, horizon=3, levels=(80,)), pl.LazyFrame)
    assert_type(fu.backtest(usage, horizon=3), pl.LazyFrame)
    assert_type(fu.month_outlook(usage, by="username"), pl.LazyFrame)
    assert_type(fu.allocate(snapshot, shared=pl.col("product") == "compute"), pl.LazyFrame)
    assert_type(fu.anomalies(snapshot, by="product"), pl.LazyFrame)
    assert_type(fu.budget_status(snapshot, budgets, month="2025-02"), pl.LazyFrame)
    assert_type(
        fu.cost_bridge(snapshot, baseline=THEN, comparison=NOW, by="username"), pl.LazyFrame
    )
    assert_type(fu.cost_share(snapshot, by="username", top=5), pl.LazyFrame)
    assert_type(fu.pivot(snapshot, index="username", on="product"), pl.LazyFrame)
    assert_type(fu.price_changes(snapshot), pl.LazyFrame)
    assert_type(fu.rollup(snapshot, by=["username", "product"], values="cost"), pl.LazyFrame)
    assert_type(fu.trend(snapshot, every="1w", window=4), pl.LazyFrame)
    assert_type(fu.forecast(snapshot, horizon=3, levels=(80,)), pl.LazyFrame)
    assert_type(fu.backtest(snapshot, horizon=3), pl.LazyFrame)
    assert_type(fu.month_outlook(snapshot, by="username"), pl.LazyFrame)
    assert_type(fu.allocate(view, shared=pl.col("product") == "compute"), pl.LazyFrame)
    assert_type(fu.anomalies(view, by="product"), pl.LazyFrame)
    assert_type(fu.budget_status(view, budgets, month="2025-02"), pl.LazyFrame)
    assert_type(fu.cost_bridge(view, baseline=THEN, comparison=NOW, by="username"), pl.LazyFrame)
    assert_type(fu.cost_share(view, by="username", top=5), pl.LazyFrame)
    assert_type(fu.pivot(view, index="username", on="product"), pl.LazyFrame)
    assert_type(fu.price_changes(view), pl.LazyFrame)
    assert_type(fu.rollup(view, by=["username", "product"], values="cost"), pl.LazyFrame)
    assert_type(fu.trend(view, every="1w", window=4), pl.LazyFrame)
    assert_type(fu.forecast(view, horizon=3, levels=(80,)), pl.LazyFrame)
    assert_type(fu.backtest(view, horizon=3), pl.LazyFrame)
    assert_type(fu.month_outlook(view, by="username"), pl.LazyFrame)
    assert_type(fu.allocate(store, shared=pl.col("product") == "compute"), pl.LazyFrame)
    assert_type(fu.anomalies(store, by="product"), pl.LazyFrame)
    assert_type(fu.budget_status(store, budgets, month="2025-02"), pl.LazyFrame)
    assert_type(fu.cost_bridge(store, baseline=THEN, comparison=NOW, by="username"), pl.LazyFrame)
    assert_type(fu.cost_share(store, by="username", top=5), pl.LazyFrame)
    assert_type(fu.pivot(store, index="username", on="product"), pl.LazyFrame)
    assert_type(fu.price_changes(store), pl.LazyFrame)
    assert_type(fu.rollup(store, by=["username", "product"], values="cost"), pl.LazyFrame)
    assert_type(fu.trend(store, every="1w", window=4), pl.LazyFrame)
    assert_type(fu.forecast(store, horizon=3, levels=(80,)), pl.LazyFrame)
    assert_type(fu.backtest(store, horizon=3), pl.LazyFrame)
    assert_type(fu.month_outlook(store, by="username"), pl.LazyFrame)


def elsewhere(relation: duckdb.DuckDBPyRelation, rows: SparkFrame) -> None:
    assert_type(fu.rollup(relation, by="username"), duckdb.DuckDBPyRelation)
    assert_type(fu.rollup(rows, by="username"), SparkFrame)


def understanding_other_frames(table: pa.Table, frame: pd.DataFrame) -> None:
    budgets = pl.DataFrame({"username": ["ads"], "currency": "USD", "budget": 5.0})
    assert_type(fu.allocate(table, shared=pl.col("product") == "compute"), pl.DataFrame)
    assert_type(fu.anomalies(table, by="product"), pl.DataFrame)
    assert_type(fu.budget_status(table, budgets, month="2025-02"), pl.DataFrame)
    assert_type(fu.cost_bridge(table, baseline=THEN, comparison=NOW, by="username"), pl.DataFrame)
    assert_type(fu.cost_share(table, by="username", top=5), pl.DataFrame)
    assert_type(fu.pivot(table, index="username", on="product"), pl.DataFrame)
    assert_type(fu.price_changes(table), pl.DataFrame)
    assert_type(fu.rollup(table, by=["username", "product"], values="cost"), pl.DataFrame)
    assert_type(fu.trend(table, every="1w", window=4), pl.DataFrame)
    assert_type(fu.forecast(table, horizon=3, levels=(80,)), pl.DataFrame)
    assert_type(fu.backtest(table, horizon=3), pl.DataFrame)
    assert_type(fu.month_outlook(table, by="username"), pl.DataFrame)
    assert_type(fu.allocate(frame, shared=pl.col("product") == "compute"), pl.DataFrame)
    assert_type(fu.anomalies(frame, by="product"), pl.DataFrame)
    assert_type(fu.budget_status(frame, budgets, month="2025-02"), pl.DataFrame)
    assert_type(fu.cost_bridge(frame, baseline=THEN, comparison=NOW, by="username"), pl.DataFrame)
    assert_type(fu.cost_share(frame, by="username", top=5), pl.DataFrame)
    assert_type(fu.pivot(frame, index="username", on="product"), pl.DataFrame)
    assert_type(fu.price_changes(frame), pl.DataFrame)
    assert_type(fu.rollup(frame, by=["username", "product"], values="cost"), pl.DataFrame)
    assert_type(fu.trend(frame, every="1w", window=4), pl.DataFrame)
    assert_type(fu.forecast(frame, horizon=3, levels=(80,)), pl.DataFrame)
    assert_type(fu.backtest(frame, horizon=3), pl.DataFrame)
    assert_type(fu.month_outlook(frame, by="username"), pl.DataFrame)


def piping(usage: pl.DataFrame, load: fu.UsageLoad) -> None:
    assert_type(fu.sample_usage(), fu.Sample)
    assert_type(fu.sample_usage().usage, pl.DataFrame)
    assert_type(usage.pipe(fu.pivot, index="username", on="product"), pl.DataFrame)
    assert_type(fu.trend(usage, coverage=load.coverage), pl.DataFrame)
    assert_type(fu.trend(usage.lazy(), coverage=load.coverage), pl.LazyFrame)


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
    assert_type(fu.report(usage, out="report.html"), fu.Report)


def looking_ahead(usage: pl.DataFrame, budgets: pl.DataFrame) -> None:
    assert_type(fu.forecast(usage, horizon=14, levels=(80,)), pl.DataFrame)
    assert_type(fu.backtest(usage, horizon=14), pl.DataFrame)
    assert_type(fu.month_outlook(usage, by="username", budgets=budgets), pl.DataFrame)
    assert_type(fu.budget_status(usage, budgets, month="2025-02"), pl.DataFrame)
    runway = fu.runway(usage, fu.load_balance())
    assert_type(runway, fu.Runway)
    assert_type(runway.runs_out_on, date | None)


def invoices(usage: pl.DataFrame) -> None:
    assert_type(fu.read_focus("focus.csv"), pl.DataFrame)
    assert_type(fu.load_focus("2025-05", scope="workspace"), pl.DataFrame)
    assert_type(fu.load_focus(start="2025-05-01", end="2025-05-08"), pl.DataFrame)
    assert_type(fu.load_focus("2025-05", source="estimate", timeframe="hour"), pl.DataFrame)
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
    fu.load_focus("2025-05", source="bill")  # type: ignore
    fu.UsageQuery("2025-01-01")  # type: ignore
    fu.load_events("2025-01-01", "2025-02-01", scope="team")  # type: ignore
