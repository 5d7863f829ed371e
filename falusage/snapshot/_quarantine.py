"""Rejected rows as JSON lines: one row a line, as received, with the rules that it broke."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from falusage._files import replacing, resolved
from falusage.schema.validation import RECEIVED, RULES


def quarantine_lines(quarantine: pl.DataFrame) -> Iterator[str]:
    """Yield each rejected row as a line of JSON: its `rules`, and the row as `received`."""
    if quarantine.is_empty():
        return
    for rules, received in quarantine.select(RULES, RECEIVED).iter_rows():
        said = json.dumps({"rules": rules}, ensure_ascii=False)
        # Not parsed and written again, which could change a number. In JSON, a line break is
        # white space, because in a text it would be escaped.
        yield f'{said[:-1]}, "received": {" ".join(received.splitlines())}}}'


def quarantine_path(snapshot: str | os.PathLike[str]) -> Path:
    """Return where the rows lie that are not in a snapshot: beside it.

    >>> quarantine_path("june.parquet").name
    'june.quarantine.jsonl'
    """
    return resolved(snapshot).with_suffix(".quarantine.jsonl")


def keep_quarantine(quarantine: pl.DataFrame, snapshot: str | os.PathLike[str]) -> None:
    """Write rejected rows beside a snapshot. Without any, write nothing.

    Raises:
        SnapshotError: The file cannot be written.
    """
    if quarantine.is_empty():
        return
    with replacing(quarantine_path(snapshot)) as file:
        for line in quarantine_lines(quarantine):
            file.write(f"{line}\n".encode())
