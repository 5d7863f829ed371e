"""The page of the command line is true: its settings, its log, and its scripts for shells."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

import falusage as fu
from falusage.cli import main
from falusage.cli._configuration import values
from tests.cli.running import PROGRAM

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the page's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def masked(text: str) -> list[str]:
    """Return the lines of a text without its numbers."""
    return [re.sub(r"\d+", "0", line) for line in text.splitlines()]


@pytest.mark.slow
@pytest.mark.filterwarnings("default::falusage.FalUsageWarning")
def test_its_log_is_that_of_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for times and numbers."""
    usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    (command,) = [line for block in blocks("sh") for line in block.splitlines() if " -v" in line]
    monkeypatch.chdir(tmp_path)
    with fu.Emulator(usage) as emulator:
        monkeypatch.setenv("FAL_ADMIN_KEY", emulator.api_key)
        monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
        assert 0 == main(shlex.split(command)[1:])

    lines = masked(capsys.readouterr().err)
    logged = [line for line in lines if "Z falusage." in line]
    (shown,) = blocks("text")
    assert masked(shown) == [logged[0], logged[-1]]


def test_its_settings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, with a value that is not the default."""
    (settings,) = blocks("toml")
    (tmp_path / "falusage.toml").write_text(settings, "utf-8")
    monkeypatch.chdir(tmp_path)

    found = {each.setting.path for each in values() if "falusage.toml" in each.source}

    assert {"store", "timezone", "workers", "sync.start", "sync.settle"} == found


@pytest.mark.slow
def test_its_scripts_are_written(tmp_path: Path) -> None:
    """Each into the file of its shell."""
    (tmp_path / ".config/fish/completions").mkdir(parents=True)
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    (lines,) = blocks("bash")
    subprocess.run(  # noqa: S603 - the page's own
        ["/bin/bash", "-ec", lines], env={"HOME": str(tmp_path), "PATH": path}, check=True
    )

    files = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert {
        *(".bashrc", ".zshrc", "falusage.fish"),
        *(".falusage-complete.bash", ".falusage-complete.zsh"),
    } == files
    assert all(file.stat().st_size for file in tmp_path.rglob("*"))
