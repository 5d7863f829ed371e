"""What this room's tests share: the programs of `docs/`, and a real browser."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.reporting.conftest import browser, one_tab, tab

# The programs import each other as they do when they are run.
sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

__all__ = ["browser", "one_tab", "tab"]
