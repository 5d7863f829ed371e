"""Which packages an installation has, how large they are, and under which licences.

    python -m tests.release.installed [bill-of-materials.json]

It prints the sizes, and the licences of what `falusage[all]` installs. With a path, it also writes
the bill of materials there, in CycloneDX's form.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import deque
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
EXTRAS = ("emulator", "report", "store", "forecast", "all")
MB = 1 << 20
"""As `du -m` counts."""

BYTECODE = 1.4
"""The size of bytecode, which pip compiles, per byte of source: 1.38 for all of this on 3.11."""


def uv(*arguments: str | Path, cwd: Path = ROOT) -> str:
    """Run uv, and return what it printed."""
    command = (UV, "-q", *arguments)
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=cwd, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wheel(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    uv("build", "--wheel", "--out-dir", folder)
    (made,) = folder.glob("*.whl")
    return made


def environment(folder: Path, *packages: str | Path, python: str = sys.executable) -> Path:
    """Create an environment with these packages, and return the folder of its programs."""
    uv("venv", "--no-python-downloads", "-p", python, folder)
    programs = folder / "bin"
    uv("pip", "install", "-p", programs / "python", *packages)
    return programs


@cache
def everything_in(programs: Path) -> dict[str, Distribution]:
    """Return the packages of an environment by their normal names."""
    (library,) = programs.parent.glob("lib/python*/site-packages")
    return {canonicalize_name(one.name): one for one in distributions(path=[str(library)])}


@cache
def facts(package: Distribution) -> tuple[str, list[Requirement]]:
    """Return the name of a package and what it requires, which `importlib` parses each time."""
    return package.name, [Requirement(each) for each in package.requires or ()]


@cache
def packages(requirement: str, programs: Path) -> dict[str, Distribution]:
    """Return the packages that a requirement installs, out of an environment that has them."""
    here = everything_in(programs)
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    left = deque([Requirement(requirement)])
    while left:
        wanted = left.popleft()
        package = here[canonicalize_name(wanted.name)]
        name, needs = facts(package)
        for extra in ("", *wanted.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                found[name] = package
                left += [n for n in needs if not n.marker or n.marker.evaluate({"extra": extra})]
    return found


@cache
def size(package: Distribution) -> float:
    """Return the bytes of a package's files, with the bytecode that pip compiles."""
    return sum(
        file.size * (1 + BYTECODE if file.suffix == ".py" else 1)
        for file in package.files or ()
        if file.size and file.suffix != ".pyc"
    )


def sizes(requirement: str, programs: Path) -> dict[str, int]:
    """Return the MB of each package that a requirement installs, the largest first."""
    found = packages(requirement, programs).values()
    return {one.name: round(size(one) / MB) for one in sorted(found, key=size, reverse=True)}


def bill_of_materials(programs: Path, out: Path, *, tools: Path) -> dict[str, Any]:
    """Write what an environment contains as CycloneDX, and return it."""
    subprocess.run(  # noqa: S603 - cyclonedx's own program
        (
            *(tools / "cyclonedx-py", "environment", programs / "python"),
            *("--pyproject", "pyproject.toml"),
            *(
                "--output-reproducible",
                "--output-format",
                "JSON",
                "--no-validate",
                "--output-file",
                out,
            ),
        ),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return json.loads(out.read_text("utf-8"))


def licences(bill: dict[str, Any]) -> dict[str, set[str]]:
    """Return the licences of each package of a bill of materials, as the package states them."""
    return {
        package["name"]: {
            entry.get("expression") or entry["license"].get("id") or entry["license"]["name"]
            for entry in package.get("licenses", [])
        }
        for package in bill["components"]
    }


def table(programs: Path) -> list[str]:
    """Return the lines of a Markdown table: what each extra installs, and its largest parts."""
    lines = ["| installed | MB | packages | the largest, in MB |", "|---|---:|---:|---|"]
    plain = sizes("falusage", programs)
    for extra in ("", *EXTRAS):
        name = f"falusage[{extra}]" if extra else "falusage"
        found = sizes(name, programs)
        added = [part for part in found if not extra or part not in plain]
        largest = ", ".join(f"{part} {found[part]}" for part in added[:4] if found[part])
        total = sum(map(size, packages(name, programs).values())) / MB
        lines.append(f"| `{name}` | {total:.0f} | {len(found)} | {largest} |")
    return lines


def main(out: str | None = None) -> None:
    """Print the sizes and the licences."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        everything = environment(here / "all", f"{wheel(here)}[all]")
        tools = environment(here / "tools", "--group", "release")
        sys.stdout.write("\n".join([*table(everything), "", ""]))
        file = Path(out).resolve() if out else here / "bill.json"
        bill = bill_of_materials(everything, file, tools=tools)
    for name, stated in sorted(licences(bill).items()):
        sys.stdout.write(f"{name}: {', '.join(sorted(stated))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
