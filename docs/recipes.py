"""Run the snippets of `recipes.md`, and write below each what it prints.

    python docs/recipes.py

A test compares the page with this output. Snippets run in order and share their names, as in a
notebook.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).with_name("recipes.md")
_SNIPPET = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n.*?^```\n)?", re.M | re.S)


def updated(page: str) -> str:
    """Return the page with what its snippets print today."""
    names: dict[str, object] = {}

    def run(found: re.Match[str]) -> str:
        code = found["code"]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, PAGE.name, "exec"), names)  # noqa: S102 - our own page
        printed = f"\n```text\n{out.getvalue()}```\n" if out.getvalue() else ""
        return f"```python\n{code}```\n{printed}"

    return _SNIPPET.sub(run, page)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text("utf-8")), "utf-8")
