"""`load` and `snapshot`: the usage table, on stdout or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    OutFile,
    asking,
    client_of,
    is_given,
    load_with,
    query_of,
    say_let_through,
    ways_of,
)
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import put, put_data, say, width

if TYPE_CHECKING:
    from falusage.api.load import UsageLoad


@click.command(short_help="Print the usage table.")
@asking()
@click.option(
    "--format",
    "form",
    type=OneOf(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print it: json is a list of records; in csv, text that a spreadsheet would run "
    "as a formula has a ' before it.",
)
@click.option(
    "--out",
    type=OutFile(".parquet", otherwise="; print the others, as in --format csv > usage.csv"),
    help="Write a .parquet snapshot instead of printing.",
)
@click.pass_context
def load(context: click.Context, *, form: str, out: Path | None, **options: Any) -> None:
    """Print the usage table: validated, and reconciled with the API's own summary."""
    if out is not None and is_given(context, "form"):
        raise click.UsageError("--out writes Parquet instead of printing; it takes no --format")
    with client_of(options) as client:
        loaded = load_with(client, query_of(options), options)
        unmatched = say_if_unmatched(client, loaded.receipt)
    if out is None:
        _print(loaded, form)
    else:
        from falusage.snapshot import write_snapshot

        write_snapshot(loaded, out)
    say(str(loaded.receipt))
    if out is not None:
        say(f"written to {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _print(loaded: UsageLoad, form: str) -> None:
    from falusage.reporting._records import csv_text, json_text
    from falusage.reporting._tables import usage_table

    if form == "table":
        zone = loaded.receipt.query.timezone
        put(usage_table(loaded.usage, timezone=zone, width=width()))
    else:
        for text in (json_text if form == "json" else csv_text)(loaded.usage):
            put_data(text)


@click.command(short_help="Stream the usage table to a Parquet file.")
@asking()
@click.option(
    "--out",
    type=OutFile(".parquet", otherwise="; load prints the others, as in --format csv > usage.csv"),
    required=True,
    help="The .parquet file to write.",
)
@click.pass_context
def snapshot(context: click.Context, *, out: Path, **options: Any) -> None:
    """Stream the usage table to a Parquet file, whatever its size, and reconcile it."""
    from falusage.snapshot import download_snapshot
    from falusage.snapshot._quarantine import quarantine_path

    with client_of(options) as client:
        receipt = download_snapshot(query_of(options), out, client=client, **ways_of(options))
        say_let_through(None, options)
        unmatched = say_if_unmatched(client, receipt)
    say(str(receipt))
    say(f"written to {out}")
    if receipt.rows_quarantined:
        say(f"rows in quarantine are in {quarantine_path(out)}")
    if unmatched:
        context.exit(UNMATCHED)
