"""The site is built strictly, and needs no network."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import build_site
import pytest
import snippets
import weblinks

import falusage
from tests.reporting.page import listening

if TYPE_CHECKING:
    from playwright.sync_api import Page

DOCS = Path(__file__).parents[2] / "docs"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}


def frames(pages: Mapping[Path, str], folder: Path) -> None:
    """Write an empty picture, as wide as those of the snippets, for each picture of the pages."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg" width="648pt" height="216pt"></svg>'
    for page, text in pages.items():
        place = (folder / page).parent
        place.mkdir(parents=True, exist_ok=True)
        for found in snippets.PICTURE.finditer(text):
            for name in (found["file"], snippets.dark(found["file"])):
                (place / name).write_text(empty, "utf-8")


@pytest.mark.slow
def test_the_site(
    tmp_path: Path, subtests: pytest.Subtests, request: pytest.FixtureRequest
) -> None:
    """One build, which is then looked at: every link, every name, and its search, in a browser.

    The test of the snippets draws the pictures of every page; here they are empty.
    """
    with subtests.test(
        "nothing is wrong with it: no warning, no dead link, nothing from elsewhere"
    ):
        assert [] == build_site.build(tmp_path, draw=frames)
    site = tmp_path / "html"

    with subtests.test("every public name has an anchor and a signature"):
        text = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
        anchors = set(re.findall(r'id="([\w.]+)"', text))
        homes = {name: getattr(falusage, name).__module__ for name in falusage.__all__}
        assert set() == {f"falusage.{name}" for name in homes} - anchors
        assert set() == {f"{module}.{name}" for name, module in homes.items()} - anchors
        assert "{parameters}" not in text

    with subtests.test("examples are blocks of code"):
        assert "<blockquote>" not in text

    tab: Page = request.getfixturevalue("tab")  # without a browser, what follows is skipped
    with subtests.test("search works in a page that is opened from the disk"):
        with listening(tab) as said:
            opened(tab, site / "index.html", "desk")
            tab.keyboard.press("/")
            tab.keyboard.type("cost_bridge")
            found = tab.locator("a", has_text="cost_bridge").first
            found.wait_for()
            found.click()
            tab.wait_for_url("**/*cost_bridge*")
        assert [] == elsewhere(said)

    for name in ("index", "quickstart", "questions/why-more", "reference/tables"):
        with subtests.test("a phone loads a page from the disk, and does not scroll it", page=name):
            with listening(tab) as said:
                opened(tab, site / f"{name}.html", "phone")
                width = tab.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES["phone"][0]
            assert [] == elsewhere(said)


def elsewhere(said: list[str]) -> list[str]:
    """Return the addresses in what a tab said that are not on the disk."""
    return [one for one in said if "://" in one and not one.startswith("file:")]


def opened(tab: Page, file: Path, size: str) -> None:
    """Open a page from the disk."""
    width, height = SIZES[size]
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto(file.as_uri())


def test_every_page_is_in_the_navigation(tmp_path: Path) -> None:
    """And nothing is in it that is not a page."""
    build_site.write_pages(tmp_path)
    written = {str(page.relative_to(tmp_path)) for page in tmp_path.rglob("*.md")}
    settings = tomllib.loads((DOCS / "zensical.toml").read_text("utf-8"))
    assert written == set(leaves(settings["project"]["nav"]))


def leaves(nav: Any) -> list[str]:
    """Return the pages of a navigation, in order."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [leaf for part in parts for leaf in leaves(part)]


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ('<a href="other.html">x</a>', "no such file: other.html"),
        ('<a href="#there">x</a>', "no such anchor: #there"),
        ('<a href="page.html#there">x</a>', "no such anchor: page.html#there"),
        ('<a href="../outside.html">x</a>', "no such file: ../outside.html"),
        ('<img src="picture.svg">', "no such file: picture.svg"),
        (
            '<script src="https://example.com/x.js"></script>',
            "loaded from elsewhere: https://example.com/x.js",
        ),
        (
            '<link rel="stylesheet" href="//example.com/x.css">',
            "loaded from elsewhere: //example.com/x.css",
        ),
    ],
)
def test_what_is_wrong_with_a_page_is_found(tmp_path: Path, markup: str, problem: str) -> None:
    """A dead link, and what is loaded from elsewhere."""
    (tmp_path / "page.html").write_text(markup, "utf-8")
    assert [f"page.html: {problem}"] == [*weblinks.problems(tmp_path)]


def test_plain_links_to_elsewhere_are_fine(tmp_path: Path) -> None:
    """Nothing is loaded until a reader follows them; links to anchors of the page are found."""
    markup = '<p id="here"><a href="https://fal.ai">fal</a> <a href="#here">here</a></p>'
    (tmp_path / "page.html").write_text(markup, "utf-8")
    assert [] == [*weblinks.problems(tmp_path)]


def test_a_style_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Such as a font."""
    (tmp_path / "x.css").write_text(
        "@font-face { src: url('https://example.com/x.woff2') }", "utf-8"
    )
    assert ["x.css: loaded from elsewhere"] == [*weblinks.problems(tmp_path)]
