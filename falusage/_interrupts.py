"""Ctrl-C ends a command within two seconds, whatever its main thread waits for.

Usually Ctrl-C raises KeyboardInterrupt in the main thread, which closes files and sockets. A
library that waits for the network in native code does not notice it. So a second thread receives
every Ctrl-C too, waits a moment for the main thread, and then ends the process. While Python is
still importing, or is exiting, there is nothing to close, and Ctrl-C ends the process at once.

A command imports this module first, so it imports nothing that takes time.
"""

from __future__ import annotations

import _thread
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from typing import Any, NoReturn
else:
    import _signal as signal  # the C module of `signal`, without its slow imports

EXIT_CODE = 130
GRACE = 1.5
"""Seconds that the main thread has to finish."""

AGAIN = 1.0
"""Seconds after which the main thread is interrupted again. Native code that calls Python, as that
of Polars does while it imports, may lose the first KeyboardInterrupt."""

_COMMAND = "falusage"


def is_command() -> bool:
    """Return whether this process is the command line, not a program that uses the package."""
    first = sys.argv[0] if getattr(sys, "argv", None) else ""
    if first != "-m":
        name = os.path.splitext(os.path.basename(first))[0]
        return name.removesuffix("-script") == _COMMAND
    line = sys.orig_argv
    return f"-m{_COMMAND}" in line or ("-m" in line and line[line.index("-m") + 1] == _COMMAND)


def leave_on_ctrl_c() -> None:
    """Make Ctrl-C end the process at once, without a traceback, from now on."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        try:
            signal.signal(signal.SIGINT, _leave_on_signal)
        except ValueError:
            return  # only the main thread can set handlers


class Interrupt:
    """A context manager around a command, which Ctrl-C ends in time.

    Attributes:
        heard: Whether Ctrl-C was pressed since the command began.
    """

    def __init__(self) -> None:
        import threading

        self.heard = False
        self._over = threading.Event()
        self._hears_signals = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Interrupt:
        if self._hears_signals:
            self._begin()
        return self

    def _begin(self) -> None:
        import socket
        import threading

        hears, self._told = socket.socketpair()
        self._told.setblocking(False)
        self._before = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        if signal.getsignal(signal.SIGINT) is _leave_on_signal:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=self._watch, args=(hears,), daemon=True).start()

    def _watch(self, signals: socket.socket) -> None:
        """Wait for Ctrl-C, and end the process if the main thread does not."""
        with signals:
            while number := signals.recv(1):
                if number[0] == signal.SIGINT:
                    self.heard = True
                    if not self._over.wait(AGAIN):
                        _thread.interrupt_main()
                        if not self._over.wait(GRACE - AGAIN):
                            leave()
                    return

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._hears_signals:
            signal.set_wakeup_fd(self._before)
            self._told.close()


def leave() -> NoReturn:
    """End the process at once, with the exit code of an interrupt."""
    try:
        os.write(2, f"{said()}\n".encode())
    finally:
        os._exit(EXIT_CODE)


def said() -> str:
    """Return the message, on a line of its own after the terminal's `^C`."""
    try:
        return "\ninterrupted" if os.isatty(2) else "interrupted"
    except OSError:
        return "interrupted"


def _leave_on_signal(*_: Any) -> NoReturn:
    leave()
