"""`sync`, `history` and `restatements`: a store kept by a nightly job, and what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from falusage.cli._matching import UNMATCHED, say_if_store_unmatched
from falusage.cli._options import asked_of, asking, client_of, say_let_through, ways_of
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import put, put_data, say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.reporting._tables import Column

_Command = TypeVar("_Command", bound=Callable[..., Any])

_BUCKETS: Final = "day"
"""What a store keeps, unless it is told otherwise."""

STORE: Final = click.option(
    "--store",
    "place",
    required=True,
    metavar="DIR",
    help="The store's folder, or its address (s3://, gs://, az://).",
)
_form: Final = click.option(
    "--format",
    "form",
    type=OneOf(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print it; json and csv have every column.",
)


@click.command(short_help="Keep a store up to date.")
@STORE
@asking(timeframe=_BUCKETS, but=("bound_to_timeframe",))
@click.option(
    "--settle",
    default="3d",
    show_default=True,
    metavar="TIME",
    help="How long buckets go on changing after their end, as 36h, 3d or 2w.",
)
@click.option(
    "--allow-empty", is_flag=True, help="Believe it where days that had spend come back empty."
)
@click.option("--compact", is_flag=True, help="Merge small files afterwards.")
@click.pass_context
def sync(
    context: click.Context,
    *,
    place: str,
    settle: str,
    allow_empty: bool,
    compact: bool,
    **options: Any,
) -> None:
    """Read what is new, and again what is young, into a store; days by default.

    Run it every night with the same options: it goes on from what the store has, wherever the
    last run ended.
    """
    from falusage.store import UsageStore

    if options["start"] is None:
        raise click.MissingParameter(param_type="option", param_hint="'--start'")
    store = UsageStore(place)
    with client_of(options) as client:
        result = store.sync(
            options["start"],
            end=options["end"],
            client=client,
            settle=settle,
            allow_empty=allow_empty,
            **ways_of(options),
            **asked_of(options),
        )
        say_let_through(result.quarantine, options)
        unmatched = say_if_store_unmatched(client, store, result, options)
    say(str(result))
    if compact and (version := store.compact()) is not None:
        say(f"compacted: version {version}")
    if unmatched:
        context.exit(UNMATCHED)


@click.command(short_help="List a store's versions.")
@STORE
@_form
def history(place: str, form: str) -> None:
    """List a store's versions: when, what was read, and what it holds, by currency."""
    from falusage.reporting._tables import Column, amounts, names
    from falusage.store import UsageStore

    store = UsageStore(place)
    found = store.history()

    def columns(zone: str) -> list[Column]:
        return [
            Column("version", [str(number) for number in found["version"]], right=True),
            names(found, "kind", "kind", optional=True),
            _moments(found, "at", "at", zone),
            _moments(found, "start", "from", zone, optional=True),
            _moments(found, "end", "to", zone, optional=True),
            Column("rows", [f"{count:,}" for count in found["rows"]], right=True),
            amounts(found, "cost", "cost"),
            amounts(found, "change", "change", signed=True),
            amounts(found, "restated", "restated", signed=True),
            *(
                Column(title, ["-" if each is None else f"{each:,}" for each in found[title]])
                for title in ("quarantined", "differing")
                if found[title].sum()
            ),
        ]

    _print(store, found, form, columns)


@click.command(short_help="Say what changed between two versions.")
@STORE
@_form
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
def restatements(place: str, form: str, old: str, new: str | None) -> None:
    """List the rows in which two versions of a store differ.

    OLD and NEW are versions of `history`, or instants: a date is the midnight in the store's time
    zone that it begins with. NEW is the last version, if it is left out.
    """
    from falusage.reporting._tables import Column, amounts, names
    from falusage.store import UsageStore

    store = UsageStore(place)
    found = store.restatements(_when(old), None if new is None else _when(new))

    def columns(zone: str) -> list[Column]:
        return [
            names(found, "change", "change"),
            Column("restated", ["yes" if each else "no" for each in found["restated"]]),
            _moments(found, "bucket", "bucket", zone),
            names(found, "username", "team"),
            names(found, "endpoint_id", "endpoint"),
            amounts(found, "cost_old", "was"),
            amounts(found, "cost_new", "is"),
            amounts(found, "cost_delta", "by", signed=True),
        ]

    _print(store, found, form, columns)


def _when(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _moments(
    frame: pl.DataFrame, name: str, title: str, zone: str, *, optional: bool = False
) -> Column:
    from falusage.reporting._tables import Column

    local = frame[name].dt.convert_time_zone(zone)
    cells = ["-" if at is None else f"{at:%Y-%m-%d %H:%M}" for at in local]
    return Column(title, cells, optional=optional)


def _print(
    store: Any, found: pl.DataFrame, form: str, columns: Callable[[str], list[Column]]
) -> None:
    if form == "table":
        from falusage.reporting._tables import lay_out

        put(lay_out(columns(store.timezone), width=width()))
        return
    for text in _data(found, form):
        put_data(text)


def _data(found: pl.DataFrame, form: str) -> Iterator[str]:
    import polars as pl

    from falusage.reporting._records import csv_text, json_text

    # As numbers, like those of the usage table: JSON would have Decimals as text.
    plain = found.with_columns(pl.col(pl.Decimal).cast(pl.Float64))
    return (json_text if form == "json" else csv_text)(plain)
