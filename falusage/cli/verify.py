"""`verify`: compare a store's bytes, rows and totals with its log."""

from __future__ import annotations

import click

from falusage.cli._commands import Command
from falusage.cli._results import format_option, show
from falusage.cli._stores import store_option


@click.command(
    cls=Command,
    short_help="Check every byte of a store.",
    examples=("falusage verify --store usage-store",),
    columns={"in json and csv": {"store": "text", "rows": "whole number"}},
)
@store_option
@format_option
def verify(place: str, form: str) -> None:
    """Check every byte of a store's last version, and the log of each version.

    Exit code 1 means that something is damaged or missing. The message names the file.
    """
    from falusage.store import UsageStore

    rows = UsageStore(place).verify()
    whole = f"{place} is whole: its {rows:,} rows add up to the totals in its log"
    show({"store": place, "rows": rows}, form, lambda: [whole])
