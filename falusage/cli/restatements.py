"""`restatements`: the rows in which two versions of a store differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from falusage.cli._commands import Command
from falusage.cli._results import Columns, format_option, show_parts, words
from falusage.cli._stores import store_option
from falusage.cli._terminal import width

if TYPE_CHECKING:
    import polars as pl


def _columns() -> Columns:
    import polars as pl

    from falusage.columns import USAGE
    from falusage.transforms.restatements import restatements as between

    nothing = pl.DataFrame(schema=USAGE)
    return {**words(between(nothing, nothing).schema), "restated": "flag"}


@click.command(
    cls=Command,
    short_help="Show what changed between two versions.",
    examples=(
        "falusage restatements --store usage-store 0",
        "falusage restatements --store usage-store 0 1 --format csv > changed.csv",
    ),
    columns={"in json and csv": _columns},
)
@store_option
@format_option
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
def restatements(place: str, form: str, old: str, new: str | None) -> None:
    """List the rows in which two versions of a store differ.

    OLD and NEW are versions of `history`, or instants; a date means its midnight in the store's
    time zone. NEW is the last version by default. Many rows are printed as several tables.
    """
    from falusage.reporting.columns import amounts, minutes, names, texts
    from falusage.reporting.layout import lay_out, wrapped
    from falusage.store import UsageStore

    store = UsageStore(place)
    parts = store.iter_restatements(_when(old), None if new is None else _when(new))

    def table(found: pl.DataFrame) -> Iterable[str]:
        if found.is_empty():
            last = "the last version" if new is None else _named(new)
            return wrapped(f"No row differs between {_named(old)} and {last}.", width())
        columns = [
            names(found, "change"),
            texts("restated", ["yes" if each else "no" for each in found["restated"]]),
            minutes(found, "bucket", store.timezone),
            names(found, "username"),
            names(found, "endpoint_id"),
            amounts(found, "cost_old", "before"),
            amounts(found, "cost_new", "after"),
            amounts(found, "cost_delta", "difference", signed=True),
        ]
        return lay_out(columns, width=width())

    show_parts(parts, form, table)


def _named(text: str) -> str:
    return f"version {text}" if text.isdecimal() else text


def _when(text: str) -> int | str:
    return int(text) if text.isdecimal() else text
