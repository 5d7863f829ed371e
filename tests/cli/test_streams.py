"""How a process of the command line behaves: signals, pipes, locales, what goes where."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import falusage as fu
from falusage.cli._terminal import bold, say
from tests.cli.running import PROGRAM

pytestmark = pytest.mark.slow

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Send Ctrl-C to a process that ends soon; gives the exit code and both streams."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def test_ctrl_c_leaves_no_half_file(start, emulator, environment) -> None:
    """A snapshot that is interrupted while it is written takes its beginnings with it."""
    emulator.latency = 0.3
    process = start("snapshot", *RANGE, "--limit", "20", "--out", "usage.parquet")
    until = time.monotonic() + 60
    while not list(environment.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert list(environment.iterdir())

    assert (130, "", "interrupted\n") == interrupted(process)
    assert [] == list(environment.iterdir())


def test_a_broken_pipe_is_quiet(start) -> None:
    """`falusage load | head -1` prints one line, and no complaint."""
    process = start("load", *RANGE, "--format", "json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()

    complaints = [line for line in process.stderr if "rror" in line or "Traceback" in line]

    assert [] == complaints
    assert process.wait(timeout=60) == 141


LOAD = ("load", *RANGE)


@pytest.mark.parametrize("command", [("config",), (*LOAD, "--format", "csv")], ids=["text", "data"])
def test_a_closed_stdout_is_an_error(environment, command: tuple[str, ...]) -> None:
    """`falusage load >&-` has nowhere to put its rows."""
    shut = subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", PROGRAM, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (1, "") == (shut.returncode, shut.stdout)
    assert "error: stdout is closed, and the result goes there" == shut.stderr.splitlines()[-1]


def test_a_closed_stdout_is_not_needed_for_a_file(environment) -> None:
    """`falusage load --out` writes nothing to stdout."""
    kept = subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", PROGRAM, *LOAD, "--out", "kept.parquet"],
        check=False,
    )
    assert 0 == kept.returncode
    assert fu.read_snapshot("kept.parquet").height


def test_any_locale_and_a_narrow_terminal_read_well(start) -> None:
    """In ASCII at 40 columns nothing fails, nothing is cut off, and stand-ins are plain."""
    terminal = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": "40"}
    process = start("report", *RANGE, "--month", "2025-05", **terminal)
    out, err = process.communicate(timeout=120)

    assert 0 == process.returncode
    assert out.isascii()
    assert "?" not in out
    assert max(map(len, out.splitlines())) <= 40
    assert "Traceback" not in err


@pytest.mark.parametrize(("form", "name"), [("csv", "équipe"), ("table", "?quipe")])
def test_data_is_utf_8_in_any_locale(start, emulator, form: str, name: str) -> None:
    """CSV that goes to a file holds the names as they are; a table shows what can be shown."""
    try:
        usage = fu.sample_usage(start="2025-05-01", end="2025-05-03", every="1d").usage
        emulator.replace(usage.with_columns(username=pl.lit("équipe")))
        process = start("load", *RANGE, "--format", form, LC_ALL="C", PYTHONIOENCODING="ascii")
        out, _ = process.communicate(timeout=120)
    finally:
        emulator.replace(fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage)

    assert 0 == process.returncode
    assert name in out


def test_warnings_are_one_line_on_stderr(start, emulator) -> None:
    """A field that nobody knows is kept, and said in plain words."""
    try:
        usage = fu.sample_usage(start="2025-05-01", end="2025-05-03", every="1d").usage
        emulator.replace(usage.with_columns(surge_percent=pl.lit(5.0)))
        process = start("load", *RANGE, "--format", "csv")
        out, err = process.communicate(timeout=120)
    finally:
        emulator.replace(fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage)

    (warning,) = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert "surge_percent" in warning
    assert ".py" not in err
    assert "surge_percent" in out.splitlines()[0]


def test_help_is_light() -> None:
    """Nobody waits for a library to read what there is; columns of a table need polars alone."""
    code = (
        "import sys; sys.argv = ['falusage']; from falusage.cli import main; main(['--help']); "
        "main(['report', '--help']); light = 'polars' not in sys.modules; main(['load', '--help']);"
        "heavy = {'pyarrow', 'requests', 'matplotlib', 'pandera', 'fastapi'}; light or sys.exit(2);"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code], capture_output=True, check=False, env=dict(os.environ)
    )

    assert (0, b"") == (done.returncode, done.stderr)
    assert b"--team" in done.stdout


def test_unbuffered_data_is_whole_or_an_error(tmp_path: Path) -> None:
    """A raw stream may take a part of a write; the rest follows, or the command fails."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from falusage.cli._terminal import put_data; put_data('x' * 100_000)"
    )
    with (tmp_path / "out.csv").open("wb") as out:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-u", "-c", code], stdout=out, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode != 0
    assert b"File too large" in done.stderr


@pytest.mark.parametrize(
    ("is_terminal", "environ", "is_bold"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "", "CLICOLOR": "1"}, True),
        (True, {"TERM": "xterm", "CLICOLOR": "0"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm", "CLICOLOR": "1", "FORCE_COLOR": "0"}, False),
        (False, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        (False, {"CLICOLOR_FORCE": "1"}, True),
    ],
)
def test_headings_are_bold_where_a_terminal_wants_it(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, environ: dict[str, str], is_bold: bool
) -> None:
    """Not in a pipe unless it is forced, and never with NO_COLOR; the text is never changed."""
    for name in ("NO_COLOR", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stdout", out)

    assert bold("WHO SPENT IT") == ("\x1b[1mWHO SPENT IT\x1b[0m" if is_bold else "WHO SPENT IT")


def test_the_words_error_and_warning_have_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else of a message."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)

    for text in ("error: no key: set FAL_KEY", "warning: late", "written to a: b"):
        say(text)

    red, yellow, end = "\x1b[1;31m", "\x1b[1;33m", "\x1b[0m"
    shown = [f"{red}error:{end} no key: set FAL_KEY", f"{yellow}warning:{end} late"]
    assert [*shown, "written to a: b"] == err.getvalue().splitlines()
