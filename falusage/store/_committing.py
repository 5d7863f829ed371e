"""The Delta log of a store, written: one version on top of the one that was read, or an error.

The library makes each commit, without retries: its own merging of commits would take two syncs of
one new day as two appends, and the day would count twice. If another writer was faster, the caller
looks again.

`write_deltalake(mode="overwrite", predicate=...)` is not used, for two reasons. It names the files
itself, but a store's files are named by their hashes, so that a damaged one is found. And it also
rewrites the rows beside the range: a day read again takes it 1.8 times as long on a disk
(`python benchmarks/store.py`; not measured on S3).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import polars as pl

from falusage.errors import StoreError
from falusage.store._commits import EDITION, Commit, seal
from falusage.store._failures import is_foreign, sentence
from falusage.store._log import DTYPES, STORED, Log, State, entry
from falusage.store._parts import Part, Written, arrow_schema
from falusage.store._scope import Scope

_LOG: Final = logging.getLogger("falusage.store")
_MARK: Final = "falusage.mark"
"""What a commit is known by when it is read back."""

SUPPORTED: Final = (
    "servers that keep two writers apart are AWS S3, Cloudflare R2, MinIO since 2024, Azure Blob "
    "Storage and Google Cloud Storage"
)

_FOREVER: Final = "interval 36500 days"
_SETTINGS: Final = {
    # The library would otherwise forget, after a month, what was known a quarter ago.
    "delta.logRetentionDuration": _FOREVER,
    "delta.deletedFileRetentionDuration": _FOREVER,
    "delta.enableExpiredLogCleanup": "false",
}


class OvertakenError(StoreError):
    """Somebody else committed first; look at the store again.

    Attributes:
        commits: The versions that were made all the same, before.
    """

    commits: tuple[int, ...] = ()


def create(log: Log, scope: Scope, at: datetime) -> None:
    """Make an empty store, unless somebody else just did.

    Raises:
        StoreError: It cannot be made.
    """
    from deltalake import DeltaTable

    commit = Commit(
        kind="create",
        at=at,
        scope=scope,
        totals={},
        restated={},
        settled=(),
        closed=(),
        files=seal([], STORED),
    )
    mark, properties = _properties(commit)
    log.place.make_log()
    with suppress(OvertakenError):
        _commit(
            log,
            0,
            mark,
            lambda: DeltaTable.create(
                log.place.uri,
                arrow_schema(pl.Schema(STORED)),
                name="falusage",
                description=f"Usage on fal, edition {EDITION}",
                configuration=_SETTINGS,
                storage_options=dict(log.place.options or {}) or None,
                commit_properties=properties,
            ),
        )


def append(
    log: Log, state: State, commit: Commit, *, come: Iterable[Written], gone: Iterable[Part]
) -> int:
    """Commit on top of a version that some parts went and others came.

    Raises:
        OvertakenError: It is no longer the last version.
        StoreError: The commit cannot be written.
    """
    from deltalake.transaction import AddAction, RemoveAction

    now = time.time_ns() // 1_000_000
    changes = commit.kind == "sync"
    actions = [
        *(RemoveAction(part.path, changes, now) for part in gone),
        *(AddAction(one.part.path, one.size, {}, one.modified, changes, one.stats) for one in come),
    ]
    mark, properties = _properties(commit)
    began = time.monotonic()
    _commit(
        log,
        state.version + 1,
        mark,
        lambda: state.table.create_write_transaction(
            actions, "append", arrow_schema(state.schema), commit_properties=properties
        ),
    )
    _LOG.info(
        "version %d of %s committed: %s, %s rows, %d files written, %d replaced, %.2f s",
        state.version + 1,
        log.place,
        commit.kind,
        f"{sum(total.rows for total in commit.totals.values()):,}",
        sum(isinstance(action, AddAction) for action in actions),
        sum(isinstance(action, RemoveAction) for action in actions),
        time.monotonic() - began,
    )
    return state.version + 1


def widen(log: Log, state: State, columns: pl.Schema) -> State:
    """Commit that the store has new columns, all null so far; gives the version with them.

    Raises:
        OvertakenError: It is no longer the last version.
        StoreError: The commit cannot be written.
    """
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    words = {dtype: word for word, dtype in DTYPES.items()}
    joint = {**state.schema, **columns}
    files = seal((part.path for part in state.parts), joint)
    commit = state.commit.then("columns", files=files)
    added = [Field(name, PrimitiveType(words[dtype])) for name, dtype in columns.items()]
    mark, properties = _properties(commit)
    _commit(
        log,
        state.version + 1,
        mark,
        lambda: state.table.alter.add_columns(added, commit_properties=properties),
    )
    return log.state(state.version + 1)


def _properties(commit: Commit) -> tuple[str, Any]:
    """Return a mark that no other commit has, and what the library is to write with it."""
    from deltalake import CommitProperties

    mark = uuid4().hex
    # No retries: the library would put the commit on top of one that it was not made for.
    metadata = {**commit.entries(), _MARK: mark}
    return mark, CommitProperties(custom_metadata=metadata, max_commit_retries=0)


def _commit(log: Log, version: int, mark: str, write: Callable[[], object]) -> None:
    """Write a version, and find out by reading it back whose it is.

    A server may write it and its answer get lost; another may let the later of two writers
    replace the earlier. What the log holds afterwards decides, not what was answered. It is
    read twice; a writer that replaces it still later is not noticed.

    Raises:
        OvertakenError: It is somebody else's.
        StoreError: It cannot be written, or nobody knows whether it was.
    """
    began = time.monotonic()
    remote = log.place.folder is None
    if remote and _mark(log, version) is not None:
        raise _overtaken(log)
    failure: BaseException | None = None
    try:
        log.ask(write)
    except BaseException as error:
        if not is_foreign(error):
            raise
        failure = error
    try:
        found = _mark(log, version)
        if remote and failure is None and found == mark:
            # Who looked just before we wrote writes about now, if this server lets him.
            time.sleep(min(1.0, time.monotonic() - began))
            found = _mark(log, version)
    except StoreError as error:
        raise StoreError(
            f"nobody knows whether version {version} of {log.place} was committed: {error}. "
            "Nothing is lost; run this again"
        ) from failure or error
    if found == mark:
        log.place.keep(entry(version))
    elif failure is None:
        raise StoreError(
            f"{log.place} let another writer replace version {version}, so this commit is "
            "lost: the server has no conditional PUT (If-None-Match). Run this again, with one "
            f"writer at a time; {SUPPORTED}"
        )
    elif found is not None:
        raise _overtaken(log) from failure
    else:
        raise StoreError(
            f"{log.place} was not written: {sentence(failure, log.place.uri)}"
        ) from failure


def _overtaken(log: Log) -> OvertakenError:
    _LOG.info("somebody else was faster to commit to %s", log.place)
    return OvertakenError(f"{log.place} was written to by somebody else meanwhile; run this again")


def _mark(log: Log, version: int) -> str | None:
    """Return the mark of a version's commit, empty if it has none; None without a version."""
    try:
        content = log.place.read(entry(version))
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    with suppress(ValueError, AttributeError):
        for line in content.splitlines():
            if said := json.loads(line).get("commitInfo"):
                return str(said.get(_MARK, ""))
    return ""
