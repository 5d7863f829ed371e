"""A usage API that answers from bytes made beforehand, so that clients are measured, not it.

Hourly buckets of N rows each from 2025-01-01T00:00Z on. It honours `start`, `end`, `limit` (at most
10,000 rows a page, unless told otherwise), `cursor` and `expand` (time_series, summary). Every
other filter is answered as if it were not there.

    python benchmarks/page_server.py PORT DAYS ROWS_PER_HOUR [LATENCY_SECONDS [MOST_ROWS_A_PAGE]]
"""

from __future__ import annotations

import base64
import json
import random
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = ("username", "product", "endpoint_id", "unit", "unit_price", "currency")
RANDOM = random.Random(7)
TEAMS = [f"team-{i:02d}" for i in range(40)]
ENDPOINTS = [
    (f"fal-ai/model-{i:03d}/dev", "model_apis", "image", RANDOM.choice([0.025, 0.05, 0.1]))
    for i in range(280)
] + [
    (f"type: gpu_{i}x_h100_sxm5 (app-{i}, prod)", "compute", "second", 0.001) for i in range(1, 21)
]


def item() -> dict[str, object]:
    """Return a line item by chance."""
    endpoint, product, unit, price = RANDOM.choice(ENDPOINTS)
    quantity = round(RANDOM.random() * 1000, 3)
    return {
        "username": RANDOM.choice(TEAMS),
        "product": product,
        "endpoint_id": endpoint,
        "unit": unit,
        "quantity": quantity,
        "unit_price": price,
        "cost": quantity * price,
        "currency": "USD",
    }


class Pages:
    """The rows of 24 hours, which every day repeats, as bytes."""

    def __init__(self, days: int, rows_per_hour: int, most: int) -> None:
        self.hours = days * 24
        self.rows_per_hour = rows_per_hour
        self.most = most
        self.rows = [[item() for _ in range(rows_per_hour)] for _ in range(24)]
        self.bodies = [json.dumps(rows, separators=(",", ":")).encode() for rows in self.rows]

    def answer(self, query: dict[str, list[str]]) -> bytes:
        """Return the body that answers a request."""
        start, end = query.get("start", [EPOCH.isoformat()])[0], query.get("end", ["2100-01-01"])[0]
        first = max(0, since_epoch(start) // HOUR)
        last = min(self.hours, -(-since_epoch(end) // HOUR))
        expand = {v for text in query.get("expand", ["time_series"]) for v in text.split(",")}
        limit = min(int(query.get("limit", [str(self.most)])[0]), self.most)
        per_page = max(1, limit // self.rows_per_hour)
        page = int(base64.b64decode(query["cursor"][0])) if "cursor" in query else 1
        low = first + (page - 1) * per_page
        high = min(low + per_page, last)
        more = "time_series" in expand and high < last
        parts: list[bytes] = []
        if "time_series" in expand:
            parts.append(b'"time_series":[' + b",".join(map(self.bucket, range(low, high))) + b"]")
        if "summary" in expand:
            parts.append(b'"summary":' + self.summary(first, last))
        cursor = base64.b64encode(str(page + 1).encode()).decode() if more else None
        parts.append(b'"next_cursor":' + json.dumps(cursor).encode())
        parts.append(b'"has_more":' + (b"true" if more else b"false"))
        return b"{" + b",".join(parts) + b"}"

    def bucket(self, hour: int) -> bytes:
        """Return an hour as JSON."""
        start = (EPOCH + hour * HOUR).isoformat().encode()
        return b'{"bucket":"' + start + b'","results":' + self.bodies[hour % 24] + b"}"

    def summary(self, first: int, last: int) -> bytes:
        """Return the sums of a range as JSON."""
        sums: dict[tuple[object, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for slot in range(24):
            times = len(range(first + (slot - first) % 24, last, 24))
            for row in self.rows[slot] if times else []:
                have = sums[tuple(row[name] for name in KEY)]
                have[0] += row["quantity"] * times  # type: ignore[operator] # floats
                have[1] += row["cost"] * times  # type: ignore[operator] # as above
        rows = [
            dict(zip(KEY, key, strict=True), quantity=q, cost=c) for key, (q, c) in sums.items()
        ]
        return json.dumps(rows).encode()


def since_epoch(text: str) -> timedelta:
    """Return how long after `EPOCH` an instant is."""
    instant = datetime.fromisoformat(text)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - EPOCH


def serve(pages: Pages, port: int, latency: float) -> None:
    """Serve pages on the loopback until the process is killed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Write nothing."""

        def do_GET(self) -> None:
            body = pages.answer(parse_qs(urlparse(self.path).query))
            time.sleep(latency)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", port), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    port, days, rows_per_hour = map(int, sys.argv[1:4])
    latency = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    most = int(sys.argv[5]) if len(sys.argv) > 5 else 10_000
    serve(Pages(days, rows_per_hour, most), port, latency)
