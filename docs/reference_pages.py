"""Write the pages of the reference, which mkdocstrings fills from the docstrings.

The public names are those of `falusage/__init__.pyi`. The tables come from the contract, the help
of the commands from click.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

from click.testing import CliRunner

import falusage
from falusage import columns
from falusage.cli import cli
from falusage.contract import ASKED, ENDPOINTS, EVENTS_ASKED, Endpoint, Parameter
from falusage.transforms import restatements

TOPICS: Final = {
    "asking": ("Asking", ("api", "schema", "coverage")),
    "keeping": ("Keeping", ("snapshot", "store")),
    "understanding": ("Understanding", ("transforms",)),
    "looking-ahead": ("Looking ahead", ("forecasting",)),
    "looking": ("Pictures and the report", ("plotting", "reporting")),
    "focus": ("FOCUS", ("focus",)),
    "emulator": ("The emulator and the sample", ("emulator", "sample")),
    "errors": ("Errors and warnings", ("errors",)),
}
"""Each page's title, and the rooms whose public names it lists."""


def pages() -> dict[str, str]:
    """Return every page of the reference, by file name."""
    found = {f"{page}.md": _page(title, rooms) for page, (title, rooms) in TOPICS.items()}
    return {"index.md": _index(), **found, "tables.md": _tables(), "commands.md": _commands()}


def _names(rooms: tuple[str, ...]) -> list[str]:
    return sorted((name for name in falusage.__all__ if _room(name) in rooms), key=str.lower)


def _room(name: str) -> str:
    return getattr(falusage, name).__module__.split(".")[1]


def _index() -> str:
    lines = [
        "# Reference",
        "Every public name, `import falusage as fu`. Transforms are methods, too: "
        '`usage.fal.cost_share(by="username")`.',
    ]
    for page, (title, rooms) in TOPICS.items():
        rows = [
            f"| [`{name}`]({page}.md#falusage.{name}) | {_first(name)} |" for name in _names(rooms)
        ]
        lines += [
            f"## [{title}]({page}.md)",
            "\n".join(["| name | what it is |", "|---|---|", *rows]),
        ]
    lines += [
        "## [Tables](tables.md)",
        "The columns of each table, and what a query can ask.",
        "## [Commands](commands.md)",
        "The help of each command.",
    ]
    return "\n\n".join(lines) + "\n"


def _first(name: str) -> str:
    """Return the first paragraph of a name's docstring."""
    text = inspect.getdoc(getattr(falusage, name)) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def _page(title: str, rooms: tuple[str, ...]) -> str:
    return "\n\n".join([f"# {title}", *map(_entry, _names(rooms))]) + "\n"


def _entry(name: str) -> str:
    """Return what mkdocstrings replaces, after an anchor with the name that users type.

    The object is named by its own module, because a room has modules and functions of one name.
    """
    module = getattr(falusage, name).__module__
    return f'<a id="falusage.{name}"></a>\n\n::: {module}.{name}'


def _tables() -> str:
    """Describe the tables that several functions take and return."""
    parts = [
        "# Tables",
        "## The usage table, and the summary",
        "One row per line item per bucket; in the summary, without the first two columns, "
        "one over the whole range. Discounts are null before edition 4 of the API, "
        "and those that say who called unless they are asked for. What a newer API sends "
        "beyond these comes after them.",
        _columns({name: (dtype, columns.MEANINGS[name]) for name, dtype in columns.USAGE.items()}),
        "The usage of a workspace with serverless apps also has these, null for model APIs:",
        _columns(
            {name: (dtype, columns.MEANINGS[name]) for name, dtype in columns.FURTHER.items()}
        ),
        "## What a query can ask",
        "Besides its range. Each is an argument of `UsageQuery`, `load_usage`, "
        "`load_summary` and `UsageStore.sync`, and an option of the commands that load.",
        _fields(ASKED),
        "## What a query of billing events can ask",
        "Besides its range. Each is an argument of `load_events` and `UsageClient.iter_events`, "
        "and an option of `falusage events`.",
        _fields(EVENTS_ASKED),
        "## What two versions differ in",
        _returned(restatements.restatements),
        "## Other tables",
        "One row for each item that the API lists.",
    ]
    listed: dict[str, Endpoint] = {}
    for each in ENDPOINTS:
        if each.rows is not None and not each.in_buckets:
            listed.setdefault(each.rows, each)
    for rows, each in listed.items():
        fields = {field.name: (field.dtype, field.meaning) for field in each.fields}
        parts += [f"### {rows.replace('_', ' ').capitalize()}", each.summary, _columns(fields)]
    parts += [
        "## Endpoints and keys",
        "What falusage reads, and which keys may read it.",
        _endpoints(),
    ]
    return "\n\n".join(parts) + "\n"


def _columns(fields: Mapping[str, tuple[Any, str]]) -> str:
    rows = [
        f"| `{name}` | {_type(dtype)} | {meaning} |" for name, (dtype, meaning) in fields.items()
    ]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def _type(dtype: Any) -> str:
    """Return a type as text, such as `Datetime (us, UTC)`."""
    return re.sub(r"\(time_unit='(\w+)', time_zone='(\w+)'\)", r" (\1, \2)", str(dtype))


def _fields(asked: Mapping[str, Parameter]) -> str:
    rows = [
        f"| `{name}` | `{parameter.default!r}` | {parameter.since} | {parameter.help} |"
        for name, parameter in asked.items()
    ]
    return "\n".join(["| field | default | edition | meaning |", "|---|---|---|---|", *rows])


def _endpoints() -> str:
    rows = [f"| `{each.path}` | {each.summary} | {each.needs} |" for each in ENDPOINTS]
    return "\n".join(["| endpoint | what it has | needs |", "|---|---|---|", *rows])


def _returned(function: Any) -> str:
    """Return what a function's docstring says that it returns."""
    text = re.search(r"^Returns:\n(.+?)\n(?:\n|\S|$)", inspect.getdoc(function) or "", re.M | re.S)
    return " ".join(text[1].split()) if text else ""


def _commands() -> str:
    """Return the help of each command."""
    parts = ["# Commands", _help([])]
    for name in cli.commands:
        parts += [f"## falusage {name}", _help([name])]
    return "\n\n".join(parts) + "\n"


def _help(command: list[str]) -> str:
    asked = CliRunner().invoke(
        cli, [*command, "--help"], prog_name="falusage", terminal_width=80, max_content_width=80
    )
    said = "\n".join(line.rstrip() for line in asked.output.rstrip().splitlines())
    return f"```text\n{said}\n```"
