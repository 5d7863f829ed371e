"""One request over HTTP: a whole body, or a typed error.

One deadline covers the whole attempt, from the look-up of the host to the last byte. A read
timeout would not stop a server that sends a byte now and then. A body is accepted only if it has
its declared length and decodes to its end. Redirects are not followed, so the key goes to no
other host.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from falusage.api._http.address import is_loopback
from falusage.api._http.attempt import Attempt, WatchedAdapter
from falusage.api._http.body import BIG_BODIES, read_body
from falusage.api._http.key import Secret, strip_tracebacks
from falusage.api._http.unreachable import no_answer
from falusage.contract import Endpoint
from falusage.errors import ProtocolError


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
    def clocks(self) -> tuple[datetime, ...]:
        """The server's clock if it is known, then this machine's."""
        ours = datetime.now(UTC)
        return (self.server_time, ours) if self.server_time else (ours,)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target. Otherwise requests would parse it and read the whole body."""


class Transport:
    """Sends requests to one address with one key; safe to share between threads."""

    def __init__(self, key: Secret, base_url: str, *, timeout: float) -> None:
        self._key = key
        self.url = base_url
        self.timeout = timeout
        self._idle: list[requests.Session] = []
        self._lock = threading.Lock()
        self._closed = False

    def attempt(
        self,
        endpoint: Endpoint,
        params: Iterable[tuple[str, str]],
        *,
        stopped: threading.Event,
    ) -> Attempt[Response]:
        """Prepare a request. Its result is the whole answer, whatever its status.

        A large body counts against the limit on memory until `Attempt.held` is closed.

        Args:
            endpoint: The endpoint to ask.
            params: The query's parameters.
            stopped: Stops the attempt once it is set.

        Returns:
            An attempt to start. Its result raises TransportError if there was no answer, or it
            was cut or too late; ProtocolError if it is too large, or has an encoding that was not
            asked for; ConfigError if a proxy or a file of certificates cannot be used.
        """
        return Attempt(
            partial(self._fetch, endpoint, list(params)),
            self.timeout,
            stopped=stopped,
            late=f"no complete answer from {self._host} within {self.timeout:g} s; "
            "check the network, or allow more time with timeout=",
        )

    def _fetch(
        self, endpoint: Endpoint, params: list[tuple[str, str]], attempt: Attempt[Response]
    ) -> Response:
        def hold() -> None:
            with attempt.paused():
                attempt.held.enter_context(BIG_BODIES)

        try:
            with (
                self._session() as session,
                session.get(
                    self.url + endpoint.path,
                    params=params,
                    headers={"Accept": endpoint.media},
                    auth=self._key,
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                try:
                    needs_proof = response.ok and endpoint.media != "application/json"
                    body = read_body(response, hold, shows_its_end=not needs_proof)
                except ProtocolError:  # too large, or in another encoding
                    if response.status_code == 200:
                        raise
                    body = b""  # the status is enough
                return Response(response.status_code, response.headers, body)
        # ValueError: http.client on a status line or a header that it cannot read.
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            foreign = strip_tracebacks(error)
        raise no_answer(foreign, host=self._host, key=self._key) from foreign

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc

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
            if self._closed:  # by a caller that no longer waits for this attempt
                self.close()

    def _new_session(self) -> requests.Session:
        session = _Session()
        # On the loopback, zipping takes longer than sending the bytes.
        encoding = "identity" if is_loopback(urlsplit(self.url).hostname or "") else "gzip"
        session.headers = CaseInsensitiveDict(
            {"Accept-Encoding": encoding, "User-Agent": "falusage"}
        )
        # Over plain http a proxy could read the key; over https it only passes bytes on.
        session.trust_env = self.url.startswith("https:")
        for scheme in ("http://", "https://"):
            session.mount(scheme, WatchedAdapter(max_retries=0, pool_connections=1, pool_maxsize=1))
        return session

    def close(self) -> None:
        """Close idle connections."""
        self._closed = True
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.close()
