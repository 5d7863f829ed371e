"""Pictures in a page are markup that follows it: text, no style, few bytes, the same every time."""

from __future__ import annotations

import re
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import matplotlib as mpl
import polars as pl
import pytest

import falusage as fu
from falusage.reporting._blocks import Picture
from falusage.reporting._pictures import picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EVIL = "<script>alert('x')</script>&\"🚀 日本\x00\u202e"


@pytest.fixture(scope="module")
def usage() -> pl.DataFrame:
    """Ninety days of the sample in dollars, in which a team is called markup."""
    usage = fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d").usage
    return usage.filter(currency="USD").with_columns(
        pl.col("username").replace({"acme-growth": EVIL})
    )


@pytest.fixture(scope="module")
def drawn(usage: pl.DataFrame) -> dict[str, Picture]:
    """A picture of each kind."""
    why = fu.cost_bridge(
        usage,
        by="username",
        baseline=("2025-04-01", "2025-05-01"),
        comparison=("2025-05-01", "2025-06-01"),
    )
    hours = fu.sample_usage(start="2025-06-01", end="2025-06-04", every="1h").usage
    daily = fu.trend(usage, by="username")
    found = fu.anomalies(usage, by="username")
    kinds = {
        "trend": partial(fu.plot_trend, daily),
        "share": partial(fu.plot_share, fu.cost_share(usage, by="username")),
        "columns": partial(fu.plot_share, fu.cost_share(usage, by="username", every="1mo")),
        "stack": partial(fu.plot_stack, fu.trend(usage, by="username", every="1w")),
        "bridge": partial(fu.plot_bridge, why),
        "anomalies": partial(fu.plot_anomalies, found, history=daily),
        "heatmap": partial(fu.plot_heatmap, hours.filter(currency="USD")),
        "nothing": partial(fu.plot_trend, daily.clear()),
    }
    return {name: picture(draw) for name, draw in kinds.items()}


KINDS = pytest.mark.parametrize(
    "kind", ["trend", "share", "columns", "stack", "bridge", "anomalies", "heatmap", "nothing"]
)


@pytest.mark.slow
@KINDS
def test_markup_is_small_and_valid_and_has_no_style(drawn: dict[str, Picture], kind: str) -> None:
    """It is well-formed, fits a strict content policy, and is at most 15 kB."""
    for markup in (drawn[kind].wide, drawn[kind].narrow):
        root = ElementTree.fromstring(markup)  # noqa: S314 - our own markup
        assert "svg" == root.tag
        assert "img" == root.get("role")
        assert root.get("aria-label") == drawn[kind].alt
        assert {"svg", "path", "text", "pattern"} >= {one.tag for one in root.iter()}
        assert not {"style", "width", "onclick", "href"} & set(root.attrib)
        assert all("style" not in one.attrib for one in root.iter())
        assert len(markup.encode()) < 15_000


@KINDS
def test_ink_and_paper_are_those_of_the_page(drawn: dict[str, Picture], kind: str) -> None:
    """No fixed ink, grey or paper is in the markup, so that dark mode is dark."""
    for markup in (drawn[kind].wide, drawn[kind].narrow):
        assert not re.search(r"#(1d2329|fefefe|ffffff)", markup.replace('fill="#ffffff">', ""))
        texts = re.findall(r"<text [^>]*>", markup)
        assert texts
        fixed = [text for text in texts if 'fill="#' in text]
        assert bool(fixed) == (kind == "columns")  # shares on bars, which have one colour


def test_every_id_is_used_once(drawn: dict[str, Picture]) -> None:
    """All pictures are in one page, so no two of their patterns have the same id."""
    page = "".join(one.wide + one.narrow for one in drawn.values())
    ids = re.findall(r'id="([^"]*)"', page)
    assert ids
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", page)) == set(ids)


def test_names_are_text_in_the_readers_fonts(drawn: dict[str, Picture]) -> None:
    """No name is markup, or loses a character for lack of a font here; control signs are left."""
    root = ElementTree.fromstring(drawn["share"].wide)  # noqa: S314 - our own markup
    assert "<script>alert('x')</script>&\"🚀 日本" in {text.text for text in root.iter("text")}


def test_texts_are_legible_on_a_phone(drawn: dict[str, Picture]) -> None:
    """At 390 pixels, a picture is 358 wide, and no text is smaller than 10."""
    for one in drawn.values():
        root = ElementTree.fromstring(one.narrow)  # noqa: S314 - our own markup
        assert "0 0 358 " in f"{root.get('viewBox')} "
        assert min(float(str(text.get("font-size"))) for text in root.iter("text")) >= 10


def test_the_same_numbers_are_the_same_markup(usage: pl.DataFrame) -> None:
    """Whatever the user's settings are, and whatever was drawn before."""
    draw = partial(fu.plot_share, fu.cost_share(usage, by="username"))
    first = picture(draw)
    with mpl.rc_context({"text.color": "red", "font.size": 30, "figure.facecolor": "black"}):
        assert first == picture(draw)


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_all_of_it(
    browser: Browser, drawn: dict[str, Picture], width: int, tmp_path: Path
) -> None:
    """One size of each picture is shown, in the page's ink, with every text inside of it."""
    style = resources.files("falusage.reporting._page").joinpath("report.css").read_text("utf-8")
    policy = "default-src 'none'; style-src 'nonce-ours'"
    figures = "".join(f"<figure>{one.wide}{one.narrow}</figure>" for one in drawn.values())
    (tmp_path / "page.html").write_text(
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{policy}"><meta name="viewport" content="width=device-width">'
        f'<style nonce="ours">{style}</style><main>{figures}</main>',
        "utf-8",
    )
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto((tmp_path / "page.html").as_uri())
    shown = page.locator("figure svg:visible")
    assert len(drawn) == shown.count()
    for one in shown.all():
        assert ("narrow" if width < 600 else "wide") in str(one.get_attribute("class"))
        edges = one.evaluate(
            """svg => [svg, ...svg.querySelectorAll("text")].map((one) => {
                const box = one.getBoundingClientRect();
                return [box.left, box.right, getComputedStyle(one).fill];
            })"""
        )
        (left, right, ink), *texts = edges
        assert 0 <= left
        assert right <= width
        outside = [text for text in texts if text[0] < left - 1 or text[1] > right + 1]
        assert [] == outside, one.get_attribute("aria-label")
        assert ink == page.evaluate("getComputedStyle(document.body).color")
    assert [] == said
    page.close()
