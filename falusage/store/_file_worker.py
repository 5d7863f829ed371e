"""A process that lists, writes and deletes files of object stores: questions on stdin.

The Delta library's calls for these let no other Python code run while they wait, not even the
handler of Ctrl-C, so they wait here. This file is run by its path, and imports nothing of the
package. A question is a line of JSON, then so many bytes as it says; an answer is a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final, NamedTuple

_PIECE: Final = 32 * 1024
"""How much of a file the library is handed at once."""


class Selector(NamedTuple):
    """What the library is asked to list."""

    base_dir: str
    allow_not_found: bool = True
    recursive: bool = False


def main() -> None:
    """Answer questions until there are none."""
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        content = sys.stdin.buffer.read(asked["size"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        said: dict[str, object]
        try:
            said = {"items": _done(asked, content)}
        except BaseException as error:  # noqa: BLE001 - told to the process that asked
            said = {"error": str(error), "missing": isinstance(error, FileNotFoundError)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _done(asked: dict[str, Any], content: bytes) -> list[list[object]]:
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import FileType

    handler: Any = DeltaStorageHandler(asked["uri"], asked["options"])
    path = asked["path"]
    if asked["verb"] == "list":
        try:
            found = handler.get_file_info_selector(Selector(path))
        except FileNotFoundError:
            return []
        return [
            [item.path, item.type == FileType.File, item.mtime_ns or 0, item.size] for item in found
        ]
    if asked["verb"] == "delete":
        handler.delete_file(path)
    else:
        # The library's own stream; pyarrow's around it would hand it buffers that it rejects.
        stream = handler._handler.open_output_stream(path)
        for at in range(0, len(content), _PIECE):
            stream.write(content[at : at + _PIECE])
        stream.close()
    return []


if __name__ == "__main__":
    main()
