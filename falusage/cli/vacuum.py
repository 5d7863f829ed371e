"""`vacuum`: list and delete the files that a store no longer needs."""

from __future__ import annotations

import click

from falusage.cli._commands import Command
from falusage.cli._results import format_option, show
from falusage.cli._stores import store_option
from falusage.cli._terminal import say


@click.command(
    cls=Command,
    short_help="List or delete files that a store does not need.",
    examples=(
        "falusage vacuum --store usage-store",
        "falusage vacuum --store usage-store --older-than 30d --yes",
    ),
    columns={"in json and csv": {"path": "text", "deleted": "flag"}},
)
@store_option
@click.option(
    "--older-than",
    metavar="TIME",
    help="Also delete versions that were replaced this long before the last sync, as 30d. They can "
    "no longer be read. [default: keep every version]",
)
@click.option(
    "--orphans",
    default="7d",
    show_default=True,
    metavar="TIME",
    help="How old a file must be. A sync that is running may still need a newer one.",
)
@click.option("--yes", is_flag=True, help="Delete the files; without it they are only listed.")
@format_option
def vacuum(place: str, older_than: str | None, orphans: str, yes: bool, form: str) -> None:
    """List the files that no version of a store needs, such as those of a sync that was killed.

    With --yes, delete them. Only files that falusage wrote into this store are listed and deleted.
    """
    import polars as pl

    from falusage.store import UsageStore

    store = UsageStore(place)
    paths = store.vacuum(older_than=older_than, orphans=orphans, dry_run=not yes)
    files = {"path": paths, "deleted": [yes] * len(paths)}
    found = pl.DataFrame(files, schema={"path": pl.String, "deleted": pl.Boolean})
    show(found, form, lambda: paths)
    count = f"{len(paths):,} file{'' if len(paths) == 1 else 's'}"
    if not paths:
        say(f"nothing to delete in {place}")
    elif yes:
        say(f"deleted {count} of {place}")
    else:
        say(f"{count} of {place} would be deleted; run this again with --yes to delete them")
