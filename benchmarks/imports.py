"""What it costs to begin: `import falusage` against `import polars`, and `--help` against both.

    python benchmarks/imports.py

Every run is a fresh process, the sides take turns, and each figure is the median of the ratios of
neighbours, so that a machine busy with other things slows both alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

POLARS = (sys.executable, "-c", "import polars")
SIDES = {
    "import falusage": (sys.executable, "-c", "import falusage"),
    "falusage --help": (sys.executable, "-m", "falusage", "--help"),
}


def seconds(command: tuple[str, ...]) -> float:
    """Time one process, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Print each side's median, and its ratio to importing Polars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, command in SIDES.items():
        seconds(POLARS), seconds(command)  # files that the system has not read yet
        pairs = [(seconds(POLARS), seconds(command)) for _ in range(given.runs)]
        ratio = statistics.median(mine / theirs for theirs, mine in pairs)
        mine = statistics.median(mine for _, mine in pairs)
        print(f"{name:<16} {1000 * mine:5.0f} ms   {ratio:.2f} times `import polars`")


if __name__ == "__main__":
    main()
