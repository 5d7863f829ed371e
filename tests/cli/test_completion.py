"""Tab completes commands, options and values, in bash as it is, and in zsh and fish as asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.running import PROGRAM

BASH = """
eval "$(_FALUSAGE_COMPLETE=bash_source falusage)" || exit
for line in "$@"; do
    read -ra COMP_WORDS <<< "$line"
    [[ $line == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    $(complete -p falusage | sed 's/.* -F \\([^ ]*\\) .*/\\1/') falusage
    echo "${COMPREPLY[*]}"
done
"""
TYPED = {
    "falusage fo": "focus forecast",
    "falusage tie": "tie-out",
    "falusage load --te": "--team --team-username",
    "falusage load --form": "--format",
    "falusage load --format ": "table json csv",
    "falusage history --format c": "csv",
    "falusage load --timeframe d": "day",
    "falusage report --scope w": "workspace",
    "falusage load --product co": "compute",
    "falusage sync --timezone Europe/Berl": "Europe/Berlin",
    "falusage forecast --every 1": "1h 1d 1w 1mo 1q 1y",
}


def asked(**environment: str) -> subprocess.CompletedProcess[str]:
    """Ask the program as the script of a shell does."""
    return subprocess.run(  # noqa: S603 - our own program
        [PROGRAM],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_bash_completes_commands_options_and_values() -> None:
    """In a real bash, with the script that the program prints."""
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - our own script
        ["/bin/bash", "--norc", "-c", BASH, "bash", *TYPED],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == done.stderr
    assert TYPED == dict(zip(TYPED, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize(
    ("shell", "registers"),
    [("zsh", "#compdef falusage"), ("fish", "complete --no-files --command falusage")],
)
def test_zsh_and_fish_have_a_script(shell: str, registers: str) -> None:
    """It registers itself for the program."""
    done = asked(_FALUSAGE_COMPLETE=f"{shell}_source")

    assert (0, "") == (done.returncode, done.stderr)
    assert registers in done.stdout


def test_zsh_and_fish_are_told_what_a_command_does() -> None:
    """Beside its name, as its line in the help does."""
    zsh = asked(_FALUSAGE_COMPLETE="zsh_complete", COMP_WORDS="falusage ver", COMP_CWORD="1")
    fish = asked(_FALUSAGE_COMPLETE="fish_complete", COMP_WORDS="falusage ver", COMP_CWORD="ver")

    assert ["plain", "verify", "Check every byte of a store."] == zsh.stdout.splitlines()
    assert ["plain,verify\tCheck every byte of a store."] == fish.stdout.splitlines()


def test_an_unknown_shell_is_told() -> None:
    """With the ones that there are."""
    done = asked(_FALUSAGE_COMPLETE="csh_source")

    assert (1, "") == (done.returncode, done.stdout)
    assert (
        "error: _FALUSAGE_COMPLETE is 'csh_source'; expected bash_source, zsh_source or "
        "fish_source\n"
    ) == done.stderr


def test_completion_is_quick() -> None:
    """It imports no table, no HTTP and no picture: nothing but the options themselves."""
    code = (
        "import os, sys; sys.argv = ['falusage']; from falusage.cli import main; "
        "main(); heavy = {'polars', 'pyarrow', 'requests', 'matplotlib', 'pandera', 'numpy'}; "
        "sys.exit(', '.join(heavy & {*sys.modules}) or 0)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        env={
            "_FALUSAGE_COMPLETE": "bash_complete",
            "COMP_WORDS": "falusage load --pro",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert ("plain,--product\n", "") == (done.stdout, done.stderr)
