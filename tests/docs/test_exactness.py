"""The page on exactness names tests and rooms that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exactness.md").read_text("utf-8")
PROMISES = re.findall(r"^\*\*.+?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/.]+)\)")


def names_in(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def test_every_promise_names_its_proof() -> None:
    """Each says how it is kept, and names tests that exist."""
    assert len(PROMISES) > 30
    for promise in PROMISES:
        proofs = _TEST.findall(promise)
        assert "Kept by:" in promise, promise
        assert proofs, promise
        assert [] == [name for name, path in proofs if name not in names_in(ROOT / path)]


def test_links_lead_somewhere() -> None:
    """Every room and test file that is linked is there."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "://" not in link]
    assert [] == [link for link in links if not (ROOT / "docs" / link).exists()]
