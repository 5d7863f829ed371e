"""The README is true: its commands run, its snippets work, its output is what is printed."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import falusage as fu
from falusage.cli import main

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
    monkeypatch.delenv("FAL_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("FAL_ADMIN_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "80")
    with fu.Emulator(api_key=KEY) as emulator:
        monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
        yield tmp_path


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


def pasted(block: str) -> str:
    """Run a block of commands in this process, as a shell would, and return what they printed."""
    printed = []
    for line in block.replace("\\\n", " ").splitlines():
        command, _, out = line.partition(" > ")
        program, *arguments = shlex.split(command)
        if program == "export":
            os.environ.update([arguments[0].split("=", 1)])
            continue
        assert "falusage" == program
        with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as stdout:
            assert 0 == main(arguments), line
        stdout.flush()
        text = stdout.buffer.getvalue().decode()
        if out:
            Path(out).write_text(text, "utf-8")
        printed.append(text)
    return "".join(printed)


@pytest.mark.slow
@pytest.mark.filterwarnings("default::falusage.FalUsageWarning")
def test_commands_run(organization: Path) -> None:
    """Each block as it is pasted, with the key that it sets."""
    printed = [pasted(block) for block in RUN]

    shown = ["GPU-H100 (style", "June 2025 so far", "HOW RELIABLE THIS IS", "version"]
    assert all(words in out for words, out in zip(shown, printed, strict=True))
    assert (organization / "may.html").read_text("utf-8").startswith("<!doctype html>")
    assert (
        (organization / "compute.csv").read_text("utf-8").startswith("bucket,bucket_end,username")
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("default::falusage.FalUsageWarning")
def test_the_demo_prints_what_the_readme_shows(organization: Path) -> None:
    """The first command's last step, with its output word for word, 80 columns wide."""
    out = pasted(SET_UP[0].split("&& .venv/bin/")[-1])

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
