"""What it takes to run the command line: the program, a range, and the fixtures' types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

PROGRAM: Final = Path(sys.executable).with_name("falusage")
RANGE: Final = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")

Run = Callable[..., tuple[int, str, str]]
"""Runs a command line in this process; returns the exit code, stdout and stderr."""

Start = Callable[..., "subprocess.Popen[str]"]
"""Starts a command line as a process, with more environment."""
