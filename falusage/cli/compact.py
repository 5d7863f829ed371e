"""`compact`: merge the many small files of a store into few."""

from __future__ import annotations

import click

from falusage.cli._stores import store_option
from falusage.cli._terminal import put


@click.command(short_help="Merge a store's small files.")
@store_option
def compact(place: str) -> None:
    """Merge the settled files of each month, so that a long history is quick to read.

    Every version stays readable, so the files of earlier versions stay, too; vacuum deletes them.
    """
    from falusage.store import UsageStore

    version = UsageStore(place).compact()
    put(
        [
            f"{place} has nothing to merge"
            if version is None
            else f"merged: version {version} of {place}"
        ]
    )
