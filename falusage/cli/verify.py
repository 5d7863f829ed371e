"""`verify`: compare a store's bytes, rows and totals with its log."""

from __future__ import annotations

import click

from falusage.cli._stores import store_option
from falusage.cli._terminal import put


@click.command(short_help="Check every byte of a store.")
@store_option
def verify(place: str) -> None:
    """Check every byte of a store's last version, and the log of each version.

    Exit code 1 means that something is damaged or missing. The message names the file.
    """
    from falusage.store import UsageStore

    rows = UsageStore(place).verify()
    put([f"{place} is whole: its {rows:,} rows add up to the totals in its log"])
