"""How the emulator keeps connections: none for ever, and no more than the system allows.

uvicorn waits without end for a request that never arrives, and asyncio logs each connection that
it cannot accept. Here a client has a limited time to ask and to read, and a full house is logged
once. Imported by the call that serves, because uvicorn is in the extra `emulator`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from typing import Any, Final, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

_FULL: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_GRACE: Final = 1.0
"""How many seconds the requests under way have to be answered when the server stops."""

_log: Final = logging.getLogger("falusage.emulator")


class Connection(H11Protocol):
    """Close a connection whose request does not arrive whole, or whose answer is not read.

    Attributes:
        patience: How many seconds a request may take to arrive, and an answer to be read on.
    """

    patience: float = 20.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time for the first request, and limit the time that unread bytes may wait."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it; elsewhere the default holds
            accepted = cast("socket.socket", transport.get_extra_info("socket"))
            milliseconds = round(self.patience * 1000)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on; the time runs until the request is whole, however many parts it comes in."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._stop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """Stop at once where nobody is being answered, and log a full house once.

    uvicorn waits up to 0.3 s for a server without a request to end, and logs each attempt that the
    system does not allow.
    """

    _logged = False
    _loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Stop the server, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, with our own word on connections that cannot be accepted."""
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._handle)
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Serve until it is stopped, or a signal was received."""
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, finish the requests under way, and cancel those that take too long."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        state, until = self.server_state, time.monotonic() + _GRACE
        while (state.connections or state.tasks) and time.monotonic() < until:
            if self.force_exit:
                break
            await asyncio.sleep(0.01)
        for task in state.tasks:
            task.cancel()

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _FULL):
            loop.default_exception_handler(context)
        elif not self._logged:
            self._logged = True
            _log.warning(
                "cannot accept another connection: %s; new ones wait until others close; "
                "`ulimit -n` raises the limit (this is logged once)",
                error.strerror,
            )
