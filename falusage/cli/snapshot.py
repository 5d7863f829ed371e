"""`snapshot`: the usage table in one Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    OutFile,
    asking,
    check_options,
    make_query,
    open_client,
    say_let_through,
)
from falusage.cli._terminal import say


@click.command(short_help="Stream the usage table to a Parquet file.")
@asking()
@click.option(
    "--out",
    type=OutFile(
        ".parquet", otherwise="; load prints other formats, as in --format csv > usage.csv"
    ),
    required=True,
    help="The .parquet file to write.",
)
@click.pass_context
def snapshot(context: click.Context, *, out: Path, **options: Any) -> None:
    """Stream a usage table of any size to a Parquet file, and compare it with the API's totals."""
    from falusage.snapshot import download_snapshot, quarantine_path

    with open_client(options) as client:
        receipt = download_snapshot(
            make_query(options, client), out, client=client, **check_options(options)
        )
        say_let_through(None, options)
        unmatched = say_if_unmatched(client, receipt)
    say(str(receipt))
    say(f"written to {out}")
    if receipt.rows_quarantined:
        say(f"rows in quarantine are in {quarantine_path(out)}")
    if unmatched:
        context.exit(UNMATCHED)
