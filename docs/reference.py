"""Write the reference, `reference/*.md`, from the docstrings and the command line's help.

    python docs/reference.py

griffe reads the docstrings, which are in Google's style. A test compares the pages with this
output.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import griffe
from click.testing import CliRunner

import falusage
from falusage import columns
from falusage.cli import cli
from falusage.contract import ASKED, ENDPOINTS, Endpoint, Parameter

FOLDER = Path(__file__).with_name("reference")
_WIDTH: Final = 96
_WHOLE: Final = {"returns_multiple_items": False, "returns_named_value": False}

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
    package = griffe.load("falusage", docstring_parser="google", docstring_options=_WHOLE)
    query = package["api.query.UsageQuery"].docstring
    query.value = query.value.replace("{parameters}", "They are listed in `tables.md`.")
    found = {f"{page}.md": _page(package, title, rooms) for page, (title, rooms) in TOPICS.items()}
    linked = {page: _linked(text) for page, text in found.items()}
    tables = {"tables.md": _tables(package)}
    return {"README.md": _index(package), **linked, **tables, "command-line.md": _commands()}


def _linked(text: str) -> str:
    """Link the name of a table to its columns."""
    return re.sub(
        r"`(columns\.(?:USAGE|SUMMARY)|transforms\.restatements|tables\.md)`",
        r"[`\1`](tables.md)",
        text,
    )


def _tables(package: Any) -> str:
    """Describe the tables that several functions take and return."""
    changes = package["transforms.restatements.restatements"]
    returned = next(part for part in changes.docstring.parsed if part.kind.value == "returns")
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
        "## What two versions differ in",
        "\n\n".join(map(_returned, returned.value)),
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
    rows = [f"| `{name}` | {dtype} | {meaning} |" for name, (dtype, meaning) in fields.items()]
    return "\n".join(["| column | type | |", "|---|---|---|", *rows])


def _fields(asked: Mapping[str, Parameter]) -> str:
    rows = [
        f"| `{name}` | `{parameter.default!r}` | {parameter.since} | {parameter.help} |"
        for name, parameter in asked.items()
    ]
    return "\n".join(["| field | default | edition | |", "|---|---|---|---|", *rows])


def _endpoints() -> str:
    rows = [f"| `{each.path}` | {each.summary} | {each.needs} |" for each in ENDPOINTS]
    return "\n".join(["| endpoint | | needs |", "|---|---|---|", *rows])


def _names(rooms: tuple[str, ...]) -> list[str]:
    return sorted((name for name in falusage.__all__ if _home(name)[0] in rooms), key=str.lower)


def _home(name: str) -> list[str]:
    """Return the room that defines a public name, followed by the modules below it."""
    return getattr(falusage, name).__module__.split(".")[1:]


def _found(package: Any, name: str) -> Any:
    # Look in its own module, because a room has modules and functions of the same name.
    return package[".".join(_home(name))][name]


def _index(package: Any) -> str:
    lines = [
        "# Reference",
        "Every public name, `import falusage as fu`. Transforms are methods, too: "
        '`usage.fal.cost_share(by="username")`.',
    ]
    for page, (title, rooms) in TOPICS.items():
        rows = [
            f"| [`{name}`]({page}.md#{name.lower()}) | {_first(_found(package, name))} |"
            for name in _names(rooms)
        ]
        lines += [f"## [{title}]({page}.md)", "\n".join(["| name | |", "|---|---|", *rows])]
    lines += ["## [Tables](tables.md)", "## [The command line](command-line.md)"]
    return "\n\n".join(lines) + "\n"


def _first(thing: Any) -> str:
    return " ".join(thing.docstring.value.split("\n\n")[0].split()).replace("|", "\\|")


def _page(package: Any, title: str, rooms: tuple[str, ...]) -> str:
    parts = [f"# {title}"]
    for name in _names(rooms):
        parts += _about(_found(package, name), name, "##")
    return "\n\n".join(parts) + "\n"


def _about(thing: Any, name: str, heading: str) -> Iterator[str]:
    """Write a function, or a class and its public methods."""
    yield f"{heading} {name}"
    if thing.is_function:
        yield _signature(thing, name)
    elif thing.is_class:
        base = ", ".join(map(str, thing.bases))
        inherited = thing.module.name == "errors" and "__init__" not in thing.members
        made = "" if inherited or not thing.parameters else _signature(thing, name)
        yield made or f"```python\nclass {name}({base})\n```"
    yield from _sections(thing)
    for inner, member in thing.members.items() if thing.is_class else ():
        if not inner.startswith("_") and member.is_function and member.docstring:
            yield from _about(member, f"{name}.{inner}", heading + "#")


def _signature(thing: Any, name: str) -> str:
    shown = (getattr(thing, "overloads", None) or [thing]) if thing.is_function else [thing]
    arguments: list[str] = []
    starred = False
    for one in shown[0].parameters:
        if one.name == "self":
            continue
        kind = str(one.kind.value)
        if kind == "keyword-only" and not starred:
            arguments.append("*")
            starred = True
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        starred |= stars == "*"
        hint = _either(overload.parameters[one.name].annotation for overload in shown)
        hint = hint and f": {hint}"
        default = "" if one.default is None or stars else f" = {one.default}"
        arguments.append(f"{stars}{one.name}{hint}{default}")
    returned = _either(overload.returns for overload in shown) if thing.is_function else ""
    end = returned and f" -> {returned}"
    line = f"{name}({', '.join(arguments)}){end}"
    if len(line) > _WIDTH:
        inside = "".join(f"    {argument},\n" for argument in arguments)
        line = f"{name}(\n{inside}){end}"
    return f"```python\n{line}\n```"


def _either(annotations: Iterable[Any]) -> str:
    """Join the types that overloads have in one place."""
    return " | ".join(dict.fromkeys(str(each) for each in annotations if each))


def _sections(thing: Any) -> Iterator[str]:
    for section in thing.docstring.parsed:
        kind = str(section.kind.value)
        if kind == "text":
            yield from _text(section.value)
        elif kind in ("parameters", "attributes", "raises"):
            rows = [
                f"- `{getattr(item, 'name', None) or item.annotation}`: {_flat(item.description)}"
                for item in section.value
            ]
            title = {"parameters": "Arguments", "attributes": "Attributes", "raises": "Raises"}
            yield f"**{title[kind]}**"
            yield "\n".join(rows)
        elif kind in ("returns", "yields"):
            yield f"**{kind.capitalize()}**"
            yield "\n\n".join(map(_returned, section.value))
        elif kind == "examples":
            for _, text in section.value:
                yield from _text(text)


def _text(text: str) -> Iterator[str]:
    """Yield prose unchanged, and examples as input and output."""
    for part in re.split(r"\n\n(?=\S)", text):
        if part.startswith(">>>"):
            yield f"```pycon\n{part.rstrip()}\n```"
        elif part.startswith(("    ", "- ", "| ")):
            yield f"```text\n{textwrap.dedent(part)}\n```"
        else:
            yield part.strip("\n")


def _returned(item: Any) -> str:
    # griffe takes text before a colon for a type.
    before = item.annotation if isinstance(item.annotation, str) else ""
    return _flat(f"{before}: {item.description}" if before else item.description)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _commands() -> str:
    """Return the help of each command."""
    parts = ["# The command line", _help([])]
    for name in cli.commands:
        parts += [f"## falusage {name}", _help([name])]
    return "\n\n".join(parts) + "\n"


def _help(command: list[str]) -> str:
    asked = CliRunner().invoke(
        cli, [*command, "--help"], prog_name="falusage", terminal_width=90, max_content_width=90
    )
    said = "\n".join(line.rstrip() for line in asked.output.rstrip().splitlines())
    return f"```text\n{said}\n```"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page, text in pages().items():
        (FOLDER / page).write_text(text, "utf-8")
