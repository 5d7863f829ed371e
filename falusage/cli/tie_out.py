"""`tie-out`: whether a month's usage agrees with the provider's invoice, and why not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._commands import Command
from falusage.cli._options import (
    asking,
    check_options,
    is_given,
    open_client,
    present,
    say_let_through,
)
from falusage.cli._paths import FILE
from falusage.cli._results import format_option, show
from falusage.cli._saved import open_saved, saved_options
from falusage.cli._settings import CLIENT
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import say, width
from falusage.contract import ASKED

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.client import UsageClient
    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved

_DIFFERS: Final = 1
_NOT_ASKED: Final = ("start", "end", *(name for name in ASKED if name != "scope"))
"""What is decided by the month: an invoice is of all usage, by days in UTC."""


_PARTS: Final = (
    *("usage_cost", "billed_cost", "gap", "matched", "credits", "tax", "corrections", "refunds"),
    *("other_charges", "rounding", "not_loaded", "only_here", "only_there"),
)


@click.command(
    "tie-out",
    cls=Command,
    short_help="Compare a month with its invoice.",
    examples=("falusage tie-out --month 2025-05",),
    columns={
        "in json and csv": {
            "period": "instant",
            "username": "text",
            "product": "text",
            "currency": "text",
            **dict.fromkeys(_PARTS, "number"),
        }
    },
)
@click.option("--month", required=True, metavar="2025-06", help="The month, in UTC.")
@click.option(
    "--source",
    type=OneOf(["invoice", "estimate"]),
    default="invoice",
    show_default=True,
    help="Compare with the charges that are invoiced, or with the provider's estimate.",
)
@click.option(
    "--focus",
    "path_of_focus",
    type=FILE,
    help="Read the charges from this FOCUS file, .csv or .parquet, instead of the API.",
)
@asking(but=_NOT_ASKED)
@saved_options
@format_option
@click.pass_context
def tie_out(
    context: click.Context,
    *,
    month: str,
    source: Any,
    path_of_focus: Path | None,
    path: Path | None,
    store: str | None,
    form: str,
    **options: Any,
) -> None:
    """Compare the usage of a month with the provider's FOCUS report, and explain the difference.

    Each part of the difference has a name: credits, tax, corrections, refunds, other charges,
    rounding, and charges for what the usage was not asked for. Whatever is left has no reason in
    the data. With --snapshot or --store the usage is saved, and with --focus the charges.
    json and csv have a record for each team and product, with every part.

    The exit code is 0 if every difference has a reason, and 1 if not.
    """
    from falusage.focus import tie_out as tied
    from falusage.reporting.tying import tie_text, unexplained
    from falusage.timeframes import month_span

    start, end = month_span(month, timezone="UTC")
    options |= {"start": start, "end": end, "timezone": "UTC"}
    if path_of_focus is not None and is_given(context, "source"):
        raise click.UsageError("--focus names the charges; it takes no --source")
    usage: UsageLoad | Saved | None
    asked = () if path_of_focus else CLIENT
    usage = open_saved(context, path, store, options, but=asked)
    charges = None if path_of_focus is None else _read(path_of_focus, start, end)
    if usage is None or charges is None:
        with open_client(options) as client:
            if usage is None:
                usage = _load(client, options)
            else:
                options["scope"] = usage.coverage.scope
            if charges is None:
                charges = _fetch(client, month, source, options)
    lines = tied(usage, charges)
    show(lines, form, lambda: tie_text(lines, width=width()))
    if unexplained(lines).is_empty():
        return
    if charges.is_empty():
        say(f"error: {_none(month, source, path_of_focus)}")
    context.exit(_DIFFERS)


def _load(client: UsageClient, options: dict[str, Any]) -> UsageLoad:
    """Load the usage of the month by day, to its end or to the present."""
    from falusage.api.query import UsageQuery
    from falusage.errors import QueryError

    now = present(client, options["scope"])
    if options["start"] >= now:
        raise QueryError(f"the month begins at {options['start'].isoformat()}, which is not yet")
    query = UsageQuery(
        options["start"], min(options["end"], now), scope=options["scope"], timeframe="day"
    )
    loaded = client.load(query, **check_options(options))
    say_let_through(loaded.quarantine, options)
    say(str(loaded.receipt))
    return loaded


def _fetch(client: UsageClient, month: str, source: Any, options: dict[str, Any]) -> pl.DataFrame:
    from falusage.focus import load_focus

    return load_focus(month, source=source, scope=options["scope"], client=client)


def _read(path: Path, start: datetime, end: datetime) -> pl.DataFrame:
    """Read the charges of the month from a file."""
    import polars as pl

    from falusage.focus import read_focus

    charges = read_focus(path)
    of_month = charges.filter(pl.col("ChargePeriodStart").is_between(start, end, closed="left"))
    if others := charges.height - of_month.height:
        say(f"{others:,} charges of {path} are of other months, and are left out")
    return of_month


def _none(month: str, source: str, path: Path | None) -> str:
    if path is not None:
        return f"{path} has no charges of {month}"
    hint = "; if it is not invoiced yet, use --source estimate" if source == "invoice" else ""
    return f"the provider's report has no charges of {month}{hint}"
