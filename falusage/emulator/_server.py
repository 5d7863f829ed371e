"""The emulator as a context manager, and as a server that blocks.

The socket is bound before the server starts, so the address is known and connections wait
rather than fail; uvicorn then runs in a daemon thread and stops within a second.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from falusage._usage.table import Eager, Lazy
from falusage.contract import ORGANIZATION_USAGE, Edition, Endpoint
from falusage.emulator._account import keys, member_key, workspace_key
from falusage.emulator._faults import Faults
from falusage.emulator._listening import (
    LOOPBACK,
    NOT_A_REAL_KEY,
    WAITING,
    address,
    listener,
    warning,
)
from falusage.errors import ConfigError, FalUsageWarning, MissingExtraError, QueryError, warn

if TYPE_CHECKING:
    import polars as pl
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from falusage.emulator._books import Books
    from falusage.emulator._connections import Server


class Emulator:
    """Serve a usage table as the Organization Usage API does, over HTTP on the loopback.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Columns other than those of
            `columns.USAGE` are served as extra fields. None serves the sample from 1 December
            2024. Its clock then stands still a minute after the sample ends, at 2025-06-24 00:01
            UTC, so that a client sees June so far.
        api_key: The admin key that it accepts.
        latency: Seconds to wait before each answer.
        page_size: The most items on a page, and the number of items if `limit` is not given.
        edition: Which edition of the contract to serve. 4 is the newest; 3 has no discounts; 2
            also takes only one team, and has no `api_key_id` and no `auth_method_structured`.
        faults: Which requests fail, and how.

    Attributes:
        base_url: The address for `UsageClient(base_url=)`, while the emulator runs.
        workspace_key: The key of a workspace without an organization: that of the team that spent
            most. It reads this team's usage and billing, and gets a 403 for an organization.
        member_key: A key of that team without permission to read billing or an organization.
        keys: What each of these keys may read.
        pooled_billing: Whether invoices are to one customer with many teams; may be set.
        faults: May be set while it runs, which restarts their sequence.
        clock: A function that returns the time in its `Date` headers and the default of `end`; may
            be set while it runs. For a table it is this machine's clock.

    Raises:
        MissingExtraError: If the extra `emulator` is not installed.
        MissingColumnError: If a required column is missing in the table.
        CoverageError: If a part of the table's range was never read.
        QueryError: If a setting or a number in the table is out of range.

    >>> import polars as pl, requests
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
        usage: Lazy | Eager | None = None,
        *,
        api_key: str = NOT_A_REAL_KEY,
        latency: float = 0.0,
        page_size: int = 1000,
        edition: Edition = 4,
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
        self.workspace_key = workspace_key(api_key)
        self.member_key = member_key(api_key)
        self.keys = keys(api_key)
        self.latency = latency
        self.page_size = page_size
        self.pooled_billing = False
        self._edition: Edition = edition
        self.clock = lambda: datetime.now(UTC)
        if usage is None:
            usage, now = _sample()
            self.clock = lambda: now
        self.faults = faults or Faults()
        self.books = _books(usage, edition)
        self._running: tuple[Server, threading.Thread, str] | None = None

    @property
    def edition(self) -> Edition:
        """The edition of the contract that is served; it cannot be changed."""
        return self._edition

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that are served."""
        from falusage.emulator._app import ANSWERS

        return tuple(ANSWERS)

    def __repr__(self) -> str:
        where = self._running[2] if self._running else "not running"
        return f"Emulator(edition={self.edition}, page_size={self.page_size}) <{where}>"

    @property
    def clock(self) -> Callable[[], datetime]:
        """The function that returns the emulator's time."""
        return self._clock

    @clock.setter
    def clock(self, clock: Callable[[], datetime]) -> None:
        if not callable(clock):  # pyright: ignore[reportUnnecessaryComparison] -- callers without a type checker
            raise QueryError(
                f"clock is {clock!r}; expected a function that returns the time, as lambda: moment"
            )
        self._clock = clock

    @property
    def faults(self) -> Faults:
        """Which requests fail, and how."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self.statuses = faults.statuses()

    @property
    def base_url(self) -> str:
        """The address to send requests to, while it runs."""
        if self._running is None:
            raise ConfigError(
                "the emulator is not running; use it as `with Emulator() as emulator`"
            )
        return self._running[2]

    def replace(self, usage: Lazy | Eager) -> None:
        """Serve another table from the next request on; requests under way finish with the old.

        The clock stays as it is.
        """
        self.books = _books(usage, self.edition)

    def __enter__(self) -> Emulator:
        if self._running:
            raise ConfigError("the emulator is running already")
        loopback = listener(LOOPBACK, 0)
        base_url = f"http://{LOOPBACK}:{loopback.getsockname()[1]}/v1"
        server = _server(self, log_level="critical")
        thread = threading.Thread(
            target=server.run, args=([loopback],), name="falusage-emulator", daemon=True
        )
        thread.start()
        while thread.is_alive() and not server.started:
            time.sleep(0.002)
        if not server.started:
            loopback.close()
            raise ConfigError("the emulator did not start")
        self._running = server, thread, base_url
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            server, thread, _url = self._running
            server.stop()
            thread.join()
            self._running = None


def serve(
    usage: Lazy | Eager | None = None,
    *,
    host: str = LOOPBACK,
    port: int = 8765,
    announce: Callable[[str, Emulator], None] = lambda base_url, emulator: None,
    **settings: Any,
) -> None:
    """Serve a usage table until interrupted.

    Args:
        usage: As for `Emulator`.
        host: The address to listen on. If it is not the loopback, other machines can reach it,
            and a warning says so; it then listens on the loopback, too, for this machine's client.
        port: The port, or 0 for any free one.
        announce: Called once connections are accepted, with the base URL on the loopback and the
            emulator.
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
        listeners = [open_.enter_context(listener(host, port))]
        name, port = listeners[0].getsockname()[:2]
        own = address(name)
        if not own.is_loopback:
            warn(warning(host, port, emulator.api_key), FalUsageWarning)
        if own.is_unspecified:
            own = address(LOOPBACK if own.version == 4 else "::1")
        elif not own.is_loopback:
            listeners.append(open_.enter_context(listener(LOOPBACK, port)))
            own = address(LOOPBACK)
        own = f"[{own}]" if own.version == 6 else str(own)
        announce(f"http://{own}:{port}/v1", emulator)
        server.run(listeners)


@cache
def _sample() -> tuple[pl.DataFrame, datetime]:
    """Return the sample, generated once (50 MB), and the time a minute after its end."""
    from falusage.sample import sample_usage

    usage = sample_usage(start="2024-12-01").usage  # half a year before June, and its month so far
    ended = cast("datetime", usage["bucket_end"].max())
    return usage, ended + timedelta(minutes=1)  # a range that ends just now is still open


def _books(usage: Lazy | Eager, edition: int) -> Books:
    from falusage.emulator._books import Books

    return Books(usage, edition=edition)


def _server(emulator: Emulator, *, log_level: str) -> Server:
    import uvicorn

    from falusage.emulator._app import application
    from falusage.emulator._connections import Connection, Server

    config = uvicorn.Config(
        _served(application(emulator.edition), emulator),
        log_config=None,
        log_level=log_level,
        access_log=False,
        lifespan="off",
        date_header=False,  # `_served` adds the emulator's own time
        loop="asyncio",
        http=Connection,
        ws="none",
        backlog=WAITING,
    )
    return Server(config)


def _served(app: ASGIApp, emulator: Emulator) -> ASGIApp:
    """Let every request see the emulator, and add its time to every answer as the `Date` header."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = format_datetime(emulator.clock().astimezone(UTC), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", now.encode())]
            await send(message)

        await app({**scope, "served": emulator}, receive, send_dated)

    return served
