"""The reference has every public name, and every command."""

from __future__ import annotations

import re

import docstrings
import pytest
import reference_pages

import falusage
from falusage.cli import cli


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages as mkdocstrings reads them."""
    return reference_pages.pages()


def test_every_public_name_has_its_place(pages: dict[str, str]) -> None:
    """Each is on one page, which the index leads to."""
    listed = {
        name: re.findall(r"^::: falusage\.[\w.]+\.(\w+)$", text, re.M)
        for name, text in pages.items()
    }
    links = re.findall(r"\]\(([\w-]+\.md)#falusage\.(\w+)\)", pages["index.md"])

    assert sorted(falusage.__all__) == sorted(name for names in listed.values() for name in names)
    assert sorted(falusage.__all__) == sorted(name for _, name in links)
    assert [] == [name for page, name in links if name not in listed[page]]


def test_nothing_is_left_undocumented(pages: dict[str, str]) -> None:
    """Every name has a first line that says what it is."""
    rows = re.findall(r"^\| \[`(\w+)`\]\([^)]+\) \| (.*) \|$", pages["index.md"], re.MULTILINE)
    assert len(falusage.__all__) == len(rows)
    assert [] == [name for name, first in rows if len(first) < 10]


def test_every_command_has_its_help(pages: dict[str, str]) -> None:
    """Under its name, as `--help` prints it."""
    parts = re.findall(
        r"^## falusage (\S+)\n\n```text\nUsage: falusage (\S+)", pages["commands.md"], re.M
    )
    assert [(name, name) for name in cli.commands] == parts


def test_tables_have_what_the_contract_declares(pages: dict[str, str]) -> None:
    """Columns, fields of a query, what two versions differ in, and endpoints."""
    tables = pages["tables.md"]
    for part in ("| `cost` | Float64 |", "| `timeframe` | `None` |", "`change`", "`/models/usage`"):
        assert part in tables


def test_docstrings_become_markdown() -> None:
    """Examples are code, and names of tables are links."""
    read = "Return `columns.USAGE`.\n\nExample:\n    >>> 0\n    0\n\n>>> 1 + 1\n2\n"
    expected = (
        "Return [`columns.USAGE`](tables.md).\n\nExamples:\n    >>> 0\n    0\n\n"
        "```pycon\n>>> 1 + 1\n2\n```"
    )
    assert expected == docstrings.rewritten(read)
