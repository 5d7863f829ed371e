"""What the reference reads otherwise than it is written in the code.

Examples become blocks of code. The parameters of a query and the names of tables lead to the page
of tables.
"""

from __future__ import annotations

import re
from typing import Any, Final

import griffe

_TABLES: Final = re.compile(r"`(columns\.(?:USAGE|SUMMARY|EVENTS)|transforms\.restatements)`(?!\])")


class Docstrings(griffe.Extension):
    """Rewrite each docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, a class, a function or an attribute."""
        if obj.docstring:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(docstring: str) -> str:
    """Return a docstring as Markdown, with its sections in Google's form."""
    text = docstring.replace("{parameters}", "They are listed in [Tables](tables.md).")
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)  # the name of the section
    text = _TABLES.sub(r"[`\1`](tables.md)", text)
    return "\n\n".join(map(_block, re.split(r"\n\n(?=\S)", text)))


def _block(part: str) -> str:
    """Return a paragraph as Markdown: an example as code."""
    if part.startswith(">>>"):
        return f"```pycon\n{part.rstrip()}\n```"
    return part
