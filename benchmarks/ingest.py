"""From HTTP to a Parquet file: falusage compared with the usual alternatives.

One server process serves the same table to all, over the loopback: the emulator, whose time counts,
or `page_server.py`, which answers from bytes made beforehand. The contenders run in turn, each in a
new process, for several rounds, so that changes of the machine's speed affect all of them. The time
is that of the whole process, imports included, and stands beside that after them. The ratios are
computed per round, and their medians printed.

    pip install '.[all]' pandas 'dlt[parquet]'
    python benchmarks/ingest.py --rows 1000000
    python benchmarks/ingest.py --server pages --rows 960000
    python benchmarks/ingest.py --server pages --rows 200000 --page-size 1000 --latency 0.1

- falusage: `download_snapshot`, which validates every row and reconciles with the summary.
- load: `UsageClient.load`, then `write_snapshot`: the same with all rows in memory.
- one: `download_snapshot` with one worker, where the others have eight.
- pandas: `requests`, a page after the other, `pandas.json_normalize`, `to_parquet`.
- dlt: `RESTClient` with its cursor paginator into a pipeline with a Parquet destination, without
  further settings; dlt-flat: the same, with the buckets flattened by hand first.
- bare: falusage's own requests sent again, one after the other; nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).parent
KEY = "an-admin-key:of-the-emulator"
# All ask for plain bytes, as falusage does on the loopback: nobody pays for zipping.
HEADERS = {"Authorization": f"Key {KEY}", "Accept-Encoding": "identity"}
ROWS_PER_DAY = 1320
"""Of the sample; `page_server.py` has as many as it is told."""


@dataclass(frozen=True, slots=True)
class Task:
    """What every contender asks for, and where."""

    base: str
    start: str
    end: str
    auth_method: bool

    def params(self) -> list[tuple[str, str]]:
        """Return the parameters of the first page."""
        return [
            ("start", f"{self.start}T00:00:00Z"),
            ("end", f"{self.end}T00:00:00Z"),
            ("timeframe", "hour"),
            ("expand", "time_series,auth_method" if self.auth_method else "time_series"),
        ]


def run_falusage(task: Task, out: Path, *, workers: int = 8, in_memory: bool = False) -> int:
    """Load, validate, reconcile, write."""
    import falusage as fu

    path = out / "usage.parquet"
    query = fu.UsageQuery(task.start, task.end, timeframe="hour", auth_method=task.auth_method)
    with fu.UsageClient(KEY, base_url=task.base, workers=workers) as client:
        if not in_memory:
            return fu.download_snapshot(query, path, client=client).rows_kept
        load = client.load(query)
    fu.write_snapshot(load, path)
    return load.receipt.rows_kept


def run_load(task: Task, out: Path) -> int:
    """The same with all rows in memory."""
    return run_falusage(task, out, in_memory=True)


def run_one(task: Task, out: Path) -> int:
    """The same with one worker."""
    return run_falusage(task, out, workers=1)


def run_pandas(task: Task, out: Path) -> int:
    """What a script in a notebook does."""
    import pandas as pd
    import requests

    frames, cursor = [], None
    with requests.Session() as session:
        session.headers.update(HEADERS)
        while True:
            params = task.params() + ([("cursor", cursor)] if cursor else [])
            page = session.get(f"{task.base}/organization/usage", params=params, timeout=60).json()
            frames.append(pd.json_normalize(page["time_series"], "results", ["bucket"]))
            cursor = page["next_cursor"]
            if cursor is None:
                break
    table = pd.concat(frames)
    table["bucket"] = pd.to_datetime(table["bucket"], utc=True)
    table.to_parquet(out / "usage.parquet")
    return len(table)


def run_dlt_flat(task: Task, out: Path) -> int:
    """A pipeline whose author took the buckets apart by hand, to spare dlt its child tables."""
    return run_dlt(task, out, flat=True)


def run_dlt(task: Task, out: Path, *, flat: bool = False) -> int:
    """Load as dlt's own guide to REST sources does, without further settings."""
    os.environ |= {
        "DLT_PROJECT_DIR": str(out),
        "DLT_DATA_DIR": str(out),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DESTINATION__FILESYSTEM__BUCKET_URL": str(out / "lake"),
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    client = RESTClient(
        task.base,
        headers=HEADERS,
        paginator=JSONResponseCursorPaginator("next_cursor", "cursor"),
    )
    count = 0

    @dlt.resource(name="usage")
    def usage():
        nonlocal count
        pages = client.paginate(
            "/organization/usage", params=dict(task.params()), data_selector="time_series"
        )
        for page in pages:
            count += sum(len(bucket["results"]) for bucket in page)
            yield (
                [{"bucket": b["bucket"], **item} for b in page for item in b["results"]]
                if flat
                else page
            )

    pipeline = dlt.pipeline("usage", destination="filesystem", dataset_name="fal")
    pipeline.run(usage(), loader_file_format="parquet")
    return count


def run_bare(task: Task, out: Path) -> int:
    """Send the requests that falusage sends, one after the other, and keep nothing."""
    import requests

    with requests.Session() as session:
        session.headers.update(HEADERS)
        urls = json.loads((out / "requests.json").read_text())
        return sum(len(session.get(url, timeout=60).content) for url in urls)


def record(task: Task, out: Path) -> dict[str, int]:
    """Load once, and write down the requests."""
    from urllib.parse import urlencode

    import falusage as fu
    from falusage.api._http.transport import Transport
    from falusage.contract import Endpoint

    urls: list[str] = []
    attempt = Transport.attempt

    def noted(
        self: Transport, endpoint: Endpoint, params: list[tuple[str, str]], **more: object
    ) -> object:
        urls.append(f"{self.url}{endpoint.path}?{urlencode(params)}")
        return attempt(self, endpoint, params, **more)  # type: ignore[arg-type] # passed on unchanged

    Transport.attempt = noted  # type: ignore[method-assign] # to listen in
    query = fu.UsageQuery(task.start, task.end, timeframe="hour", auth_method=task.auth_method)
    with fu.UsageClient(KEY, base_url=task.base) as client:
        receipt = client.load(query).receipt
    (out / "requests.json").write_text(json.dumps(urls))
    return {
        "rows": receipt.rows_kept,
        "pages": receipt.pages,
        "bytes": receipt.bytes_received,
    }


CONTENDERS: dict[str, tuple[Callable[[Task, Path], int], str]] = {
    "falusage": (run_falusage, "falusage.snapshot._download, falusage.schema.rules, tqdm.auto"),
    "load": (run_load, "falusage.snapshot._download, falusage.schema.rules, tqdm.auto"),
    "one": (run_one, "falusage.snapshot._download, falusage.schema.rules, tqdm.auto"),
    "bare": (run_bare, "requests"),
    "pandas": (run_pandas, "requests, pandas, pyarrow.parquet"),
    "dlt": (run_dlt, "dlt, pyarrow.parquet"),
    "dlt-flat": (run_dlt_flat, "dlt, pyarrow.parquet"),
}
"""Each with what it imports before the second clock starts."""


def timed(name: str, task: Task, requests_file: Path) -> tuple[float, float]:
    """Run a contender in a new process; return the seconds of all, and those after the imports."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requests.json").write_bytes(requests_file.read_bytes())
        command = [sys.executable, __file__, "--contender", name, json.dumps(asdict(task)), folder]
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        whole = time.perf_counter() - begun
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        return whole, float(done.stdout.splitlines()[-1])


def contend(name: str, task: str, folder: str) -> None:
    """Be a contender: import first, then run against the clock."""
    run, imports = CONTENDERS[name]
    exec(f"import {imports}")  # noqa: S102 - a literal above
    begun = time.perf_counter()
    run(Task(**json.loads(task)), Path(folder))
    print(time.perf_counter() - begun)


def serve_sample(days: int, page_size: int, latency: float) -> None:
    """Serve the sample with the emulator until the parent goes away."""
    import falusage as fu

    usage = fu.sample_usage(start="2023-01-01", end=date(2023, 1, 1) + timedelta(days=days)).usage
    with fu.Emulator(usage, api_key=KEY, page_size=page_size, latency=latency) as emulator:
        print(emulator.base_url, flush=True)
        sys.stdin.read()


@contextmanager
def serving(options: argparse.Namespace) -> Iterator[Task]:
    """Start the server in a process of its own, and stop it at the end."""
    is_emulator = options.server == "emulator"
    days = options.rows // ROWS_PER_DAY + 1 if is_emulator else 40
    shape = [str(options.latency), str(options.page_size)]
    command = (
        [__file__, "--serve", str(days), *reversed(shape)]
        if is_emulator
        else [str(HERE / "page_server.py"), "0", str(days), str(options.rows // days // 24), *shape]
    )
    server = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        where = server.stdout.readline().strip()
        start = date(2023 if is_emulator else 2025, 1, 1)
        yield Task(
            where if is_emulator else f"http://127.0.0.1:{where}",
            start.isoformat(),
            (start + timedelta(days=days)).isoformat(),
            auth_method=is_emulator,
        )
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=["emulator", "pages"], default="emulator")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--page-size", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--serve", nargs=3)
    parser.add_argument("--contender", nargs=3)
    options = parser.parse_args()
    if options.serve:
        days, page_size, latency = options.serve
        return serve_sample(int(days), int(page_size), float(latency))
    if options.contender:
        return contend(*options.contender)
    with serving(options) as task, tempfile.TemporaryDirectory() as folder:
        shape = record(task, Path(folder))
        file = Path(folder) / "requests.json"
        rounds = [
            {name: timed(name, task, file) for name in options.only} for _ in range(options.rounds)
        ]
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; {shape['rows']:,} rows, {shape['pages']} pages, "
        f"{shape['bytes'] / 1e6:,.0f} MB, latency {options.latency * 1e3:.0f} ms"
    )
    print("             process   after imports")
    for name in options.only:
        line = f"{name:>10}"
        for at in range(2):
            line += f" {statistics.median(one[name][at] for one in rounds):8.2f} s"
            if name != "falusage" and "falusage" in options.only:
                ratio = statistics.median(one[name][at] / one["falusage"][at] for one in rounds)
                line += f" {ratio:6.2f} ×"
            else:
                line += " " * 9
        print(line)
    print("         × as long as falusage takes")
    if options.latency:
        pages = shape["rows"] / options.page_size
        ideal = pages * options.latency / 8
        print(f"     ideal {ideal:8.2f} s   ({pages:,.0f} full pages × latency ÷ 8 workers)")
    return None


if __name__ == "__main__":
    main()
