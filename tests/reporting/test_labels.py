"""Display names: before the ids, on the page and in the terminal, and nothing else follows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

import falusage as fu
from falusage.errors import MissingColumnError, QueryError
from falusage.reporting import summary, summary_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EVIL = "<img src=x onerror=alert(1)>\x1b[2J"
TEAMS = pl.DataFrame(
    {"username": ["paris", "ads", "labs", "nobody"], "name": ["Büro Paris", EVIL, None, "Nobody"]}
)
KEYS = pl.DataFrame({"key_id": ["k-1"], "alias": ["my-backend"]})


@pytest.mark.slow
def test_the_terminal_shows_both_names(usage: pl.DataFrame) -> None:
    """In tables and sentences; a team without a display name has its id, and control signs go."""
    text = summary(usage, month="2025-05", teams=TEAMS)
    assert "Büro Paris (paris)" in text
    assert "<img src=x onerror=alert(1)>?[2J (ads)" in text
    assert "\nlabs " in text
    assert "Nobody" not in text
    june = {"month": "2025-06", "baseline": ("2025-05-01", "2025-05-11"), "teams": TEAMS}
    assert "Büro Paris (paris) uses more" in summary(usage, **june)  # type: ignore[arg-type]
    assert "Büro Paris (paris) uses more" in summary_json(usage, **june)  # type: ignore[arg-type]


def test_keys_have_their_alias(usage: pl.DataFrame) -> None:
    """If usage was loaded with the ids of keys."""
    called = usage.with_columns(api_key_id=pl.lit("k-1"))
    text = summary(called, month="2025-05", keys=KEYS)
    assert "Cost by API key, USD" in text
    assert "my-backend (k-1)" in text


@pytest.mark.slow
def test_the_page_shows_both_names(usage: pl.DataFrame, tmp_path: Path, browser: Browser) -> None:
    """In its tables, its filter, its details and its words; the address and colours keep the id."""
    named = fu.report(usage, out=tmp_path / "named.html", month="2025-05", teams=TEAMS)
    bare = fu.report(usage, out=tmp_path / "bare.html", month="2025-05")
    page = browser.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(named.path.as_uri())
    page.wait_for_selector("#filter:not([hidden])", state="attached")
    options = page.locator("#filter-username option").all_text_contents()
    assert ["<img src=x onerror=alert(1)>?[2J (ads)", "labs", "Büro Paris (paris)"] == options

    page.evaluate("location.hash = 'team=%22paris%22'")
    page.wait_for_selector("text=Only team Büro Paris (paris).")
    cells = page.locator("td[data-kind=username]:visible")
    assert "Büro Paris (paris)" == cells.first.inner_text()
    assert '"paris"' == cells.first.get_attribute("data-name")
    cells.first.locator("button").click()
    assert "Team Büro Paris (paris)" == page.locator("dialog h2").inner_text()
    page.evaluate("location.hash = 'team=%22ads%22'")
    page.wait_for_selector("text=(ads).")
    assert [] == dialogs
    page.close()
    pictures = [
        re.findall("<svg.*?</svg>", path.read_text("utf-8"), re.DOTALL)
        for path in (named.path, bare.path)
    ]
    assert pictures[0]
    assert pictures[0] == pictures[1]  # names and colours of pictures are those of the ids


def test_names_are_checked(usage: pl.DataFrame, tmp_path: Path) -> None:
    """A frame lacks a column, or has an id twice, which would be ambiguous."""
    asked = {"out": tmp_path / "page.html", "month": "2025-05"}
    with pytest.raises(MissingColumnError, match="name"):
        fu.report(usage, teams=TEAMS.drop("name"), **asked)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="keys has 'k-1' twice; expected each key_id once"):
        fu.report(usage, keys=pl.concat([KEYS, KEYS]), **asked)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="teams is a dict; expected"):
        fu.report(usage, teams={"paris": "Paris"}, **asked)  # type: ignore[arg-type]
