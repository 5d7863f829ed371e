"""The site is built strictly, and needs no network."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import build_site
import pytest
import weblinks

import falusage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DOCS = Path(__file__).parents[2] / "docs"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.mark.slow
def test_the_site(
    tmp_path: Path, subtests: pytest.Subtests, request: pytest.FixtureRequest
) -> None:
    """One build, which is then looked at: every link, every name, and its search, in a browser."""
    with subtests.test(
        "nothing is wrong with it: no warning, no dead link, nothing from elsewhere"
    ):
        assert [] == build_site.build(tmp_path)
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

    browser = request.getfixturevalue("browser")  # without one, what follows is skipped
    with subtests.test("search works in a page that is opened from the disk"):
        page, loaded = opened(browser, site / "index.html", "desk")
        page.keyboard.press("/")
        page.keyboard.type("cost_bridge")
        found = page.locator("a", has_text="cost_bridge").first
        found.wait_for()
        found.click()
        page.wait_for_url("**/*cost_bridge*")
        assert [] == [address for address in loaded if not address.startswith("file:")]
        page.close()

    for name in ("index", "quickstart", "questions/why-more", "reference/tables"):
        with subtests.test("a phone loads a page from the disk, and does not scroll it", page=name):
            page, loaded = opened(browser, site / f"{name}.html", "phone")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES["phone"][0]
            assert [] == [address for address in loaded if not address.startswith("file:")]
            page.close()


def opened(browser: Browser, file: Path, size: str) -> tuple[Page, list[str]]:
    """Open a page from the disk, and return it with what it loads, as it loads it."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(file.as_uri())
    return page, loaded


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
