"""Ctrl-C ends a command at once, wherever it is, with 130 and one short line."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RANGE = ("--start", "2025-05-01", "--end", "2025-06-24", "--timeframe", "day")
COMMANDS = {
    "load": ("load", *RANGE),
    "snapshot": ("snapshot", *RANGE, "--out", "usage.parquet"),
    "report": ("report", *RANGE, "--out", "report.html"),
    "sync": ("sync", *RANGE, "--store", "history"),
    "forecast": ("forecast", *RANGE, "--horizon", "7"),
    "focus": (
        "focus",
        *RANGE,
        "--out",
        "focus.csv",
        "--billing-account-id",
        "1",
        "--billing-account-name",
        "x",
    ),
}
AS_A_COMMAND = """
import sys
sys.argv = ["falusage", *sys.argv[1:]]
from falusage.cli import main
sys.exit(main())
"""
# A host whose look-up hangs: in the system, where no signal is heard on another thread.
HANGING_LOOKUP = """
import socket, sys, time
def hang(*_, **__):
    print("looking up", file=sys.stderr, flush=True)
    time.sleep(60)
socket.getaddrinfo = hang
"""
# Stands for a library that holds the main thread in its own code, deaf to every signal.
DEAF = """
import signal, sys, threading
import falusage.cli.load
def deaf(*_, **__):
    print("deaf", file=sys.stderr, flush=True)
    while True:
        try:
            threading.Event().wait(60)
        except KeyboardInterrupt:
            pass
sys.modules["falusage.cli.load"].open_client = deaf
"""


@contextlib.contextmanager
def running(
    script: str, *arguments: str, base_url: str, folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """A process of its own group, ended for certain."""
    process = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "FAL_ADMIN_KEY": "id:s3cret", "FALUSAGE_BASE_URL": base_url},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Send Ctrl-C; give the exit code and stderr of a process that ends in time.

    What it hangs in takes a minute, and a busy machine takes some seconds.
    """
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    return process.returncode, complaint


@contextlib.contextmanager
def full() -> Iterator[tuple[str, Callable[[], None]]]:
    """An address at which a connection is neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        time.sleep(0.1)
        port = server.getsockname()[1]
        before = connecting(port)

        def reached() -> None:
            least = before  # one of ours may get through at last, which is no arrival
            until = time.monotonic() + 30
            while (now := connecting(port)) <= least and time.monotonic() < until:
                least = now
                time.sleep(0.05)

        yield f"http://127.0.0.1:{port}/v1", reached


def connecting(port: int) -> int:
    """Count the connections to a port that are being made, from the kernel's table."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    sent = "02"  # SYN_SENT
    return sum(line[2].endswith(f":{port:04X}") and line[3] == sent for line in lines)


@contextlib.contextmanager
def silent(scheme: str, reply: bytes = b"") -> Iterator[tuple[str, Callable[[], None]]]:
    """An address that takes a connection and says nothing, or not all."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as stack:
        server.settimeout(60)

        def reached() -> None:
            connection, _ = server.accept()
            stack.enter_context(connection)
            connection.recv(65536)
            if reply:
                connection.sendall(reply)
            time.sleep(0.3)

        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/v1", reached


PLACES = {
    "a connection that is not accepted": full,
    "a server that does not begin with https": lambda: silent("https"),
    "a head that does not come": lambda: silent("http"),
    "a body that does not end": lambda: silent(
        "http", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
    ),
    "a wait that was asked for": lambda: silent(
        "http", b"HTTP/1.1 429 No\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"
    ),
}


@pytest.mark.parametrize(
    ("command", "place"), list(zip(COMMANDS, cycle(PLACES), strict=False)), ids=list(COMMANDS)
)
def test_every_command_that_asks(command: str, place: str, tmp_path: Path) -> None:
    """Each command ends so, wherever its request hangs, and leaves no file.

    Connecting, agreeing on a cipher, waiting, reading: none of them keeps Ctrl-C waiting.
    """
    with (
        PLACES[place]() as (base_url, reached),
        running(AS_A_COMMAND, *COMMANDS[command], base_url=base_url, folder=tmp_path) as process,
    ):
        reached()
        assert process.poll() is None, process.communicate()
        assert (130, "interrupted\n") == interrupt(process)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_look_up_that_hangs(tmp_path: Path) -> None:
    """A resolver may take half a minute to say that it cannot say anything."""
    with running(
        HANGING_LOOKUP + AS_A_COMMAND,
        *COMMANDS["load"],
        base_url="https://api.example.com/v1",
        folder=tmp_path,
    ) as process:
        assert process.stderr is not None
        assert "looking up\n" == process.stderr.readline()
        assert (130, "interrupted\n") == interrupt(process)


@pytest.mark.parametrize("entry", ["main()", "main(sys.argv[1:])"])
def test_a_main_thread_that_does_not_hear(entry: str, tmp_path: Path) -> None:
    """Whatever holds the main thread, a second thread ends the process."""
    with running(
        DEAF + AS_A_COMMAND.replace("main()", entry),
        *COMMANDS["load"],
        base_url="https://api.example.com/v1",
        folder=tmp_path,
    ) as process:
        assert process.stderr is not None
        assert "deaf\n" == process.stderr.readline()
        assert (130, "interrupted\n") == interrupt(process)


@pytest.mark.parametrize(
    "begin",
    [
        "import sys; sys.argv = ['/usr/bin/falusage', '--help']",
        "import sys; sys.argv = ['C:/falusage-script.py', '--help']",
        "import sys; sys.argv = ['-m']; sys.orig_argv = ['python', '-m', 'falusage', '--help']",
    ],
    ids=["script", "Windows", "module"],
)
def test_imports(begin: str, tmp_path: Path) -> None:
    """While the package is imported, Ctrl-C leaves no traceback."""
    hangs = "import builtins, time\nreal = __import__\ndef slow(name, *rest, **more):\n" + (
        "    if name == 'click':\n        print('importing', file=sys.stderr, flush=True)\n"
        "        time.sleep(60)\n    return real(name, *rest, **more)\nbuiltins.__import__ = slow\n"
    )
    script = f"{begin}\n{hangs}from falusage.cli import main\nsys.exit(main())"
    with running(script, base_url="", folder=tmp_path) as process:
        assert process.stderr is not None
        assert "importing\n" == process.stderr.readline()
        assert (130, "interrupted\n") == interrupt(process)


def test_a_program_that_uses_the_package_hears_ctrl_c_itself(tmp_path: Path) -> None:
    """Importing falusage, and running one of its commands, changes nobody's signals."""
    script = """
import signal
before = signal.getsignal(signal.SIGINT)
import falusage.cli
assert 0 == falusage.cli.main(["--help"])
assert before is signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert -1 == signal.set_wakeup_fd(-1)
"""
    with running(script, base_url="", folder=tmp_path) as process:
        _, complaint = process.communicate(timeout=60)
    assert (0, "") == (process.returncode, complaint)
