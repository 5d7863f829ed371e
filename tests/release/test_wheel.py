"""What is uploaded is whole: the wheel, built as an installer builds it, runs by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout; its build tool comes from the package index."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    subprocess.run(pip, check=True, capture_output=True)  # noqa: S603 - our own pip
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """The marker for type checkers, the report's page and the sample are in it; tests are not."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {"falusage", f"falusage-{wheel.name.split('-')[1]}.dist-info"} == {
        name.split("/")[0] for name in names
    }
    for needed in (
        "__init__.pyi",
        "py.typed",
        "cli/falusage.schema.json",
        "reporting/_page/report.html.jinja",
        "sample/sample-usage.parquet",
    ):
        assert f"falusage/{needed}" in names


def test_the_demo_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """In a folder of its own, with nothing of this checkout on the path."""
    installed = tmp_path / "installed"
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", installed, wheel)
    subprocess.run(pip, check=True, capture_output=True)  # noqa: S603 - as above
    # Dependencies are those of the tests; the checkout itself stands behind the wheel.
    path = os.pathsep.join([str(installed), sysconfig.get_path("purelib")])
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-S", "-c", _DEMO],
        cwd=tmp_path,
        env={"PYTHONPATH": path, "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert str(installed) in done.stdout.splitlines()[0]
    assert "reconciled  all of it agrees" in done.stdout
    kept = {path.name for path in (tmp_path / "falusage-demo").iterdir()}
    assert {"usage.parquet", "report.html"} == kept


_DEMO = """
import sys, falusage
print(falusage.__file__)
from falusage.cli import main
sys.exit(main(["demo"]))
"""
