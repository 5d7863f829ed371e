"""What a command works on instead of the API: a snapshot or a store, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from falusage.cli._options import FILE, is_given, refuse_query
from falusage.cli._terminal import say

if TYPE_CHECKING:
    import polars as pl

    from falusage.reporting import Certainty
    from falusage.timeframes import Timeframe

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Source:
    """A table that was kept.

    Attributes:
        usage: Its rows.
        certainty: What is known of how they came about.
        timeframe: The length of its buckets; None where nothing says it.
    """

    usage: pl.DataFrame
    certainty: Certainty
    timeframe: Timeframe | None


def keeping(command: _Command) -> _Command:
    """Add the options that name a snapshot or a store."""
    for option in (
        click.option(
            "--store", metavar="DIR", help="Take this store's table, checked, not the API's."
        ),
        click.option(
            "--snapshot",
            "path",
            type=FILE,
            help="Take this Parquet snapshot, checked, not the API.",
        ),
    ):
        command = option(command)
    return command


def kept(
    context: click.Context,
    path: Path | None,
    store: str | None,
    options: dict[str, Any],
    *,
    but: Sequence[str] = (),
) -> Source | None:
    """Read the snapshot or the store that is named; None where the API is to be asked.

    Both know their time zone, which is put into `options` where none is given.

    Raises:
        UsageError: Both are named, or options are given that make a query, other than those `but`.
        CoverageError: The store has a gap, over which sums would be too small.
    """
    if path is not None and store is not None:
        raise click.UsageError("--snapshot and --store are two tables; name one")
    if path is None and store is None:
        return None
    source = "--snapshot" if store is None else "--store"
    refuse_query(context, options, source=source, but=but)
    read = _snapshot(path) if path is not None else _store(str(store))
    for _, text in read.certainty.let_through():
        say(f"warning: {path or store}: {text}")
    if is_given(context, "timezone"):
        return replace(read, certainty=replace(read.certainty, timezone=options["timezone"]))
    options["timezone"] = read.certainty.timezone
    return read


def _snapshot(path: Path) -> Source:
    from falusage.reporting import Certainty
    from falusage.snapshot import open_snapshot

    snapshot = open_snapshot(path)
    usage, receipt = snapshot.usage.collect(), snapshot.receipt
    if receipt is None:
        return Source(usage, Certainty.of_table(usage), None)
    return Source(usage, Certainty.of_receipt(receipt), receipt.query.timeframe)


def _store(place: str) -> Source:
    from falusage.reporting import Certainty
    from falusage.store import UsageStore

    view = UsageStore(place).view()
    known = view.coverage
    certainty = Certainty(
        start=known.start,
        end=known.end,
        timezone=known.timezone,
        open_from=known.closed_until if known.closed_until < known.end else None,
        known=False,
        quarantined=known.quarantined,
        differing=known.differing,
        uncompared=not known.reconciled,
    )
    return Source(view.usage.collect(), certainty, known.timeframe)
