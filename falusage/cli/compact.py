"""`compact`: the many small files of a store merged into few."""

from __future__ import annotations

import click

from falusage.cli._keeping import STORE
from falusage.cli._terminal import put


@click.command(short_help="Merge a store's small files.")
@STORE
def compact(place: str) -> None:
    """Merge the settled files of each month, so that a year of nights is quick to read.

    Every version stays as it was. Files that only earlier versions need stay, too; vacuum deletes
    them.
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
