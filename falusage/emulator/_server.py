"""The emulator as a context manager, and as a server that blocks.

The socket is bound before the server starts, so the address is known and connections wait
rather than fail; uvicorn then runs in a daemon thread and stops within a second.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from falusage.contract import ORGANIZATION_USAGE
from falusage.emulator._faults import Faults
from falusage.errors import ConfigError, FalUsageWarning, MissingExtraError, QueryError, warn

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from falusage.emulator._ledger import Ledger

LOOPBACK: Final = "127.0.0.1"
NOT_A_REAL_KEY: Final = "falusage-emulator:not-a-real-key"
_WAITING: Final = 128
"""How many connections may wait to be accepted."""


class Emulator:
    """Serve a usage table as the Organization Usage API does, over HTTP on the loopback.

    Args:
        usage: A usage table, of which columns beyond `columns.USAGE` are served as extra
            fields; None serves the sample.
        api_key: The admin key that it accepts.
        latency: Seconds to wait before each answer.
        page_size: The most items on a page, and how many where `limit` is not given.
        edition: Which edition of the contract to serve: 4 is today's; 3 has no discounts; 2 also
            takes only one team, and has no `api_key_id` and no `auth_method_structured`.
        faults: What to do wrong, and when.

    Attributes:
        base_url: What `UsageClient(base_url=)` takes; there while the emulator runs.
        member_key: A key that is known but not an admin's, and answered with a 403.
        faults: May be set while it runs, which also starts their sequence anew.
        clock: What time it is there, as its `Date` headers say; may be set while it runs.

    Raises:
        MissingExtraError: If the extra `emulator` is not installed.
        MissingColumnError: If the table lacks a required column.
        QueryError: If a setting or the table is out of its range.

    >>> import requests
    >>> from datetime import UTC, datetime
    >>> usage = pl.DataFrame({
    ...     "bucket": [datetime(2025, 1, 15, 5, tzinfo=UTC)], "username": "acme-ml-team",
    ...     "product": "model_apis", "endpoint_id": "fal-ai/flux/dev", "unit": "image",
    ...     "quantity": 4.0, "unit_price": 0.1, "cost": 0.4, "currency": "USD",
    ... })
    >>> with Emulator(usage) as emulator:
    ...     answer = requests.get(
    ...         f"{emulator.base_url}/organization/usage",
    ...         params={"start": "2025-01-15", "end": "2025-01-16", "timeframe": "day",
    ...                 "timezone": "America/New_York"},
    ...         headers={"Authorization": f"Key {emulator.api_key}"}, timeout=10,
    ...     ).json()
    >>> answer["time_series"][0]["bucket"], answer["time_series"][0]["results"][0]["cost"]
    ('2025-01-15T00:00:00-05:00', 0.4)
    """

    def __init__(
        self,
        usage: pl.DataFrame | None = None,
        *,
        api_key: str = NOT_A_REAL_KEY,
        latency: float = 0.0,
        page_size: int = 1000,
        edition: Literal[2, 3, 4] = 4,
        faults: Faults | None = None,
    ) -> None:
        if not all(importlib.util.find_spec(name) for name in ("fastapi", "uvicorn")):
            raise MissingExtraError("emulator", need="the emulator")
        if edition not in ORGANIZATION_USAGE.editions:
            served = ", ".join(map(str, ORGANIZATION_USAGE.editions))
            raise QueryError(f"edition is {edition!r}; expected one of {served}")
        if page_size < 1:
            raise QueryError(f"page_size is {page_size}; expected 1 or more")
        if latency < 0:
            raise QueryError(f"latency is {latency}; expected 0 or more seconds")
        self.api_key = api_key
        self.member_key = f"{api_key}-of-a-member"
        self.latency = latency
        self.page_size = page_size
        self._edition: Literal[2, 3, 4] = edition
        self.clock = lambda: datetime.now(UTC)
        self.faults = faults or Faults()
        self.ledger = _ledger(usage, edition)
        self._running: tuple[uvicorn.Server, threading.Thread, str] | None = None

    @property
    def edition(self) -> Literal[2, 3, 4]:
        """The edition of the contract that is served; it cannot change while that is so."""
        return self._edition

    def __repr__(self) -> str:
        where = self._running[2] if self._running else "not running"
        return f"Emulator(edition={self.edition}, page_size={self.page_size}) <{where}>"

    @property
    def clock(self) -> Callable[[], datetime]:
        """What tells the time there."""
        return self._clock

    @clock.setter
    def clock(self, clock: Callable[[], datetime]) -> None:
        if not callable(clock):  # pyright: ignore[reportUnnecessaryComparison] -- callers without a type checker
            raise QueryError(
                f"clock is {clock!r}; expected a function that tells the time, as lambda: moment"
            )
        self._clock = clock

    @property
    def faults(self) -> Faults:
        """What it does wrong, and when."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self.statuses = faults.statuses()

    @property
    def base_url(self) -> str:
        """The address to ask, while it runs."""
        if self._running is None:
            raise ConfigError(
                "the emulator is not running; use it as `with Emulator() as emulator`"
            )
        return self._running[2]

    def replace(self, usage: pl.DataFrame | None) -> None:
        """Serve another table from the next request on; requests under way finish with the old."""
        self.ledger = _ledger(usage, self.edition)

    def __enter__(self) -> Emulator:
        if self._running:
            raise ConfigError("the emulator is running already")
        listener = _listener(LOOPBACK, 0)
        base_url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/v1"
        server = _server(self, log_level="critical")
        thread = threading.Thread(
            target=server.run, args=([listener],), name="falusage-emulator", daemon=True
        )
        thread.start()
        while thread.is_alive() and not server.started:
            time.sleep(0.002)
        if not server.started:
            listener.close()
            raise ConfigError("the emulator did not start")
        self._running = server, thread, base_url
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            server, thread, _url = self._running
            server.should_exit = True
            thread.join()
            self._running = None


def serve(
    usage: pl.DataFrame | None = None,
    *,
    host: str = LOOPBACK,
    port: int = 8765,
    announce: Callable[[str, Emulator], None] = lambda base_url, emulator: None,
    **settings: Any,
) -> None:
    """Serve a usage table until interrupted.

    Args:
        usage: As for `Emulator`.
        host: The address to listen on. Anything but the loopback lets other machines in, with a
            warning; the loopback is then listened on as well, for this machine's own client.
        port: The port, or 0 for any that is free.
        announce: Called with the base URL, which is the loopback's, and the emulator once
            connections are accepted.
        settings: The other arguments of `Emulator`.

    Raises:
        ConfigError: If the address cannot be listened on.
        KeyboardInterrupt: On Ctrl-C, after the requests under way are answered.

    Warns:
        FalUsageWarning: If other machines can reach the address.
    """
    emulator = Emulator(usage, **settings)
    server = _server(emulator, log_level="warning")
    with ExitStack() as open_:
        listeners = [open_.enter_context(_listener(host, port))]
        name, port = listeners[0].getsockname()[:2]
        address = _address(name)
        if not address.is_loopback:
            warn(_exposed(host, port, emulator.api_key), FalUsageWarning)
        if address.is_unspecified:
            address = ipaddress.ip_address(LOOPBACK if address.version == 4 else "::1")
        elif not address.is_loopback:
            listeners.append(open_.enter_context(_listener(LOOPBACK, port)))
            address = _address(LOOPBACK)
        own = f"[{address}]" if address.version == 6 else str(address)
        announce(f"http://{own}:{port}/v1", emulator)
        server.run(listeners)


def _ledger(usage: pl.DataFrame | None, edition: int) -> Ledger:
    from falusage.emulator._ledger import Ledger

    if usage is None:
        from falusage.sample import sample_usage

        usage = sample_usage().usage
    return Ledger(usage, edition=edition)


def _listener(host: str, port: int) -> socket.socket:
    try:
        # The protocol is named because asyncio turns Nagle's delay off only where it is: without
        # it every small answer would wait 40 ms for an acknowledgement.
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_WAITING)
        except BaseException:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no host name or address"
        raise ConfigError(f"cannot listen on {host}:{port}: {why}") from error
    return listener


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read what a socket calls its own address: a zone is dropped, a mapped IPv4 unwrapped."""
    address = ipaddress.ip_address(name.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _exposed(host: str, port: int, api_key: str) -> str:
    key = (
        f"the key {api_key!r}, which is the same in every installation"
        if api_key == NOT_A_REAL_KEY
        else "the key, which plain http shows to anybody on the way"
    )
    return (
        f"other machines reach {host}: whoever has {key}, reads every row of the table that is "
        f"served, with its teams and costs; use {LOOPBACK} unless that is meant (from another "
        f"machine ask http://NAME-OF-THIS-ONE:{port}/v1, with allow_http=True)"
    )


def _server(emulator: Emulator, *, log_level: str) -> uvicorn.Server:
    import uvicorn

    from falusage.emulator._app import application
    from falusage.emulator._connections import Connection, Server

    config = uvicorn.Config(
        _dated(application(emulator), emulator),
        log_config=None,
        log_level=log_level,
        access_log=False,
        lifespan="off",
        date_header=False,  # the emulator's clock says the time
        loop="asyncio",
        http=Connection,
        ws="none",
        backlog=_WAITING,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def _dated(app: ASGIApp, emulator: Emulator) -> ASGIApp:
    """Have every answer say the emulator's time."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = format_datetime(emulator.clock().astimezone(UTC), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", now.encode())]
            await send(message)

        await app(scope, receive, say)

    return dated
