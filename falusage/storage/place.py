"""Where a store lives: a folder, or an address that the Delta library knows.

On a folder a file is written beside, synced and renamed, as a snapshot is; elsewhere the library's
own object store takes it whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from falusage.errors import MissingExtraError, SnapshotError, StoreError
from falusage.storage.atomic import replacing, sync_folder

if TYPE_CHECKING:
    import pyarrow.fs as pafs

_PIECE = 32 * 1024
"""Larger writes reach the library as a kind of buffer that it does not take."""


@dataclass(frozen=True, slots=True)
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
            StoreError: The library would take the path for another.
        """
        try:
            import deltalake as _  # noqa: F401 - only to know that it is there
        except ImportError as error:
            raise MissingExtraError("store", need="UsageStore") from error
        text = os.fspath(path)
        if not text.strip():
            raise StoreError("the store has no name; name a folder of its own, or an address")
        address = urlsplit(text)
        if "://" in text and address.scheme != "file":
            return cls(text, None, options)
        folder = Path(unquote(address.path) if address.scheme == "file" else text).absolute()
        if unquote(str(folder)) != str(folder):
            raise StoreError(
                f"{folder} cannot hold a store: the Delta library reads a % and two digits as "
                "another letter; choose a path without"
            )
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"{folder} is no folder; a store is one: name a folder")
        above = next(each for each in folder.parents if each.exists())
        if not above.is_dir():
            raise StoreError(f"{folder} cannot be made: {above} is a file; name another folder")
        return cls(folder.as_uri(), folder, options)

    def __str__(self) -> str:
        """Give the address as the user knows it."""
        return self.uri if self.folder is None else str(self.folder)

    def name(self, path: str) -> str:
        """Give the address of a file of the store, for a message."""
        return f"{self}/{path}"

    def read(self, path: str) -> bytes:
        """Read a file whole.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            if self.folder is not None:
                return (self.folder / path).read_bytes()
            with self._files().open_input_file(path) as file:
                return file.read()
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.name(path)} is missing; if no vacuum let its version go, restore a copy"
            ) from error
        except OSError as error:
            raise StoreError(f"{self.name(path)} cannot be read: {error}") from error

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole, or not at all.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            if self.folder is None:
                with self._files().open_output_stream(path, buffer_size=2 * _PIECE) as stream:
                    for at in range(0, len(content), _PIECE):
                        stream.write(content[at : at + _PIECE])
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
        """Give the files in one folder of the store, in order."""
        if self.folder is not None:
            found = (self.folder / under).glob("*")
            return sorted(str(file.relative_to(self.folder)) for file in found if file.is_file())
        import pyarrow.fs as pafs

        return sorted(file.path for file in self._files().get_file_info(pafs.FileSelector(under)))

    def _files(self) -> pafs.FileSystem:
        import pyarrow.fs as pafs
        from deltalake.exceptions import DeltaError
        from deltalake.fs import DeltaStorageHandler

        try:
            handler: Any = DeltaStorageHandler(self.uri, dict(self.options or {}))
        except (DeltaError, OSError, ValueError) as error:
            raise StoreError(
                f"{self.uri} cannot be reached: {error}; check the address and storage_options"
            ) from error
        return pafs.PyFileSystem(handler)
