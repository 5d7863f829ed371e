"""`events`: billing events, on stdout or in a file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._matching import UNMATCHED
from falusage.cli._options import (
    LAST,
    OutFile,
    asking,
    format_option,
    is_given,
    open_client,
    option_name,
    present,
)
from falusage.cli._terminal import put, put_data, say, say_data, width
from falusage.contract import EVENTS_ASKED

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient


@click.command(short_help="Print billing events, or stream them to a Parquet file.")
@asking(EVENTS_ASKED, but=("reconcile",))
@format_option()
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
            _print(found, form)
        else:
            file = download_events(path=out, client=client, **asked)
            count, cost, quarantine = file.rows, file.cost, file.quarantine
    for line in quarantine_lines(quarantine):
        say_data(f"{line}\n")
    say(f"{count:,} events, {_money(cost)}")
    if out is not None:
        say(f"written to {out}")
    filters = [
        option_name(name)
        for name in EVENTS_ASKED
        if isinstance(options[name], tuple) and options[name]
    ]
    if filters and not count:
        say(f"error: no event matches {' and '.join(filters)}; check their values and the range")
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


def _print(found: pl.DataFrame, form: str) -> None:
    if form != "table":
        from falusage.reporting.records import data_text

        for text in data_text(found, form):
            put_data(text)
        return
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
    put(lay_out(columns, width=width()))


def _money(cost: Decimal) -> str:
    """Return a cost with all its digits, because most requests cost less than a cent.

    >>> _money(Decimal("0.000250000000"))
    '0.00025 USD'
    """
    return f"{cost.normalize():,f} USD"
