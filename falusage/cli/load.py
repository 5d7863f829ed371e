"""`load`: the usage table, on stdout or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    OutFile,
    asking,
    format_option,
    is_given,
    load_with,
    make_query,
    open_client,
)
from falusage.cli._terminal import put, put_data, say, width

if TYPE_CHECKING:
    from falusage.api.load import UsageLoad


@click.command(short_help="Print the usage table.")
@asking()
@format_option(
    "How to print it. json is a list of records. In csv, text that a spreadsheet would run "
    "as a formula gets a ' before it."
)
@click.option(
    "--out",
    type=OutFile(".parquet", otherwise="; print other formats, as in --format csv > usage.csv"),
    help="Write a .parquet snapshot instead of printing.",
)
@click.pass_context
def load(context: click.Context, *, form: str, out: Path | None, **options: Any) -> None:
    """Print the usage table, checked row by row and compared with the API's own totals."""
    if out is not None and is_given(context, "form"):
        raise click.UsageError("--out writes Parquet instead of printing; it takes no --format")
    with open_client(options) as client:
        loaded = load_with(client, make_query(options, client), options)
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
    if form == "table":
        from falusage.reporting.layout import usage_table

        timezone = loaded.receipt.query.timezone
        put(usage_table(loaded.usage, timezone=timezone, width=width()))
        return
    from falusage.reporting.records import data_text

    for text in data_text(loaded.usage, form):
        put_data(text)
