"""How many examples each property is tried on, what is run first, and where tests write.

`pytest --hypothesis-profile=thorough` tries every property on a thousand examples, and `few` on
four, with which `check.py` tries them again on the lowest versions of the dependencies.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Examples are judged by what they show, not by how busy the machine is, and those of one test
# share its folder and its server.
IGNORED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
for name, examples in (("few", 4), ("falusage", 20), ("thorough", 1000)):
    settings.register_profile(
        name, max_examples=examples, deadline=None, suppress_health_check=IGNORED
    )
settings.load_profile("falusage")

# A hundred tests start a process, which takes 1.0 s to import a client and a store, and 2.2 s where
# it must compile them. Compiling the tests themselves takes each worker 13 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there
# A test of a store makes and removes hundreds of small files. On a disk that takes half as long as
# all else that it does. Processes are killed in these tests, and never the machine.
if (
    "PYTEST_DEBUG_TEMPROOT" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free > 4 << 30
):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)

LONGEST = {
    *("test_spark.py", "test_uses.py", "test_validator.py", "test_notebooks.py"),
    *("test_memory.py", "test_site.py", "test_snippets.py", "test_scale.py", "test_wheel.py"),
}
"""Files with single tests of half a minute, in which one worker would end alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
