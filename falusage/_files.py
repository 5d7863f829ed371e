"""A file replaced whole, or not at all.

The new content is written beside the old, synced, and renamed over it. A reader finds the old file
or the new one, never a part. If anything fails, the unfinished file is deleted; only a process that
is killed leaves one, hidden, as `.falusage-….tmp`.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from falusage.errors import QueryError, SnapshotError

_LOG: Final = logging.getLogger("falusage.files")
_ADVICE: Final = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "ask for permission to write there"),
}


def resolved(path: str | os.PathLike[str]) -> Path:
    """Return a path as it is read everywhere: absolute, links followed, without `..`.

    A `..` after a link leads above the link's target, as for the system; one after a folder that
    is missing takes that folder away.

    Raises:
        SnapshotError: It has a null character, or is not UTF-8: not everything could read it.
    """
    text = os.fsdecode(path)
    if "\0" in text:
        raise SnapshotError(f"{text!r} is not a path: it has a null character; leave it out")
    found = os.path.realpath(text)
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise SnapshotError(
            f"{found!r} is not UTF-8, and the libraries that read files expect that; choose "
            "another name"
        ) from error
    return Path(found)


def require_place(path: str | os.PathLike[str]) -> Path:
    """Return where a file will be, with links followed. Call it before a long job, too.

    Raises:
        SnapshotError: The folder is missing, or the path is not a file's.
    """
    target = resolved(path)
    folder = target.parent
    try:
        if not folder.is_dir():
            mend = f"{folder} is a file" if folder.exists() else f"make the folder {folder} first"
            raise SnapshotError(f"{path} was not written: {mend}")
        if target.exists() and not target.is_file():
            raise SnapshotError(f"{path} was not written: it is not a file; name one")
    except OSError as error:
        raise _refusal(path, error) from error
    return target


def require_page(path: str | os.PathLike[str]) -> None:
    """Raise QueryError if the name of a file is not that of a page of HTML."""
    if Path(path).suffix not in {".html", ".htm"}:
        raise QueryError(
            f"{path} does not end in .html or .htm; a report is a page of HTML, which a browser "
            "prints or saves as PDF: name it as in report.html"
        )


def _refusal(path: str | os.PathLike[str], error: OSError) -> SnapshotError:
    advice = _ADVICE.get(error.errno or 0, "check the disk and the path")
    return SnapshotError(
        f"{path} was not written: {error.strerror or error}; {advice}, or choose another place"
    )


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """Yield a new file, open for writing and reading, that replaces `path` at the end.

    A link is followed, and a file that was there passes its permissions on.

    Raises:
        SnapshotError: The folder is missing, the path is not a file's, or it cannot be written.
    """
    target = require_place(path)
    beside = target.with_name(f".falusage-{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("x+b") as file:
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        size = beside.stat().st_size
        beside.replace(target)
        sync_folder(target.parent)
        _LOG.info("wrote %s: %s bytes", target, f"{size:,}")
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new name survives a power cut; Windows does that by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
