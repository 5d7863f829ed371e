"""What all tests share: how many examples a property is tried on, and a child without privileges.

`pytest --hypothesis-profile=thorough` tries every property on a thousand examples.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Examples are judged by what they show, not by how busy the machine is, and those of one test
# share its folder and its server.
IGNORED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
for name, examples in (("falusage", 20), ("thorough", 1000)):
    settings.register_profile(
        name, max_examples=examples, deadline=None, suppress_health_check=IGNORED
    )
settings.load_profile("falusage")

_AS_ANYBODY = """
import ctypes, os, sys
DROP_FROM_BOUNDING_SET, OVERRIDE = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
if os.geteuid() == 0 and ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, OVERRIDE, 0, 0, 0) != 0:
    sys.exit("root cannot give up its privilege here: run the tests as another user")
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""

Child = Callable[..., str]


@pytest.fixture
def held_by_permissions() -> Child:
    """Run code in a process that permissions hold, whoever runs the tests; gives its stdout.

    Root stays root, and so reads the checkout and the test's folder wherever they are, but loses
    its privilege to write what permissions forbid.
    """

    def child(code: str, *arguments: str | Path) -> str:
        done = subprocess.run(  # noqa: S603 (our own interpreter)
            [sys.executable, "-c", _AS_ANYBODY, code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout

    return child
