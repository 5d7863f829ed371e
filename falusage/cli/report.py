"""`report`: who spent what, as text or as a page, from the API, a snapshot or a store."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from falusage.cli._budgets import budget_columns, read_budgets, require_askable, warn_of_unmatched
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    FILE,
    OutFile,
    asking,
    given_timezone,
    load_with,
    make_query,
    open_client,
)
from falusage.cli._saved import open_saved, saved_options
from falusage.cli._terminal import put, say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved

_REFUSED = 1


@click.command(short_help="Print who spent what.")
@asking(
    start="the month before that of the last whole day",
    timeframe="day without --start, else the API's rule for the range",
    timezone="UTC, or that of --snapshot or --store",
)
@saved_options
@click.option(
    "--out",
    type=OutFile(".html", ".htm"),
    help="Write an .html page with pictures instead of printing.",
)
@click.option(
    "--budgets",
    type=FILE,
    help="A .csv with the columns username, currency and budget. The page says whether they last.",
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
    """Print who spent what: by team, product and endpoint, and compared with the month before.

    Of each, the hundred that cost most have a line; the others are summed in one line.

    Without --start, the range is this month so far and the month before, by day. With --out, the
    report is a page in one file, which you can mail. It also shows why cost moved, which prices
    changed, and which days were unusual. With --budgets, it compares the month's spend with them,
    and shows where the month will end.

    If a part of the range was never read, the report says so, has totals of the other parts only,
    and the exit code is 1.
    """
    from falusage.errors import UnmatchedWarning
    from falusage.reporting import report as write_report
    from falusage.reporting import summary

    if budgets is not None and out is None:
        raise click.UsageError("--budgets is for a page; add --out page.html")
    limits = None if budgets is None else read_budgets(budgets)
    if limits is not None:
        require_askable(limits, budget_columns(limits), saved=bool(path or store))
    unmatched = False
    usage: UsageLoad | Saved | None
    usage = open_saved(context, path, store, options, but=("timezone",))
    if usage is None:
        if options["start"] is None:
            options["timeframe"] = options["timeframe"] or "day"
        with open_client(options) as client:
            usage = load_with(client, make_query(options, client, start=_two_months), options)
            unmatched = say_if_unmatched(client, usage.receipt)
    timezone = given_timezone(context, options)
    if out is None:
        put(summary(usage, timezone=timezone, width=width()).splitlines())
    else:
        if limits is not None:
            unmatched |= warn_of_unmatched(usage, limits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmatchedWarning)  # it was printed above
            outlook = None if limits is None else _outlook(usage, limits, timezone)
            write_report(usage, out=out, timezone=timezone, budgets=limits, outlook=outlook)
        say(f"written to {out}")
    if usage.coverage.gaps:
        from falusage.coverage import named

        say(f"error: the table lacks {named(usage.coverage.gaps)}, so there are no totals over it")
        context.exit(_REFUSED)
    if unmatched:
        context.exit(UNMATCHED)


def _two_months(end: datetime, timezone: str) -> datetime:
    """Return the start of the month before that of the last whole day."""
    from falusage.timeframes import floor

    start, tick = floor(end, every="1d", timezone=timezone), timedelta(microseconds=1)
    for _ in range(2):
        start = floor(start - tick, every="1mo", timezone=timezone)
    return start


def _outlook(
    usage: UsageLoad | Saved, budgets: pl.DataFrame, timezone: str | None
) -> pl.DataFrame | None:
    """Return where the month will end; if that fails, print why and return None.

    The page does not need it.
    """
    import falusage as fu
    from falusage.timeframes import floor, zone

    coverage = usage.coverage
    until, name = coverage.closed_until, timezone or coverage.timezone
    month = floor(until - timedelta(microseconds=1), every="1mo", timezone=name)
    if month < coverage.start:
        return None  # the table does not have all of the month, as the page says
    try:
        outlook = fu.month_outlook(
            usage,
            by=budget_columns(budgets),
            month=f"{month.astimezone(zone(name)):%Y-%m}",
            budgets=budgets,
            as_of=until,
            timezone=timezone,
        )
    except (
        fu.AlignmentError,
        fu.CoverageError,
        fu.MissingExtraError,
        fu.ShortHistoryError,
    ) as error:
        say(f"no outlook: {error}")
        return None
    return outlook.lazy().collect()
