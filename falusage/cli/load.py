"""`load`: the usage table, on stdout or in a file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._commands import Command
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import asking, is_given, load_with, make_query, open_client
from falusage.cli._paths import OutFile
from falusage.cli._results import Columns, format_option, show, words
from falusage.cli._terminal import say, width

if TYPE_CHECKING:
    from falusage.api.load import UsageLoad


def _columns() -> Columns:
    from falusage.columns import USAGE

    return words(USAGE)


@click.command(
    cls=Command,
    short_help="Print the usage table.",
    examples=(
        "falusage load --start 2025-06-01 --end 2025-06-08 --timeframe day",
        "falusage load --start 2025-06-01 --end 2025-06-08 --team acme-paris --format csv > a.csv",
    ),
    columns={"in json and csv": _columns},
)
@asking()
@format_option
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
        show(loaded.usage, form, partial(_table, loaded))
    else:
        from falusage.snapshot import write_snapshot

        write_snapshot(loaded, out)
    say(str(loaded.receipt))
    if out is not None:
        say(f"written to {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _table(loaded: UsageLoad) -> Iterable[str]:
    from falusage.reporting.layout import usage_table

    return usage_table(loaded.usage, timezone=loaded.receipt.query.timezone, width=width())
