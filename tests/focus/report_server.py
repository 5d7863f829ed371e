"""A server on a raw socket that answers with the bytes that a test gives it, in order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

Wire = bytes
"""A whole answer: status line, headers and body."""

HEADER = (
    "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargePeriodEnd,"
    "ChargePeriodStart,ServiceName,x_Note\n"
)
LINE = "12.5,acme,USD,Usage,2025-06-02,2025-06-01,Compute,NULL\n"
REPORT = HEADER + LINE


def answer(body: str | bytes, status: str = "200 OK", **headers: str) -> Wire:
    """Return an answer with its length; a header that is named replaces or adds one."""
    content = body.encode() if isinstance(body, str) else body
    named = {"Content-Type": "text/csv", "Content-Length": str(len(content))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items() if value)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


class ReportServer:
    """Answers each request with the next of its answers; the last one stays."""

    def __init__(self, *answers: Wire) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        """The path and the parameters of each request."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            with conn:
                head = b""
                while b"\r\n\r\n" not in head and (part := conn.recv(65536)):
                    head += part
                parts = urlsplit(head.split(b" ")[1].decode())
                self.asked.append((parts.path, parse_qsl(parts.query)))
                answers = self.answers
                conn.sendall(answers.pop(0) if len(answers) > 1 else answers[0])


Serve = Callable[..., ReportServer]
