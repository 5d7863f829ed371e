"""Wait for another thread in a way that Ctrl-C can interrupt."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import TypeVar

_T = TypeVar("_T")


def result(task: Future[_T]) -> _T:
    """Wait for a task and return its result, in short waits so that Ctrl-C can interrupt them.

    Polars' handler of SIGINT restarts a wait without a time limit, so Python never sees Ctrl-C.
    """
    while not task.done():
        wait([task], timeout=0.1)
    return task.result()
