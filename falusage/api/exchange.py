"""A request and its retries, under the one budget of a load.

What may pass by itself is tried again with jittered, growing pauses: no answer, a cut one, 408,
429, 5xx. A wait that the server asks for holds every worker of the load, not one. All else is an
error at once, in the package's own types and without the key.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Generator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import tenacity

from falusage.api import clocks
from falusage.api.answers import Kind
from falusage.api.careful import NotJsonError
from falusage.api.clocks import Skew, larger
from falusage.api.pages import Page, read_page
from falusage.api.progress import Progress
from falusage.api.query import Ask
from falusage.api.secret import Secret
from falusage.api.transport import Live, Response, Transport, is_loopback
from falusage.api.waiting import result
from falusage.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
    TransportError,
)

LONGEST_WAIT: Final = 120.0
"""The most seconds that are slept when the server asks for it."""

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 15.0
_ERRORS: Final[dict[int, type[ApiError]]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}
_ADVICE: Final = {
    401: "the API does not know the key; check api_key, or else FAL_ADMIN_KEY, then FAL_KEY",
    403: "the key is not an admin key of the organization's root team, or organizations are not "
    "enabled for it",
    404: "nothing lives at this address; check the base URL, which mostly ends in /v1",
}


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
        self._live = Live()
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
        self._live.stop()

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
        except NotJsonError as error:
            raise ProtocolError(
                f"{error}; a proxy or a login page may answer in the API's place", **vars(error)
            ) from None

    def _attempt(self, ask: Ask, cursor: str | None) -> Page:
        facts: dict[str, Any] = {"cursor": cursor, "window": ask.window}
        excerpt = ""
        try:
            with ExitStack() as in_use:
                with self._slots:
                    self._sleep(self._not_before - time.monotonic())
                    response = in_use.enter_context(
                        self._transport.get(ask.params(cursor), live=self._live)
                    )
                self._count(response)
                facts |= {"status": response.status, "request_id": self._request_id(response)}
                excerpt = self._excerpt(response.body)
                if response.status != 200:
                    raise self._refusal(response, facts)
                page = self._read(response.body, ask)
                # What is new on one page is likely on the next, and is then read fast.
                self._kinds = {**self._kinds, **page.kinds}
                return page
        except (TransportError, ProtocolError) as error:
            if self._stop.is_set():
                raise CancelledError from None
            start, end = ask.window
            page = f"page {cursor!r}" if cursor else "first page"
            where = f" ({page} of the window {start} to {end}{excerpt})"
            raise type(error)(self._key.hide(f"{error}{where}"), **facts) from error.__cause__

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
        text = self._key.hide(body[:400].decode("utf-8", "replace"))[:120]
        return f"; the answer begins {text!r}" if text.strip() else "; the answer is empty"

    def _refusal(self, response: Response, facts: dict[str, Any]) -> ApiError:
        """Name the error that a status other than 200 means."""
        status = response.status
        said: dict[str, Any] = {}
        with suppress(ValueError, RecursionError):
            body = json.loads(response.body)
            if isinstance(body, dict) and isinstance(body.get("error"), dict):
                said = body["error"]
        if 300 <= status < 400:
            return ProtocolError(f"status {status}: a redirect, which is not followed", **facts)
        if status < 300:
            return ProtocolError(f"status {status}, where the contract knows 200 alone", **facts)
        if isinstance(said.get("request_id"), str):
            facts["request_id"] = self._key.hide(said["request_id"])
        words = self._key.hide(str(said.get("message", "")))[:500]
        advice = _ADVICE.get(status, "")
        message = f"status {status}" + "".join(f": {text}" for text in (advice, words) if text)
        kind = _ERRORS.get(status, ServerError if status >= 500 else BadRequestError)
        wait = response.asked_wait
        if wait is not None and wait > LONGEST_WAIT and _passes_by_itself(status=status):
            kind = RateLimitError
            message += f"; the server asks to wait {wait:,.0f} s"
        type_ = said.get("type")
        return kind(
            message,
            type=self._key.hide(type_) if isinstance(type_, str) else None,
            retry_after=wait,
            **facts,
        )

    def _request_id(self, response: Response) -> str | None:
        sent = response.headers.get("x-fal-request-id") or response.headers.get("x-request-id")
        return None if sent is None else self._key.hide(sent)

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
            if error.retry_after is not None:
                pause += error.retry_after
            self._not_before = max(self._not_before, time.monotonic() + pause)
            self._progress.note(f"waiting {pause:.0f} s, as the server asks")
        return pause

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(max(seconds, 0)):
            raise CancelledError


def _passes_by_itself(error: BaseException | None = None, *, status: int | None = None) -> bool:
    if isinstance(error, ApiError):
        if error.retry_after is not None and error.retry_after > LONGEST_WAIT:
            return False
        status = error.status
    return isinstance(error, TransportError | ServerError | RateLimitError) or (
        status is not None and (status in {408, 429} or status >= 500)
    )
