"""The recipes print what their page says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parents[2] / "docs"


def recipes() -> ModuleType:
    """Load the page's script, which is in no package."""
    spec = importlib.util.spec_from_file_location("recipes", DOCS / "recipes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_recipe_prints_what_its_page_says() -> None:
    """Word for word; `python docs/recipes.py` writes the page again."""
    page = (DOCS / "recipes.md").read_text("utf-8")
    assert 13 == page.count("\n## ")
    assert page == recipes().updated(page)
