"""The two streams: results on stdout, everything that is said about them on stderr.

Text is written in whatever the terminal reads; where that is not Unicode, the few signs beyond
ASCII have plain stand-ins of the same width. Data is UTF-8 wherever it goes.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    import polars as pl

    from falusage.errors import FalUsageError

_PLAIN: Final = str.maketrans({"…": "~", "–": "-", "−": "-", "█": "#", "×": "x", "€": "EUR"})
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHOWN: Final = 10
"""How many of the rows that an error carries are printed."""


def prepare_streams() -> None:
    """Make both streams take any text, whatever the locale: what cannot be written becomes `?`.

    Where stdout is closed, to write a result is an error; without stderr nothing more is said.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] -- as with >&-
        sys.stdout = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - to the end
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison] -- as with 2>&-
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)  # a captured stream may have none
        if reconfigure is not None:
            reconfigure(errors="replace")


def width() -> int | None:
    """Give the width to keep to: the terminal's, or COLUMNS; None where there is neither."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def put(lines: Iterable[str]) -> None:
    """Write lines of a result to stdout."""
    for line in lines:
        sys.stdout.write(f"{_legible(line, sys.stdout)}\n")
    sys.stdout.flush()


def put_data(text: str) -> None:
    """Write data to stdout, in UTF-8 whatever the locale says."""
    sys.stdout.flush()
    rest = memoryview(text.encode())
    while rest:  # unbuffered, as PYTHONUNBUFFERED asks, a write may take a part and say so
        rest = rest[sys.stdout.buffer.write(rest) :]


def say_data(text: str) -> None:
    """Write data to stderr, in UTF-8 whatever the locale says."""
    sys.stderr.flush()
    buffer: Any = getattr(sys.stderr, "buffer", None)
    if buffer is None:
        sys.stderr.write(text)
    else:
        buffer.write(text.encode())
    sys.stderr.flush()


def say(text: str) -> None:
    """Write a line about the result to stderr."""
    sys.stderr.write(f"{_legible(_CONTROL.sub('?', text), sys.stderr)}\n")
    sys.stderr.flush()


def show_warning(  # noqa: PLR0917 - the signature of warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a Python warning as one plain line."""
    say(f"warning: {' '.join(str(message).split())}")


def explain(error: FalUsageError) -> None:
    """Say why a command was refused, with the first of the rows that made it so."""
    say(f"error: {error}")
    failures: pl.DataFrame | None = getattr(error, "failures", None)
    if failures is not None and failures.height:
        for record in failures.head(_SHOWN).write_ndjson().splitlines():
            say(f"  {record}")
        if failures.height > _SHOWN:
            say(f"  and {failures.height - _SHOWN:,} more")


def _legible(text: str, stream: Any) -> str:
    with suppress(LookupError, UnicodeEncodeError):
        text.encode(getattr(stream, "encoding", None) or "utf-8")
        return text
    return text.translate(_PLAIN)
