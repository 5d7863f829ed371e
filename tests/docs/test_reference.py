"""The reference says what the docstrings say, of every public name."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import falusage

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages as the docstrings give them today."""
    spec = importlib.util.spec_from_file_location("reference", FOLDER.with_suffix(".py"))
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_the_pages_are_those_of_the_docstrings(pages: dict[str, str]) -> None:
    """After a change of a docstring or an option, `python docs/reference.py` writes them again."""
    kept = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    assert sorted(pages) == sorted(kept)
    assert [] == [name for name, text in pages.items() if text != kept[name]]


def test_every_public_name_has_its_place(pages: dict[str, str]) -> None:
    """Each is a heading of one page, which the index leads to."""
    headings = re.findall(r"^## (\w+)$", "\n".join(pages.values()), re.MULTILINE)
    assert sorted(falusage.__all__) == sorted(set(headings))
    links = re.findall(r"\]\(([\w-]+\.md)#(\w+)\)", pages["README.md"])
    assert len(falusage.__all__) == len(links)
    for page, anchor in links:
        assert anchor in {name.lower() for name in re.findall(r"^## (\w+)$", pages[page], re.M)}


def test_nothing_is_left_undocumented(pages: dict[str, str]) -> None:
    """Every name has a first line that says what it is."""
    rows = re.findall(r"^\| \[`(\w+)`\]\([^)]+\) \| (.*) \|$", pages["README.md"], re.MULTILINE)
    assert [] == [name for name, first in rows if len(first) < 10]
