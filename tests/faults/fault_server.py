"""The Organization Usage API on a raw socket, truthful until a rule says otherwise.

Each request is answered from a table of rows, whatever windows, expansions and pages the client
chooses; each answer then passes the server's rules, which may edit its JSON, its status, its
headers or the very bytes on the wire. A rule names the answers it bites by what they carry, so
that a fault does not depend on how the client cuts its questions.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from tests.faults.usage_world import Question, RefusedError, Row, chosen, series, summary

Placement = Literal["every", "first", "paged"]
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many"}


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    target: str
    path: str
    params: dict[str, list[str]]
    headers: dict[str, str]

    @classmethod
    def read(cls, head: bytes) -> Request:
        """Read a request's head."""
        first, *lines = head.decode("latin-1").split("\r\n")
        target = first.split(" ")[1]
        parts = urlsplit(target)
        pairs = (line.partition(":") for line in lines if line)
        return cls(
            target,
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            {name.lower(): value.strip() for name, _, value in pairs},
        )


@dataclass
class Answer:
    """One answer on its way out; faults change it in place."""

    server: FaultServer
    request: Request
    envelope: Any
    page: int = 1
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    edits: list[Callable[[bytes], bytes]] = field(default_factory=list)
    coding: Callable[[bytes], bytes] | None = None
    wire: Callable[[socket.socket, Answer], bool] = field(default_factory=lambda: whole)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The line items of the `time_series`."""
        series = self.envelope.get("time_series") or ()  # None where another fault was here first
        return [item for bucket in series for item in bucket["results"]]

    def text(self) -> bytes:
        """Give the JSON's bytes."""
        text = as_json(self.envelope)
        for edit in self.edits:
            text = edit(text)
        return text

    def body(self) -> bytes:
        """Give the body as it goes over the wire."""
        return self.coding(self.text()) if self.coding else self.text()

    def head(self, **framing: str) -> bytes:
        """Give the status line and the headers, with how the body is framed."""
        headers = {**self.headers, **{k.replace("_", "-"): v for k, v in framing.items()}}
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def as_json(value: Any) -> bytes:
    """Return a value in JSON, without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def whole(conn: socket.socket, answer: Answer) -> bool:
    """Send the answer as it should be; true where the connection may be used again."""
    body = answer.body()
    conn.sendall(answer.head(Content_Length=str(len(body))) + body)
    return True


@dataclass(frozen=True)
class Rule:
    """A fault, and the answers it bites: those for which `when` holds, after `skip` of them."""

    fault: Callable[[Answer], None]
    when: Callable[[Answer], bool] = lambda _: True
    skip: int = 0
    times: int | None = None


class FaultServer:
    """The API over `rows`, with rules; a context manager."""

    def __init__(
        self,
        rows: Iterable[Row] = (),
        *,
        rules: Iterable[Rule] = (),
        key: str,
        page_size: int = 1000,
        placement: Placement = "every",
        latency: float = 0.0,
        zipped: bool = False,
        now: datetime | None = datetime(2025, 6, 1, tzinfo=UTC),
    ) -> None:
        self.rows = list(rows)
        self.versions = [list(self.rows)]
        self.rules = list(rules)
        self.page_size = page_size
        self.placement: Placement = placement
        self.latency = latency
        self.zipped = zipped
        self.now = now
        self.requests: list[Request] = []
        self.bitten: Counter[int] = Counter()
        self.broken: list[BaseException] = []
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self._matched: Counter[int] = Counter()
        self._authorization = f"Key {key}"
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FaultServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for conn in list(self._connections):
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        if self.broken:
            raise self.broken[0]

    @property
    def open_connections(self) -> int:
        """How many connections the client has not closed yet."""
        return len(self._connections)

    def reset(self, rules: Iterable[Rule] = ()) -> None:
        """Forget what was asked, and take other rules."""
        with self.lock:
            self.rules = list(rules)
            self.requests.clear()
            self.bitten.clear()
            self._matched.clear()

    def _start(self, run: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(conn)
            self._start(self._converse, conn)

    def _converse(self, conn: socket.socket) -> None:
        held = b""
        try:
            with conn:
                while not self.stopped.is_set():
                    while b"\r\n\r\n" not in held:
                        more = conn.recv(65536)
                        if not more:
                            return
                        held += more
                    head, _, held = held.partition(b"\r\n\r\n")
                    answer = self.answer(Request.read(head))
                    if self.latency:
                        time.sleep(self.latency)
                    if not answer.wire(conn, answer):
                        return
        except OSError:
            return  # the client has gone, which is its right
        except BaseException as error:
            self.broken.append(error)
            raise
        finally:
            self._connections.discard(conn)

    def answer(self, request: Request) -> Answer:
        """Give the true answer to a request, then let the rules at it."""
        with self.lock:
            self.requests.append(request)
            answer = self._truth(request)
            moment = self.now or datetime.now(UTC)
            answer.headers.setdefault("Date", format_datetime(moment, usegmt=True))
            answer.headers.setdefault("Content-Type", "application/json")
            if self.zipped and "gzip" in request.headers.get("accept-encoding", ""):
                zip_body(answer)
            for n, rule in enumerate(self.rules):
                if not rule.when(answer):
                    continue
                self._matched[n] += 1
                turn = self._matched[n] - rule.skip
                if turn > 0 and (rule.times is None or turn <= rule.times):
                    self.bitten[n] += 1
                    rule.fault(answer)
            return answer

    def reread(self, request: Request, params: dict[str, list[str]]) -> Any:
        """Give the true envelope for other parameters of a request."""
        return self._truth(replace(request, params=params)).envelope

    def _truth(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self._authorization:
            return _error(self, request, 401, "authorization_error", "no or wrong key")
        if request.path != "/v1/organization/usage":
            return _error(self, request, 404, "not_found", "nothing lives here")
        try:
            question = Question.read(request.params)
        except (RefusedError, ValueError) as error:
            return _error(self, request, 400, "validation_error", str(error))
        picked = chosen(self.rows, question)
        size = min(question.limit or self.page_size, self.page_size)
        part = slice((question.page - 1) * size, question.page * size)
        envelope: dict[str, Any] = {}
        length = 0
        if "time_series" in question.expand:
            envelope["time_series"] = series(picked[part])
            length = len(picked)
        if "summary" in question.expand:
            sums = summary(picked)
            if self.placement == "paged":
                length = max(length, len(sums))
                envelope["summary"] = sums[part]
            elif self.placement == "every" or question.page == 1:
                envelope["summary"] = sums
        more = length > question.page * size
        envelope["next_cursor"] = cursor(question.page + 1) if more else None
        envelope["has_more"] = more
        return Answer(self, request, envelope, page=question.page)


def cursor(page: int) -> str:
    """Give the cursor of a page, as the API spells it."""
    return base64.b64encode(str(page).encode()).decode()


def zip_body(answer: Answer) -> None:
    """Send the body as gzip."""
    answer.coding = gzip.compress
    answer.headers["Content-Encoding"] = "gzip"


def _error(server: FaultServer, request: Request, status: int, kind: str, message: str) -> Answer:
    body = {"error": {"type": kind, "message": message, "request_id": "req-1"}}
    return Answer(server, request, body, status=status)


def hold(conn: socket.socket, answer: Answer) -> bool:
    """Say nothing until the client hangs up or the server stops."""
    while not answer.server.stopped.is_set():
        readable, _, _ = select.select([conn], [], [], 0.05)
        if readable and not conn.recv(65536):
            break
    return False
