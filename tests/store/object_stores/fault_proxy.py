"""A proxy between a store and its object-store server that does what networks do.

A test hands it a rule: a function of each request that returns a fault, or None to pass it on.
The proxy speaks HTTP over a real socket, so that the store's own client meets every fault.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the store's client sent it; the names of its headers in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def is_list(self) -> bool:
        """Whether it asks for the names below a folder."""
        return self.method == "GET" and ("list-type=" in self.path or "comp=list" in self.path)

    def commits(self, version: int) -> bool:
        """Whether it writes the log's entry of a version."""
        return self.method == "PUT" and self.path.partition("?")[0].endswith(
            f"_delta_log/{version:020}.json"
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """What the proxy does to a request.

    Attributes:
        answer: A status and a body to answer with, in place of the server.
        hang: Seconds to wait first.
        reach: Whether the server gets the request.
        lose: Whether the client gets no answer: the connection is closed.
        cut: Whether the client gets half of the answer's body.
        without: Headers of the request that the server does not get.
        then: What to do after the server has answered, before the client is told.
    """

    answer: tuple[int, str] | None = None
    hang: float = 0.0
    reach: bool = True
    lose: bool = False
    cut: bool = False
    without: tuple[str, ...] = ()
    then: Callable[[], object] | None = None


Rule = Callable[[Request], Fault | None]
Mend = Callable[[Request, bytes], bytes]
Translate = Callable[[Request], Request]


@dataclass(slots=True)
class Proxy:
    """A running proxy."""

    url: str
    rule: Rule | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def breaking(self, rule: Rule) -> Generator[Proxy]:
        """Apply a rule for a while; whoever still hangs at the end is let go."""
        self.rule = rule
        try:
            yield self
        finally:
            self.rule = None
            self.stopped.set()
            self.stopped = threading.Event()


@contextmanager
def proxy_of(  # noqa: C901 - one handler, in one place
    port: int,
    *,
    mend: Mend = lambda _, content: content,
    translate: Translate = lambda request: request,
) -> Generator[Proxy]:
    """Run a proxy in front of a server on this machine.

    `mend` changes an answer's body where the server does not do what its vendor documents, and
    `translate` changes a request to the words that the server knows.
    """
    one_write = threading.Lock()  # of two writes of one object at once, moto fails one with 500

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # an answer is two writes; the client would wait 40 ms

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = Request(
                self.command, self.path, {k.lower(): v for k, v in self.headers.items()}
            )
            # Of one name, servers are sent different spellings: GCS has %2E for a dot.
            told = replace(request, path=unquote(request.path))
            fault = (proxy.rule and proxy.rule(told)) or Fault()
            if fault.hang:
                proxy.stopped.wait(fault.hang)
            status, headers, content = 0, [], b""
            if fault.answer:
                status, text = fault.answer
                content = text.encode()
            elif fault.reach:
                with one_write if request.method == "PUT" else nullcontext():
                    status, headers, content = _ask(port, translate(request), body, fault.without)
                content = mend(request, content)
            if fault.then:
                fault.then()
            if fault.lose or not status:
                self._hang_up()
                return
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            length = int(dict(headers).get("content-length", 0)) if self.command == "HEAD" else None
            self.send_header("Content-Length", str(len(content) if length is None else length))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault.cut else content)
            if fault.cut:
                self._hang_up()

        def _hang_up(self) -> None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: the client hung up first."""

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.stopped.set()
            server.shutdown()
            thread.join()


def _ask(
    port: int, request: Request, body: bytes, without: tuple[str, ...]
) -> tuple[int, list[tuple[str, str]], bytes]:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        server.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in {"connection", *without}:
                server.putheader(name, value)
        server.endheaders(body)
        answer = server.getresponse()
        content = answer.read()
        return answer.status, [(n.lower(), v) for n, v in answer.getheaders()], content
    finally:
        server.close()


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
