"""`demo`: a load, its report and pictures, over HTTP, of an invented organization.

It uses the same client, checks, tables and pictures as any other command. The dates are fixed, so
every run shows the same.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from falusage.cli._pictures import save
from falusage.cli._terminal import put, say, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from falusage.api.load import UsageLoad
    from falusage.emulator import Emulator

_START: Final = "2025-03-26"
_END: Final = "2025-06-24"


@click.command(short_help="See a load, its report and pictures, on invented data.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("falusage-demo"),
    show_default=True,
    help="The folder for the snapshot and the pictures. It is made if it is missing.",
)
def demo(out: Path) -> None:
    """Serve the usage of an invented organization on this machine; load, check, sum and draw it."""
    from falusage._files import resolved
    from falusage.emulator import Emulator
    from falusage.reporting import summary
    from falusage.snapshot import write_snapshot

    say("Inventing an organization and serving its usage as the API does ...")
    emulator = Emulator()
    out = resolved(out) if ".." in out.parts else out
    out.mkdir(parents=True, exist_ok=True)
    loaded = _load(emulator)
    put(["", *summary(loaded, width=width()).splitlines()])
    write_snapshot(loaded, out / "usage.parquet")
    for name, draw in (("trend.png", _trend), ("share.png", _share)):
        save(partial(draw, loaded), out / name)
    put(
        [
            "",
            "SAVED",
            f"{out / 'usage.parquet'}  the table; fu.open_snapshot checks and opens it",
            f"{out / 'trend.png'}      cost per day and team",
            f"{out / 'share.png'}      cost by endpoint",
            "",
            "THE SAME ON YOUR OWN ORGANIZATION",
            "export FAL_ADMIN_KEY=...  # an admin key of your organization's root team",
            f"{_program()} report  # or load, snapshot; each has its --help",
        ]
    )


def _program() -> str:
    """Return the command as it was typed, because the environment may not be on the path."""
    typed = sys.argv[0]
    return typed if Path(typed).name == "falusage" else "falusage"


def _load(emulator: Emulator) -> UsageLoad:
    from falusage.api.client import UsageClient
    from falusage.api.query import UsageQuery

    with (
        emulator,
        UsageClient(emulator.api_key, base_url=emulator.base_url, progress=True) as client,
    ):
        say(f"Loading the last 90 days of it, hour by hour, from {emulator.base_url}")
        loaded = client.load(UsageQuery(_START, _END, timeframe="hour"))
    say(str(loaded.receipt))
    return loaded


def _trend(loaded: UsageLoad) -> Axes:
    from falusage.plotting import plot_trend
    from falusage.transforms import trend

    return plot_trend(trend(loaded, by="username"))


def _share(loaded: UsageLoad) -> Axes:
    from falusage.plotting import plot_share
    from falusage.transforms import cost_share

    query = loaded.receipt.query
    return plot_share(cost_share(loaded, by="endpoint_id"), start=query.start, end=query.end)
