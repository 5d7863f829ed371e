"""The page in a real browser: it loads in silence, sorts, fits a phone, prints, and runs no name.

A machine without chromium skips these tests; with CI set, a missing chromium fails them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

import falusage as fu
from tests.reporting.page import listening

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

EVIL = "<script>document.title = 'run'</script>"
IMAGE = "<img src=https://example.com/x.png onerror=\"document.title = 'run'\">"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety days of the sample by day, in which a team and an endpoint are called markup."""
    usage = fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d").usage
    hostile = usage.with_columns(
        pl.col("username").replace({"acme-growth": EVIL}),
        pl.col("endpoint_id").replace({"fal-ai/flux/dev": IMAGE}),
    )
    return fu.report(hostile, out=tmp_path_factory.mktemp("report") / "report.html").path


@pytest.fixture
def opened(tab: Page, report: Path) -> Iterator[Page]:
    """The page on a desk, which logs nothing and asks for nothing."""
    tab.set_viewport_size({"width": 1280, "height": 900})
    with listening(tab) as said:
        tab.goto(report.as_uri())
        yield tab
    assert [] == [one for one in said if one != report.as_uri() and not one.startswith("data:")]


def column(page: Page, caption: str, place: int) -> list[str]:
    """Return the texts of a table's column, in the order of the page."""
    rows = page.locator("table", has=page.locator("caption", has_text=caption)).locator("tbody tr")
    return rows.locator(f"td:nth-child({place})").all_inner_texts()


def test_it_loads_without_an_error_or_a_request(opened: Page) -> None:
    """Nothing is logged or asked for, and every picture is drawn across the page."""
    widths = opened.evaluate(
        "[...document.querySelectorAll('#answer svg.wide')].map((one) => one.clientWidth)"
    )
    assert len(widths) >= 5
    assert all(width > 900 for width in widths)
    assert 0 == opened.locator("img").count()
    assert "dark" not in opened.evaluate("getComputedStyle(document.body).backgroundColor")


def test_names_are_shown_and_not_run(opened: Page) -> None:
    """A team called `<script>` stands in the table; the page's title is its own."""
    assert "What fal cost in June 2025 so far" == opened.title()
    assert EVIL in column(opened, "Cost by team, USD", 1)
    assert IMAGE in column(opened, "Cost by endpoint, USD", 1)


def test_a_script_from_elsewhere_is_refused(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Were a name not escaped, the page's own policy would still not run or load it."""
    pierced = tmp_path / "pierced.html"
    text = report.read_text("utf-8")
    pierced.write_text(text.replace("</header>", f"{EVIL}{IMAGE}</header>"), "utf-8")
    page = browser.new_page()
    loaded: list[str] = []
    page.on("requestfinished", lambda request: loaded.append(request.url))
    page.goto(pierced.as_uri())
    assert "What fal cost in June 2025 so far" == page.title()
    assert "https://example.com/x.png" not in loaded
    page.close()


def test_tables_sort_on_a_click_and_by_the_keyboard(opened: Page) -> None:
    """Numbers by size, largest first, names by letter; again turns round; others keep still."""
    table = opened.locator("table", has=opened.locator("caption", has_text="Cost by team, USD"))
    as_written = column(opened, "Cost by team, USD", 2)
    products = column(opened, "Cost by product, USD", 1)
    team, cost, *_ = table.locator("th").all()

    team.locator("button").click()
    assert "ascending" == team.get_attribute("aria-sort")
    names = column(opened, "Cost by team, USD", 1)
    assert sorted(names, key=str.lower) == names

    cost.locator("button").click()
    assert "descending" == cost.get_attribute("aria-sort")
    assert team.get_attribute("aria-sort") is None
    assert as_written == column(opened, "Cost by team, USD", 2)

    cost.locator("button").press("Enter")
    assert "ascending" == cost.get_attribute("aria-sort")
    assert as_written[::-1] == column(opened, "Cost by team, USD", 2)
    assert "total" == table.locator("tfoot td").first.inner_text()
    assert products == column(opened, "Cost by product, USD", 1)


@pytest.mark.parametrize("width", [320, 360, 768])
def test_it_fits_a_phone(tab: Page, report: Path, width: int) -> None:
    """Nothing is wider than the screen; pictures are those drawn for it."""
    tab.set_viewport_size({"width": width, "height": 780})
    tab.goto(report.as_uri())
    assert width == tab.evaluate("document.documentElement.scrollWidth")
    assert tab.locator("#answer svg.wide").first.is_visible() is (width > 672)
    assert tab.locator("#answer svg.narrow").first.is_visible() is (width <= 672)


def test_it_is_dark_where_the_reader_likes_that(tab: Page, report: Path) -> None:
    """Dark paper on a screen; white on paper."""
    tab.emulate_media(color_scheme="dark")
    tab.goto(report.as_uri())
    paper = "getComputedStyle(document.body).backgroundColor"
    assert "rgb(20, 24, 28)" == tab.evaluate(paper)
    tab.emulate_media(media="print")
    assert "rgb(255, 255, 255)" == tab.evaluate(paper)


def test_it_prints(tab: Page, report: Path) -> None:
    """As pages of A4, without what only a screen needs, and nothing cut at the right."""
    tab.set_viewport_size({"width": 680, "height": 980})
    tab.goto(report.as_uri())
    tab.emulate_media(media="print")
    assert not tab.locator("nav").is_visible()
    assert 680 == tab.evaluate("document.documentElement.scrollWidth")


def test_headers_repeat_and_totals_appear_once(tab: Page, tmp_path: Path) -> None:
    """A table of several pages has its titles on each of them, and its total at its end."""
    from pypdf import PdfReader

    usage = fu.sample_usage(start="2025-06-01", end="2025-06-24", every="1d").usage
    numbers = pl.int_range(pl.len()) % 90
    many = usage.filter(currency="USD").with_columns(username=pl.format("team-{}", numbers))
    shown = fu.report(many, out=tmp_path / "many.html")
    tab.goto(shown.path.as_uri())
    pages = PdfReader(io.BytesIO(tab.pdf(format="A4"))).pages
    texts = [" ".join(one.extract_text().split()) for one in pages]
    with_teams = [text for text in texts if len(re.findall(r"team-\d+ [\d,.]+ USD", text)) > 3]
    assert len(with_teams) > 1
    assert all("team cost share" in text for text in with_teams)
    total = fu.rollup(many)["cost"].item()
    assert 1 == " ".join(with_teams).count(f"total {total:,.2f} USD Cost by product")
