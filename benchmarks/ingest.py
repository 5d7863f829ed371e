"""From HTTP to a Parquet file: falusage compared with the usual alternatives.

One server process serves the same table to all, over the loopback. The contenders run in turn, each
in its own process, for several rounds, so that changes of the machine's speed affect all of them.
The ratios are computed per round, and their medians printed.

    pip install '.[all]' pandas 'dlt[parquet]'
    python benchmarks/ingest.py --rows 1000000

- falusage: `download_snapshot`, which validates every row and reconciles with the summary.
- pandas: `requests`, a page after the other, `pandas.json_normalize`, `to_parquet`.
- dlt: `RESTClient` with its cursor paginator into a pipeline with a Parquet destination, without
  further settings; dlt-flat: the same, with the buckets flattened by hand first.
- bare: falusage's own requests sent again with the same number of threads; nothing is kept.
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
from pathlib import Path

KEY = "an-admin-key:of-the-emulator"
# All ask for plain bytes, as falusage does on the loopback: nobody pays for zipping.
HEADERS = {"Authorization": f"Key {KEY}", "Accept-Encoding": "identity"}
START = "2023-01-01"
ROWS_PER_DAY = 1320


def serve(days: int, page_size: int, latency: float) -> None:
    """Serve the sample until the parent goes away; print the base URL."""
    from datetime import date, timedelta

    import falusage as fu

    end = date.fromisoformat(START) + timedelta(days=days)
    usage = fu.sample_usage(start=START, end=end).usage
    with fu.Emulator(usage, api_key=KEY, page_size=page_size, latency=latency) as emulator:
        print(json.dumps([emulator.base_url, end.isoformat(), usage.height]), flush=True)
        sys.stdin.read()


def run_falusage(base: str, end: str, out: Path) -> int:
    """Load, validate, reconcile, write."""
    import falusage as fu

    query = fu.UsageQuery(START, end, timeframe="hour", auth_method=True)
    with fu.UsageClient(KEY, base_url=base) as client:
        return fu.download_snapshot(query, out / "usage.parquet", client=client).rows_kept


def run_pandas(base: str, end: str, out: Path) -> int:
    """What a script in a notebook does."""
    import pandas as pd
    import requests

    frames, cursor = [], None
    with requests.Session() as session:
        session.headers.update(HEADERS)
        while True:
            params = _params(end) + ([("cursor", cursor)] if cursor else [])
            page = session.get(f"{base}/organization/usage", params=params, timeout=60).json()
            frames.append(pd.json_normalize(page["time_series"], "results", ["bucket"]))
            cursor = page["next_cursor"]
            if cursor is None:
                break
    table = pd.concat(frames)
    table["bucket"] = pd.to_datetime(table["bucket"], utc=True)
    table.to_parquet(out / "usage.parquet")
    return len(table)


def run_dlt_flat(base: str, end: str, out: Path) -> int:
    """A pipeline whose author took the buckets apart by hand, to spare dlt its child tables."""
    return run_dlt(base, end, out, flat=True)


def run_dlt(base: str, end: str, out: Path, *, flat: bool = False) -> int:
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
        base,
        headers=HEADERS,
        paginator=JSONResponseCursorPaginator("next_cursor", "cursor"),
    )
    count = 0

    @dlt.resource(name="usage")
    def usage():
        nonlocal count
        pages = client.paginate(
            "/organization/usage", params=dict(_params(end)), data_selector="time_series"
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


def run_bare(base: str, end: str, out: Path) -> int:
    """Send the requests that falusage sends, keep nothing."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import local

    import requests

    here = local()

    def get(url: str) -> int:
        if not hasattr(here, "session"):
            here.session = requests.Session()
            here.session.headers.update(HEADERS)
        return len(here.session.get(url, timeout=60).content)

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(get, json.loads((out / "requests.json").read_text())))


def record(base: str, end: str, out: Path) -> dict[str, int]:
    """Load once, and write down the requests."""
    from urllib.parse import urlencode

    import falusage as fu
    from falusage.api._http.transport import Transport

    urls: list[str] = []
    attempt = Transport.attempt

    def noted(self: Transport, params: list[tuple[str, str]], **more: object) -> object:
        urls.append(f"{self.url}?{urlencode(params)}")
        return attempt(self, params, **more)  # type: ignore[arg-type] # passed on unchanged

    Transport.attempt = noted  # type: ignore[method-assign] # to listen in
    query = fu.UsageQuery(START, end, timeframe="hour", auth_method=True)
    with fu.UsageClient(KEY, base_url=base) as client:
        receipt = client.load(query).receipt
    (out / "requests.json").write_text(json.dumps(urls))
    return {"pages": receipt.pages, "requests": receipt.requests, "bytes": receipt.bytes_received}


def _params(end: str) -> list[tuple[str, str]]:
    return [
        ("start", f"{START}T00:00:00Z"),
        ("end", f"{end}T00:00:00Z"),
        ("timeframe", "hour"),
        ("expand", "time_series,auth_method"),
    ]


CONTENDERS = {
    "falusage": run_falusage,
    "bare": run_bare,
    "pandas": run_pandas,
    "dlt": run_dlt,
    "dlt-flat": run_dlt_flat,
}


def timed(name: str, base: str, end: str, requests_file: Path) -> dict[str, float]:
    """Run a contender in a process of its own; its imports are not counted."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requests.json").write_bytes(requests_file.read_bytes())
        command = [sys.executable, __file__, "--contender", name, base, end, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout.splitlines()[-1])


def contend(name: str, base: str, end: str, folder: str) -> None:
    """Be a contender: import first, then run against the clock."""
    imports = {
        "falusage": "import falusage.snapshot._download, falusage.schema._rules, tqdm.auto",
        "bare": "import requests",
        "pandas": "import requests, pandas, pyarrow.parquet",
        "dlt": "import dlt, pyarrow.parquet",
        "dlt-flat": "import dlt, pyarrow.parquet",
    }[name]
    exec(imports)  # noqa: S102 - a literal above
    begun = time.perf_counter()
    rows = CONTENDERS[name](base, end, Path(folder))
    print(json.dumps({"seconds": time.perf_counter() - begun, "rows": rows}))


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--page-size", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(CONTENDERS))
    parser.add_argument("--serve", nargs=3)
    parser.add_argument("--contender", nargs=4)
    options = parser.parse_args()
    if options.serve:
        days, page_size, latency = options.serve
        return serve(int(days), int(page_size), float(latency))
    if options.contender:
        return contend(*options.contender)
    server = subprocess.Popen(
        [
            sys.executable,
            __file__,
            "--serve",
            str(options.rows // ROWS_PER_DAY + 1),
            str(options.page_size),
            str(options.latency),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        base, end, rows = json.loads(server.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            shape = record(base, end, Path(folder))
            file = Path(folder) / "requests.json"
            rounds = [
                {name: timed(name, base, end, file) for name in options.only}
                for _ in range(options.rounds)
            ]
    finally:
        server.terminate()
        server.wait()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; {rows:,} rows, {shape['pages']} pages, "
        f"{shape['bytes'] / 1e6:,.0f} MB, latency {options.latency * 1e3:.0f} ms"
    )
    for name in options.only:
        seconds = [one[name]["seconds"] for one in rounds]
        line = f"{name:>10} {statistics.median(seconds):8.2f} s"
        if name != "falusage" and "falusage" in options.only:
            ratios = [one[name]["seconds"] / one["falusage"]["seconds"] for one in rounds]
            line += f"   {statistics.median(ratios):6.2f} × falusage's time"
        print(line)
    if options.latency:
        ideal = shape["pages"] * options.latency / 8
        print(f"     ideal {ideal:8.2f} s   (pages × latency ÷ 8 workers)")
    return None


if __name__ == "__main__":
    main()
