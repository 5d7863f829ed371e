"""Exact analytics over fal.ai's Organization Usage API.

Names resolve on first use, so that importing the package costs what importing polars costs; the
transforms are also methods of a frame, as `usage.fal.rollup(by="username")`.
"""

from __future__ import annotations

from falusage import _interrupts

if _interrupts.is_command():
    _interrupts.leave_on_ctrl_c()  # what follows is imports, which may take a second

import importlib
from typing import TYPE_CHECKING, Any

from falusage._suggestions import did_you_mean

if TYPE_CHECKING:
    from falusage.api.client import UsageClient as UsageClient
    from falusage.api.client import load_summary as load_summary
    from falusage.api.client import load_usage as load_usage
    from falusage.api.load import UsageLoad as UsageLoad
    from falusage.api.query import UsageQuery as UsageQuery
    from falusage.api.receipt import Receipt as Receipt
    from falusage.coverage import Coverage as Coverage
    from falusage.emulator import Emulator as Emulator
    from falusage.emulator import Faults as Faults
    from falusage.errors import AlignmentError as AlignmentError
    from falusage.errors import ApiError as ApiError
    from falusage.errors import AuthenticationError as AuthenticationError
    from falusage.errors import BadRequestError as BadRequestError
    from falusage.errors import ClockSkewWarning as ClockSkewWarning
    from falusage.errors import ConfigError as ConfigError
    from falusage.errors import CostMismatchWarning as CostMismatchWarning
    from falusage.errors import CoverageError as CoverageError
    from falusage.errors import FalUsageError as FalUsageError
    from falusage.errors import FalUsageWarning as FalUsageWarning
    from falusage.errors import IncompletePeriodWarning as IncompletePeriodWarning
    from falusage.errors import MissingColumnError as MissingColumnError
    from falusage.errors import MissingExtraError as MissingExtraError
    from falusage.errors import MixedCurrencyError as MixedCurrencyError
    from falusage.errors import NotFoundError as NotFoundError
    from falusage.errors import PaginationError as PaginationError
    from falusage.errors import PermissionDeniedError as PermissionDeniedError
    from falusage.errors import ProtocolError as ProtocolError
    from falusage.errors import QuarantineWarning as QuarantineWarning
    from falusage.errors import QueryError as QueryError
    from falusage.errors import RateLimitError as RateLimitError
    from falusage.errors import ReconciliationError as ReconciliationError
    from falusage.errors import ReconciliationWarning as ReconciliationWarning
    from falusage.errors import SchemaError as SchemaError
    from falusage.errors import ServerError as ServerError
    from falusage.errors import ShortHistoryError as ShortHistoryError
    from falusage.errors import ShortHistoryWarning as ShortHistoryWarning
    from falusage.errors import SnapshotError as SnapshotError
    from falusage.errors import StoreError as StoreError
    from falusage.errors import TransportError as TransportError
    from falusage.errors import UnknownFieldWarning as UnknownFieldWarning
    from falusage.errors import UnknownProductWarning as UnknownProductWarning
    from falusage.errors import UnmatchedWarning as UnmatchedWarning
    from falusage.focus import read_focus as read_focus
    from falusage.focus import tie_out as tie_out
    from falusage.focus import to_focus as to_focus
    from falusage.forecasting import backtest as backtest
    from falusage.forecasting import forecast as forecast
    from falusage.forecasting import month_outlook as month_outlook
    from falusage.plotting import colors_of as colors_of
    from falusage.plotting import plot_anomalies as plot_anomalies
    from falusage.plotting import plot_bridge as plot_bridge
    from falusage.plotting import plot_forecast as plot_forecast
    from falusage.plotting import plot_heatmap as plot_heatmap
    from falusage.plotting import plot_share as plot_share
    from falusage.plotting import plot_stack as plot_stack
    from falusage.plotting import plot_trend as plot_trend
    from falusage.reporting import report as report
    from falusage.sample import Sample as Sample
    from falusage.sample import sample_usage as sample_usage
    from falusage.schema import summary_schema as summary_schema
    from falusage.schema import usage_schema as usage_schema
    from falusage.schema import validate_usage as validate_usage
    from falusage.snapshot import Snapshot as Snapshot
    from falusage.snapshot import download_snapshot as download_snapshot
    from falusage.snapshot import open_snapshot as open_snapshot
    from falusage.snapshot import read_snapshot as read_snapshot
    from falusage.snapshot import scan_snapshot as scan_snapshot
    from falusage.snapshot import write_snapshot as write_snapshot
    from falusage.store import StoreView as StoreView
    from falusage.store import SyncResult as SyncResult
    from falusage.store import UsageStore as UsageStore
    from falusage.transforms import allocate as allocate
    from falusage.transforms import anomalies as anomalies
    from falusage.transforms import budget_status as budget_status
    from falusage.transforms import cost_bridge as cost_bridge
    from falusage.transforms import cost_share as cost_share
    from falusage.transforms import pivot as pivot
    from falusage.transforms import price_changes as price_changes
    from falusage.transforms import rollup as rollup
    from falusage.transforms import trend as trend

_HOMES = {
    "falusage.api.client": ("UsageClient", "load_summary", "load_usage"),
    "falusage.api.load": ("UsageLoad",),
    "falusage.coverage": ("Coverage",),
    "falusage.schema": ("summary_schema", "usage_schema", "validate_usage"),
    "falusage.api.query": ("UsageQuery",),
    "falusage.api.receipt": ("Receipt",),
    "falusage.emulator": ("Emulator", "Faults"),
    "falusage.errors": (
        "AlignmentError",
        "ApiError",
        "AuthenticationError",
        "BadRequestError",
        "ClockSkewWarning",
        "ConfigError",
        "CostMismatchWarning",
        "CoverageError",
        "FalUsageError",
        "FalUsageWarning",
        "IncompletePeriodWarning",
        "MissingColumnError",
        "MissingExtraError",
        "MixedCurrencyError",
        "NotFoundError",
        "PaginationError",
        "PermissionDeniedError",
        "ProtocolError",
        "QuarantineWarning",
        "QueryError",
        "RateLimitError",
        "ReconciliationError",
        "ReconciliationWarning",
        "SchemaError",
        "ServerError",
        "ShortHistoryError",
        "ShortHistoryWarning",
        "SnapshotError",
        "StoreError",
        "TransportError",
        "UnknownFieldWarning",
        "UnknownProductWarning",
        "UnmatchedWarning",
    ),
    "falusage.focus": ("read_focus", "tie_out", "to_focus"),
    "falusage.forecasting": ("backtest", "forecast", "month_outlook"),
    "falusage.plotting": (
        "colors_of",
        "plot_anomalies",
        "plot_bridge",
        "plot_forecast",
        "plot_heatmap",
        "plot_share",
        "plot_stack",
        "plot_trend",
    ),
    "falusage.reporting": ("report",),
    "falusage.sample": ("Sample", "sample_usage"),
    "falusage.snapshot": (
        "Snapshot",
        "download_snapshot",
        "open_snapshot",
        "read_snapshot",
        "scan_snapshot",
        "write_snapshot",
    ),
    "falusage.store": ("StoreView", "SyncResult", "UsageStore"),
    "falusage.transforms": (
        "allocate",
        "anomalies",
        "budget_status",
        "cost_bridge",
        "cost_share",
        "pivot",
        "price_changes",
        "rollup",
        "trend",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]  # noqa: PLE0605 - the table above is the one list of names
__version__ = "0.1.0"

importlib.import_module("falusage.namespace")  # registers `usage.fal`


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(
            f"module 'falusage' has no attribute {name!r}.{did_you_mean(name, _HOME_OF)}"
        )
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
