"""Bodies that swell do not take the machine with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.faults import fault_kinds as kinds
from tests.faults.fault_catalogue import LONG, World
from tests.faults.fault_server import FaultServer, Rule

SCRIPT = """
import json, pathlib, re, warnings
import falusage as fu
warnings.simplefilter("ignore")
query = fu.UsageQuery("2025-01-01", "2025-02-10", timeframe="day", limit=10)
try:
    with fu.UsageClient(workers=8, max_attempts=2, timeout=120) as client:
        outcome = str(client.load(query).usage.height)
except fu.FalUsageError as error:
    outcome = type(error).__name__
# Not ru_maxrss, which a child inherits from the process that started it.
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
print(json.dumps([outcome, peak]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "times", "outcome"),
    [
        (kinds.padded(130 << 20, zipped=True), 8, "ProtocolError"),
        (kinds.padded(63 << 20, zipped=True), 8, "400"),
        (kinds.padded(63 << 20, zipped=False), 8, "400"),
        (kinds.claims_terabytes, 8, "ProtocolError"),
        # Each of these takes several times its size, so that a few at once would tell.
        (kinds.empty_buckets(300_000), 4, "400"),
        (kinds.stuffed(b"[]", 60 << 20), 3, None),
        (kinds.stuffed(b'{"a":{}}', 60 << 20), 3, None),
    ],
    ids=[
        "bombs",
        "bombs just small enough",
        "bodies just small enough",
        "terabytes",
        "buckets of nothing",
        "lists in a list",
        "objects in a list",
    ],
)
def test_all_workers_together_stay_under_a_gigabyte(
    fault: kinds.Fault, times: int, outcome: str | None, serve: Callable[..., FaultServer], key: str
) -> None:
    """However many answers swell at once, the process peaks below 1 GB."""
    world: World = LONG.having(page_size=10)
    server = serve(world, rules=[Rule(fault, kinds.carries_rows, skip=2, times=times)])
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "FAL_ADMIN_KEY": key, "FALUSAGE_BASE_URL": server.base_url},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ended, peak = json.loads(done.stdout)
    assert peak < 1e9
    assert outcome in (None, ended)
