"""Every snippet of every page runs, and prints and draws what its page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import snippets

import falusage as fu

PAGES = [
    page
    for page in snippets.pages()
    if re.search("^```(python|sh)$", page.read_text("utf-8"), re.M)
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[fu.Emulator]:
    """One for all pages, so that what several of them ask for is summed once."""
    with fu.Emulator(api_key=snippets.KEY) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_snippet_prints_what_its_page_shows(
    page: Path, emulator: fu.Emulator, tmp_path: Path
) -> None:
    """Word for word, and draws its pictures; `python docs/snippets.py` writes the page again."""
    text = page.read_text("utf-8")
    with snippets.asking(emulator):
        assert text == snippets.updated(text, tmp_path)
    pictures = [found["file"] for found in snippets.PICTURE.finditer(text)]
    expected = {*pictures, *map(snippets.dark, pictures)}
    assert expected == {file.name for file in tmp_path.iterdir()}


def test_a_page_gets_what_its_snippets_print_in_order() -> None:
    """They share their names, and what they printed before is replaced."""
    page = "```python\na = 1\n```\n\n```python\nprint(a + 1)\n```\n\n```text\n3\n```\n"
    assert page.replace("3\n", "2\n") == snippets.updated(page)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\na = 1\n```\n\n![Shares](shares.svg)\n", "No snippet draws shares.svg"),
        ("```sh\nrm -r history\n```\n", "runs falusage, and no other program"),
        ("```sh\nfalusage --nonsense\n```\n", "Exit code 2: falusage --nonsense"),
        ("```sh\nfalusage --version\n```\n\n```text\nversion 99\n```\n", "does not print"),
    ],
)
def test_what_a_page_promises_wrongly_is_an_error(page: str, message: str) -> None:
    """A picture that no snippet draws, a command that fails, and other output."""
    with pytest.raises(snippets.SnippetError, match=message):
        snippets.updated(page)


def test_a_picture_is_drawn_for_light_and_for_dark_pages(tmp_path: Path) -> None:
    """The ink is light on dark pages; the colours of the data stay."""
    code = "from matplotlib import pyplot as plt\nplt.figure().text(0, 0, 'x', color='#000000')\n"
    code += "plt.plot([1, 2], color='#3c9ccc')\n"
    snippets.draw(f"```python\n{code}```\n\n![Dots](dots.svg)\n", tmp_path)

    light, dark = ((tmp_path / name).read_text() for name in ("dots.svg", "dots-dark.svg"))
    assert "#000000" in light
    assert "#000000" not in dark
    assert light.count("#3c9ccc") == dark.count("#3c9ccc") > 0
