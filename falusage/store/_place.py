"""Where a store lives: a folder, or an address that the Delta library knows.

A path is resolved once, links first, and the library is only given what it reads as the system
does. On a folder a file is written beside, synced and renamed, as a snapshot is; elsewhere the
library's own object store takes it whole.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from falusage._files import replacing, resolved, sync_folder
from falusage.errors import MissingExtraError, SnapshotError, StoreError
from falusage.store._addresses import (
    ADDRESS,
    LOG,
    MISREAD,
    file_path,
    remove,
    stand_in_for,
    unambiguous,
)
from falusage.store._object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder of a store.

    Attributes:
        path: Where it is, below the store.
        kind: A link is not followed.
        modified: When a file was last written, in seconds since 1970 by the storage's clock.
        size: The bytes of a file; None if they were not asked for.
    """

    path: str
    kind: Literal["file", "folder", "other"]
    modified: float = 0.0
    size: int | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Place:
    """A store's address.

    Attributes:
        uri: What the Delta library takes.
        folder: The folder, or None for an object store.
        options: What the library needs to get there; never shown.
    """

    uri: str
    folder: Path | None
    options: Mapping[str, str] | None

    @classmethod
    def of(cls, path: str | os.PathLike[str], options: Mapping[str, str] | None) -> Place:
        """Read a path or an address.

        Raises:
            MissingExtraError: The extra `store` is not installed.
            StoreError: The path or the address cannot be a store's.
        """
        try:
            import deltalake as _  # noqa: F401 - only to know that it is there
        except ImportError as error:
            raise MissingExtraError("store", need="UsageStore") from error
        text = os.fsdecode(path)
        if not text.strip():
            raise StoreError("the store has no name; name a folder of its own, or an address")
        address = ADDRESS.fullmatch(text.lstrip())
        if address is None:
            return cls._on_disk(text, options)
        if address[1].lower() == "file":
            return cls._on_disk(file_path(text, address[2]), options)
        return cls(unambiguous(text, address[2]), None, options)

    @classmethod
    def _on_disk(cls, path: str, options: Mapping[str, str] | None) -> Place:
        try:
            folder = resolved(path)
        except SnapshotError as error:
            raise StoreError(str(error)) from error
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise StoreError(f"{folder} is no folder; a store is one: name a folder")
        above = next(each for each in folder.parents if each.exists())
        if not above.is_dir():
            raise StoreError(f"{folder} cannot be made: {above} is a file; name another folder")
        if not MISREAD.search(str(folder)):
            return cls(folder.as_uri(), folder, options)
        stand_in = stand_in_for(folder)
        place = cls(stand_in.as_uri(), folder, options)
        weakref.finalize(place, remove, stand_in, os.getpid())
        return place

    @property
    def is_remote(self) -> bool:
        """Whether it is on an object store, where each answer takes long."""
        return self.folder is None

    def __str__(self) -> str:
        """Return the address as the user knows it."""
        return self.uri if self.folder is None else str(self.folder)

    def name(self, path: str) -> str:
        """Return the address of a file of the store, for a message."""
        return f"{self}/{path}"

    def read(self, path: str, size: int | None = None) -> bytes:
        """Read a file whole.

        Args:
            path: Where it is, below the store.
            size: How many bytes it has, if that is known: an object store is asked less often.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            if self.folder is not None:
                return (self.folder / path).read_bytes()
            return self._files().read(path, size)
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.name(path)} is missing; if no vacuum let its version go, restore a copy"
            ) from error
        except OSError as error:
            raise StoreError(
                f"{self.name(path)} cannot be read: {error.strerror or error}; check the disk and "
                "who may read it"
            ) from error

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole, or not at all.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            if self.folder is None:
                self._files().write(path, content)
                return
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(content)
        except SnapshotError as error:
            raise StoreError(str(error)) from error
        except OSError as error:
            raise StoreError(f"{self.name(path)} was not written: {error}") from error

    def keep(self, path: str) -> None:
        """Make a file that the library wrote outlive a power cut."""
        if self.folder is not None and os.name == "posix":
            descriptor = os.open(self.folder / path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder((self.folder / path).parent)

    def paths(self, under: str) -> list[str]:
        """Return the files in one folder of the store, in order; none if it is missing.

        Raises:
            StoreError: It cannot be listed.
        """
        if self.folder is None:
            return [entry.path for entry in self.entries(under) if entry.kind == "file"]
        try:
            with os.scandir(self.folder / under) as inside:
                return sorted(f"{under}/{item.name}" for item in inside if item.is_file())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unlisted(under, error) from error

    def entries(self, under: str = "") -> list[Entry]:
        """Return what lies directly in one folder of the store, in order; nothing if it is missing.

        Raises:
            StoreError: It cannot be listed.
        """
        try:
            found = self._on_object_store(under) if self.folder is None else self._in_folder(under)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unlisted(under, error) from error
        return sorted(found, key=lambda entry: entry.path)

    def _unlisted(self, under: str, error: OSError) -> StoreError:
        return StoreError(
            f"{self.name(under) if under else self} cannot be listed: {error.strerror or error}; "
            "check who may read this folder"
        )

    def _in_folder(self, under: str) -> list[Entry]:
        assert self.folder is not None  # noqa: S101 - for the type checker
        found: list[Entry] = []
        with os.scandir(self.folder / under) as inside:
            for item in inside:
                path = f"{under}/{item.name}" if under else item.name
                if item.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        modified = item.stat(follow_symlinks=False).st_mtime
                        found.append(Entry(path, "file", modified))
                else:
                    is_folder = item.is_dir(follow_symlinks=False)
                    found.append(Entry(path, "folder" if is_folder else "other"))
        return found

    def _on_object_store(self, under: str) -> list[Entry]:
        return [
            Entry(item.path, "file" if item.is_file else "folder", item.mtime_ns / 1e9, item.size)
            for item in self._files().listed(under)
            if item.path != under  # the object of no bytes that a console makes for a folder
        ]

    def delete(self, path: str) -> None:
        """Delete a file; one that is gone already is no fault.

        Raises:
            StoreError: It cannot be deleted.
        """
        try:
            if self.folder is not None:
                (self.folder / path).unlink(missing_ok=True)
            else:
                with suppress(FileNotFoundError):
                    self._files().delete(path)
        except OSError as error:
            raise StoreError(f"{self.name(path)} was not deleted: {error}") from error

    def table_above(self) -> str | None:
        """Return the nearest place above this one that holds a Delta table, or None.

        A place that may not be looked at counts as one without a table.
        """
        if self.folder is not None:
            for folder in self.folder.parents:
                with suppress(OSError):
                    if any((folder / LOG).iterdir()):
                        return str(folder)
            return None
        scheme, _, rest = self.uri.partition("://")
        names = rest.split("/")
        for count in range(len(names) - 1, 0, -1):
            above = Place(f"{scheme}://{'/'.join(names[:count])}", None, self.options)
            with suppress(StoreError):
                if above.entries(LOG):
                    return str(above)
        return None

    def make_log(self) -> None:
        """Make the folder of the log, so that the library finds it where the system does.

        Raises:
            StoreError: It cannot be made.
        """
        if self.folder is not None:
            try:
                (self.folder / LOG).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"{self} was not written: {error.strerror or error}; check the disk and the "
                    "path"
                ) from error

    def _files(self) -> ObjectStore:
        return ObjectStore(self.uri, dict(self.options or {}))
