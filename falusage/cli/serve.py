"""`serve`: the API on this machine, over the sample or a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from falusage.cli._commands import Command
from falusage.cli._paths import FILE
from falusage.cli._terminal import put, say

if TYPE_CHECKING:
    from falusage.emulator import Emulator


@click.command(
    cls=Command,
    short_help="Serve the API on this machine.",
    examples=("falusage serve --snapshot usage.parquet --port 0",),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="The port; 0 means any free one.",
)
@click.option(
    "--snapshot", "path", type=FILE, help="Serve this Parquet snapshot. [default: the sample]"
)
def serve(host: str, port: int, path: Path | None) -> None:
    """Serve a usage table as the API does, until Ctrl-C.

    The sample is served with a clock that stands still a minute after its end, at 2025-06-24 00:01
    UTC. Commands whose range ends now then end there: `falusage report` shows June so far.
    """
    from falusage.emulator import serve as serve_until_interrupted

    usage = None
    if path is not None:
        from falusage.snapshot import read_snapshot

        usage = read_snapshot(path)
    try:
        serve_until_interrupted(usage, host=host, port=port, announce=_announce)
    except KeyboardInterrupt:
        say("stopped")


def _announce(base_url: str, emulator: Emulator) -> None:
    put(
        [
            f"Serving fal's usage and billing API at {base_url}; Ctrl-C stops it.",
            "In another terminal, as an organization:",
            f"  export FALUSAGE_BASE_URL={base_url} FAL_ADMIN_KEY={emulator.api_key}",
            "  falusage report",
            "Or as one workspace:",
            f"  export FALUSAGE_BASE_URL={base_url} FAL_KEY={emulator.workspace_key}",
            "  falusage report --scope workspace",
            "Keys, and what they may read:",
            *(f"  {key}  {_read_by(key, emulator)}" for key in emulator.keys),
            "Endpoints:",
            *(f"  {endpoint.path:<30}{endpoint.summary}" for endpoint in emulator.endpoints),
        ]
    )


def _read_by(key: str, emulator: Emulator) -> str:
    """Return which endpoints a key may read, as text."""
    paths = [each.path for each in emulator.endpoints if each.needs in emulator.keys[key]]
    return "all" if len(paths) == len(emulator.endpoints) else ", ".join(paths)
