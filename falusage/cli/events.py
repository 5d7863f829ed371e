"""`events`: billing events, on stdout or in a file."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._commands import Command
from falusage.cli._matching import UNMATCHED, say_if_no_event
from falusage.cli._options import (
    LAST,
    asking,
    is_given,
    open_client,
    present,
)
from falusage.cli._paths import OutFile
from falusage.cli._results import Columns, format_option, show, words
from falusage.cli._terminal import say, say_data, width
from falusage.contract import EVENTS_ASKED

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient


def _columns() -> Columns:
    from falusage.columns import EVENTS

    return words(EVENTS)


@click.command(
    cls=Command,
    short_help="Print billing events, or stream them to a Parquet file.",
    examples=(
        "falusage events --start 2025-06-20 --end 2025-06-21 --endpoint fal-ai/flux/dev",
        "falusage events --start 2025-06-20 --end 2025-06-21 --out events.parquet",
    ),
    columns={"in json and csv": _columns},
)
@asking(EVENTS_ASKED, but=("reconcile",))
@format_option
@click.option(
    "--out",
    type=OutFile(".parquet", otherwise="; print other formats, as in --format csv > events.csv"),
    help="Write a .parquet file instead of printing; any range takes little memory.",
)
@click.pass_context
def events(context: click.Context, *, form: str, out: Path | None, **options: Any) -> None:
    """Print billing events: one row for each request to a model API, in the order of time."""
    import polars as pl

    from falusage.api.events import events_and_quarantine
    from falusage.columns import exact_nano
    from falusage.snapshot import download_events, quarantine_lines

    if out is not None and is_given(context, "form"):
        raise click.UsageError("--out writes Parquet instead of printing; it takes no --format")
    with open_client(options) as client:
        asked = _asked(options, client)
        if out is None:
            found, quarantine = events_and_quarantine(client, **asked)
            count, cost = found.select(pl.len(), exact_nano("cost_nano").alias("cost")).row(0)
            show(found, form, partial(_table, found))
        else:
            file = download_events(path=out, client=client, **asked)
            count, cost, quarantine = file.rows, file.cost, file.quarantine
            found = pl.scan_parquet(out)
        unmatched = say_if_no_event(client, asked, found)
    for line in quarantine_lines(quarantine):
        say_data(f"{line}\n")
    say(f"{count:,} events, {_money(cost)}")
    if out is not None:
        say(f"written to {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _asked(options: dict[str, Any], client: UsageClient) -> dict[str, Any]:
    """Return the arguments of a load. Without --end, it ends now, by the clock of the server."""
    if options["start"] is None:
        raise click.MissingParameter(param_type="option", param_hint="'--start'")
    fields = {name: options[name] for name in EVENTS_ASKED}
    end = options["end"]
    if end is None:
        client.iter_events(options["start"], LAST, **fields)  # checks them, and sends nothing
        end = present(client, options["scope"])
    return {"start": options["start"], "end": end, "invalid": options["invalid"], **fields}


def _table(found: pl.DataFrame) -> Iterable[str]:
    from falusage.columns import NANO
    from falusage.reporting.columns import minutes, names, numbers, texts
    from falusage.reporting.layout import lay_out

    columns = [
        minutes(found, "timestamp", "UTC"),
        names(found, "username"),
        names(found, "endpoint_id"),
        numbers(found, "quantity", optional=True),
        names(found, "unit", optional=True),
        texts("cost", [_money(each * NANO) for each in found["cost_nano"]], numeric=True),
        names(found, "request_id", optional=True),
    ]
    return lay_out(columns, width=width())


def _money(cost: Decimal) -> str:
    """Return a cost with all its digits, because most requests cost less than a cent.

    >>> _money(Decimal("0.000250000000"))
    '0.00025 USD'
    """
    return f"{cost.normalize():,f} USD"
