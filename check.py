"""Check everything, as CI does: `.venv/bin/python check.py`.

Form, lint, types, layers, plain English, then every test and every example of the
documentation, on the newest versions of the dependencies; at last some tests on the lowest that
pyproject.toml declares. All steps run, whatever fails; what failed is listed at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
PYTEST = (sys.executable, "-m", "pytest", "-q")
WORKERS = str(min(os.cpu_count() or 1, 4))

# An environment of the lowest declared versions, and the ordinary tests of the rooms that touch
# each dependency. The whole suite would double CI's time, and what changes between two versions of
# a library shows where a room meets it.
LOWEST = BIN.parent / "lowest"
LOWEST_PYTHON = LOWEST / ("Scripts" if os.name == "nt" else "bin") / "python"
TOUCHING = {
    "narwhals, duckdb, pandas": "transforms/test_elsewhere.py",
    "fastapi, uvicorn": "emulator/test_contract.py",
    "requests, urllib3, pyarrow": "api/test_pages.py",
    "deltalake": "storage/test_store_sync.py",
    "pyarrow, polars": "storage/test_snapshot.py",
    "pandera": "schema",
    "click, tqdm": "cli/test_load.py",
    "matplotlib, numpy": "plotting/test_trend.py",
    "jinja2, pillow": "reporting/test_report.py",
    "statsforecast": "forecasting/test_forecast.py",
    "tzdata": "test_timeframes.py",
}

STEPS: dict[str, tuple[str | Path, ...]] = {
    "format": (BIN / "ruff", "format", "--check", "."),
    "lint": (BIN / "ruff", "check", "."),
    "types": (BIN / "pyright",),
    "layers": (BIN / "lint-imports",),
    "english": (sys.executable, "docs/plain_english.py"),
    "tests": (
        *PYTEST,
        "-n",
        WORKERS,
        "--dist",
        "worksteal",
        "--mpl",
        "--doctest-modules",
        "falusage",
        "tests",
    ),
    "lowest": (BIN / "uv", "venv", "-q", "--clear", "-p", sys.executable, LOWEST),
    "lowest: install": (
        *(BIN / "uv", "pip", "install", "-q", "--resolution", "lowest-direct"),
        *("-p", LOWEST_PYTHON, "-e", f"{ROOT}[test]"),
    ),
    "lowest: tests": (
        *(LOWEST_PYTHON, "-m", "pytest", "-q", "-n", WORKERS, "--dist", "worksteal"),
        *("-m", "not slow", *(ROOT / "tests" / name for name in TOUCHING.values())),
    ),
}


def main() -> int:
    """Run every step, and give the number of those that failed."""
    begun = time.monotonic()
    lines: list[str] = []
    failed = 0
    for name, command in STEPS.items():
        say(f"--- {name}: {' '.join(map(str, command))}")
        since = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - the steps above
        failed += done.returncode != 0
        verdict = f"FAILED, exit {done.returncode}" if done.returncode else "ok"
        lines.append(f"{name:<15} {time.monotonic() - since:6.1f} s  {verdict}")
    say("---", *lines, f"{'all':<15} {time.monotonic() - begun:6.1f} s  {failed} failed")
    return failed


def say(*lines: str) -> None:
    """Write lines before the next step writes its own."""
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
