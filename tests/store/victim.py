"""A process that syncs and dies on command: `python victim.py`, a JSON order a line.

It imports everything once and forks for each order, so that a hundred deaths cost a hundred syncs
and not a hundred starts. An order dies at the n-th line that the store's room runs (`line`; 0 is
none of them), some seconds after it makes its first file (`after`, by the kernel, in the midst of
Rust as well), or has every write end at so many bytes (`bytes`) once it has written so many data
files (`files`). The answer is how the child ended. Of one that came through, it is also how many
lines it ran (only an order with a `line` counts them, which is slow), how many data files it wrote,
and how many seconds went by since it made the first.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
import time
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

import deltalake.fs  # noqa: F401 - imported before the fork, so that a child starts at once

import falusage as fu
from falusage import store as room
from falusage.api import client as _client  # noqa: F401 - as above

ROOM = str(Path(room.__file__).parent)
REFUSED = 3


def main() -> None:
    """Take orders until there are none."""
    for line in sys.stdin:
        order = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os._exit(_obey(order, writer))
        os.close(writer)
        with os.fdopen(reader, "rb") as said:
            text = said.read().decode()
        _, status = os.waitpid(child, 0)
        answer = {"signal": status & 0x7F, "code": status >> 8, "said": text}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _obey(order: dict[str, Any], said: int) -> int:  # noqa: C901 - one order, told in one place
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    lines = files = 0
    made = math.inf

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            lines += 1
            if lines == order.get("line"):
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal files, made
        if event not in {"open", "os.rename"} or not _is_below(order["folder"], arguments[0]):
            return
        if event == "os.rename":
            files += 1
            limit()
        elif arguments[2] & os.O_CREAT and made == math.inf:
            made = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, order.get("after", 0.0))  # unhandled, it kills

    def limit() -> None:
        if files == order.get("files"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["bytes"], resource.RLIM_INFINITY))

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        with fu.UsageClient(order["key"], base_url=order["url"], workers=1) as client:
            store = fu.UsageStore(order["folder"])
            sys.addaudithook(audit)
            if "line" in order:
                sys.settrace(trace)
            limit()
            try:
                store.sync("2025-01-01", client=client)
            finally:
                sys.settrace(None)
                signal.setitimer(signal.ITIMER_REAL, 0)
    except fu.StoreError as error:
        os.write(said, str(error).encode())
        return REFUSED
    except BaseException as error:  # noqa: BLE001 - told to the test, whatever it is
        os.write(said, repr(error).encode())
        return 1
    told = {
        "lines": lines,
        "files": files,
        "seconds": time.monotonic() - made,
        "heavy": sorted(sys.modules.keys() & {"pandas", "pandera", "matplotlib"}),
    }
    os.write(said, json.dumps(told).encode())
    return 0


def _is_below(folder: str, path: object) -> bool:
    return isinstance(path, str | Path) and str(path).startswith(f"{folder}{os.sep}")


if __name__ == "__main__":
    main()
