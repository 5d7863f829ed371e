"""Check everything, as CI does: `.venv/bin/python check.py`.

Form, lint, types, layers, notebooks, then every test and every example of the documentation. All
steps run, whatever fails; what failed is listed at the end.
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

STEPS: dict[str, tuple[str | Path, ...]] = {
    "format": (BIN / "ruff", "format", "--check", "."),
    "lint": (BIN / "ruff", "check", "."),
    "types": (BIN / "pyright",),
    "layers": (BIN / "lint-imports",),
    "notebooks": (*PYTEST, "--nbmake", *sorted(ROOT.glob("notebooks/*.ipynb"))),
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
}
if STEPS["notebooks"][-1] == "--nbmake":
    del STEPS["notebooks"]


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
        lines.append(f"{name:<10} {time.monotonic() - since:6.1f} s  {verdict}")
    say("---", *lines, f"{'all':<10} {time.monotonic() - begun:6.1f} s  {failed} failed")
    return failed


def say(*lines: str) -> None:
    """Write lines before the next step writes its own."""
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
