"""`compact`: merge the many small files of a store into few."""

from __future__ import annotations

import click

from falusage.cli._commands import Command
from falusage.cli._results import format_option, show
from falusage.cli._stores import store_option


@click.command(
    cls=Command,
    short_help="Merge a store's small files.",
    examples=("falusage compact --store usage-store",),
    columns={"in json and csv": {"store": "text", "merged": "flag", "version": "whole number"}},
)
@store_option
@format_option
def compact(place: str, form: str) -> None:
    """Merge the settled files of each month, so that a long history is quick to read.

    Every version stays readable, so the files of earlier versions stay, too; vacuum deletes them.
    """
    from falusage.store import UsageStore

    version = UsageStore(place).compact()
    merged = version is not None
    said = f"merged: version {version} of {place}" if merged else f"{place} has nothing to merge"
    show({"store": place, "merged": merged, "version": version}, form, lambda: [said])
