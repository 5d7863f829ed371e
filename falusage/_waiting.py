"""Waiting for another thread without going deaf to Ctrl-C."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import TypeVar

_T = TypeVar("_T")


def result(task: Future[_T]) -> _T:
    """Wait for a task, awake often enough to see Ctrl-C.

    Polars' handler of SIGINT restarts a wait without a time limit, and Python's own is not heard.
    """
    while not task.done():
        wait([task], timeout=0.1)
    return task.result()
