"""What a command reads instead of the API: a snapshot or a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from falusage.cli._options import FILE, reject_query
from falusage.cli._terminal import say

if TYPE_CHECKING:
    from falusage.snapshot import Snapshot
    from falusage.store import StoreView

    Saved: TypeAlias = Snapshot | StoreView

_Command = TypeVar("_Command", bound=Callable[..., Any])


def saved_options(command: _Command) -> _Command:
    """Add the options that name a snapshot or a store."""
    for option in (
        click.option("--store", metavar="DIR", help="Read this store instead of the API."),
        click.option(
            "--snapshot", "path", type=FILE, help="Read this Parquet snapshot instead of the API."
        ),
    ):
        command = option(command)
    return command


def open_saved(
    context: click.Context,
    path: Path | None,
    store: str | None,
    options: dict[str, Any],
    *,
    but: Sequence[str] = (),
) -> Saved | None:
    """Open the snapshot or the store that is named; None if the command asks the API.

    What was let through when it was read is a warning on stderr.

    Raises:
        UsageError: Both are named, or an option of a query is given that is not in `but`.
    """
    if path is not None and store is not None:
        raise click.UsageError("--snapshot and --store are two tables; name one")
    if path is None and store is None:
        return None
    reject_query(context, options, source="--snapshot" if store is None else "--store", but=but)
    saved = _open_snapshot(path) if path is not None else _open_store(str(store))
    from falusage.reporting.certainty import let_through

    for text in let_through(saved.coverage):
        say(f"warning: {path or store}: {text}")
    return saved


def _open_snapshot(path: Path) -> Snapshot:
    from falusage.snapshot import open_snapshot

    return open_snapshot(path)


def _open_store(place: str) -> StoreView:
    from falusage.store import UsageStore

    return UsageStore(place).view()
