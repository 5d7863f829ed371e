"""What a command reads instead of the API: a snapshot or a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from falusage.cli._options import FILE, reject_query
from falusage.cli._terminal import say

if TYPE_CHECKING:
    import polars as pl

    from falusage.coverage import Coverage
    from falusage.snapshot import Snapshot
    from falusage.store import UsageStore

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot, or one version of a store: the rows, lazy, and their coverage."""

    usage: pl.LazyFrame
    coverage: Coverage

    def __usage__(self) -> tuple[pl.LazyFrame, Coverage]:
        """Return the rows and their coverage, for every function that takes usage."""
        return self.usage, self.coverage


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
    saved = Saved(*_open(path, store).__usage__())
    from falusage.reporting.certainty import let_through

    for text in let_through(saved.coverage):
        say(f"warning: {path or store}: {text}")
    return saved


def _open(path: Path | None, store: str | None) -> Snapshot | UsageStore:
    if path is not None:
        from falusage.snapshot import open_snapshot

        return open_snapshot(path)
    from falusage.store import UsageStore

    return UsageStore(str(store))
