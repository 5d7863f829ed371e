"""The two streams: results on stdout, messages on stderr.

Text is written in the encoding of the terminal. If that is not Unicode, the few signs beyond ASCII
are replaced by plain ones of the same width. Data is always UTF-8.
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
_COLOURS: Final = {"error": "1;31", "warning": "1;33"}
_SHOWN: Final = 10
"""How many rows of an error are printed."""


def prepare_streams() -> None:
    """Make both streams accept any text, whatever the locale; what cannot be written becomes `?`.

    If stdout is closed, writing a result is an error. If stderr is closed, messages are lost.
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
    """Return the width to keep to: COLUMNS, or that of the terminal; None if there is neither."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def put(lines: Iterable[str]) -> None:
    """Write lines of a result to stdout."""
    for line in lines:
        sys.stdout.write(f"{_legible(line, sys.stdout)}\n")
    sys.stdout.flush()


def bold(line: str) -> str:
    """Return a heading in bold if stdout is `coloured`, else as it is."""
    return f"\x1b[1m{line}\x1b[0m" if coloured(sys.stdout) else line


def coloured(stream: Any) -> bool:
    """Return whether to write bold text and colours to a stream: only to a terminal.

    NO_COLOR, CLICOLOR=0 and TERM=dumb turn them off, FORCE_COLOR and CLICOLOR_FORCE turn them on,
    and the first of these decides.
    """
    set_to = os.environ.get
    if set_to("NO_COLOR"):
        return False
    if any(set_to(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return set_to("CLICOLOR") != "0" and set_to("TERM") != "dumb" and stream.isatty()


def put_data(text: str) -> None:
    """Write data to stdout, in UTF-8 whatever the locale."""
    sys.stdout.flush()
    rest = memoryview(text.encode())
    while rest:  # with PYTHONUNBUFFERED, a write may write only a part
        rest = rest[sys.stdout.buffer.write(rest) :]


def say_data(text: str) -> None:
    """Write data to stderr, in UTF-8 whatever the locale."""
    sys.stderr.flush()
    buffer: Any = getattr(sys.stderr, "buffer", None)
    if buffer is None:
        sys.stderr.write(text)
    else:
        buffer.write(text.encode())
    sys.stderr.flush()


def say(text: str) -> None:
    """Write a message to stderr, as one line; the word error or warning has a colour."""
    line = _legible(_CONTROL.sub("?", text), sys.stderr)
    word, colon, rest = line.partition(":")
    if colon and word in _COLOURS and coloured(sys.stderr):
        line = f"\x1b[{_COLOURS[word]}m{word}:\x1b[0m{rest}"
    sys.stderr.write(f"{line}\n")
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
    """Print an error, with the first of its rows."""
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
