"""Files on S3, Azure or GCS, by way of the Delta library, so that Ctrl-C ends a command.

The library may wait for minutes. It reads in threads that nobody has to wait for, and lists, writes
and deletes in a process of its own, because these calls of it let no other Python code run. Inside
Polars' own `collect` other programs than the command line react to Ctrl-C only after the wait.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from falusage._waiting import result
from falusage.errors import StoreError
from falusage.store._failures import BUSY, is_foreign, sentence

_TRIES: Final = 5

_TOGETHER: Final = 16
"""How many files are read at once: those of an object store take long to answer, not to read."""

_T = TypeVar("_T")
_Item = TypeVar("_Item")


def started(work: Callable[..., _T], *arguments: object) -> Future[_T]:
    """Start work in a thread that ends with the process, and return its future."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="falusage-store", daemon=True).start()
    return future


def interruptible(work: Callable[[], _T]) -> _T:
    """Return what work returns; in the main thread Ctrl-C ends the wait for it."""
    return result(started(work))


def each(at_once: bool, work: Callable[[_Item], _T], items: Sequence[_Item]) -> Iterator[_T]:
    """Yield what work returns for each item, in order; some at once if answers take long."""
    if not at_once:
        yield from map(work, items)
        return
    coming: deque[Future[_T]] = deque()
    for item in items:
        # Threads that nobody joins: a server that hangs must not hold back a command's end.
        coming.append(started(work, item))
        if len(coming) >= _TOGETHER:
            yield result(coming.popleft())
    while coming:
        yield result(coming.popleft())


class Item(NamedTuple):
    """What lies in a folder: its path below the store, a file's time in nanoseconds, its size."""

    path: str
    is_file: bool
    mtime_ns: int
    size: int | None


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The files below an address.

    Attributes:
        uri: The address.
        options: What the library needs to get there; never shown.
    """

    uri: str
    options: Mapping[str, str]

    def read(self, path: str, size: int | None = None) -> bytes:
        """Read a file whole. If its size is known, that takes one request, and otherwise three.

        Raises:
            FileNotFoundError: It is missing.
            StoreError: It cannot be read; the message says why.
        """

        def work() -> bytes:
            # Given the size, opening a file asks the server nothing; asked, it would hold the GIL.
            known = size
            if known is None:
                known = self._handler().get_file_info([path])[0].size
            if known is None:
                raise FileNotFoundError(path)
            content = self._handler({path: known}).open_input_file(path).read()
            if len(content) != known:
                raise OSError(f"end of file after {len(content)} of {known} bytes")
            return content

        return self._reached(work, f"{self.uri}/{path} cannot be read")

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole.

        Raises:
            StoreError: It cannot be written; the message says why.
        """
        for attempt in range(_TRIES):
            try:
                _worker.ask("write", self, path, content)
            except OSError as error:
                # Its answer may be lost, or another writer of these very bytes was in the way:
                # a name is the hash of what is in the file, so what is there may be what we want.
                with suppress(OSError, StoreError):
                    if self.read(path) == content:
                        return
                why = sentence(error, self.uri)
                if why.startswith(BUSY) and attempt < _TRIES - 1:
                    continue
                raise StoreError(f"{self.uri}/{path} was not written: {why}") from error
            else:
                return

    def delete(self, path: str) -> None:
        """Delete a file.

        Raises:
            FileNotFoundError: It is missing.
            StoreError: It cannot be deleted; the message says why.
        """
        try:
            _worker.ask("delete", self, path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(
                f"{self.uri}/{path} was not deleted: {sentence(error, self.uri)}"
            ) from error

    def listed(self, under: str) -> list[Item]:
        """Return what lies directly below a folder.

        Raises:
            StoreError: It cannot be listed; the message says why.
        """
        where = f"{self.uri}/{under}" if under else self.uri
        try:
            return [Item(*item) for item in _worker.ask("list", self, under)]
        except OSError as error:
            raise StoreError(f"{where} cannot be listed: {sentence(error, self.uri)}") from error

    def _handler(self, sizes: dict[str, int] | None = None) -> Any:
        from deltalake.fs import DeltaStorageHandler

        return DeltaStorageHandler(self.uri, dict(self.options), sizes)

    def _reached(self, work: Callable[[], _T], failed: str) -> _T:
        try:
            return interruptible(work)
        except (FileNotFoundError, StoreError):
            raise
        except BaseException as error:
            if not is_foreign(error):
                raise
            raise StoreError(f"{failed}: {sentence(error, self.uri)}") from error


class _Worker:
    """The process of `_file_worker`, made by the first question and ended with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def ask(self, verb: str, store: ObjectStore, path: str, content: bytes = b"") -> list[Any]:
        """Ask one question.

        Raises:
            FileNotFoundError: There is no such file.
            OSError: The library failed; its words.
        """
        asked = {
            "verb": verb,
            "uri": store.uri,
            "options": dict(store.options),
            "path": path,
            "size": len(content),
            "environment": dict(os.environ),
        }
        question = json.dumps(asked).encode() + b"\n" + content
        with self._lock:
            try:
                answer = interruptible(lambda: self._answer(question))
            except BaseException:
                self.stop()
                raise
        if not answer:
            self.stop()
            raise OSError("the process that was asked ended without an answer")
        said = json.loads(answer)
        if "error" in said:
            raise (FileNotFoundError if said["missing"] else OSError)(said["error"])
        return said["items"]

    def _answer(self, question: bytes) -> bytes:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._owner = os.getpid()
            self._process = subprocess.Popen(  # noqa: S603 - our own file, by our own Python
                # -P, so that no module of this folder stands in for another of its name.
                [sys.executable, "-P", str(Path(__file__).with_name("_file_worker.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # Ctrl-C in a terminal is this process's to answer
            )
        process = self._process
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101 - as above
        process.stdin.write(question)
        process.stdin.flush()
        return process.stdout.readline()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


_worker = _Worker()
atexit.register(_worker.stop)
