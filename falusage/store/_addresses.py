"""Paths and addresses that the Delta library reads as they are written, and a way for the others.

The library decodes or drops some characters, so that it would keep a store elsewhere, or two stores
in one place. Such an address is rejected. For such a folder, a link with a plain name is made.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from falusage._files import resolved
from falusage.errors import StoreError

LOG: Final = "_delta_log"
"""The folder of a Delta table's log; what holds one is a table."""

ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
MISREAD: Final = re.compile(r"[%\\\x00-\x1f\x7f-\x9f]")
"""In a folder's path, the library decodes or rejects these, or takes them for a `/`."""

_AMBIGUOUS: Final = re.compile(
    r"[?#\\\x00-\x1f\x7f-\x9f]|%[0-9A-Fa-f]{2}|//|(?<![^/])\.\.?(?![^/])|\s$"
)
"""In an address, the library drops or decodes these, so that two addresses would be one store."""


def file_path(text: str, rest: str) -> str:
    """Return the path that a `file://` address names."""
    host, _, path = rest.partition("/")
    plain = not re.search(r"[?#]", rest) and not text[0].isspace()
    if host.lower() not in {"", "localhost"} or not path or not plain:
        raise StoreError(
            f"{text} names no folder of this machine; expected file:///folder, with %3F for a ? "
            "and %23 for a #: or name the folder by its path"
        )
    return f"/{os.fsdecode(unquote_to_bytes(path))}"


def unambiguous(text: str, rest: str) -> str:
    """Return an address that the library reads as it is written."""
    bare = rest.removesuffix("/")
    if not bare or bare.startswith("/"):
        raise StoreError(f"{text} names no bucket; expected an address like s3://bucket/folder")
    found = re.match(r"\s", text) or _AMBIGUOUS.search(rest) or _AMBIGUOUS.search(bare)
    if found:
        raise StoreError(
            f"{text!r} is not an address for a store: the Delta library would read {found[0]!r} in "
            "it as something else, and keep the store elsewhere; expected a plain address like "
            "s3://bucket/folder, without ?, #, \\, //, /../, control characters, spaces at its "
            "ends, or % with two digits: choose another name"
        )
    return text.removesuffix("/")


def stand_in_for(folder: Path) -> Path:
    """Make a folder whose log is the store's, for a path that the library would misread."""
    stand_in = resolved(tempfile.mkdtemp(prefix="falusage-"))
    try:
        if MISREAD.search(str(stand_in)):
            raise StoreError(
                f"{folder} needs a temporary folder with a plain name, and {stand_in} has none; "
                "set TMPDIR to a path without %, backslashes and control characters"
            )
        (stand_in / LOG).symlink_to(folder / LOG, target_is_directory=True)
    except OSError as error:
        remove(stand_in, os.getpid())
        raise StoreError(
            f"{folder} cannot hold a store here: {error}; choose a path without %, backslashes "
            "and control characters"
        ) from error
    except StoreError:
        remove(stand_in, os.getpid())
        raise
    return stand_in


def remove(stand_in: Path, owner: int) -> None:
    if os.getpid() == owner:  # a fork ends before the process that made it
        shutil.rmtree(stand_in, ignore_errors=True)
