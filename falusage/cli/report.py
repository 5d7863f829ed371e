"""`report`: who spent what, as text or as a page to send on, from the API or from a snapshot."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._budgets import keys_of, read_budgets, require_askable, warn_of_unmatched
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    FILE,
    OutFile,
    asking,
    client_of,
    load_with,
    query_of,
)
from falusage.cli._sources import keeping, kept
from falusage.cli._terminal import put, say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.reporting import Certainty


@click.command(short_help="Print who spent what.")
@asking(
    start="the month before that of the last whole day",
    timeframe="day without --start, else the API's rule for the range",
    timezone="UTC, or that of --snapshot or --store",
)
@keeping
@click.option(
    "--out",
    type=OutFile(".html", ".htm"),
    help="Write an .html page, with pictures, instead of printing.",
)
@click.option(
    "--budgets",
    type=FILE,
    help="A .csv of the columns username, currency and budget: say on the page if they last.",
)
@click.pass_context
def report(
    context: click.Context,
    path: Path | None,
    store: str | None,
    out: Path | None,
    budgets: Path | None,
    **options: Any,
) -> None:
    """Print who spent what: by team, product and endpoint, and against the month before.

    Names beyond the hundred that cost most are one line; their sum is in it.

    Without --start, the range is this month so far and the month before, by day. With --out, the
    answer is a page in one file, that can be mailed: also why cost moved, which prices changed,
    and what was out of the ordinary. With --budgets, it sets the month's spend against them, and
    says where the month will end.
    """
    from falusage.errors import UnmatchedWarning
    from falusage.reporting import Certainty, summary, write_report

    if budgets is not None and out is None:
        raise click.UsageError("--budgets are set against the spend on a page; name it with --out")
    limits = None if budgets is None else read_budgets(budgets)
    if limits is not None:
        require_askable(limits, keys_of(limits), kept=bool(path or store))
    unmatched = False
    source = kept(context, path, store, options, but=("timezone",))
    if source is not None:
        usage, certainty = source.usage, source.certainty
    else:
        if options["start"] is None:
            options |= _two_months(options)
        with client_of(options) as client:
            loaded = load_with(client, query_of(options), options)
            unmatched = say_if_unmatched(client, loaded.receipt)
        usage, certainty = loaded.usage, Certainty.of_receipt(loaded.receipt)
    if out is None:
        put(summary(usage, certainty, width=width()).splitlines())
    else:
        if limits is not None:
            unmatched |= warn_of_unmatched(usage, limits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmatchedWarning)  # it was said above
            outlook = None if limits is None else _outlook(usage, certainty, limits)
            write_report(usage, certainty, out=out, budgets=limits, outlook=outlook)
        say(f"written to {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _two_months(options: dict[str, Any]) -> dict[str, Any]:
    """Give the range from the month before that of the last whole day, by day."""
    from falusage.timeframes import floor, instant

    timezone = options["timezone"]
    end = instant(options["end"] or datetime.now(UTC), timezone=timezone, name="end")
    start, tick = floor(end, every="1d", timezone=timezone), timedelta(microseconds=1)
    for _ in range(2):
        start = floor(start - tick, every="1mo", timezone=timezone)
    return {"start": start, "end": end, "timeframe": options["timeframe"] or "day"}


def _outlook(
    usage: pl.DataFrame, certainty: Certainty, budgets: pl.DataFrame
) -> pl.DataFrame | None:
    """Say where the month will end, or on stderr why that cannot be said: the page needs it not."""
    import falusage as fu
    from falusage.timeframes import floor

    until, timezone = certainty.closed_until, certainty.timezone
    month = floor(until - timedelta(microseconds=1), every="1mo", timezone=timezone)
    if month < certainty.start:
        return None  # what was spent in the month is not all in the table, as the page says
    by = keys_of(budgets)
    try:
        return fu.month_outlook(
            usage,
            by=by,
            month=f"{certainty.local(month):%Y-%m}",
            budgets=budgets,
            as_of=until,
            timezone=timezone,
            end=until,
        )
    except (fu.AlignmentError, fu.MissingExtraError, fu.ShortHistoryError) as error:
        say(f"no outlook: {error}")
        return None
