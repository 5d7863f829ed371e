"""Check that docstrings, comments, messages and pages use plain English.

    python docs/plain_english.py [FILE or FOLDER ...]

Without arguments it checks the package, the documents and the notebooks, and findings in the
places that `plain_english.toml` lists as not clean yet do not fail the check. The vocabulary is in
the same file. Code in backquotes and a page's quoted output are not checked.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
VOCABULARY = Path(__file__).with_suffix(".toml")
CHECKED = (
    *("falusage", "pytest_falusage.py", "docs", "benchmarks", "notebooks", ".github"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"),
)

_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)|^```text\n.*?^```$", re.MULTILINE | re.DOTALL)


class Prose(NamedTuple):
    """A piece of text, the line on which it starts, and whether it is a docstring."""

    line: int
    text: str
    is_docstring: bool = False


class Finding(NamedTuple):
    """A phrase that the vocabulary rejects, and what to write instead."""

    line: int
    found: str
    instead: str


def findings(file: Path) -> Iterator[Finding]:
    """Yield what the vocabulary rejects in a Python file, a notebook, or another text."""
    source = file.read_text("utf-8")
    if file.suffix == ".py":
        pieces = chain(_strings(source), _comments(source))
    elif file.suffix == ".ipynb":
        pieces = _markdown_cells(source)
    else:
        pieces = iter([Prose(1, source)])
    return chain.from_iterable(map(check, pieces))


def check(prose: Prose) -> Iterator[Finding]:
    """Yield what the vocabulary rejects in one piece of text."""
    text = _CODE.sub(lambda code: re.sub(r"[^`\n]", "x", code[0]), prose.text)
    if prose.is_docstring:
        for pattern, instead in FIRST_WORDS:
            if found := pattern.match(text):
                yield Finding(prose.line, found[0].strip(), instead)
    for pattern, instead in ANYWHERE:
        for found in pattern.finditer(text):
            line = prose.line + text.count("\n", 0, found.start())
            yield Finding(line, " ".join(found[0].split()), instead)


def _strings(source: str) -> Iterator[Prose]:
    """Yield the docstrings and the other strings, where adjacent parts are one text."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, _DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(p) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for p in n.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield Prose(node.lineno, "".join(_literal(part) for part in node.values))
        elif id(node) not in parts and (text := _literal(node)):
            yield Prose(node.lineno, text, id(node) in docstrings)


def _literal(node: ast.AST) -> str:
    if isinstance(node, ast.FormattedValue):
        return "…"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _comments(source: str) -> Iterator[Prose]:
    """Yield the comments, where those on consecutive lines are one text."""
    start, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != start + len(lines):
                yield Prose(start, "\n".join(lines))
                lines = []
            start = token.start[0] - len(lines)
            lines.append(token.string.lstrip("#"))
    yield Prose(start, "\n".join(lines))


def _markdown_cells(source: str) -> Iterator[Prose]:
    """Yield the text of a notebook; a line is the number of the cell."""
    for number, cell in enumerate(json.loads(source)["cells"], start=1):
        if cell["cell_type"] == "markdown":
            yield Prose(number, "".join(cell["source"]).replace("\n", " "))


def _compiled(table: dict[str, str], form: str) -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(form.format(pattern.replace(" ", r"\s+")), re.IGNORECASE), instead)
        for pattern, instead in table.items()
    ]


_WORDS = tomllib.loads(VOCABULARY.read_text("utf-8"))
FIRST_WORDS = _compiled(_WORDS["first_word_of_a_docstring"], r"\s*(?:{})\b")
ANYWHERE = _compiled(_WORDS["anywhere"], r"(?<!\w)(?:{})(?!\w)")
NOT_CLEAN_YET = tuple(ROOT / place for place in _WORDS["not_clean_yet"])


def files(place: Path) -> list[Path]:
    """Return the files to check in a folder, or the file itself."""
    if place.is_file():
        return [place]
    return [
        file
        for suffix in ("py", "md", "ipynb", "html", "toml", "yml")
        for file in sorted(place.rglob(f"*.{suffix}"))
        if file != VOCABULARY
    ]


def main(*places: str) -> int:
    """Print each finding, and return how many of them fail the check."""
    failing = 0
    for file in chain.from_iterable(
        files(Path(place).resolve()) for place in places or map(str, map(ROOT.joinpath, CHECKED))
    ):
        forgiven = not places and any(place in (file, *file.parents) for place in NOT_CLEAN_YET)
        shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        for line, found, instead in findings(file):
            failing += not forgiven
            note = " (not clean yet)" if forgiven else ""
            sys.stdout.write(f"{shown}:{line}: {found!r}; write: {instead}{note}\n")
    return failing


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:]), 1))
