"""A process that permissions bind, whoever runs the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_AS_ANYBODY = """
import ctypes, os, sys
DROP_FROM_BOUNDING_SET, OVERRIDE = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
if os.geteuid() == 0 and ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, OVERRIDE, 0, 0, 0) != 0:
    sys.exit("root cannot give up its privilege here: run the tests as another user")
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""


def run_without_override(code: str, *arguments: str | Path) -> str:
    """Run code in a process that permissions bind, and return its stdout.

    Root stays root, and so reads the checkout and the test's folder wherever they are, but loses
    its privilege to write what permissions forbid.
    """
    done = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, "-c", _AS_ANYBODY, code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout
