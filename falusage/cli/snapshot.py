"""`snapshot`: the usage table in one Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._commands import Command
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    asking,
    check_options,
    make_query,
    open_client,
    say_let_through,
)
from falusage.cli._paths import OutFile
from falusage.cli._results import format_option, show
from falusage.cli._terminal import say

if TYPE_CHECKING:
    from falusage.api.receipt import Receipt


@click.command(
    cls=Command,
    short_help="Stream the usage table to a Parquet file.",
    examples=(
        "falusage snapshot --start 2025-05-01 --end 2025-06-24 --timeframe day --out usage.parquet",
    ),
    columns={
        "in json and csv": {
            "path": "text",
            "start": "instant",
            "end": "instant",
            "timezone": "text",
            "timeframe": "text",
            "rows": "whole number",
            "quarantined": "whole number",
            "differing": "whole number",
            "reconciled": "flag",
            "server_time": "instant",
            "open_from": "instant",
            "requests": "whole number",
            "retries": "whole number",
            "bytes_received": "whole number",
        }
    },
)
@asking()
@click.option(
    "--out",
    type=OutFile(
        ".parquet", otherwise="; load prints other formats, as in --format csv > usage.csv"
    ),
    required=True,
    help="The .parquet file to write.",
)
@format_option
@click.pass_context
def snapshot(context: click.Context, *, out: Path, form: str, **options: Any) -> None:
    """Stream a usage table of any size to a Parquet file, and compare it with the API's totals.

    What was done is said on stderr. --format json or csv prints it on stdout as well; open_from is
    null if every bucket had ended.
    """
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
    show(_record(out, receipt), form, lambda: ())
    if unmatched:
        context.exit(UNMATCHED)


def _record(out: Path, receipt: Receipt) -> dict[str, Any]:
    query = receipt.query
    return {
        "path": str(out),
        "start": query.start,
        "end": query.end,
        "timezone": query.timezone,
        "timeframe": query.timeframe,
        "rows": receipt.rows_kept,
        "quarantined": receipt.rows_quarantined,
        "differing": receipt.differing,
        "reconciled": receipt.reconciled,
        "server_time": receipt.server_time,
        "open_from": receipt.open_from,
        "requests": receipt.requests,
        "retries": receipt.retries,
        "bytes_received": receipt.bytes_received,
    }
