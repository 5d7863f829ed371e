"""The check for plain English finds bad sentences, and only where people read them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docs/plain_english.py"

BAD = '''"""Give the table as rows."""

TITLE = "as_it_came"  # a name, not a sentence
MESSAGE = (
    f"{TITLE} is held "
    "against the summary"
)


def trend():
    """Return `refused`, a name.

    Dates that a range lacks count as nothing.
    """
    # The range of
    # which nothing was read.
'''


@pytest.fixture(scope="module")
def plain_english():
    """Return the program as a module."""
    spec = importlib.util.spec_from_file_location("plain_english", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["plain_english"] = module
    spec.loader.exec_module(module)
    return module


def found(plain_english, path: Path) -> list[tuple[int, str]]:
    """Return the line and the phrase of each finding, in order."""
    return sorted((finding.line, finding.found) for finding in plain_english.findings(path))


def test_docstrings_messages_and_comments_are_checked_over_line_breaks(
    tmp_path: Path, plain_english
) -> None:
    """Names in code and in backquotes are left alone."""
    (tmp_path / "bad.py").write_text(BAD, "utf-8")
    assert [
        (1, "Give"),
        (5, "held against"),
        (13, "count as nothing"),
        (15, "of which"),
    ] == found(plain_english, tmp_path / "bad.py")


def test_pages_and_the_text_of_notebooks_are_checked(tmp_path: Path, plain_english) -> None:
    """A page may begin with any word; quoted output and a notebook's code are not prose."""
    page = "Give it.\n\n```text\n3 in all.\n```\n20 USD in\nall.\n"
    (tmp_path / "page.md").write_text(page, "utf-8")
    cells = [
        {"cell_type": "code", "source": ["'in all.'"]},
        {"cell_type": "markdown", "source": ["Days out of\n", "their rhythm"]},
    ]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    assert [(6, "in all")] == found(plain_english, tmp_path / "page.md")
    assert [(2, "out of their rhythm")] == found(plain_english, tmp_path / "book.ipynb")


def test_a_bad_sentence_fails_the_check(
    tmp_path: Path, plain_english, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints where, what, and what to write instead; a clean file passes."""
    (tmp_path / "bad.md").write_text("Days out of their rhythm\n", "utf-8")
    (tmp_path / "good.md").write_text("Unusual days\n", "utf-8")
    assert 1 == plain_english.main(str(tmp_path))
    assert f"{tmp_path}/bad.md:1: 'out of their rhythm'; write: " in capsys.readouterr().out
    assert 0 == plain_english.main(str(tmp_path / "good.md"))
