"""The README is short and true, and leads to the pages where the rest is.

`tests/docs/test_snippets.py` runs its snippets with those of the pages.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

import falusage as fu
from falusage.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {page: page.read_text("utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))}
SET_UP = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[:2]


def page(name: str) -> str:
    """Return a page of the documentation."""
    return PAGES[ROOT / "docs" / name]


def test_it_is_a_front_door() -> None:
    """What it is, what to run, what is promised, and where to go next, in some hundred lines."""
    assert len(README.splitlines()) <= 120
    assert SET_UP[0].rstrip().endswith("&& .venv/bin/falusage demo")
    assert README.index(SET_UP[0]) < README.index("docs/report.png") < README.index("```python")


def test_ci_runs_the_second_command() -> None:
    """One is the other, so that a clone that follows the README is checked as CI is."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")

    assert script.endswith(f"\n{SET_UP[1]}")
    assert all(command.startswith("python3.11 -m venv .venv && ") for command in SET_UP)


def test_links_lead_somewhere() -> None:
    """Every file that the README links to is there, and every page is linked from it or another."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]

    assert links
    assert [] == [link for link in links if not (ROOT / link).exists()]


def test_the_screenshot_is_of_todays_report() -> None:
    """Its headline is what the demo prints; `python docs/screenshot.py` takes it again."""
    file = ROOT / "docs" / "report.png"
    with Image.open(file) as image:
        headline = image.info["headline"]

    assert f"\n{headline}\n" in page("quickstart.md")
    assert file.stat().st_size < 200_000


def test_what_the_pages_name_is_public() -> None:
    """Every `fu.` name, and every error."""
    text = "\n".join([README, *PAGES.values()])
    named = set(re.findall(r"\bfu\.(\w+)", text)) | set(re.findall(r"`(\w+Error)`", text))

    assert set() == named - set(dir(fu))


def test_every_command_and_every_error_is_explained() -> None:
    """In the table of the commands, and in that of the errors."""
    commands = re.findall(r"^\| `falusage ([\w-]+)`", page("command-line.md"), re.MULTILINE)
    errors = set(re.findall(r"`(\w+Error)`", page("errors.md")))

    assert sorted(cli.commands) == sorted(commands)
    assert set() == errors - set(fu.__all__)
