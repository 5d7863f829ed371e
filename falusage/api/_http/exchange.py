"""A request and its retries, under the one budget of a load.

What may pass by itself is tried again with jittered, growing pauses: no answer, a cut one, 408,
429, 5xx. A wait that the server asks for holds every worker of the load, not one. All else is an
error at once, in the package's own types and without the key.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Generator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import tenacity

from falusage import _clocks as clocks
from falusage._clocks import Skew, larger
from falusage.api._http.address import is_loopback
from falusage.api._http.key import Secret
from falusage.api._http.refusal import may_pass, refusal, request_id
from falusage.api._http.throttling import LONGEST_WAIT
from falusage.api._http.transport import Response, Transport
from falusage.api._http.unreachable import LastingError
from falusage.api._http.waiting import result
from falusage.api._http.words import one_line, read_words, shortened
from falusage.api._pages.answers import Kind
from falusage.api._pages.fast import Page, read_page
from falusage.api._pages.strict import NotJsonError
from falusage.api.progress import Progress
from falusage.api.query import Ask
from falusage.errors import (
    ApiError,
    ProtocolError,
    RateLimitError,
    ServerError,
    TransportError,
)

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 15.0
_EXCERPT: Final = 4096


@dataclass
class Tally:
    """What a load has cost so far."""

    requests: int = 0
    retries: int = 0
    bytes_received: int = 0
    server_time: datetime | None = None
    skew: Skew | None = None


class Exchange:
    """The requests of one load: retried, throttled and counted together.

    Safe to share between the load's threads, of which `workers` are at the network at a time, the
    others reading what they got; `stop` breaks off all of them.
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
        self._readers: ThreadPoolExecutor | None = None
        self._stop = threading.Event()
        self._not_before = 0.0
        self.tally = Tally()
        self.on_this_machine = is_loopback(urlsplit(transport.url).hostname or "")
        self._kinds: dict[str, Kind] = {}

    @contextmanager
    def readers(self) -> Generator[None]:
        """Read pages on as many threads as there are cores, for the threads that fetch them.

        More, or another thread for each page, would only hold more memory: what a thread gives
        back is kept for that thread.
        """
        self._readers = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="falusage-reader")
        try:
            yield
        finally:
            self._readers.shutdown(wait=True, cancel_futures=True)
            self._readers = None

    def stop(self) -> None:
        """Break off every request in hand and every wait."""
        self._stop.set()

    def page(self, ask: Ask, cursor: str | None = None) -> Page:
        """Fetch one page, trying again what may pass by itself.

        Raises:
            ApiError: The last attempt's error.
        """
        spoiled = 0

        def worth_another(state: tenacity.RetryCallState) -> bool:
            nonlocal spoiled
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, NotJsonError):
                spoiled += 1
                return spoiled == 1
            if isinstance(error, LastingError):
                return self.tally.requests > 0  # what worked a moment ago may work again
            return _passes_by_itself(error)

        tries = tenacity.Retrying(
            retry=worth_another,
            stop=self._out_of_tries,
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return tries(self._attempt, ask, cursor)
        except LastingError as error:
            raise TransportError(error.args[0], **vars(error)) from error.__cause__
        except NotJsonError as error:
            raise ProtocolError(
                f"{error.args[0]}; a proxy or a login page may answer in the API's place",
                **vars(error),
            ) from None

    def _attempt(self, ask: Ask, cursor: str | None) -> Page:
        facts: dict[str, Any] = {"cursor": cursor, "window": ask.window}
        excerpt = ""
        try:
            with ExitStack() as in_use:
                with self._slots:
                    self._sleep(self._not_before - time.monotonic())
                    response = in_use.enter_context(
                        self._transport.get(ask.params(cursor), stopped=self._stop)
                    )
                self._count(response)
                if response.status != 200:
                    raise refusal(response, url=self._transport.url, key=self._key, facts=facts)
                try:
                    page = self._read(response.body, ask)
                except ProtocolError:
                    facts |= {"status": 200, "request_id": request_id(response, self._key)}
                    excerpt = self._excerpt(response.body)
                    raise
                # What is new on one page is likely on the next, and is then read fast.
                self._kinds = {**self._kinds, **page.kinds}
                return page
        except (TransportError, ProtocolError) as error:
            if self._stop.is_set():
                raise CancelledError from None
            start, end = ask.window
            page = f"page {cursor!r}" if cursor else "first page"
            where = f" ({page} of the window {start} to {end}{excerpt})"
            message = self._key.hide(f"{error.args[0]}{where}")
            raise type(error)(message, **{**vars(error), **facts}) from error.__cause__

    def _read(self, body: bytes, ask: Ask) -> Page:
        if self._readers is None:
            return read_page(body, ask, kinds=self._kinds)
        return result(self._readers.submit(read_page, body, ask, kinds=self._kinds))

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

    def _out_of_tries(self, state: tenacity.RetryCallState) -> bool:
        with self._lock:
            budget = 4 * self._max_attempts + self.tally.requests // 2
            if state.attempt_number >= self._max_attempts or self.tally.retries >= budget:
                return True
            self.tally.retries += 1
        return False

    def _pause(self, state: tenacity.RetryCallState) -> float:
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
            self._stop.wait(min(left, 0.1))  # see `waiting.result` for why not in one piece
        if self._stop.is_set():
            raise CancelledError


def _passes_by_itself(error: BaseException | None) -> bool:
    if not isinstance(error, ApiError):
        return False
    if error.retry_after is not None and error.retry_after > LONGEST_WAIT:
        return False
    return isinstance(error, TransportError | ServerError | RateLimitError) or (
        error.status is not None and may_pass(error.status)
    )
