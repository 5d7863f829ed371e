"""The fixtures for users' own tests, in a folder of their own, as `docs/testing.md` shows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "testing.md"

# What the page does not show: which address and keys code finds, and where a mark may stand.
FURTHER = """
import os

pytestmark = pytest.mark.fal_usage_api(api_key="id:of-the-module")

@pytest.fixture(autouse=True, scope="module")
def real_keys():
    yield
    assert os.environ["FAL_KEY"] == "real:key"
    assert not {"FAL_ADMIN_KEY", "FALUSAGE_BASE_URL"} & os.environ.keys()

def test_the_environment_leads_to_the_emulator(fal_usage_api):
    assert os.environ["FALUSAGE_BASE_URL"] == fal_usage_api.base_url
    assert os.environ["FAL_ADMIN_KEY"] == fal_usage_api.api_key == "id:of-the-module"
    assert "FAL_KEY" not in os.environ

@pytest.mark.fal_usage_api(edition=2)
def test_the_closest_mark_counts(fal_usage_api):
    assert (fal_usage_api.edition, fal_usage_api.api_key != "id:of-the-module") == (2, True)

def test_a_real_key_is_left_alone():
    assert os.environ["FAL_KEY"] == "real:key"
"""


@pytest.mark.slow
def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    """Without configuration; marks are declared, and warnings are errors."""
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    (first, *more) = [code for code in snippets if "def test_" in code]
    shown = "\n".join(["import falusage as fu", first, *more])
    (tmp_path / "test_page.py").write_text(shown, "utf-8")
    (tmp_path / "test_further.py").write_text(f"import pytest\n{FURTHER}", "utf-8")
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FAL_", "FALUSAGE_", "PYTEST_"))
    }
    done = subprocess.run(  # noqa: S603 - pytest
        [
            *(sys.executable, "-m", "pytest", "-p", "pytest_falusage", "-p", "no:cacheprovider"),
            *("-q", "--strict-markers", "-W", "error", "-rA", tmp_path),
        ],
        cwd=tmp_path,
        env={**environ, "FAL_KEY": "real:key", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    assert shown.count("def test_") + FURTHER.count("def test_") == done.stdout.count("\nPASSED ")


def test_pytest_finds_the_plugin_by_itself() -> None:
    """It is an entry point of the installation."""
    (plugin,) = entry_points(group="pytest11", name="falusage")
    assert "pytest_falusage" == plugin.load().__name__


def test_starting_pytest_imports_nothing_more() -> None:
    """Projects that have falusage installed, and tests that do not ask for it, do not wait."""
    code = """
import collections.abc, json, sys, typing
import pytest
before = set(sys.modules)
import pytest_falusage
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # noqa: S603 - as above
    assert ["pytest_falusage"] == json.loads(told.stdout)
