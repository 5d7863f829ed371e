"""The Delta log of a store, read: versions are checked before they are used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import polars as pl

from falusage._widening import with_known
from falusage.columns import INSTANT, USAGE
from falusage.errors import StoreError
from falusage.store._addresses import LOG as _LOG
from falusage.store._commits import Commit, seal
from falusage.store._failures import is_foreign, said, sentence
from falusage.store._object_store import each, interruptible
from falusage.store._parts import Part
from falusage.store._place import Place

_T = TypeVar("_T")

if TYPE_CHECKING:
    from deltalake import DeltaTable

STORED: Final = {**USAGE, "read_at": INSTANT, "settled": pl.Boolean()}
"""The columns that every store has: those of the usage table, and how final a row is."""

_ASKED: Final = re.compile(r"(?:GET|HEAD) \S*?(_delta_log/\d{20}\.json)")
"""The entry that a request which failed was for."""

_ENTRY: Final = re.compile(rf"{_LOG}/(\d{{20}})\.json")
DTYPES: Final[dict[str, pl.DataType]] = {
    "string": pl.String(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": INSTANT,
}


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
                table = self.ask(
                    lambda: DeltaTable(self.place.uri, version=version, storage_options=options)
                )
                number = table.version()
                added = pl.DataFrame(table.get_add_actions())
                actions = added.select("path", "size_bytes", "num_records")
                columns = {field.name: _dtype(field) for field in table.schema().fields}
        except TableNotFoundError as error:
            raise StoreError(
                f"there is no store at {self.place}; the first sync makes it"
            ) from error
        paths = actions["path"].to_list()
        commit = self.commit(number)
        if seal(paths, columns) != commit.files:
            raise StoreError(
                f"the log of {self.place} is damaged: its files at version {number} are not those "
                f"that {self.place.name(entry(number))} was written with; restore a copy"
            )
        parts = sorted(
            (Part.named(*action) for action in actions.iter_rows()),
            key=lambda part: (part.start, part.path),
        )
        return State(number, commit, tuple(parts), pl.Schema(columns), table)

    def commit(self, version: int) -> Commit:
        """Read what a version says of itself.

        Raises:
            StoreError: There is no such version, or what it says cannot be trusted.
        """
        return self.entry(version)[0]

    def entry(self, version: int, size: int | None = None) -> tuple[Commit, list[dict[str, Any]]]:
        """Read what a version says of itself, and what it did to the lists of files and columns.

        Args:
            version: Its number.
            size: How many bytes the entry has, if that is known.

        Raises:
            StoreError: There is no such version, or what it says cannot be trusted.
        """
        path = entry(version)
        try:
            actions = [json.loads(line) for line in self.place.read(path, size).splitlines()]
            said = next(action["commitInfo"] for action in actions if "commitInfo" in action)
            return Commit.read(said), actions
        except StoreError as error:
            if self.place.name(path) in str(error):
                raise
            raise StoreError(f"{self.place.name(path)} cannot be trusted: {error}") from None
        except (ValueError, TypeError, KeyError, StopIteration, AttributeError) as error:
            raise StoreError(
                f"{self.place.name(path)} is damaged: {error!r}; restore a copy"
            ) from error

    def commits(self) -> Iterator[tuple[int, Commit]]:
        """Read what every version says of itself, first to last; see `entries`.

        Raises:
            StoreError: One of them cannot be trusted.
        """
        for version, (commit, _) in enumerate(self.entries(self.last())):
            yield version, commit

    def entries(self, last: int) -> Iterator[tuple[Commit, list[dict[str, Any]]]]:
        """Read the entry of every version up to one, each once; on an object store some at once.

        Raises:
            StoreError: One of them cannot be trusted.
        """
        sizes = {found.path: found.size for found in self.place.entries(_LOG)}

        def read(version: int) -> tuple[Commit, list[dict[str, Any]]]:
            return self.entry(version, sizes.get(entry(version)))

        return each(self.place.is_remote, read, range(last + 1))

    def ask(self, work: Callable[[], _T]) -> _T:
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
                raise StoreError(f"{self.place.name(entry(expected))} is missing; restore a copy")
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
    if not isinstance(word, str) or word not in DTYPES:
        raise StoreError(f"its column {name!r} is {word}, which falusage did not write")
    return DTYPES[word]


def entry(version: int) -> str:
    """Return the path of a version's entry, below the store."""
    return f"{_LOG}/{version:020}.json"
