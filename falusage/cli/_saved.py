"""What a command reads instead of the API: a snapshot or a store, filtered as a query would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from falusage.cli._completion import folder
from falusage.cli._matching import FILTERS, UNMATCHED, say_if_not_saved
from falusage.cli._options import given_timezone, is_given, reject_query
from falusage.cli._paths import FILE
from falusage.cli._terminal import say
from falusage.contract import filters

if TYPE_CHECKING:
    import polars as pl

    from falusage._usage.settling import Kept, Settles
    from falusage.coverage import Coverage
    from falusage.snapshot import Snapshot
    from falusage.store import UsageStore

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SLICES: Final = ("start", "end", "timezone", "scope", *FILTERS)
"""The options of a query that saved usage takes as well."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot, or one version of a store: the rows, lazy, and their coverage.

    A version also tells how its days settled.
    """

    usage: pl.LazyFrame
    coverage: Coverage
    settles: Settles | None = None

    def __usage__(self) -> tuple[pl.LazyFrame, Coverage]:
        """Return the rows and their coverage, for every function that takes usage."""
        return self.usage, self.coverage

    def __kept__(self) -> Kept:
        """Return the same and how it settled, for functions that look ahead."""
        from falusage._usage.settling import Kept

        return Kept(self.usage, self.coverage, self.settles)


def saved_options(command: _Command) -> _Command:
    """Add the options that name a snapshot or a store."""
    for option in (
        click.option(
            "--store",
            metavar="DIR",
            shell_complete=folder,
            help="Read this store instead of the API.",
        ),
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

    The range and the filters of a query choose among its rows. What was let through when it was
    read is a warning on stderr.

    Raises:
        CoverageError: A part of the range is not in it.
        Exit: A filter matches nothing, as stderr says.
        QueryError: A filter is of a column that the table does not have.
        UsageError: Both are named, or another option of a query is given that is not in `but`.
    """
    if path is not None and store is not None:
        raise click.UsageError("--snapshot and --store are two tables; name one")
    if path is None and store is None:
        return None
    source = "--snapshot" if store is None else "--store"
    reject_query(context, options, source=source, but=(*_SLICES, *but))
    opened = _open(path, store)
    if is_given(context, "scope") and options["scope"] != opened.coverage.scope:
        raise click.UsageError(
            f"{source} has usage of the scope {opened.coverage.scope}; leave out --scope"
        )
    timezone = given_timezone(context, options) or opened.coverage.timezone
    ranged = _ranged(opened, options, timezone)
    if say_if_not_saved(ranged.usage, options, path or store):
        context.exit(UNMATCHED)
    saved = _only(ranged, options)
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


def _ranged(opened: Snapshot | UsageStore, options: Mapping[str, Any], timezone: str) -> Saved:
    """Return the rows from --start to --end, by default all of them."""
    from falusage._usage.periods import Range, within
    from falusage.snapshot import Snapshot

    span = Range.read(options["start"], options["end"], timezone=timezone)
    if not isinstance(opened, Snapshot):
        whole = span == Range()
        version = opened if whole else opened.view(start=span.start, end=span.end)
        kept = version.__kept__()
        return Saved(kept.usage, kept.coverage, kept.settles)
    if span == Range():
        return Saved(*opened.__usage__())
    rows, known = opened.__usage__()
    start, end = span.start or known.start, span.end or known.end
    known.require(start, end)
    names = rows.collect_schema().names()
    return Saved(
        within(rows, names, span=Range(start, end)).select(names), known.within(start, end)
    )


def _only(saved: Saved, options: Mapping[str, Any]) -> Saved:
    """Return the rows that the filters name."""
    import attrs
    import polars as pl

    asked = {name: options[name] for name in FILTERS if options.get(name)}
    rows, known = saved.usage, saved.coverage
    for name, values in asked.items():
        rows = rows.filter(pl.col(FILTERS[name]).is_in(values))
    said = (*known.filters, *filters(asked))
    return Saved(rows, attrs.evolve(known, filters=said), saved.settles)
