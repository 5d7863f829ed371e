"""`demo`: a load and its report, over HTTP, of an invented organization.

It uses the same client, checks, tables and page as any other command. The dates are fixed, so
every run shows the same: what `report` shows of `serve`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from falusage.cli._commands import Command
from falusage.cli._logging import is_logging
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import bold, put, say, width
from falusage.contract import SCOPES, Scope

if TYPE_CHECKING:
    from falusage.api.load import UsageLoad
    from falusage.emulator import Emulator

_START: Final = "2025-01-01"
_END: Final = "2025-06-24"
_YOURS: Final[dict[Scope, tuple[str, str]]] = {
    "organization": (
        "THE SAME ON YOUR OWN ORGANIZATION",
        "export FAL_ADMIN_KEY=...  # an admin key of your organization's root team",
    ),
    "workspace": (
        "THE SAME ON YOUR OWN WORKSPACE",
        "export FAL_KEY=...  # a key that may read billing",
    ),
}
_OPTION: Final[dict[Scope, str]] = {"organization": "", "workspace": " --scope workspace"}


@click.command(
    cls=Command,
    short_help="See a load and its report, on invented data.",
    examples=("falusage demo",),
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("falusage-demo"),
    show_default=True,
    help="The folder for the page and the snapshot. It is made if it is missing.",
)
@click.option(
    "--scope",
    type=OneOf(SCOPES),
    default="organization",
    show_default=True,
    help="The account to show: an organization with teams, or one workspace.",
)
def demo(out: Path, scope: Scope) -> None:
    """Serve the usage of an invented organization on this machine; load it, and report on it.

    It prints the report, and writes it as a page, too. With --scope workspace, it shows what one
    team of it sees with a key of its own.
    """
    from falusage._files import resolved
    from falusage.cli.doctor import EXTRAS
    from falusage.emulator import Emulator
    from falusage.errors import MissingExtraError
    from falusage.reporting import report, summary
    from falusage.snapshot import write_snapshot

    if None in map(find_spec, (*EXTRAS["emulator"], *EXTRAS["report"])):
        raise MissingExtraError("all", need="the demo")
    say("Inventing an organization and serving its usage as the API does ...")
    emulator = Emulator()
    out = resolved(out) if ".." in out.parts else out
    out.mkdir(parents=True, exist_ok=True)
    loaded = _load(emulator, scope)
    put(["", *summary(loaded, width=width(), heading=bold).splitlines()])
    write_snapshot(loaded, out / "usage.parquet")
    report(loaded, out=out / "report.html")
    put(
        [
            "",
            "SAVED",
            f"{out / 'report.html'}    the report as a page: open it in a browser",
            f"{out / 'usage.parquet'}  the table; fu.open_snapshot checks and opens it",
            "",
            *_YOURS[scope],
            f"{_program()} report{_OPTION[scope]}  # or load, snapshot; each has its --help",
        ]
    )


def _program() -> str:
    """Return the command as it was typed, because the environment may not be on the path."""
    typed = sys.argv[0]
    return typed if Path(typed).name == "falusage" else "falusage"


def _load(emulator: Emulator, scope: Scope) -> UsageLoad:
    from falusage.api.client import UsageClient
    from falusage.api.query import UsageQuery

    key = emulator.api_key if scope == "organization" else emulator.workspace_key
    with (
        emulator,
        UsageClient(key, base_url=emulator.base_url, progress=not is_logging()) as client,
    ):
        say(f"Loading half a year of it, day by day, from {emulator.base_url}")
        loaded = client.load(UsageQuery(_START, _END, timeframe="day", scope=scope))
    say(str(loaded.receipt))
    return loaded
