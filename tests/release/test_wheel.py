"""What is uploaded is complete, and runs on every Python that is promised."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

import falusage as fu
from tests.release.installed import ROOT, UV, environment, uv

pytestmark = pytest.mark.slow

PROMISED = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
IN_THE_WHEEL = {
    "falusage/__init__.pyi",
    "falusage/cli/falusage.schema.json",
    "falusage/py.typed",
    "falusage/reporting/_page/report.html.jinja",
    "falusage/sample/sample-usage.parquet",
}


def test_wheel_and_source_are_what_they_should_be(
    wheel: Path, tmp_path: Path, on_disk: Path, subtests: pytest.Subtests
) -> None:
    """The source is built, and the wheel out of it; the tools that others use look at both."""
    uv("build", "--out-dir", tmp_path)
    (made,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with subtests.test("the wheel has the package and the plugin, and no tests"):
        names = zipfile.ZipFile(made).namelist()
        version = made.name.split("-")[1]
        assert {"falusage", "pytest_falusage.py", f"falusage-{version}.dist-info"} == {
            name.split("/")[0] for name in names
        }
        assert set() == IN_THE_WHEEL - set(names)
        assert [] == [name for name in names if name.endswith((".pyc", "~"))]
    with subtests.test("the source makes the same wheel as the checkout"):
        assert wheel.read_bytes() == made.read_bytes()
    tools = environment(on_disk / "tools", "--group", "release")
    for command in (("twine", "check", "--strict", made, source), ("check-wheel-contents", made)):
        with subtests.test(f"{command[0]} finds nothing"):
            ran(tools / command[0], *command[1:], cwd=ROOT)


def test_the_demo_runs_as_a_tool(wheel: Path, tmp_path: Path) -> None:
    """As `uvx --from 'falusage[all]' falusage demo`, on the newest Python, in an empty folder.

    It shows a total, a comparison, certainty, a page, a snapshot, and what to do next.
    """
    there = (version for version in reversed(PROMISED) if has(version))
    newest = PROMISED[-1] if os.environ.get("CI") else next(there)
    tool = (UV, "-q", "tool", "run", "-p", newest, "--from", f"{wheel}[all]")
    out = ran(*tool, "falusage", "demo", cwd=tmp_path)
    assert "June 2025 so far: 43,496.29 USD" in out
    assert "reconciled  all of it agrees" in out
    assert "export FAL_ADMIN_KEY=" in out
    assert "falusage-demo/report.html " in out
    made = tmp_path / "falusage-demo"
    assert {"usage.parquet", "report.html"} == {path.name for path in made.iterdir()}
    assert fu.read_snapshot(made / "usage.parquet").height
    assert (made / "report.html").read_text("utf-8").startswith("<!doctype html>")
    # The next test's promise, where the packages are installed and compiled already.
    assert f"{newest} done\n" == ran(*tool, "python", "-I", "-c", USE, cwd=tmp_path)


@pytest.mark.parametrize("version", PROMISED[1:-1])
def test_it_loads_and_keeps_usage_on(
    version: str, wheel: Path, on_disk: Path, tmp_path: Path
) -> None:
    """It has wheels of all, and runs; the other tests do on the oldest, which the checkout has.

    Only what is imported is installed: a Python would compile much of the rest, unused.
    """
    if not has(version) and not os.environ.get("CI"):
        pytest.skip(f"no Python {version} on this machine; CI has one")
    programs = environment(on_disk / version, f"{wheel}[emulator,store]", python=version)
    everything = ("--dry-run", "--only-binary", ":all:", f"{wheel}[all]")
    uv("pip", "install", "-p", programs / "python", *everything)
    assert f"{version} done\n" == ran(programs / "python", "-I", "-c", USE, cwd=tmp_path)


def has(version: str) -> bool:
    """Return whether this machine has a Python of this version."""
    find = (UV, "-q", "python", "find", "--no-python-downloads", version)
    return subprocess.run(find, check=False, capture_output=True).returncode == 0  # noqa: S603 - our own command


def ran(*command: str | Path, cwd: Path) -> str:
    """Run a command, and return what it printed."""
    environ = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=cwd, env=environ, capture_output=True, encoding="utf-8", check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


USE = """
import platform
import falusage as fu

sample = fu.sample_usage(start="2025-06-01", end="2025-06-15", every="1d")
with fu.Emulator(sample.usage) as emulator:
    with fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client:
        june = client.load(fu.UsageQuery("2025-06-01", "2025-06-15", timeframe="day"))
        store = fu.UsageStore("store")
        store.sync("2025-06-01", end="2025-06-15", client=client)
assert fu.rollup(june).equals(fu.rollup(store).collect())
print(platform.python_version()[:4], "done")
"""
