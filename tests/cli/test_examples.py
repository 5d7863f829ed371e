"""The examples of every command's help run as they are typed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from falusage.cli import cli
from falusage.cli._commands import Command
from tests.cli.running import Run, Start

FIRST = ("snapshot", "sync")
"""The commands whose examples make what others read."""
QUICKSTART = Path(__file__).parents[2] / "docs" / "quickstart.md"
ENDLESS = "serve"
IN_THE_QUICKSTART = "demo"
"""Its example is a command of the quickstart, which runs with the snippets of the pages."""


def examples(name: str) -> list[list[str]]:
    """Return the words of each example of a command, without the program."""
    command = cli.commands[name]
    assert isinstance(command, Command)
    words = [shlex.split(line) for line in command.examples]
    assert {"falusage"} == {program for program, *_ in words}
    return [rest for _, *rest in words]


def test_every_help_ends_with_its_examples(run: Run) -> None:
    """One or two, below a title of their own."""
    for name in cli.commands:
        _, out, _ = run(name, "--help")
        command = cli.commands[name]
        assert isinstance(command, Command)
        shown = out.partition("\nExamples:\n")[2].splitlines()
        assert [f"  {line}" for line in command.examples] == shown
        assert 1 <= len(shown) <= 2


def test_the_example_of_the_demo_is_that_of_the_quickstart() -> None:
    """The test of the pages runs it, and compares what it prints."""
    (line,) = examples(IN_THE_QUICKSTART)
    assert f"falusage {' '.join(line)}\n" in QUICKSTART.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.filterwarnings("default::falusage.FalUsageWarning")
def test_every_example_runs(run: Run, environment: Path) -> None:
    """All of them in one folder, one after the other; what is redirected is not empty."""
    others = [name for name in cli.commands if name not in {*FIRST, ENDLESS, IN_THE_QUICKSTART}]
    for name in (*FIRST, *others):
        for line in examples(name):
            words, file = (line[:-2], line[-1]) if ">" in line else (line, "")
            code, out, err = run(*words)
            assert (0, name) == (code, words[0]), (line, err)
            assert out or not file, line


@pytest.mark.slow
def test_the_examples_of_a_server_answer(run: Run, start: Start) -> None:
    """They are stopped here once they say where they listen."""
    run(*examples("snapshot")[0])
    for line in examples(ENDLESS):
        process = start(*line)
        assert process.stdout is not None
        assert "Serving fal's usage and billing API at" in process.stdout.readline()
