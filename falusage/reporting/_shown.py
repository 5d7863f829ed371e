"""A report that was written: where it is, and how a notebook shows it."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Report:
    """A page that `report` wrote. Jupyter and marimo show it where a cell returns it.

    Attributes:
        path: The file, absolute and with links followed.
        sentences: What its first screen says, line by line.
    """

    path: Path
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        """Return the first screen as text."""
        return "\n".join(self.sentences)

    def __fspath__(self) -> str:
        """Return the path, so that a report can be opened, copied or mailed as a file."""
        return os.fspath(self.path)

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, which no style or script of a notebook reaches."""
        page = html.escape(self.path.read_text("utf-8"), quote=True)
        return (
            '<iframe title="falusage report" sandbox="allow-scripts allow-downloads" width="100%" '
            f'height="800" style="border:0" srcdoc="{page}"></iframe>'
        )
