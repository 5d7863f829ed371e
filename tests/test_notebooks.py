"""Notebooks are kept with their outputs, and the outputs are what a run gives today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))


def said(book: Any) -> list[str]:
    """Return what each cell printed and showed, pictures by their kind alone.

    A kernel sends what is printed in as many parts as it likes, so they are joined.
    """
    return ["".join(map(_text, cell.get("outputs", []))) for cell in book.cells]


def _text(out: Any) -> str:
    shown = out.get("data", {})
    return "a picture" if "image/png" in shown else out.get("text", shown.get("text/plain", ""))


def test_every_notebook_is_numbered_and_kept_with_its_outputs() -> None:
    """Each code cell but those that only define things shows something of the run."""
    assert ["01", "02", "03", "04"] == [path.name[:2] for path in NOTEBOOKS]
    for path in NOTEBOOKS:
        assert sum(map(bool, said(nbformat.read(path, 4)))) >= 5, path.name


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_kept_output_is_what_a_run_gives(path: Path) -> None:
    """Every printed line and every table, word for word, and a picture where there was one."""
    kept = nbformat.read(path, 4)
    run = nbformat.read(path, 4)
    NotebookClient(run, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert said(kept) == said(run)
