"""One request over HTTP: a whole body, or a typed error.

An attempt has one deadline for all of it, headers and body, kept by closing its socket: a server
that drips bytes never trips a read timeout. A body counts only if it is as long as it said, and
decodes to its end. Redirects are not followed, and the key goes to no other host.
"""

from __future__ import annotations

import ipaddress
import math
import os
import socket
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from falusage.api.body import BIG_BODIES, read_body
from falusage.api.secret import Secret, strip_tracebacks
from falusage.errors import ConfigError, TransportError

BASE_URL: Final = "https://api.fal.ai/v1"
PATH: Final = "/organization/usage"
_HERE: Final = threading.local()


def find_base_url(base_url: str | None, *, allow_http: bool) -> str:
    """Take the base from the argument, then `FALUSAGE_BASE_URL`, then the provider's own.

    Raises:
        ConfigError: It is no address, or plain HTTP to another machine, where the key could be
            read on the way.
    """
    base = base_url if base_url is not None else os.environ.get("FALUSAGE_BASE_URL") or BASE_URL
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"base_url is no address; expected one such as {BASE_URL!r}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("base_url holds a user, a query or a fragment; expected none of these")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigError(
            f"base_url {base!r} is plain http, on which anybody on the way reads the key; "
            "use https (in Python, allow_http=True sends it all the same)"
        )
    return base.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def server_time(self) -> datetime | None:
        """The server's clock, from the Date header."""
        try:
            when = parsedate_to_datetime(self.headers.get("Date", ""))
        except (ValueError, OverflowError):
            return None
        return when if when.tzinfo else when.replace(tzinfo=UTC)

    @property
    def asked_wait(self) -> float | None:
        """The seconds that the server asks to wait, where it says so in a form that makes sense."""
        now = self.server_time or datetime.now(UTC)
        asked = self.headers.get("Retry-After", "")
        with suppress(ValueError, OverflowError):
            until = parsedate_to_datetime(asked)
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            return max((until - now).total_seconds(), 0.0)
        for text in (asked, self.headers.get("x-ratelimit-reset", "")):
            with suppress(ValueError, OverflowError):
                seconds = float(text)
                if seconds > 1e9:  # an instant, as some send it, not a time to wait
                    seconds -= now.timestamp()
                if math.isfinite(seconds) and seconds >= 0:
                    return seconds
        return None


def _reason(error: BaseException | None) -> str:
    """Say in words why a request failed: the innermost error's, under requests' and urllib3's."""
    words = ""
    while error is not None:
        words = str(error) or words or type(error).__name__
        inner = [getattr(error, "reason", None), *error.args, error.__cause__]
        error = next((one for one in inner if isinstance(one, BaseException)), None)
    return words


def _advice(error: BaseException | None) -> str:
    """Say what to do about a connection that was never made."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "; check the proxy in HTTPS_PROXY"
    if isinstance(error, requests.exceptions.SSLError):
        return "; if your network has a certificate of its own, name its file in REQUESTS_CA_BUNDLE"
    if isinstance(error, requests.exceptions.ConnectionError) and error.response is None:
        inner = error.args[0] if error.args else None
        if isinstance(getattr(inner, "reason", None), urllib3.exceptions.NewConnectionError):
            return "; check the network, and FALUSAGE_BASE_URL where it is set"
    return ""


class Live:
    """The attempts in hand, for whoever must break them off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guards: set[Guard] = set()
        self._stopped = False

    def add(self, guard: Guard) -> None:
        """Take on an attempt; one that comes after the stop is broken off where it begins."""
        with self._lock:
            self._guards.add(guard)
        if self._stopped:
            guard.cut()

    def discard(self, guard: Guard) -> None:
        """Let go of an attempt that has ended."""
        with self._lock:
            self._guards.discard(guard)

    def stop(self) -> None:
        """Break off every attempt, and those that are about to begin."""
        self._stopped = True
        with self._lock:
            guards = list(self._guards)
        for guard in guards:
            guard.cut()


class Guard:
    """One attempt's deadline, and the socket to close when it passes."""

    def __init__(self, seconds: float, live: Live) -> None:
        self._live = live
        self.passed = False
        self._connection: Any = None
        self._socket: Any = None
        self._cut = False
        self._ends = time.monotonic() + seconds
        self._timer = self._until_end()

    def _until_end(self) -> threading.Timer:
        timer = threading.Timer(max(self._ends - time.monotonic(), 0), self._expire)
        timer.daemon = True
        return timer

    @contextmanager
    def paused(self) -> Generator[None]:
        """Leave out of the deadline what the attempt waits for on this side."""
        self._timer.cancel()
        begun = time.monotonic()
        yield
        self._ends += time.monotonic() - begun
        self._timer = self._until_end()
        self._timer.start()

    def watch(self, connection: Any) -> None:
        """Note the connection that the attempt uses."""
        self._connection = connection
        self._socket = getattr(connection, "sock", None) or self._socket
        if self._cut:
            self.cut()

    def _expire(self) -> None:
        self.passed = True
        self.cut()

    def cut(self) -> None:
        """Close the socket under the attempt, which then fails at once."""
        self._cut = True
        sock = getattr(self._connection, "sock", None) or self._socket
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Guard:
        _HERE.guard = self
        self._live.add(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._live.discard(self)
        _HERE.guard = None


class _Watched:
    """A connection that tells the attempt in hand which socket it uses."""

    sock: Any

    def connect(self) -> None:
        self.set_debuglevel(0)  # type: ignore[attr-defined] # http.client would print the header
        super().connect()  # type: ignore[misc] # a mixin before urllib3's connections
        self._tell()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._tell()
        super().request(*args, **kwargs)  # type: ignore[misc] # as above
        self._tell()

    def _tell(self) -> None:
        guard: Guard | None = getattr(_HERE, "guard", None)
        if guard is not None:
            guard.watch(self)


class _HTTPConnection(_Watched, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Watched, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection  # pyright: ignore[reportAssignmentType] # as urllib3 itself


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection  # pyright: ignore[reportAssignmentType] # as urllib3 itself


class _Adapter(HTTPAdapter):
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


class Transport:
    """Sends requests to one address with one key; safe to share between threads."""

    def __init__(self, key: Secret, base_url: str, *, timeout: float) -> None:
        self._key = key
        self.url = base_url + PATH
        self.timeout = timeout
        self._idle: list[requests.Session] = []
        self._lock = threading.Lock()

    @contextmanager
    def get(self, params: Iterable[tuple[str, str]], *, live: Live) -> Generator[Response]:
        """Send one request and give its whole answer, whatever its status.

        A large body counts against the bound on memory until the context is left. While the
        attempt lasts its guard is in `live`, for whoever must break it off.

        Raises:
            TransportError: No answer, a cut one, or one that came too late.
            ProtocolError: An answer that is too large, or encoded in a way not asked for.
        """
        with ExitStack() as permits:
            yield self._fetch(list(params), permits, live)

    def _fetch(self, params: list[tuple[str, str]], permits: ExitStack, live: Live) -> Response:
        with self._session() as session, Guard(self.timeout, live) as guard:

            def hold() -> None:
                with guard.paused():
                    permits.enter_context(BIG_BODIES)

            try:
                with session.get(
                    self.url,
                    params=params,
                    auth=self._key,
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    body = read_body(response, hold)
                    if not guard.passed:  # a socket closed on time can look like a short answer
                        return Response(response.status_code, response.headers, body)
                    foreign = None
            # ValueError: http.client on a status line or a header that it cannot read.
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                foreign = strip_tracebacks(error)
            except TransportError:
                if not guard.passed:
                    raise
                foreign = None
        if guard.passed:
            message = f"no whole answer within {self.timeout:g} s"
        else:
            host = urlsplit(self.url).netloc
            reason = self._key.hide(_reason(foreign))[:300]
            message = f"no whole answer from {host}: {reason}{_advice(foreign)}"
        raise TransportError(message) from foreign

    @contextmanager
    def _session(self) -> Generator[requests.Session]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self._new_session()
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # On the loopback, zipping costs more time than the bytes that it saves.
        encoding = "identity" if is_loopback(urlsplit(self.url).hostname or "") else "gzip"
        session.headers = CaseInsensitiveDict(
            {"Accept": "application/json", "Accept-Encoding": encoding, "User-Agent": "falusage"}
        )
        # Over plain http a proxy would read the key; over https it only passes bytes on.
        session.trust_env = self.url.startswith("https:")
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(max_retries=0, pool_connections=1, pool_maxsize=1))
        return session

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.close()
