"""An emulator of two months by day, and the command line as a process and in this one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import falusage as fu
from falusage.cli import main
from tests.cli.running import PROGRAM, Run, Start


@pytest.fixture(scope="session")
def emulator() -> Iterator[fu.Emulator]:
    """The sample's days of May and June 2025."""
    usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    with fu.Emulator(usage) as running:
        yield running


@pytest.fixture
def environment(
    emulator: fu.Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Path]:
    """Set the key and the address, and work in a folder of one's own, which is given."""
    for name in ("FAL_KEY", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAL_ADMIN_KEY", emulator.api_key)
    monkeypatch.setenv("FALUSAGE_BASE_URL", emulator.base_url)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    monkeypatch.chdir(tmp_path)
    clock = emulator.clock
    yield tmp_path
    emulator.latency, emulator.clock = 0.0, clock


@pytest.fixture
def run(environment: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command line in this process; gives the exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfdbinary.readouterr()
        code = main(arguments)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def start(environment: Path) -> Iterator[Start]:
    """Start a command line as a process, with more environment; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(  # noqa: S603 - our own program
                [PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, **more},
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
