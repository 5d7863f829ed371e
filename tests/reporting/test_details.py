"""Details in place: a team's endpoints, an endpoint's teams and days, a day's causes; and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.reporting.page import page
from tests.reporting.test_filters import beyond, filtered, frame, quietly

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

START, END = date(2025, 5, 1), date(2025, 6, 12)
SPIKE = date(2025, 6, 11)
EVIL = '=cmd|" /C calc"!A1</script>'


def rows() -> Iterator[dict[str, Any]]:
    """Yield six weeks: 10 a day of two teams, and 82 more of one endpoint on the last day."""
    for day in range((END - START).days):
        at = START + timedelta(days=day)
        for team, endpoint in (("ads", "flux"), ("ads", "veo"), (EVIL, "flux")):
            extra = 820 if (at, team, endpoint) == (SPIKE, "ads", "veo") else 0
            yield {
                "day": at,
                "username": team,
                "product": "model_apis",
                "endpoint_id": endpoint,
                "unit": "image",
                "currency": "USD",
                "unit_price": 0.1,
                "quantity": Decimal(100 + extra),
                "cost": Decimal(100 + extra) / 10,
            }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page over the six weeks, which compares 1 – 11 June with 1 – 11 May."""
    file = tmp_path_factory.mktemp("details") / "page.html"
    june, may = (date(2025, 6, 1), END), (START, date(2025, 5, 12))
    file.write_text(page(frame([*rows()]), start=START, end=END, compared=(june, may)), "utf-8")
    return file


@pytest.fixture
def opened(tab: Page, written: Path) -> Iterator[Page]:
    """The page, ready."""
    yield from quietly(tab, written)


def cells(shown: Page, caption: str) -> list[list[str]]:
    """Return the texts of a table in the details."""
    found = shown.locator("#detail table", has=shown.locator("caption", has_text=caption))
    return [row.locator("td").all_inner_texts() for row in found.locator("tbody tr").all()]


def button(shown: Page, inside: str, text: str) -> Locator:
    """Return the first button of a part of the page that has exactly this text."""
    return shown.locator(inside).get_by_role("button", name=text, exact=True).first


def test_a_team_opens_its_endpoints_and_an_endpoint_its_teams(opened: Page) -> None:
    """From the page's own table into details, on to an endpoint, back, and out by Escape."""
    ads = button(opened, "#answer", '"ads"')
    ads.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("#detail").is_visible()
    assert "Team ads" == opened.locator("#detail-title").inner_text()
    assert "detail-title" == opened.evaluate("document.activeElement.id")
    expected = [
        ["veo", "192.00 USD", "63.6%", "+82.00 USD"],
        ["flux", "110.00 USD", "36.4%", "0.00 USD"],
    ]
    assert expected == cells(opened, "Endpoints, USD")
    button(opened, "#detail", "flux").click()
    assert "Endpoint flux" == opened.locator("#detail-title").inner_text()
    assert ["ads", EVIL] == sorted((row[0] for row in cells(opened, "Teams, USD")), reverse=True)
    opened.locator("#detail .back").click()
    assert "Team ads" == opened.locator("#detail-title").inner_text()
    assert not opened.locator("#detail .back").is_visible()
    opened.keyboard.press("Escape")
    assert not opened.locator("#detail").is_visible()
    assert ads.evaluate("(one) => one === document.activeElement")


def test_a_day_opens_its_causes(opened: Page) -> None:
    """What differs most from the mean of the same weekday before stands first, with quantities."""
    button(opened, "#answer", '"ads"').click()
    opened.locator("#detail details summary").click()
    button(opened, "#detail", "11 Jun 2025").click()
    answer = opened.locator("#detail .sum").inner_text()
    assert "112.00 USD. That is 82.00 USD more than the mean of the 4 Wednesdays before" in answer
    first, *others = cells(opened, "What made this day, USD")
    expected = ["ads", "veo", "+82.00 USD", "92.00 USD", "920 image", "100"]
    assert expected == first
    assert ["0.00 USD", "0.00 USD"] == [row[2] for row in others]


def test_a_day_of_the_picture_opens_its_causes(opened: Page) -> None:
    """A click on a column does the same; the first day of a weekday has nothing to compare with."""
    filtered(opened, username=["ads"])
    opened.locator('#filtered svg rect[data-name="\\"2025-05-02\\""]').first.click()
    assert "2 May 2025" == opened.locator("#detail-title").inner_text()
    assert "no earlier day of the same weekday" in opened.locator("#detail .sum").inner_text()


def test_details_follow_the_filter_and_can_become_it(opened: Page) -> None:
    """Within a filter by days, a team's details have these days; one button filters by the team."""
    filtered(opened, **{"from": 0, "until": 2})
    button(opened, "#filtered", "ads").click()
    assert ["veo", "20.00 USD"] in [row[:2] for row in cells(opened, "Endpoints, USD")]
    opened.locator("#detail .only").click()
    assert not opened.locator("#detail").is_visible()
    assert "Only team ads; 1 – 2 May 2025." == opened.locator("#filter-words").inner_text()
    button(opened, "#filtered", "veo").click()
    opened.locator("#detail .only").click()
    words = "Only team ads; endpoint veo; 1 – 2 May 2025."
    assert words == opened.locator("#filter-words").inner_text()
    opened.reload()
    opened.evaluate("falusage.ready.then(() => true)")
    assert words == opened.locator("#filter-words").inner_text()
    total = opened.locator("#filtered > .sum strong").get_attribute("data-exact")
    assert "20.000000000000" == total


def test_what_is_shown_is_saved_exactly_and_runs_no_formula(opened: Page, tmp_path: Path) -> None:
    """The file has the chosen rows, whose costs sum to the sentence; a formula has a quote."""
    filtered(opened, username=[EVIL], **{"from": 0, "until": 2})
    with opened.expect_download() as waiting:
        opened.locator("#filter-save").click()
    assert "usage-2025-05-01-2025-05-02.csv" == waiting.value.suggested_filename
    waiting.value.save_as(tmp_path / "saved.csv")
    saved = pl.read_csv(tmp_path / "saved.csv", infer_schema=False)
    assert [f"'{EVIL}"] * 2 == saved["username"].to_list()
    assert ["10", "10"] == saved["cost"].to_list()
    total = opened.locator("#filtered > .sum strong").get_attribute("data-exact")
    assert Decimal(20) == Decimal(total or "")


def test_details_save_their_own_rows(opened: Page, tmp_path: Path) -> None:
    """The file of a team's endpoint has that endpoint's rows in the days of the page."""
    button(opened, "#answer", '"ads"').click()
    with opened.expect_download() as waiting:
        opened.locator("#detail .save").click()
    waiting.value.save_as(tmp_path / "saved.csv")
    saved = pl.read_csv(tmp_path / "saved.csv")
    assert (22, 302.0) == (saved.height, saved["cost"].sum())


def test_tables_of_the_filtered_answer_are_sorted_by_a_click(opened: Page) -> None:
    """Names by letter, and again the other way round."""
    filtered(opened, **{"from": 0, "until": 2})
    table = opened.locator("#filtered table", has=opened.locator("caption", has_text="Endpoints"))
    names = table.locator("tbody td:first-child")
    table.locator("th button").first.click()
    assert ["flux", "veo"] == names.all_inner_texts()
    table.locator("th button").first.click()
    assert ["veo", "flux"] == names.all_inner_texts()


def test_details_fit_a_phone(tab: Page, written: Path) -> None:
    """At 390 px no number of the details is off screen."""
    for shown in quietly(tab, written, 390):
        button(shown, "#answer", '"ads"').click()
        assert [] == beyond(shown, "#detail")
