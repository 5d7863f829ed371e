"""The log on stderr: warnings by default, `-v` for what a job did, `-vv` for each request as well.

The package logs to `falusage` and below: `falusage.api`, `falusage.store`, `falusage.files` and
`falusage.cli`. With a log there is no progress bar, so that neither breaks the lines of the other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import click

from falusage.cli._terminal import say

_ROOT: Final = logging.getLogger("falusage")
LOG: Final = logging.getLogger("falusage.cli")


class _OnStderr(logging.Handler):
    """Writes each record as one line, as every other message is written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        say(self.format(record))


def is_logging() -> bool:
    """Return whether there is a log, and so no progress bar."""
    return _ROOT.isEnabledFor(logging.INFO)


@contextmanager
def _logging(times: int) -> Generator[None]:
    """Log on stderr: WARNING for 0, INFO for 1, and DEBUG from 2 on."""
    handler = _OnStderr()
    lines = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )
    lines.converter = time.gmtime
    handler.setFormatter(lines)
    before = _ROOT.level
    _ROOT.setLevel({0: logging.WARNING, 1: logging.INFO}.get(times, logging.DEBUG))
    _ROOT.addHandler(handler)
    try:
        yield
    finally:
        _ROOT.removeHandler(handler)
        _ROOT.setLevel(before)


def _begin(context: click.Context, _: click.Parameter, times: int) -> None:
    context.with_resource(_logging(times))


verbose_option: Final = click.Option(
    ["-v", "--verbose"],
    count=True,
    expose_value=False,
    is_eager=True,
    callback=_begin,
    help="Log on stderr what is done: loads, windows, retries, commits. -vv adds each request.",
)
