"""`doctor`: what the key may read, whether the machine is set up, and what to do next."""

from __future__ import annotations

import importlib.util
import platform
import textwrap
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from falusage._version import __version__
from falusage.cli._commands import Command
from falusage.cli._options import BASE_URL
from falusage.cli._results import format_option, show
from falusage.cli._terminal import bold, width

if TYPE_CHECKING:
    from falusage.api.checkup import Checkup

_UNREADABLE: Final = 1
_BESIDE: Final = 30
"""The least room for a text beside its name."""

_ANY: Final = 10_000
"""The width of a line without a terminal."""

_NEEDED: Final = ("polars", "pyarrow", "pandera", "requests", "matplotlib")
EXTRAS: Final = {
    "emulator": ("fastapi", "uvicorn"),
    "forecast": ("statsforecast",),
    "report": ("jinja2",),
    "store": ("deltalake",),
}
"""The extras, with the modules that each adds."""


@click.command(
    cls=Command,
    short_help="Check the key, the network and the installation.",
    examples=("falusage doctor", "falusage doctor --format json"),
    columns={
        "in json": {
            "key": "object",
            "base_url": "text",
            "problem": "text",
            "username": "text",
            "edition": "whole number",
            "new_fields": "list",
            "server_time": "instant",
            "clock_ahead_seconds": "number",
            "endpoints": "list",
            "versions": "object",
            "extras": "object",
            "next": "text",
        },
        "in csv": {"path": "text", "status": "whole number", "readable": "flag", "meaning": "text"},
    },
)
@BASE_URL
@format_option
@click.pass_context
def doctor(context: click.Context, base_url: str | None, form: str) -> None:
    """Check what the key may read, and say what to do next. Run it first on a new account.

    It sends one small request to each endpoint, and prints the status and what it means. It also
    prints the edition of the API, the difference between the server's clock and this machine's,
    and what is installed. It never prints the key.

    The exit code is 0 if the key may read usage, and 1 if not.

    --format json prints one object, and csv a line for each endpoint, as in its endpoints. key has
    from and length, extras are true if installed, and what is not known is null.
    """
    from falusage.api.checkup import checkup

    found = checkup(base_url)
    command = _command(found)
    record = _record(found, command)
    show(record, form, lambda: _lines(found, command), rows=record["endpoints"])
    if command is None:
        context.exit(_UNREADABLE)


def _command(found: Checkup) -> str | None:
    """Return the command of a report on the usage that can be read; None if none can be."""
    from falusage.contract import ORGANIZATION_USAGE, USAGE_ENDPOINTS

    workspace = USAGE_ENDPOINTS["workspace"]
    products = [product for product, endpoint in workspace.items() if found.reads(endpoint)]
    if found.reads(ORGANIZATION_USAGE):
        return "falusage report"
    if len(products) == len(workspace):
        return "falusage report --scope workspace"
    return f"falusage report --scope workspace --product {products[0]}" if products else None


def _advice(found: Checkup, command: str | None) -> str:
    """Return what to do next, in a sentence."""
    if command is None:
        return _remedy(found)
    if "--product" in command:
        return f"This key reads only {command.split()[-1]} of one workspace:"
    whose = "one workspace" if "--scope" in command else "all teams"
    return f"This key reads the usage of {whose}:"


def _remedy(found: Checkup) -> str:
    """Return what to do if no usage can be read."""
    if found.problem is not None:
        return "Solve the problem above, then run falusage doctor again"
    if found.key_from is None:
        return (
            "Set FAL_ADMIN_KEY or FAL_KEY to a key of your account, then run falusage doctor "
            "again. falusage demo shows invented data without a key"
        )
    if any(each.status == 403 for each in found.answers):
        return (
            "This key reads no usage; on the provider's dashboard, make one that may read billing"
        )
    return "No usage can be read just now; run falusage doctor again later"


def _lines(found: Checkup, command: str | None) -> Iterator[str]:
    yield bold("ACCOUNT")
    yield from _pairs(_facts(found), 12)
    if found.answers:
        yield from ("", bold("ENDPOINTS"))
        at = max(len(each.path) for each in found.answers) + 2
        told = ((each.path, f"{each.status or '-'!s:<5}{each.meaning}") for each in found.answers)
        yield from _pairs(told, at)
    yield from ("", bold("INSTALLED"))
    versions = ", ".join(f"{name} {text}" for name, text in _versions().items())
    extras = (
        (name, "yes" if there else f"no: pip install 'falusage[{name}]'")
        for name, there in _extras().items()
    )
    yield from _pairs((("versions", versions), *extras), 12)
    yield from ("", bold("NEXT"))
    yield from textwrap.wrap(_advice(found, command), width() or _ANY)
    if command is not None:
        yield f"  {command}"


def _pairs(pairs: Iterable[tuple[str, str]], at: int) -> Iterator[str]:
    """Yield names with their texts beside them, or below them on a narrow terminal."""
    room = width() or _ANY
    for name, text in pairs:
        if room - at >= _BESIDE:
            first, *others = textwrap.wrap(text, room - at)
            yield f"{name:<{at}}{first}"
            yield from (f"{'':<{at}}{line}" for line in others)
        else:
            yield name
            yield from textwrap.wrap(text, room, initial_indent="  ", subsequent_indent="  ")


def _facts(found: Checkup) -> Iterator[tuple[str, str]]:
    """Yield what is known of the account, as names and texts."""
    from falusage._wording.names import printable
    from falusage.contract import ORGANIZATION_USAGE

    if found.key_from is None:
        yield "key", "none: set FAL_ADMIN_KEY or FAL_KEY"
    else:
        length = f", {found.key_length}" if found.key_length else ""
        unused = f"; {found.unused} is set, too, and not used" if found.unused else ""
        yield "key", f"from {found.key_from}{length} (never shown){unused}"
    if found.base_url is not None:
        yield "address", found.base_url
    if found.problem is not None:
        yield "problem", found.problem
    if found.username is not None:
        yield "name", printable(found.username)
    if found.reads(ORGANIZATION_USAGE):
        names = ", ".join(map(printable, found.new_fields))
        new = f", with new fields: {names}" if names else ""
        unknown = "unknown: there was no usage in the last 31 days"
        yield "edition", unknown if found.edition is None else f"{found.edition}{new}"
    if found.ahead is not None:
        yield "clock", _clock(found, found.ahead)


def _clock(found: Checkup, ahead: timedelta) -> str:
    """Return how the clocks differ, and what to do."""
    from falusage._clocks import TOLERANCE

    if found.replays:
        return f"the server replays the past: {found.server_time:%Y-%m-%d %H:%M} UTC"
    side = "ahead of" if ahead > timedelta() else "behind"
    text = f"the server's is {abs(ahead).total_seconds():,.0f} s {side} this machine's"
    if abs(ahead) <= TOLERANCE:
        return text
    return f"{text}; set the wrong one, or look for a proxy that answers from a cache"


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {"falusage": __version__, "python": platform.python_version()}
    for name in _NEEDED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions


def _extras() -> dict[str, bool]:
    return {
        name: all(importlib.util.find_spec(module) for module in modules)
        for name, modules in EXTRAS.items()
    }


def _record(found: Checkup, command: str | None) -> dict[str, Any]:
    moment = found.server_time
    return {
        "key": {"from": found.key_from, "length": found.key_length},
        "base_url": found.base_url,
        "problem": found.problem,
        "username": found.username,
        "edition": found.edition,
        "new_fields": found.new_fields,
        "server_time": None if moment is None else moment.isoformat(),
        "clock_ahead_seconds": None if found.ahead is None else found.ahead.total_seconds(),
        "endpoints": [
            {
                "path": each.path,
                "status": each.status,
                "readable": each.readable,
                "meaning": each.meaning,
            }
            for each in found.answers
        ],
        "versions": _versions(),
        "extras": _extras(),
        "next": " ".join(filter(None, (_advice(found, command), command))),
    }
