"""Notebooks read like an analysis; what they say is what they show, and what a run shows today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

import falusage as fu

NOTEBOOKS = sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))

# A statement of a notebook's text, and a part of the kept output that shows it.
STATEMENTS = [
    ("01", "the rows agree with the API's own totals", "31 keys agree"),
    ("01", "every bucket had ended when it was read", "all buckets had ended"),
    (
        "01",
        "The last three days may still be corrected",
        "settled_until=datetime.datetime(2025, 6, 21",
    ),
    ("01", "Three teams spent four fifths", "acme-ml-team USD 27184.62 0.17 0.80 3"),
    (
        "01",
        "`acme-studio` spends only on models",
        "May 2025 acme-studio USD 14365.20 0.00 0.00 14365.20",
    ),
    ("01", "One line has an unusual day in June", "2025-06-11 00:00:00 UTC acme-growth USD 654.09"),
    (
        "01",
        "The unusual day and the prices are among them",
        "UTC anomaly acme-growth fal-ai/ideogram/v3",
    ),
    ("01", "One list price rose by a quarter", "fal-ai/flux-pro/kontext 2025-05-20 list 0.25"),
    (
        "01",
        "Images and seconds cannot be added",
        "quantities of different endpoints or units have no sum",
    ),
    ("01", "a day in UTC cannot be split", "crosses a boundary of every='1d' in America/New_York"),
    ("01", "here of the last whole month", "May 2025: 56,438.56 USD"),
    ("02", "2,263 more, or 5.5 percent", "5.5% more than 1 – 23 Apr 2025"),
    ("02", "2,263 more, or 5.5 percent", "Why +2,262.63 USD"),
    ("02", "on the 20th of May", "fal-ai/flux-pro/kontext 2025-05-20 list 0.25"),
    ("02", "Five days earlier, the discount", "fal-ai/flux/dev 2025-05-15 discount -0.05"),
    (
        "02",
        "switched from one video model to another",
        "acme-studio fal-ai/minimax/video-01 retired -412.50",
    ),
    ("02", "switched from one video model to another", "acme-studio fal-ai/veo3/fast new 507.15"),
    ("02", "One endpoint is behind it", "acme-growth fal-ai/ideogram/v3 564.60 74.19"),
    ("02", "changed by 35 dollars instead of 531", "acme-growth 531.03 495.67 35.36"),
    ("03", "starts at 14:00 is open", "closed_until=datetime.datetime(2025, 6, 17, 14, 0"),
    (
        "03",
        "names the day nine days ahead",
        "acme-studio USD 7696 14235 13870 14593 12000 0.99 2025-06-26",
    ),
    ("03", "about one half", "acme-voice USD 1912 3492 3424 3573 3500 0.52 null"),
    (
        "03",
        "no chance of exceeding one",
        "acme-data-platform USD 1918 3513 3443 3578 null null null",
    ),
    ("03", "tested on the past, twenty times", "average 20 0.70 0.25 null 0.89 0.98 true"),
    (
        "03",
        "its forecast of the rest of the month is too small",
        "18 – 30 June: 24,664 USD expected",
    ),
    ("03", "its forecast of the rest of the month is too small", "as a whole one: 24,473 USD"),
    ("03", "it differs by less than half a percent", "-0.2% in a week"),
    ("04", "count as **settled**", "true USD 22827.77"),
    ("04", "more than three days ago", "settled_until=datetime.datetime(2025, 6, 13"),
    ("04", "the part of it in days that had already ended", "USD 452 30406.30 1896.15 2.90"),
    ("04", "Their sum is the change", "USD 55 1896.147361150000"),
    ("04", "the few that changed", "acme-studio fal-ai/veo3 changed 122.60 113.24"),
    ("04", "the few that changed", "acme-voice fal-ai/whisper changed 25.10 37.36"),
    ("04", "Monday's report can be made again", "USD 28303.35 16 June"),
    ("04", "nothing was known", "StoreError"),
    ("04", "the usual sync does not read it", "version 3, 1 new 2025-06-01"),
    ("04", "a longer `settle` does", "restated: -564.600000000000 USD"),
    ("05", "no day is missing", "gaps=()"),
    ("05", "may still correct the last three days", "settled_until=datetime.datetime(2025, 6, 21"),
    (
        "05",
        "All of it agrees with the API's own totals",
        "reconciled=True, differing=0, quarantined=0",
    ),
    ("05", "compared with the same days of May", "3.8% more than 1 – 23 May 2025"),
    ("05", "almost two thirds of June's dollars", "acme-studio USD 11054.41 0.25 0.64"),
    ("05", "spent 564.60 dollars", "2025-06-11 acme-growth fal-ai/ideogram/v3 564.60 74.19 490.41"),
    (
        "05",
        "the discount of `acme-ml-team`",
        "acme-ml-team fal-ai/flux/dev 2025-05-15 discount -0.05",
    ),
    ("05", "before the month ends", "12000.00 1.00 2025-06-25"),
]


def said(book: Any) -> list[str]:
    """Return what each cell printed and showed, pictures by their kind alone.

    A kernel sends what is printed in as many parts as it likes, so they are joined. How long a load
    takes differs from run to run.
    """
    shown = ["".join(map(_text, cell.get("outputs", []))) for cell in book.cells]
    return [re.sub(r" in \d+\.\d s$", " in … s", text, flags=re.MULTILINE) for text in shown]


def _text(out: Any) -> str:
    shown = out.get("data", {})
    return "a picture" if "image/png" in shown else out.get("text", shown.get("text/plain", ""))


def words(text: str) -> str:
    """Return a text, or a printed table, with single spaces between its words."""
    return " ".join(re.sub("[│┆]", " ", text).split())


@pytest.fixture(scope="module")
def books() -> dict[str, Any]:
    """The notebooks as they are kept, by number."""
    return {path.name[:2]: nbformat.read(path, 4) for path in NOTEBOOKS}


@pytest.fixture(scope="module")
def usage() -> pl.DataFrame:
    """The half year that the notebooks load."""
    return fu.sample_usage(start="2025-01-01", every="1d").usage


def test_every_notebook_is_numbered_and_kept_with_its_outputs(books: dict[str, Any]) -> None:
    """Each code cell but those that only define things shows something of the run."""
    assert ["01", "02", "03", "04", "05"] == sorted(books)
    for number, book in books.items():
        assert sum(map(bool, said(book))) >= 5, number


def test_they_read_like_an_analysis(books: dict[str, Any]) -> None:
    """No checks, and no helpers: the library does the work."""
    code = "\n".join(
        cell.source for book in books.values() for cell in book.cells if cell.cell_type == "code"
    )
    assert [] == re.findall(r"^\s*(?:assert|def|class) .*", code, re.MULTILINE)


def test_what_is_kept_is_small_and_names_no_machine() -> None:
    """A report is named, not shown: its page is larger than all the rest."""
    for path in NOTEBOOKS:
        kept = path.read_text("utf-8")
        assert len(kept) < 350_000, path.name
        assert "<iframe" not in kept
        assert [] == re.findall(r"/(?:tmp|home|root|Users)/", kept)


@pytest.mark.parametrize(("number", "statement", "shown"), STATEMENTS)
def test_what_the_text_says_is_shown(
    books: dict[str, Any], number: str, statement: str, shown: str
) -> None:
    """A statement is in the text, and the output that shows it is kept."""
    book = books[number]
    text = words(" ".join(c.source for c in book.cells if c.cell_type == "markdown"))

    assert statement in text
    assert shown in words(" ".join(said(book)))


def test_what_the_tour_says_of_teams_and_endpoints(usage: pl.DataFrame) -> None:
    """Every team spent more in May than in April, and one endpoint is the largest everywhere."""
    months = fu.pivot(usage, index="username", on="product", every="1mo", totals=True)
    totals = [months.filter(pl.col("period").dt.month() == month)["total"] for month in (4, 5)]
    quarter = usage.filter(pl.col("bucket") >= pl.datetime(2025, 3, 26, time_zone="UTC"))
    largest = fu.cost_share(quarter, by="endpoint_id").filter(pl.col("rank") == 1)

    assert (totals[1] > totals[0]).all()
    assert ["EUR", "USD"] == largest["currency"].to_list()
    assert {"fal-ai/kling-video/v2.1/master/image-to-video"} == set(largest["endpoint_id"])


def test_what_the_second_notebook_says_of_its_pictures(usage: pl.DataFrame) -> None:
    """The effects, the teams, the prices and the unusual day, in whole dollars."""
    why = fu.cost_bridge(
        usage,
        baseline=("2025-04-01", "2025-04-24"),
        comparison=("2025-06-01", "2025-06-24"),
        by=("username", "endpoint_id"),
    ).filter(currency="USD")
    effects, teams = (
        dict(why.group_by(name).agg(pl.col("amount").sum()).iter_rows())
        for name in ("effect", "username")
    )
    steps = fu.price_changes(usage, by="username")
    impact = dict(steps.group_by("kind").agg(pl.col("impact").sum()).iter_rows())
    risen = why.filter(effect="price", endpoint_id="fal-ai/flux-pro/kontext")
    odd = fu.anomalies(usage, by="username")

    assert "volume" == max(effects, key=lambda name: effects[name])
    named = ("price", "new", "discount", "retired")
    assert [385, 507, -376, -412] == [round(effects[name]) for name in named]
    assert 0.7 == round(teams["acme-app-prod"] / sum(teams.values()), 1)
    assert {"list": 608, "discount": -662} == {kind: round(total) for kind, total in impact.items()}
    assert {"list": 2, "discount": 5} == dict(steps["kind"].value_counts().iter_rows())
    assert (2, 391) == (risen["username"].n_unique(), round(risen["amount"].sum()))
    assert [(654, 158)] == odd.select(pl.col("cost", "expected").round()).rows()


def test_what_the_review_says_of_its_bridge(usage: pl.DataFrame) -> None:
    """Volume is the largest part, and one team switched from one video model to another."""
    why = fu.cost_bridge(
        usage,
        baseline=("2025-05-01", "2025-05-24"),
        comparison=("2025-06-01", "2025-06-24"),
        by=("username", "endpoint_id"),
    ).filter(currency="USD")
    effects = dict(why.group_by("effect").agg(pl.col("amount").sum()).iter_rows())
    moves = why.filter(pl.col("effect").is_in(["new", "retired"])).sort("effect")

    assert "volume" == max(effects, key=lambda name: effects[name])
    assert [
        ("acme-studio", "fal-ai/veo3/fast", "new"),
        ("acme-studio", "fal-ai/minimax/video-01", "retired"),
    ] == moves.select("username", "endpoint_id", "effect").rows()


def test_every_day_of_the_week_after_is_within_its_band(books: dict[str, Any]) -> None:
    """The third notebook's last table: the day, then the band's low, the forecast, high, actual."""
    days = re.findall(
        r"(2025-06-\d\d) (\d+) \d+ (\d+) (\d+)", words(" ".join(said(books["03"])[-3:]))
    )

    assert 7 == len(days)
    assert [] == [day for day, low, high, cost in days if not int(low) <= int(cost) <= int(high)]


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    """One process for all notebooks, so that what they import is imported once.

    Its pictures are small: a test looks whether there is one, and not at it.
    """
    manager = KernelManager()
    small = "{'dpi': 20, 'bbox_inches': None}"
    manager.start_kernel(extra_arguments=[f"--InlineBackend.print_figure_kwargs={small}"])
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_kept_output_is_what_a_run_gives(path: Path, kernel: KernelManager, tmp_path: Path) -> None:
    """Every printed line and every table, word for word, and a picture where there was one."""
    kept = nbformat.read(path, 4)
    run = nbformat.read(path, 4)
    fresh = nbformat.v4.new_code_cell(f"import os\nos.chdir({str(tmp_path)!r})\n%reset -f")
    run.cells.insert(0, fresh)
    client = NotebookClient(run, km=kernel, timeout=300)
    client.execute()
    client.kc.stop_channels()
    run.cells.remove(fresh)
    assert said(kept) == said(run)
