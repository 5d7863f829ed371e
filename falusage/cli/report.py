"""`report`: what a month cost and why, as text, JSON or a page; from the API or saved usage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._amounts import read_budgets, require_askable, warn_of_unmatched
from falusage.cli._commands import Command
from falusage.cli._display_names import fetch_names, names_option
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    asking,
    given_timezone,
    is_given,
    load_with,
    make_query,
    open_client,
)
from falusage.cli._paths import FILE, PageFile
from falusage.cli._ranges import ends
from falusage.cli._results import Columns, format_option, show
from falusage.cli._saved import open_saved, saved_options
from falusage.cli._terminal import bold, say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved

_REFUSED = 1
_MONTHS = 6
"""How many months are loaded: those that the page shows, and from which the outlook learns."""


_JSON: Final[Columns] = {
    "month": "text",
    "start": "instant",
    "end": "instant",
    "timezone": "text",
    "is_over": "flag",
    "filters": "list",
    "gaps": "list",
    "final_until": "instant",
    "read_at": "instant",
    "compared": "object",
    "not_compared": "text",
    "lines": "list",
    "currencies": "list",
}
_SPENT: Final = ("spent", "may_change", "settling", "projected", "lo_80", "hi_80", "coverage_80")
_CHANGE: Final = ("comparison", "baseline", "amount", "pct_change", "pct_change_per_day")
_CSV: Final[Columns] = {
    "month": "text",
    "start": "instant",
    "end": "instant",
    "currency": "text",
    **dict.fromkeys((*_SPENT, *_CHANGE), "number"),
}


@click.command(
    cls=Command,
    short_help="Print what a month cost, and why.",
    examples=(
        "falusage report --month 2025-06",
        "falusage report --snapshot usage.parquet --month 2025-05 --out may.html",
    ),
    columns={"in json": _JSON, "in csv": _CSV},
)
@click.option(
    "--month",
    metavar="2025-06",
    help="The month. [default: that of the last day that is over]",
)
@click.option(
    "--baseline",
    metavar="RANGE",
    help="The range to compare with: a month, or 2025-04-01/2025-05-01 (the end is exclusive). "
    "[default: the month before, or as much of it as the month has had]",
)
@click.option(
    "--comparison",
    metavar="RANGE",
    help="A range to report instead of a month, as 2025-06-01/2025-06-08.",
)
@asking(
    start="six months, up to the end of the month",
    timeframe="day without --start, else the API's rule for the range",
    timezone="UTC, or that of --snapshot or --store",
)
@saved_options
@format_option
@click.option(
    "--out",
    type=PageFile(),
    help="Write an .html page with pictures and details instead of printing.",
)
@names_option
@click.option("--title", help="The title of the page.")
@click.option(
    "--budgets",
    type=FILE,
    help="A .csv with the columns username, currency and budget. The page says whether they last.",
)
@click.option(
    "--focus",
    "invoice",
    type=FILE,
    help="A FOCUS file, .csv or .parquet. The page says whether the invoice agrees.",
)
@click.pass_context
def report(  # noqa: PLR0917 - click passes them by name
    context: click.Context,
    month: str | None,
    baseline: str | None,
    comparison: str | None,
    path: Path | None,
    store: str | None,
    form: str,
    out: Path | None,
    names: bool | None,
    title: str | None,
    budgets: Path | None,
    invoice: Path | None,
    **options: Any,
) -> None:
    """Print what a month cost, compared with before, why, and what is final.

    A month that is over is compared with the whole month before it. The month so far is compared
    by its days that are over. With --out, the report is a page in one file, which you can mail:
    readers can filter it, and it also has cost per unit, the last months, and pictures. With
    --budgets, it says whether they last, and with --focus whether the invoice agrees.

    If a part of the month was never read, the report says so, has totals of the other parts only,
    and the exit code is 1.

    --format json prints the first screen as one object; its lines are the text. compared has
    start, end, baseline_start and baseline_end. Each of the currencies has currency, spent,
    may_change, settling, projected, lo_80, hi_80, coverage_80 (how often such bands held) and
    change: comparison, baseline, amount, pct_change, pct_change_per_day, reasons (each with text
    and amount) and rest. csv has a line for each currency, without reasons. Changes and coverage
    are fractions, and what is not known is null.
    """
    from falusage.reporting import lacking, summary, summary_json
    from falusage.reporting import report as write_report
    from falusage.transforms.budgets import budget_columns

    _require_page(context, out)
    limits = None if budgets is None or out is None else read_budgets(budgets)
    if limits is not None:
        require_askable(limits, budget_columns(limits), saved=bool(path or store))
    charges = None if invoice is None else _charges(invoice)
    about: dict[str, Any] = {
        "month": month,
        "baseline": None if baseline is None else _baseline(baseline),
        "comparison": None if comparison is None else ends(comparison),
    }
    unmatched = False
    usage: UsageLoad | Saved | None
    usage = open_saved(context, path, store, options)
    if usage is None:
        if options["start"] is None:
            options["timeframe"] = options["timeframe"] or "day"
        with open_client(options) as client:
            query = make_query(options, client, usual=partial(_six_months, month=month))
            usage = load_with(client, query, options)
            unmatched = say_if_unmatched(client, usage.receipt)
        if unmatched and not usage.receipt.rows_received:
            context.exit(UNMATCHED)
    about |= fetch_names(usage, options, wanted=names, saved=bool(path or store))
    about["timezone"] = given_timezone(context, options)
    if out is not None:
        if limits is not None:
            unmatched |= warn_of_unmatched(usage, limits)
        write_report(usage, out=out, title=title, budgets=limits, focus=charges, **about)
        say(f"written to {out}")
    elif form == "table":
        text = summary(usage, width=width(), heading=bold, **about)
        show({}, form, text.splitlines)
    else:
        record = json.loads(summary_json(usage, **about), parse_float=Decimal)
        show(record, form, tuple, rows=[_line(record, each) for each in record["currencies"]])
    asked = {name: about[name] for name in ("timezone", "month", "comparison")}
    if gaps := lacking(usage.coverage, **asked):
        from falusage.coverage import named

        say(f"error: the table lacks {named(gaps)}, so there are no totals over it")
        context.exit(_REFUSED)
    if unmatched:
        context.exit(UNMATCHED)


def _line(record: Mapping[str, Any], currency: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of a currency in CSV."""
    known = {**record, **currency, **(currency["change"] or {})}
    return {name: known.get(name) for name in _CSV}


def _require_page(context: click.Context, out: Path | None) -> None:
    """Raise if an option of the page is given without a page, or one of the text with a page."""
    if out is None:
        for name, option in (("budgets", "budgets"), ("invoice", "focus"), ("title", "title")):
            if is_given(context, name):
                raise click.UsageError(f"--{option} is for a page; add --out page.html")
    elif is_given(context, "form"):
        raise click.UsageError("--out writes a page instead of printing; it takes no --format")


def _baseline(text: str) -> str | tuple[str, str]:
    """Return a month as it is written, or the ends of a range."""
    from falusage.errors import QueryError
    from falusage.timeframes import month_span

    if "/" in text:
        return ends(text)
    try:
        month_span(text, timezone="UTC")
    except QueryError as error:
        raise click.UsageError(
            f"the baseline is {text!r}; expected a month, as 2025-04, or a range by its start and "
            "end, as 2025-04-01/2025-05-01"
        ) from error
    return text


def _charges(path: Path) -> pl.DataFrame:
    from falusage.focus import read_focus

    return read_focus(path)


def _six_months(end: datetime, timezone: str, *, month: str | None) -> tuple[datetime, datetime]:
    """Return the range of six months up to the end of the month, or to an earlier end."""
    from falusage.timeframes import floor, month_span

    if month is not None:
        end = min(end, month_span(month, timezone=timezone)[1])
    start, tick = floor(end, every="1d", timezone=timezone), timedelta(microseconds=1)
    for _ in range(_MONTHS):
        start = floor(start - tick, every="1mo", timezone=timezone)
    return start, end
