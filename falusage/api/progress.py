"""A progress bar for long work, in terminals and notebooks only.

A notebook is recognized by its kernel, because its streams are not terminals.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any


class Progress:
    """A bar over what is to do; it appears once that has lasted a second."""

    def __init__(self, *, shown: bool, total: int, title: str, unit: str = "buckets") -> None:
        self._bar: Any = None
        if shown:
            with warnings.catch_warnings():
                # Without ipywidgets tqdm warns and falls back to text, which is enough.
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm

                self._bar = tqdm(
                    total=total,
                    desc=title,
                    unit=f" {unit}",
                    disable=False if _in_a_notebook() else None,  # None asks for a terminal
                    delay=1.0,
                    leave=False,
                )

    def advance(self, units: int, *, rows: int | None = None) -> None:
        """Add what is finished, and show the number of rows so far."""
        if self._bar is not None:
            if rows is not None:
                self._bar.set_postfix_str(f"{rows:,} rows", refresh=False)
            self._bar.update(units)

    def note(self, text: str) -> None:
        """Show what the load is waiting for."""
        if self._bar is not None:
            self._bar.set_postfix_str(text)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def _in_a_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())
