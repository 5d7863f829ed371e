"""A request and its retries, within one budget of retries for the load.

An attempt is repeated after jittered, growing pauses if the error may pass by itself: no answer,
a cut one, 408, 429, 5xx. A wait that the server asks for holds all workers of the load. Every
other error is raised at once, as one of the package's types and without the key.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import tenacity

from falusage import _clocks as clocks
from falusage._clocks import Skew, larger
from falusage.api._http.address import is_loopback
from falusage.api._http.key import Secret
from falusage.api._http.refusal import NotJsonError, may_pass, refusal, request_id
from falusage.api._http.throttling import LONGEST_WAIT
from falusage.api._http.transport import Response, Transport
from falusage.api._http.unreachable import LastingError
from falusage.api._http.words import one_line, read_words, shortened
from falusage.api.progress import Progress
from falusage.contract import Endpoint
from falusage.errors import ApiError, ProtocolError, RateLimitError, ServerError, TransportError

_LOG: Final = logging.getLogger("falusage.api")
_T = TypeVar("_T")
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 15.0
_EXCERPT: Final = 4096


@dataclass
class Tally:
    """What a load has sent and received so far."""

    requests: int = 0
    retries: int = 0
    bytes_received: int = 0
    server_time: datetime | None = None
    skew: Skew | None = None


class Exchange:
    """The requests of one load: retried, throttled and counted together.

    Safe to share between the load's threads. At most `workers` requests are under way at a time.
    """

    def __init__(
        self,
        transport: Transport,
        key: Secret,
        *,
        workers: int,
        max_attempts: int,
        progress: Progress,
    ) -> None:
        self._transport = transport
        self._key = key
        self._max_attempts = max_attempts
        self._progress = progress
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(workers)
        self._stop = threading.Event()
        self._not_before = 0.0
        self.tally = Tally()
        self.on_this_machine = is_loopback(urlsplit(transport.url).hostname or "")

    def stop(self) -> None:
        """Break off every request in hand and every wait."""
        self._stop.set()

    def get(
        self,
        endpoint: Endpoint,
        params: Sequence[tuple[str, str]],
        read: Callable[[bytes], _T],
        *,
        window: tuple[str, str] | None = None,
        cursor: str | None = None,
        page: int = 1,
    ) -> _T:
        """Send a request and return what `read` makes of the body.

        Args:
            endpoint: The endpoint to ask.
            params: The request's parameters.
            read: Reads the body of a 200, or raises a `ProtocolError`.
            window: The range of the request, for the error; None if it has none.
            cursor: The cursor of the page, for the error.
            page: The number of the page, for the log.

        Raises:
            ApiError: The last attempt's error.
            CancelledError: The load was stopped.
        """
        facts: dict[str, Any] = {"cursor": cursor, "window": window}
        response: Response | None = None
        spoiled = 0
        named = partial(_named, endpoint, window, page)

        def attempt() -> _T:
            nonlocal response
            response = None
            with ExitStack() as in_use:
                with self._slots:
                    self._sleep(self._not_before - time.monotonic())
                    attempted = self._transport.attempt(endpoint, params, stopped=self._stop)
                    began = time.monotonic()
                    attempted.start()
                    response = attempted.result()
                    in_use.enter_context(attempted.held)
                if _LOG.isEnabledFor(logging.DEBUG):
                    size, seconds = f"{len(response.body):,}", time.monotonic() - began
                    _LOG.debug("%s: %d, %s bytes, %.2f s", named(), response.status, size, seconds)
                self._count(response)
                if response.status != 200:
                    raise self._refusal(response, endpoint, facts)
                return read(response.body)

        def may_pass_by_itself(error: BaseException) -> bool:
            nonlocal spoiled
            spoiled += isinstance(error, NotJsonError)
            return isinstance(error, ApiError) and self._may_try_again(error, spoiled)

        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass_by_itself),
            stop=tenacity.stop_after_attempt(self._max_attempts),
            wait=self._pause,
            before_sleep=partial(self._count_retry, named),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return tries(attempt)
        except ApiError as error:
            if self._stop.is_set():
                raise CancelledError from None
            raise self._described(error, response, endpoint, facts) from error.__cause__

    def _may_try_again(self, error: ApiError, spoiled: int) -> bool:
        """Return whether an error may pass by itself and the load's budget allows it."""
        if self._stop.is_set():
            return False
        with self._lock:
            if self.tally.retries >= 4 * self._max_attempts + self.tally.requests // 2:
                return False
        if isinstance(error, NotJsonError):
            return spoiled == 1
        if isinstance(error, LastingError):
            return self.tally.requests > 0  # what worked before may work again
        return (error.retry_after or 0.0) <= LONGEST_WAIT and (
            isinstance(error, TransportError | ServerError | RateLimitError)
            or (error.status is not None and may_pass(error.status))
        )

    def _count_retry(self, named: Callable[[], str], state: tenacity.RetryCallState) -> None:
        with self._lock:
            self.tally.retries += 1
        error = state.outcome.exception() if state.outcome else None
        # One failure is over before it is read. `_pause` shows the waits that a server asks for.
        if (
            state.attempt_number > 1
            and isinstance(error, TransportError | ServerError)
            and error.retry_after is None
        ):
            what = "no complete answer" if error.status is None else f"only status {error.status}"
            again = f"attempt {state.attempt_number + 1} of {self._max_attempts}"
            self._progress.note(f"{what} so far, {again}")
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info(
                "%s: attempt %d failed, the next is in %.1f s: %s",
                named(),
                state.attempt_number,
                state.next_action.sleep if state.next_action else 0.0,
                self._key.hide(str(error)),
            )

    def _refusal(self, response: Response, endpoint: Endpoint, facts: dict[str, Any]) -> ApiError:
        return refusal(response, endpoint, url=self._transport.url, key=self._key, facts=facts)

    def _described(
        self,
        error: ApiError,
        response: Response | None,
        endpoint: Endpoint,
        facts: dict[str, Any],
    ) -> ApiError:
        """Return an error with the page that it is about, and how that page begins."""
        if not isinstance(error, TransportError | ProtocolError):
            return error
        excerpt = hint = ""
        if response is not None and response.status == 200:
            facts = {**facts, "status": 200, "request_id": request_id(response, self._key)}
            excerpt = self._excerpt(response.body)
        kind = type(error)
        if isinstance(error, LastingError):
            kind = TransportError
        if isinstance(error, NotJsonError):
            kind, hint = ProtocolError, "; a proxy or a login page may answer in the API's place"
        page = f"page {facts['cursor']!r}" if facts["cursor"] else "first page"
        window = facts["window"]
        whole = endpoint.path if window is None else f"the window {' to '.join(window)}"
        where = f" ({page} of {whole}{excerpt})"
        return kind(self._key.hide(f"{error.args[0]}{where}{hint}"), **{**vars(error), **facts})

    def _count(self, response: Response) -> None:
        when, now = response.server_time, clocks.local_time()
        with self._lock:
            self.tally.requests += 1
            self.tally.bytes_received += len(response.body)
            if when and (self.tally.server_time is None or when < self.tally.server_time):
                self.tally.server_time = when
            if when:
                self.tally.skew = larger(self.tally.skew, Skew(when, now))

    def _excerpt(self, body: bytes) -> str:
        words = read_words(body)
        if words.is_page:
            return f"; the answer is a web page: {shortened(self._key.hide(words.text))!r}"
        text = one_line(body[:_EXCERPT].decode("utf-8", "replace"))
        text = shortened(self._key.hide(text), 200)
        return f"; the answer begins {text!r}" if text else "; the answer is empty"

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Return how long to wait before the next attempt; a server's wait is for all workers."""
        error = state.outcome.exception() if state.outcome else None
        ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (state.attempt_number - 1))
        pause = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        if isinstance(error, ApiError) and (
            error.retry_after is not None or isinstance(error, RateLimitError)
        ):
            asks = error.retry_after is not None
            pause += error.retry_after or 0.0
            self._not_before = max(self._not_before, time.monotonic() + pause)
            why = "as the server asks" if asks else "because the server has too many requests"
            self._progress.note(f"waiting {pause:.0f} s, {why}")
        return pause

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            self._stop.wait(min(left, 0.1))  # see `_waiting.result`
        if self._stop.is_set():
            raise CancelledError


def _named(endpoint: Endpoint, window: tuple[str, str] | None, page: int) -> str:
    """Return what a request asks for, as the log has it: never an address or a cursor."""
    during = "" if window is None else f" {window[0]} to {window[1]}"
    return f"{endpoint.path}{during}, page {page}"
