"""`verify`: a store's bytes, rows and totals compared with what its log says."""

from __future__ import annotations

import click

from falusage.cli._keeping import STORE
from falusage.cli._terminal import put


@click.command(short_help="Check every byte of a store.")
@STORE
def verify(place: str) -> None:
    """Check every byte of a store's last version, and what each version says of itself.

    Exit code 1 means that something is damaged or missing; the message names the file.
    """
    from falusage.store import UsageStore

    rows = UsageStore(place).verify()
    put([f"{place} is whole: {rows:,} rows add up to what its last version says"])
