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

# An environment of the lowest declared versions, and for each dependency the tests of the room
# that uses it. What changes between two versions of a library shows there.
LOWEST = BIN.parent / "lowest"
LOWEST_PYTHON = LOWEST / ("Scripts" if os.name == "nt" else "bin") / "python"
TOUCHING = {
    "narwhals, duckdb": "transforms/test_elsewhere.py::test_rows_are_those_of_polars",
    "pandas": "transforms/test_other_frames.py::test_nan_of_pandas_is_no_zero",
    "fastapi, uvicorn": "emulator/test_contract.py",
    "requests, urllib3, tenacity, pyarrow": "api/test_pages.py",
    "deltalake": "store/test_view.py",
    "pyarrow, polars": "snapshot/test_snapshot.py",
    "pandera": "schema",
    "click, tqdm": "cli/test_load.py",
    "matplotlib, numpy": "plotting/test_trend.py",
    "jinja2, pillow": "reporting/test_report.py::test_every_picture_is_in_words_and_in_the_file",
    "statsforecast": "forecasting/test_forecast.py::test_a_model_can_be_named",
    "tzdata": "test_timeframes.py::test_days_of_note",
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
        *(ROOT / "tests" / name for name in TOUCHING.values()),
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
