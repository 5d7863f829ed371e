"""Deleting files of a store that it does not need, and nothing that it did not write.

A file is deleted only if its name, at that depth, is one that only this store's writers make; if no
version that is kept has it, as every entry of the log proves; and if it is old. A file that no
version ever had must also hold the bytes that its name says. Links are not followed.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

from falusage.errors import StoreError
from falusage.store._addresses import LOG
from falusage.store._commits import seal
from falusage.store._committing import OvertakenError, append
from falusage.store._log import Log, State, columns_of
from falusage.store._parts import MONTH, Part, read_part
from falusage.store._place import Entry, Place

_LOG: Final = logging.getLogger("falusage.store")
_TRIES: Final = 5

_UNFINISHED_PART: Final = re.compile(rf"{MONTH.pattern}/\.falusage-[0-9a-f]{{16}}\.tmp")
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UNFINISHED_ENTRY: Final = re.compile(
    rf"{LOG}/(?:"
    r"(?:[0-9]{20}\.(?:json|checkpoint\.parquet)|_last_checkpoint)#[0-9]{1,10}"
    rf"|_commit_{_UUID}\.json\.tmp)"
)
"""What the Delta library leaves in the log when it is killed while it writes."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the log says of a store's files.

    Attributes:
        needed: Those of the versions that are kept.
        ever: Those that any version had.
    """

    needed: frozenset[str]
    ever: frozenset[str]


def vacuum(
    log: Log, *, older_than: timedelta | None, orphans: timedelta, dry_run: bool
) -> list[str]:
    """Delete files that no version needs; see `UsageStore.vacuum`."""
    for _ in range(_TRIES):
        state = log.state()
        known = _known(log, state, let_go=older_than)
        found = _deletable(log.place, known, until=time.time() - orphans.total_seconds())
        if dry_run or not found:
            return [entry.path for entry in found]
        # The commit comes first: who merges files on top of an earlier version has to look again.
        try:
            append(log, state, state.commit.then("vacuum"), come=(), gone=())
        except OvertakenError:
            continue
        return _delete(log.place, found)
    raise StoreError(f"{log.place} is being written to all the time; vacuum it later")


def _known(log: Log, state: State, *, let_go: timedelta | None) -> _Known:
    """Read every version's files, and compare them with its document.

    Raises:
        StoreError: The log is damaged, so that it does not say what is needed.
    """
    limit = None if let_go is None else state.commit.at - let_go
    files: set[str] = set()
    needed: set[str] = set()
    ever: set[str] = set()
    columns: dict[str, pl.DataType] = {}
    for version, (commit, actions) in enumerate(log.entries(state.version)):
        for action in actions:
            if "metaData" in action:
                columns = columns_of(action["metaData"]["schemaString"])
            if "remove" in action:
                files.discard(action["remove"]["path"])
            if "add" in action:
                files.add(action["add"]["path"])
                needed.add(action["add"]["path"])
        if seal(files, columns) != commit.files:
            raise StoreError(
                f"the log of {log.place} is damaged: the files of version {version} are not those "
                "that it was written with; nothing was deleted: restore a copy"
            )
        ever |= needed
        if limit is not None and commit.at <= limit:  # the versions before it are let go
            needed = set(files)
    return _Known(needed=frozenset(needed), ever=frozenset(ever))


def _deletable(place: Place, known: _Known, *, until: float) -> list[Entry]:
    """Return the files that may go, in order."""
    return [
        entry
        for entry in _written_here(place)
        if entry.modified <= until
        and entry.path not in known.needed
        and (entry.path in known.ever or _is_whole(place, entry.path))
    ]


def _written_here(place: Place) -> Iterator[Entry]:
    """Look for files whose names only this store's writers make, where they make them."""
    for folder in place.entries():
        if folder.kind != "folder" or not MONTH.fullmatch(folder.path):
            continue
        inside = place.entries(folder.path)
        if f"{folder.path}/{LOG}" not in {entry.path for entry in inside}:
            yield from (entry for entry in inside if entry.kind == "file" and _is_ours(entry.path))
    for entry in place.entries(LOG):
        if entry.kind == "file" and _UNFINISHED_ENTRY.fullmatch(entry.path):
            yield entry


def _is_ours(path: str) -> bool:
    if _UNFINISHED_PART.fullmatch(path):
        return True
    with suppress(StoreError):
        Part.named(path)
        return True
    return False


def _is_whole(place: Place, path: str) -> bool:
    """Return whether a file that no version had holds what its name says, if that has a hash."""
    if not path.endswith(".parquet"):
        return True
    with suppress(StoreError):
        read_part(place, Part.named(path))
        return True
    return False


def _delete(place: Place, found: list[Entry]) -> list[str]:
    """Delete files that nobody wrote again since they were found."""
    now = set(_written_here(place))
    deleted = [entry.path for entry in found if entry in now]
    for path in deleted:
        place.delete(path)
        _LOG.debug("deleted %s of %s", path, place)
    _LOG.info("deleted %d files of %s", len(deleted), place)
    return deleted
