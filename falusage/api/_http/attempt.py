"""One attempt on its own thread, so that its caller can stop waiting for it.

Looking up a host, connecting and reading block inside the system, where a deadline or Ctrl-C has
no effect. So the caller waits for the thread, a tenth of a second at a time. When it stops
waiting, it shuts down the attempt's socket, and the thread ends as soon as the system lets it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Generic, TypeVar

import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter

from falusage.errors import TransportError

_T = TypeVar("_T")
_HERE: Final = threading.local()
_GLANCE: Final = 0.1
"""Seconds between two checks of the deadline; see `_waiting.result` for why it is short."""


class Attempt(threading.Thread, Generic[_T]):
    """An attempt's thread, its deadline, its socket, and what it has until its caller is done.

    Args:
        work: What the thread does; its argument is the attempt.
        seconds: How long it may take.
        stopped: Stops the attempt once it is set.
        late: The message of the error if it takes longer.
    """

    def __init__(
        self,
        work: Callable[[Attempt[_T]], _T],
        seconds: float,
        *,
        stopped: threading.Event,
        late: str,
    ) -> None:
        # A daemon: a thread that hangs in the system must not delay the exit.
        super().__init__(name="falusage-attempt", daemon=True)
        self.held = ExitStack()
        self._work = work
        self._late = late
        self._broken_off = stopped
        self._ends = time.monotonic() + seconds
        self._paused = False
        self._connection: Any = None
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._left = False
        self._results: list[_T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work, in the attempt's own thread."""
        _HERE.attempt = self
        try:
            self._results.append(self._work(self))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        with self._lock:
            self._done.set()
            if self._left:
                self.held.close()

    def result(self) -> _T:
        """Wait for the work, and return what it returns or raise what it raises.

        Raises:
            TransportError: The time has passed.
            CancelledError: `stopped` was set.
        """
        try:
            while not self._done.wait(_GLANCE):
                if self._broken_off.is_set():
                    raise CancelledError
                if time.monotonic() > self._ends and not self._paused:
                    raise TransportError(self._late)
        except BaseException:
            self._leave()
            raise
        if self._error is not None:
            self.held.close()
            error, self._error = self._error, None
            raise error
        return self._results.pop()

    def _leave(self) -> None:
        with self._lock:
            self._left = True
            if self._done.is_set():
                self.held.close()
        self._cut()

    @contextmanager
    def paused(self) -> Generator[None]:
        """Stop the deadline's clock while the attempt waits for this machine."""
        begun = time.monotonic()
        self._paused = True
        yield
        self._ends += time.monotonic() - begun
        self._paused = False

    def watch(self, connection: Any) -> None:
        """Note the connection that the attempt uses."""
        self._connection = connection
        if self._left:
            self._cut()

    def _cut(self) -> None:
        sock = getattr(self._connection, "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Watched:
    """A connection that reports its socket to the attempt of this thread."""

    sock: Any

    def connect(self) -> None:
        self.set_debuglevel(0)  # type: ignore[attr-defined] # http.client would print the header
        self._tell()
        super().connect()  # type: ignore[misc] # a mixin before urllib3's connections
        self._tell()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._tell()
        super().request(*args, **kwargs)  # type: ignore[misc] # as above
        self._tell()

    def _tell(self) -> None:
        attempt: Attempt[Any] | None = getattr(_HERE, "attempt", None)
        if attempt is not None:
            attempt.watch(self)


class _HTTPConnection(_Watched, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Watched, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection  # pyright: ignore[reportAssignmentType] # as urllib3 itself


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection  # pyright: ignore[reportAssignmentType] # as urllib3 itself


class WatchedAdapter(HTTPAdapter):
    """An adapter whose connections report their sockets to the attempts that use them."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        self._watch(manager)
        return manager

    @staticmethod
    def _watch(manager: Any) -> None:
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
