"""The README is true: its commands run, its snippets work, its output is what is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import falusage as fu

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
KEY = "your-key-id:your-key-secret"


def blocks(language: str) -> list[str]:
    """Return the README's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


SET_UP, RUN = blocks("sh")[:2], blocks("sh")[2:]


@pytest.fixture
def organization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve the sample with the README's key, and work in an empty folder."""
    for name in ("FAL_KEY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("FAL_ADMIN_KEY", KEY)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    with fu.Emulator(api_key=KEY) as emulator:
        monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
        yield tmp_path


def bash(script: str) -> str:
    """Run a script and return what it printed."""
    return subprocess.run(  # noqa: S603 - the README's own commands
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", script],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout


@pytest.mark.slow
def test_python_snippets_work(organization: Path) -> None:
    """One after the other, as in a notebook."""
    from matplotlib import pyplot as plt

    names: dict[str, Any] = {}
    for snippet in blocks("python"):
        exec(compile(snippet, "README.md", "exec"), names)  # noqa: S102 - the README's own
    plt.close("all")

    assert (organization / "endpoints.png").read_bytes().startswith(b"\x89PNG")
    assert names["quarter"].height < names["store"].scan().collect().height
    assert names["changed"].is_empty()
    open_ = names["lines"].filter((pl.col("only_here") != 0) | (pl.col("only_there") != 0))
    assert 0 == open_.height < names["lines"].filter(pl.col("tax") > 0).height
    assert names["spring"].equals(names["load"].usage)
    assert names["load"].receipt.open_from is None
    assert names["tested"].receipt.retries > 0


@pytest.mark.slow
def test_commands_run(organization: Path) -> None:
    """Each block as it is pasted, with the key that it sets."""
    printed = [bash(block) for block in RUN]

    shown = ["GPU-H100 (style", "June 2025 so far", "HOW RELIABLE THIS IS", "version"]
    assert all(words in out for words, out in zip(shown, printed, strict=True))
    assert (organization / "may.html").read_text("utf-8").startswith("<!doctype html>")
    assert (
        (organization / "compute.csv").read_text("utf-8").startswith("bucket,bucket_end,username")
    )


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_shows(organization: Path) -> None:
    """The first command's last step, with its output word for word, 80 columns wide."""
    out = bash("COLUMNS=80" + SET_UP[0].split("&&")[-1].replace(".venv/bin/", ""))

    assert len(blocks("text")) > 1
    assert all(block in out for block in blocks("text"))


def test_ci_runs_the_second_command() -> None:
    """One is the other, so that a clone that follows the README is checked as CI is."""
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()

    assert SET_UP[1].strip() == lines[-1]
    assert all(command.startswith("python3.11 -m venv .venv && ") for command in SET_UP)


def test_links_lead_somewhere() -> None:
    """Every file and every heading that the README links to is there."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {"#" + heading.lower().replace(" ", "-") for heading in headings}

    assert links
    assert [] == [link for link in links if link not in anchors and not (ROOT / link).exists()]


def test_what_the_readme_names_is_public() -> None:
    """Every `fu.` name, every error in the table, and every command."""
    from falusage.cli import cli

    named = set(re.findall(r"\bfu\.(\w+)", README)) | set(re.findall(r"`(\w+Error)`", README))
    commands = set(re.findall(r"^\| `falusage ([\w-]+)`", README, re.MULTILINE))

    assert set() == named - set(dir(fu))
    assert set(cli.commands) == commands
