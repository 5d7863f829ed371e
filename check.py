"""Check everything, as CI does: `.venv/bin/python check.py`.

Two lanes run at the same time. One checks form, lint, layers, dependencies and plain English, then
runs every test and every example of the documentation on the newest versions of the dependencies.
The other checks the types, then runs some tests on the lowest versions that pyproject.toml
declares. All steps run, whatever fails; what a step printed is shown when it ends, and the result
of each step at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

# One more than there are processors, because some tests wait for a clock or a server.
WORKERS = str(min(os.cpu_count() or 1, 4) + 1)

# An environment of the lowest declared versions, and a few tests of each dependency: what differs
# between two versions of a library shows there. Our own code is tested on the newest ones.
LOWEST = BIN.parent / "lowest"
LOWEST_PYTHON = LOWEST / ("Scripts" if os.name == "nt" else "bin") / "python"
TOUCHING: dict[str, tuple[str, ...]] = {
    "narwhals, duckdb": (
        # Without periods, with the clock changes of a zone, and with the lengths of months.
        "transforms/test_elsewhere.py::test_rows_are_those_of_polars[UTC-None]",
        "transforms/test_elsewhere.py::test_rows_are_those_of_polars[America/New_York-1h]",
        "transforms/test_elsewhere.py::test_rows_are_those_of_polars[America/New_York-1mo]",
        "transforms/test_elsewhere.py::test_nothing_is_run_before_it_is_asked_for",
    ),
    "pandas": ("transforms/test_other_frames.py::test_nan_of_pandas_is_no_zero",),
    "fastapi, uvicorn": ("emulator/test_contract.py",),
    "requests, urllib3, tenacity": (
        "faults/test_patience.py::test_retries_are_counted",
        "faults/test_patience.py::test_no_more_attempts_than_allowed",
        "faults/test_patience.py::test_a_server_that_is_not_there",
    ),
    "deltalake": (
        "store/test_view.py::test_a_store_with_a_gap_goes_on_working",
        "store/test_view.py::test_a_store_of_hours_in_a_zone",
    ),
    "polars": (
        "api/test_pages.py::test_a_valid_page_is_read_as_it_says",
        "api/test_pages.py::test_what_cancels_out_in_the_count_is_not_let_through",
        "api/test_pages.py::test_a_new_field_is_kept_as_what_it_is",
        "snapshot/test_snapshot.py::test_what_is_written_is_read",
    ),
    "pyarrow": (
        "snapshot/test_snapshot.py::test_other_engines_read_it",
        "snapshot/test_snapshot.py::test_tables_of_every_kind_are_written",
        "snapshot/test_snapshot.py::test_columns_of_every_plain_type_are_kept",
    ),
    "pandera": (
        "schema/test_validation.py::test_each_rule_rejects_its_rows_and_no_other",
        "schema/test_validation.py::test_a_table_that_is_none_is_refused_whole",
        "schema/test_validation.py::test_a_table_of_ones_own_is_split_as_a_load_is",
    ),
    "click, tqdm": (
        "cli/test_load.py::test_json_is_the_table",
        "cli/test_load.py::test_a_table_is_for_people",
        "cli/test_load.py::test_options_are_the_query",
        "cli/test_load.py::test_wrong_usage_exits_with_2",
    ),
    "matplotlib, numpy": (
        "plotting/test_trend.py::test_dates_do_not_collide[31-notebook]",
        "plotting/test_trend.py::test_labels_do_not_overlap_or_leave_the_axes[slide]",
        "plotting/test_trend.py::test_two_pictures_share_their_scale",
        "plotting/test_trend.py::test_a_period_cut_short_is_no_drop",
        "plotting/test_trend.py::test_a_panel_for_each_currency",
        "plotting/test_trend.py::test_names_are_shown_as_they_stand",
        "plotting/test_trend.py::test_no_global_setting_is_touched",
    ),
    "jinja2": ("reporting/test_report.py::test_names_are_shown_and_not_run",),
    "statsforecast": ("forecasting/test_forecast.py::test_a_model_can_be_named",),
    "tzdata": ("test_timeframes.py::test_days_of_note",),
}

# Bytecode is kept: else each of some hundred processes would compile what it imports.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != NO_BYTECODE}

Step = tuple[str | Path, ...]
NEWEST_LANE: dict[str, Step] = {
    "format": (BIN / "ruff", "format", "--check", "."),
    "lint": (BIN / "ruff", "check", "."),
    "layers": (BIN / "lint-imports",),
    "dependencies": (BIN / "deptry", "falusage"),
    "english": (sys.executable, "docs/plain_english.py"),
    "tests": (
        *(sys.executable, "-m", "pytest", "-q", "-n", WORKERS, "--dist", "worksteal"),
        *("--mpl", "--doctest-modules", "falusage", "tests"),
    ),
}
LOWEST_LANE: dict[str, Step] = {
    "types": (BIN / "pyright",),
    "lowest": (BIN / "uv", "venv", "-q", "--allow-existing", "-p", sys.executable, LOWEST),
    "lowest: install": (
        # The same as into a new environment; what is there already keeps its bytecode.
        *(BIN / "uv", "pip", "install", "-q", "-U", "--exact", "--resolution", "lowest-direct"),
        *("-p", LOWEST_PYTHON, "-e", f"{ROOT}[test]"),
    ),
    "lowest: tests": (
        *(LOWEST_PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        "--hypothesis-profile=few",
        *(ROOT / "tests" / name for names in TOUCHING.values() for name in names),
    ),
}


def main() -> int:
    """Run both lanes and return the number of steps that failed."""
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as lanes:
        results = [line for lane in lanes.map(run, (NEWEST_LANE, LOWEST_LANE)) for line in lane]
    failed = sum("FAILED" in line for line in results)
    say("---", *results, f"{'total':<15} {time.monotonic() - begun:6.1f} s  {failed} failed")
    return failed


def run(steps: dict[str, Step]) -> list[str]:
    """Run steps one after the other and return a line with the result of each."""
    lines: list[str] = []
    for name, command in steps.items():
        since = time.monotonic()
        done = subprocess.run(  # noqa: S603 - the steps above
            command,
            cwd=ROOT,
            env=ENVIRONMENT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        verdict = f"FAILED, exit {done.returncode}" if done.returncode else "ok"
        lines.append(f"{name:<15} {time.monotonic() - since:6.1f} s  {verdict}")
        say(f"--- {name}: {' '.join(map(str, command))}", done.stdout.rstrip(), lines[-1])
    return lines


def say(*lines: str) -> None:
    """Write lines at once, so that those of two lanes do not mix."""
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
