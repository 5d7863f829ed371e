"""A server between a client and the emulator that changes the answers, over real HTTP."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import falusage as fu

Change = Callable[[dict[str, Any]], None]


@contextmanager
def tampered(emulator: fu.Emulator, change: Change) -> Generator[str]:
    """Serve the emulator's answers, each changed in place; gives the base address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/v1")
            request = urllib.request.Request(  # noqa: S310 - our own server
                emulator.base_url + path,
                headers={"Authorization": self.headers["Authorization"]},
            )
            with urllib.request.urlopen(request) as upstream:  # noqa: S310 - likewise
                answer, date = json.load(upstream), upstream.headers["Date"]
            change(answer)
            body = json.dumps(answer).encode()
            self.send_response_only(200)
            for name, value in {
                "Date": date,
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def dearer_summary(answer: dict[str, Any]) -> None:
    """Add 1 to the first cost of the summary."""
    for item in answer.get("summary", [])[:1]:
        for name in ("cost", "cost_total", "cost_subtotal"):
            if item.get(name) is not None:
                item[name] += 1.0


def negative_cost(answer: dict[str, Any]) -> None:
    """Make the first cost of every bucket negative."""
    for bucket in answer.get("time_series", []):
        for item in bucket["results"][:1]:
            for name in ("cost", "cost_total"):
                if name in item:
                    item[name] = -1.0


def negative_total(answer: dict[str, Any]) -> None:
    """Make the first cost of the summary negative."""
    for item in answer.get("summary", [])[:1]:
        item |= {name: -1.0 for name in ("cost", "cost_total") if name in item}
