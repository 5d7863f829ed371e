"""What users can import, and what it costs."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import falusage

HEAVY = {
    "deltalake",
    "duckdb",
    "fastapi",
    "great_tables",
    "jinja2",
    "matplotlib",
    "narwhals",
    "numpy",
    "pandas",
    "pandera",
    "pyarrow",
    "pydantic",
    "pyspark",
    "requests",
    "statsforecast",
    "tqdm",
    "urllib3",
    "uvicorn",
}

NAMES = [
    "AlignmentError",
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "ClockSkewWarning",
    "ConfigError",
    "CostMismatchWarning",
    "CoverageError",
    "Emulator",
    "FalUsageError",
    "FalUsageWarning",
    "Faults",
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
    "Receipt",
    "ReconciliationError",
    "ReconciliationWarning",
    "Sample",
    "SchemaError",
    "ServerError",
    "ShortHistoryError",
    "ShortHistoryWarning",
    "Snapshot",
    "SnapshotError",
    "StoreError",
    "StoreView",
    "SyncResult",
    "TransportError",
    "UnknownFieldWarning",
    "UnknownProductWarning",
    "UnmatchedWarning",
    "UsageClient",
    "UsageLoad",
    "UsageQuery",
    "UsageStore",
    "allocate",
    "anomalies",
    "backtest",
    "budget_status",
    "colors_of",
    "cost_bridge",
    "cost_share",
    "download_snapshot",
    "forecast",
    "load_summary",
    "load_usage",
    "month_outlook",
    "pivot",
    "plot_anomalies",
    "plot_bridge",
    "plot_forecast",
    "plot_heatmap",
    "plot_share",
    "plot_stack",
    "plot_trend",
    "price_changes",
    "read_focus",
    "open_snapshot",
    "read_snapshot",
    "report",
    "rollup",
    "sample_usage",
    "scan_snapshot",
    "summary_schema",
    "tie_out",
    "to_focus",
    "trend",
    "usage_schema",
    "validate_usage",
    "write_snapshot",
]


def in_a_fresh_process(code: str) -> list[str]:
    """Run code in a new interpreter, and give the modules that it has then."""
    told = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", f"{code}; import json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(told.stdout)


def test_every_public_name_is_there_and_at_home() -> None:
    """A name that comes or goes is a change for users: `CHANGELOG.md` says so, then this list."""
    assert NAMES == list(falusage.__all__)
    for home, names in falusage._HOMES.items():
        for name in names:
            assert getattr(importlib.import_module(home), name) is getattr(falusage, name)
    assert {*falusage.__all__, "__version__"} == set(dir(falusage))


def test_type_checkers_see_what_users_see() -> None:
    """The imports for type checkers name the same homes as the table for run time."""
    tree = ast.parse(Path(str(falusage.__file__)).read_text(encoding="utf-8"))
    seen = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None
    }
    homes = {name: home for home, names in falusage._HOMES.items() for name in names}
    assert homes == seen


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in any module, so that `hasattr` and `from falusage import …` behave."""
    with pytest.raises(AttributeError, match="module 'falusage' has no attribute 'load_usages'"):
        _ = falusage.load_usages  # type: ignore[attr-defined]
    assert not hasattr(falusage, "nothing")


def test_importing_the_package_costs_what_polars_costs() -> None:
    """Heavy libraries come with the call that needs them."""
    found = {name.partition(".")[0] for name in in_a_fresh_process("import falusage")}
    assert set() == found & HEAVY
    query = in_a_fresh_process("import falusage; falusage.UsageQuery('2025-01-01', '2025-01-02')")
    assert set() == {name.partition(".")[0] for name in query} & (HEAVY - {"numpy"})


def test_transforms_need_polars_alone() -> None:
    """A view of a table asks for no HTTP, validation or picture library."""
    found = in_a_fresh_process("import falusage; falusage.rollup; falusage.cost_share")
    assert set() == {name.partition(".")[0] for name in found} & HEAVY


def test_asking_does_not_import_pictures_or_validation() -> None:
    """A client is made without the libraries that only its loads need."""
    found = in_a_fresh_process("import falusage; falusage.UsageClient('key')")
    assert set() == {name.partition(".")[0] for name in found} & {
        "pandera",
        "matplotlib",
        "fastapi",
    }
