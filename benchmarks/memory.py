"""The peak memory of `falusage snapshot`, for a short range and for a hundred times as long a one.

A small server of its own makes each minute's rows up as they are asked for, so that it can serve
tens of millions without holding them; the client is the command line, in a process of its own.

    python benchmarks/memory.py --rows 200000 20000000
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

START = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGE_BUCKETS = 250
ITEMS = [
    {
        "username": f"acme-team-{n % 8}",
        "product": "model_apis",
        "endpoint_id": f"fal-ai/model-{n}/text-to-image",
        "unit": "image",
        "quantity": n + 1,
        "unit_price": 0.25,
        "cost": (n + 1) * 0.25,
        "currency": "USD",
    }
    for n in range(40)
]
RESULTS = json.dumps(ITEMS, separators=(",", ":"))


def answer(query: dict[str, list[str]]) -> bytes:
    """Answer as the API would, if every minute of eternity brought the same forty items."""
    start, end = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
    minutes = (end - start) // MINUTE
    body: dict[str, str] = {"next_cursor": "null", "has_more": "false"}
    if "time_series" in query["expand"]:
        page = int(base64.b64decode(query.get("cursor", ["MQ=="])[0])) - 1
        first, last = page * PAGE_BUCKETS, min((page + 1) * PAGE_BUCKETS, minutes)
        if last < minutes:
            cursor = base64.b64encode(str(page + 2).encode()).decode()
            body |= {"next_cursor": f'"{cursor}"', "has_more": "true"}
        buckets = (
            f'{{"bucket":"{(start + n * MINUTE).isoformat()}","results":{RESULTS}}}'
            for n in range(first, last)
        )
        body["time_series"] = f"[{','.join(buckets)}]"
    if "summary" in query["expand"]:
        whole = [
            item | {"quantity": item["quantity"] * minutes, "cost": item["cost"] * minutes}
            for item in ITEMS
        ]
        body["summary"] = json.dumps(whole)
    return ("{" + ",".join(f'"{name}":{value}' for name, value in body.items()) + "}").encode()


class Handler(BaseHTTPRequestHandler):
    """HTTP around `answer`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a request."""
        body = answer(parse_qs(urlsplit(self.path).query))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def peak(rows: int, base_url: str) -> tuple[float, float]:
    """Run `falusage snapshot` over so many rows; give its peak in MB and its seconds."""
    end = START + rows // len(ITEMS) * MINUTE
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "usage.parquet"
        command = ["snapshot", "--start", START.isoformat(), "--end", end.isoformat()]
        command += ["--timeframe", "minute", "--out", str(out)]
        begun = time.perf_counter()
        child = subprocess.Popen(
            [str(Path(sys.executable).with_name("falusage")), *command],
            env={**os.environ, "FAL_ADMIN_KEY": "a-key", "FALUSAGE_BASE_URL": base_url},
        )
        _, status, usage = os.wait4(child.pid, 0)
        if status:
            raise SystemExit(f"falusage snapshot failed with status {status}")
        return usage.ru_maxrss / 1024, time.perf_counter() - begun


def main() -> None:
    """Serve, measure each size, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000, 20_000_000])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    first = 0.0
    for rows in parser.parse_args().rows:
        megabytes, seconds = peak(rows, base_url)
        first = first or megabytes
        print(
            f"{rows:>12,} rows  {megabytes:6.0f} MB  {megabytes - first:+5.0f} MB  {seconds:6.1f} s"
        )
    server.shutdown()


if __name__ == "__main__":
    main()
