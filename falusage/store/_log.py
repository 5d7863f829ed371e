"""The Delta log of a store: read and check versions, and append one, or raise an error.

A commit is made on top of exactly the version that was read: if another writer was faster, the
caller looks again. The library's own merging of commits would take two syncs of one new day as
two appends, and the day would count twice.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import polars as pl

from falusage._widening import with_known
from falusage.columns import INSTANT, USAGE
from falusage.errors import StoreError
from falusage.store._addresses import LOG as _LOG
from falusage.store._commits import EDITION, Commit, seal
from falusage.store._failures import is_foreign, said, sentence
from falusage.store._object_store import interruptible
from falusage.store._parts import Part, Written, arrow_schema
from falusage.store._place import Place
from falusage.store._scope import Scope

_T = TypeVar("_T")

if TYPE_CHECKING:
    from datetime import datetime

    from deltalake import DeltaTable

STORED: Final = {**USAGE, "read_at": INSTANT, "settled": pl.Boolean()}
"""The columns that every store has: those of the usage table, and how final a row is."""

_MARK: Final = "falusage.mark"
"""What a commit is known by when it is read back."""

SUPPORTED: Final = (
    "servers that keep two writers apart are AWS S3, Cloudflare R2, MinIO since 2024, Azure Blob "
    "Storage and Google Cloud Storage"
)

_ASKED: Final = re.compile(r"(?:GET|HEAD) \S*?(_delta_log/\d{20}\.json)")
"""The entry that a request which failed was for."""

_ENTRY: Final = re.compile(rf"{_LOG}/(\d{{20}})\.json")
_DTYPES: Final[dict[str, pl.DataType]] = {
    "string": pl.String(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": INSTANT,
}
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


@dataclass(frozen=True, slots=True)
class State:
    """One version of a store, checked against its document.

    Attributes:
        version: Its number.
        commit: What it says of itself.
        parts: Its data files, in order of time.
        schema: Its columns, as the log has them.
        table: The library's view of it.
    """

    version: int
    commit: Commit
    parts: tuple[Part, ...]
    schema: pl.Schema
    table: DeltaTable

    @property
    def columns(self) -> pl.Schema:
        """The columns that its rows are read with: every known one first, also new ones."""
        return with_known(self.schema, STORED)


@dataclass(frozen=True, slots=True)
class Log:
    """The log of the store at a place."""

    place: Place

    def exists(self) -> bool:
        """Return whether there is a store.

        Raises:
            StoreError: The place holds something else, or lies inside another table.
        """
        if self._last() is not None:
            return True
        if (above := self.place.table_above()) is not None:
            raise StoreError(
                f"{self.place} is inside the store, or other Delta table, at {above}; a store "
                "needs a folder of its own beside it: name another"
            )
        others = [entry.path for entry in self.place.entries() if entry.path != _LOG]
        if others:
            raise StoreError(
                f"{self.place} is no store, and not empty: it holds {others[0]!r}"
                + (f" and {len(others) - 1:,} more" if others[1:] else "")
                + "; a store needs a folder of its own: name another"
            )
        return False

    def _last(self) -> int | None:
        with self._reading():
            files = [_ENTRY.fullmatch(path) for path in self.place.paths(_LOG)]
        return max((int(found[1]) for found in files if found), default=None)

    def last(self) -> int:
        """Return the number of the last version, without checking it.

        Raises:
            StoreError: There is no store.
        """
        number = self._last() if self.exists() else None
        if number is None:
            raise StoreError(f"there is no store at {self.place}; the first sync makes it")
        return number

    def state(self, version: int | None = None) -> State:
        """Open a version, the last one by default, and prove it.

        Raises:
            StoreError: There is no store or no such version, or it cannot be trusted.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        last = self.last()
        if version is not None and not 0 <= version <= last:
            raise StoreError(f"{self.place} has no version {version}; expected 0 to {last}")
        try:
            with self._reading():
                options = dict(self.place.options or {}) or None
                table = self._ask(
                    lambda: DeltaTable(self.place.uri, version=version, storage_options=options)
                )
                number = table.version()
                paths = pl.DataFrame(table.get_add_actions())["path"].to_list()
                columns = {field.name: _dtype(field) for field in table.schema().fields}
        except TableNotFoundError as error:
            raise StoreError(
                f"there is no store at {self.place}; the first sync makes it"
            ) from error
        commit = self.commit(number)
        if seal(paths, columns) != commit.files:
            raise StoreError(
                f"the log of {self.place} is damaged: its files at version {number} are not those "
                f"that {self.place.name(_entry(number))} was written with; restore a copy"
            )
        parts = sorted(map(Part.named, paths), key=lambda part: (part.start, part.path))
        return State(number, commit, tuple(parts), pl.Schema(columns), table)

    def commit(self, version: int) -> Commit:
        """Read what a version says of itself.

        Raises:
            StoreError: There is no such version, or what it says cannot be trusted.
        """
        path = _entry(version)
        try:
            lines = [json.loads(line) for line in self.place.read(path).splitlines()]
            entries = next(line["commitInfo"] for line in lines if "commitInfo" in line)
            return Commit.read(entries)
        except StoreError as error:
            if self.place.name(path) in str(error):
                raise
            raise StoreError(f"{self.place.name(path)} cannot be trusted: {error}") from None
        except (ValueError, TypeError, KeyError, StopIteration, AttributeError) as error:
            raise StoreError(
                f"{self.place.name(path)} is damaged: {error!r}; restore a copy"
            ) from error

    def commits(self) -> Iterator[tuple[int, Commit]]:
        """Read what every version says of itself, first to last.

        Raises:
            StoreError: One of them cannot be trusted.
        """
        for version in range(self.last() + 1):
            yield version, self.commit(version)

    def create(self, scope: Scope, at: datetime) -> None:
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
        mark, properties = self._properties(commit)
        self.place.make_log()
        with suppress(OvertakenError):
            self._commit(
                0,
                mark,
                lambda: DeltaTable.create(
                    self.place.uri,
                    arrow_schema(pl.Schema(STORED)),
                    name="falusage",
                    description=f"Usage of an organization on fal, edition {EDITION}",
                    configuration=_SETTINGS,
                    storage_options=dict(self.place.options or {}) or None,
                    commit_properties=properties,
                ),
            )

    def append(
        self, state: State, commit: Commit, *, come: Iterable[Written], gone: Iterable[Part]
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
            *(
                AddAction(one.part.path, one.size, {}, one.modified, changes, one.stats)
                for one in come
            ),
        ]
        mark, properties = self._properties(commit)
        self._commit(
            state.version + 1,
            mark,
            lambda: state.table.create_write_transaction(
                actions, "append", arrow_schema(state.schema), commit_properties=properties
            ),
        )
        return state.version + 1

    def widen(self, state: State, columns: pl.Schema) -> State:
        """Commit that the store has new columns, all null so far; gives the version with them.

        Raises:
            OvertakenError: It is no longer the last version.
            StoreError: The commit cannot be written.
        """
        from deltalake import Field
        from deltalake.schema import PrimitiveType

        words = {dtype: word for word, dtype in _DTYPES.items()}
        joint = {**state.schema, **columns}
        files = seal((part.path for part in state.parts), joint)
        commit = state.commit.then("columns", files=files)
        added = [Field(name, PrimitiveType(words[dtype])) for name, dtype in columns.items()]
        mark, properties = self._properties(commit)
        self._commit(
            state.version + 1,
            mark,
            lambda: state.table.alter.add_columns(added, commit_properties=properties),
        )
        return self.state(state.version + 1)

    def actions(self, version: int) -> list[dict[str, Any]]:
        """Read what a version did to the list of files and columns.

        Raises:
            StoreError: It cannot be read, or is damaged.
        """
        path = _entry(version)
        try:
            return [json.loads(line) for line in self.place.read(path).splitlines()]
        except ValueError as error:
            raise StoreError(
                f"{self.place.name(path)} is damaged: {error}; restore a copy"
            ) from error

    def _properties(self, commit: Commit) -> tuple[str, Any]:
        """Return a mark that no other commit has, and what the library is to write with it."""
        from deltalake import CommitProperties

        mark = uuid4().hex
        # No retries: the library would put the commit on top of one that it was not made for.
        metadata = {**commit.entries(), _MARK: mark}
        return mark, CommitProperties(custom_metadata=metadata, max_commit_retries=0)

    def _commit(self, version: int, mark: str, write: Callable[[], object]) -> None:
        """Write a version, and find out by reading it back whose it is.

        A server may write it and its answer get lost; another may let the later of two writers
        replace the earlier. What the log holds afterwards decides, not what was answered. It is
        read twice; a writer that replaces it still later is not noticed.

        Raises:
            OvertakenError: It is somebody else's.
            StoreError: It cannot be written, or nobody knows whether it was.
        """
        began = time.monotonic()
        remote = self.place.folder is None
        if remote and self._mark(version) is not None:
            raise self._overtaken()
        failure: BaseException | None = None
        try:
            self._ask(write)
        except BaseException as error:
            if not is_foreign(error):
                raise
            failure = error
        try:
            found = self._mark(version)
            if remote and failure is None and found == mark:
                # Who looked just before we wrote writes about now, if this server lets him.
                time.sleep(min(1.0, time.monotonic() - began))
                found = self._mark(version)
        except StoreError as error:
            raise StoreError(
                f"nobody knows whether version {version} of {self.place} was committed: {error}. "
                "Nothing is lost; run this again"
            ) from failure or error
        if found == mark:
            self.place.keep(_entry(version))
        elif failure is None:
            raise StoreError(
                f"{self.place} let another writer replace version {version}, so this commit is "
                "lost: the server has no conditional PUT (If-None-Match). Run this again, with one "
                f"writer at a time; {SUPPORTED}"
            )
        elif found is not None:
            raise self._overtaken() from failure
        else:
            raise StoreError(
                f"{self.place} was not written: {sentence(failure, self.place.uri)}"
            ) from failure

    def _overtaken(self) -> OvertakenError:
        return OvertakenError(
            f"{self.place} was written to by somebody else meanwhile; run this again"
        )

    def _mark(self, version: int) -> str | None:
        """Return the mark of a version's commit, empty if it has none; None without a version."""
        try:
            content = self.place.read(_entry(version))
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        with suppress(ValueError, AttributeError):
            for line in content.splitlines():
                if said := json.loads(line).get("commitInfo"):
                    return str(said.get(_MARK, ""))
        return ""

    def _ask(self, work: Callable[[], _T]) -> _T:
        """Call the library; on an object store in a thread, so that Ctrl-C ends the wait."""
        return work() if self.place.folder is not None else interruptible(work)

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Turn what the library raises into a `StoreError` that names the file that failed."""
        from deltalake.exceptions import TableNotFoundError

        try:
            yield
        except (StoreError, TableNotFoundError):
            raise
        except BaseException as error:
            if not is_foreign(error):
                raise
            why = sentence(error, self.place.uri)
            if named := _ASKED.search(said(error)):
                raise StoreError(f"{self.place.name(named[1])} cannot be read: {why}") from error
            self._raise_damage()
            raise StoreError(f"the log of {self.place} cannot be read: {why}") from error

    def _raise_damage(self) -> None:
        """Raise for the first entry of the log that cannot be read, is no JSON, or is missing."""
        expected = 0
        for path in self.place.paths(_LOG):
            if not (found := _ENTRY.fullmatch(path)):
                continue
            if int(found[1]) != expected:
                raise StoreError(f"{self.place.name(_entry(expected))} is missing; restore a copy")
            expected += 1
            try:
                for line in self.place.read(path).splitlines():
                    json.loads(line)
            except ValueError as error:
                raise StoreError(
                    f"{self.place.name(path)} is damaged: {error}; restore a copy"
                ) from error


def columns_of(schema: str) -> dict[str, pl.DataType]:
    """Read the columns that an entry of the log declares.

    Raises:
        StoreError: There is one that falusage did not write.
    """
    fields = json.loads(schema)["fields"]
    return {field["name"]: _dtype_of(field["name"], field["type"]) for field in fields}


def _dtype(field: Any) -> pl.DataType:
    return _dtype_of(field.name, getattr(field.type, "type", field.type))


def _dtype_of(name: str, word: Any) -> pl.DataType:
    if not isinstance(word, str) or word not in _DTYPES:
        raise StoreError(f"its column {name!r} is {word}, which falusage did not write")
    return _DTYPES[word]


def _entry(version: int) -> str:
    return f"{_LOG}/{version:020}.json"
