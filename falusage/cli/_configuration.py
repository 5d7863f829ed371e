"""Find and read `falusage.toml`, and know where each value came from.

A project's file is the first on the way up from the working directory: `falusage.toml`, or
`pyproject.toml` with `[tool.falusage]`. Before it comes the user's own file, after it the
environment, and last the options of a command. Only the command line reads files; in Python,
`UsageClient` takes what it is given.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from os.path import isfile
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from falusage._suggestions import did_you_mean
from falusage.cli._settings import SETTINGS, Setting

FILE: Final = "falusage.toml"
_PYPROJECT: Final = "pyproject.toml"
_SECRET: Final = re.compile(r"(?:^|_)(?:key|token|secret|password|credentials?)s?$", re.IGNORECASE)
_ENVIRONMENT: Final = "set FAL_KEY or FAL_ADMIN_KEY in the environment instead"


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a setting, and what set it.

    Attributes:
        setting: The setting.
        value: Its value; None if it has none.
        source: The file with its line, the variable, or `default`.
    """

    setting: Setting
    value: Any
    source: str


def values() -> list[Value]:
    """Return every setting with its value and what set it.

    Raises:
        ConfigError: A file cannot be read, or has an unknown setting or an invalid value.
    """
    found = {each.path: Value(each, each.default, "default") for each in SETTINGS}
    for file in _files():
        found |= _read(file)
    for each in SETTINGS:
        if each.variable and (value := os.environ.get(each.variable)):
            is_wrong = each.problem(value, is_shared=False)  # the client says why
            found[each.path] = Value(each, None if is_wrong else value, each.variable)
    return list(found.values())


def defaults(commands: Mapping[str, click.Command]) -> dict[str, dict[str, Any]]:
    """Return what click takes as its `default_map`: the values that are set, by command."""
    # The client itself reads its variables, which its messages name.
    given = [each for each in values() if each.source not in {"default", each.setting.variable}]
    found: dict[str, dict[str, Any]] = {}
    for name, command in commands.items():
        there = {parameter.name for parameter in command.params}
        found[name] = {
            each.setting.parameter: each.value
            for each in given
            if each.setting.parameter in there and each.setting.table in {"", name}
        }
    return found


@dataclass(frozen=True, slots=True)
class _File:
    """A file of settings.

    Attributes:
        path: Where it is.
        inside: The table that has them; empty for all of the file.
        is_shared: Whether it is a project's.
    """

    path: Path
    inside: str = ""
    is_shared: bool = True


def user_file() -> Path:
    """Return where the user's own file is, whether or not it is there."""
    return Path(click.get_app_dir("falusage")) / FILE


def _files() -> Iterator[_File]:
    own = user_file()
    if isfile(own):
        yield _File(own, is_shared=False)
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the folder was deleted
        return
    for folder in (here, *here.parents):
        found = [_File(path) for path in (folder / FILE,) if isfile(path) and path != own]
        project = folder / _PYPROJECT
        if isfile(project) and _has_settings(project):
            found.append(_File(project, "tool.falusage"))
        if len(found) > 1:
            _refuse(f"{found[0].path} and {found[1].path} both have settings; keep one of them")
        if found:
            yield found[0]
            return


def _has_settings(project: Path) -> bool:
    """Return whether a pyproject.toml has our table; one without our name is not our business."""
    if b"falusage" not in project.read_bytes():
        return False
    tools = _parsed(project).get("tool")
    return isinstance(tools, dict) and "falusage" in tools


def _text(path: Path) -> str:
    return path.read_text("utf-8-sig")


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _refuse(f"{path} is not TOML: {error}")
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror or error}")


def _read(file: _File) -> dict[str, Value]:
    """Return the values that a file sets, by their paths."""
    content = _parsed(file.path)
    for part in filter(None, file.inside.split(".")):
        content = content[part]
    if not isinstance(content, dict):
        _refuse(f"{file.path}: {file.inside} is not a table; expected settings in it")
    lines = _text(file.path).splitlines()
    known = {each.path: each for each in SETTINGS}
    tables = {each.table for each in SETTINGS} - {""}
    found: dict[str, Value] = {}
    for path, value in _flat(content, tables):
        at = f"{file.path}{_line(lines, file.inside, path)}"
        if path not in known:
            _refuse_unknown(path, at, known, tables)
        setting = known[path]
        if problem := setting.problem(value, is_shared=file.is_shared):
            _refuse(f"{at}: {problem}")
        found[path] = Value(setting, _plain(setting, value, file.path.parent), at)
    return found


def _flat(content: Mapping[str, Any], tables: set[str]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if name in tables and isinstance(value, dict):
            yield from ((f"{name}.{inner}", each) for inner, each in value.items())
        else:
            yield name, value


def _plain(setting: Setting, value: Any, folder: Path) -> Any:
    """Return a value as an option takes it: a path is relative to the file that names it."""
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    if setting.kind == "path" and "://" not in value:
        return str(folder / Path(value).expanduser())
    return value


def _refuse_unknown(path: str, at: str, known: Mapping[str, Setting], tables: set[str]) -> NoReturn:
    name = path.rpartition(".")[2]
    if _SECRET.search(name):
        _refuse(f"{at}: {path} looks like a secret, and a file is no place for one; {_ENVIRONMENT}")
    guess = did_you_mean(path, [*known, *tables]) or did_you_mean(name, [*known, *tables])
    _refuse(f"{at}: {path} is an unknown setting.{guess} falusage config lists them all")


def _line(lines: list[str], inside: str, path: str) -> str:
    """Return the line of a setting, as `:3`; nothing if it is not written in a usual way."""
    table, _, name = path.rpartition(".")
    wanted = ".".join(filter(None, (inside, table)))
    here = ""
    setting = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*(=|\.)")
    for number, line in enumerate(lines, 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            here = re.sub(r"\s|[\"']", "", header[1])
            if here == ".".join(filter(None, (inside, path))):
                return f":{number}"
        elif here == wanted and setting.match(line):
            return f":{number}"
    return ""


def _refuse(message: str) -> NoReturn:
    from falusage.errors import ConfigError

    raise ConfigError(message) from None
