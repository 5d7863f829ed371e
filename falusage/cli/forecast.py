"""`forecast`: where the month will end, or the next periods, of the API or saved data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._amounts import read_budgets, read_known, require_askable
from falusage.cli._commands import Command
from falusage.cli._forecast_picture import days_left, draw
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    asking,
    given_timezone,
    is_given,
    load_with,
    make_query,
    open_client,
)
from falusage.cli._paths import FILE, OutFile
from falusage.cli._ranges import ends
from falusage.cli._results import Columns, format_option, show
from falusage.cli._saved import open_saved, saved_options
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved

_HISTORY: Final = timedelta(weeks=26)
_ANOMALIES: Final = "anomalies"
_BANDS: Final[Columns] = dict.fromkeys(("lo_80", "hi_80", "lo_95", "hi_95"), "number")
_HELD: Final[Columns] = {"coverage_80": "number", "coverage_95": "number"}


@click.command(
    cls=Command,
    short_help="Forecast where the month will end.",
    examples=(
        "falusage forecast --snapshot usage.parquet --month 2025-06",
        "falusage forecast --snapshot usage.parquet --horizon 14 --out ahead.png",
    ),
    columns={
        "in json and csv": {
            "currency": "text",
            "month": "text",
            "as_of": "instant",
            "model": "text",
            **_HELD,
            "spent": "number",
            "settling": "number",
            "projected": "number",
            **_BANDS,
            "budget": "number",
            "remaining": "number",
            "chance_over": "number",
            "runs_out_on": "date",
            "status": "text",
        },
        "with --horizon, in json and csv": {
            "period": "instant",
            "currency": "text",
            "model": "text",
            "cost": "number",
            **_BANDS,
        },
        "with --backtest, in json and csv": {
            "currency": "text",
            "model": "text",
            "windows": "whole number",
            "ahead": "whole number",
            "error": "number",
            "total_error": "number",
            "bias": "number",
            "weight": "number",
            "chosen": "flag",
            **_HELD,
        },
    },
)
@asking(
    start=f"{_HISTORY.days // 7} weeks before the end",
    timeframe="day, or hour with --every 1h",
    timezone="UTC, or that of --snapshot or --store",
)
@saved_options
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Forecast each value alone, as --by username. Repeat it for several.",
)
@click.option(
    "--month",
    metavar="MONTH",
    help="The month, as 2025-03. [default: the month in which the table ends]",
)
@click.option(
    "--budgets",
    type=FILE,
    help="A .csv with names, currency and budget, to show whether they last. Its names are the "
    "default of --by.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="RANGE",
    help="Learn nothing from a day, as 2025-06-01, from days, as 2025-06-01/2025-06-03 (end "
    "exclusive), or from the spikes, by the word anomalies. Repeat it for several.",
)
@click.option(
    "--known",
    type=FILE,
    help="A .csv with period, currency and cost, and the columns of --by: costs that are known "
    "already, to be added.",
)
@click.option(
    "--horizon",
    type=click.IntRange(1, 5000),
    metavar="N",
    help="Print the next N periods, instead of the month's outlook.",
)
@click.option(
    "--every",
    type=OneOf(["1h", "1d", "1w", "1mo", "1q", "1y"]),
    default="1d",
    show_default=True,
    help="The periods of --horizon.",
)
@click.option(
    "--backtest", "track", is_flag=True, help="Print the errors of each model at this --horizon."
)
@format_option
@click.option(
    "--out",
    type=OutFile(".png", ".svg", ".pdf"),
    help="Also draw the forecast, as .png, .svg or .pdf.",
)
@click.pass_context
def forecast(  # noqa: PLR0917 - click passes them by name
    context: click.Context,
    path: Path | None,
    store: str | None,
    by: tuple[str, ...],
    month: str | None,
    budgets: Path | None,
    exclude: tuple[str, ...],
    known: Path | None,
    horizon: int | None,
    every: Any,
    track: bool,
    form: str,
    out: Path | None,
    **options: Any,
) -> None:
    """Forecast where the month will end, and whether budgets last; or the next --horizon periods.

    By default it learns from the past 26 weeks by day, or from all of a snapshot or a store. It
    does not learn from periods that have not ended or, in a store, are not settled; these are
    forecast. In json and csv, the columns of --by come before currency.
    """
    _require_one_question(
        context, horizon=horizon, track=track, of_month=bool(month or is_given(context, "budgets"))
    )
    import falusage as fu
    from falusage.timeframes import month_span
    from falusage.transforms.budgets import budget_columns

    if find_spec("statsforecast") is None:  # before anything is loaded
        raise fu.MissingExtraError("forecast", need="a forecast")
    limits = None if budgets is None or horizon is not None else read_budgets(budgets)
    learned: dict[str, Any] = {"exclude": _excluded(exclude)}
    if known is not None and track:
        raise click.UsageError("--backtest forecasts the past; it takes no --known")
    coming: dict[str, Any] = {} if known is None else {"known": read_known(known)}
    if limits is not None and not by:
        by = budget_columns(limits)
    require_askable(limits, by, saved=bool(path or store))
    if month is not None:
        month_span(month, timezone=options["timezone"])
    unmatched = False
    usage: UsageLoad | Saved | None
    usage = open_saved(context, path, store, options)
    if usage is None:
        usage, unmatched = _load(options, every=every, month=month)
    asked: dict[str, Any] = {"by": by, "timezone": given_timezone(context, options)}
    if horizon is None:
        found = fu.month_outlook(usage, month=month, budgets=limits, **asked, **learned, **coming)
    elif track:
        found = fu.backtest(usage, horizon=horizon, every=every, **asked, **learned)
    else:
        found = fu.forecast(usage, horizon=horizon, every=every, **asked, **learned, **coming)
    result = found.lazy().collect()
    unmatched |= horizon is None and "unmatched" in result["status"]
    show(result, form, partial(_table, result, by, every=every))
    if out is not None:
        ahead = horizon or days_left(result)
        drawn = {**asked, **learned, **coming}
        draw(usage, out, result if track else None, horizon=ahead, every=every, **drawn)
        say(f"drawn in {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _excluded(ranges: tuple[str, ...]) -> Any:
    """Return what `exclude=` takes: the word, or ranges; a day is one as well."""
    if ranges == (_ANOMALIES,):
        return _ANOMALIES
    return [_days(text) for text in ranges]


def _days(text: str) -> tuple[date | str, date | str]:
    """Return a day or a range as its ends."""
    if "/" in text:
        return ends(text)
    with suppress(ValueError):
        day = date.fromisoformat(text)
        return day, day + timedelta(days=1)
    raise click.UsageError(
        f"--exclude is {text!r}; expected a day as 2025-06-01, a range as "
        f"2025-06-01/2025-06-03, or {_ANOMALIES} alone"
    )


def _require_one_question(
    context: click.Context, *, horizon: int | None, track: bool, of_month: bool
) -> None:
    if track and horizon is None:
        raise click.UsageError(
            "--backtest needs a --horizon, which says how far ahead it forecasts"
        )
    if horizon is None and is_given(context, "every"):
        raise click.UsageError("--every is the length of the periods of --horizon; add --horizon")
    if horizon is not None and of_month:
        raise click.UsageError("--horizon forecasts periods; it takes no --month and no --budgets")


def _load(options: dict[str, Any], *, every: str, month: str | None) -> tuple[UsageLoad, bool]:
    """Load the history, and return it and whether a filter matched nothing."""
    from falusage.errors import QueryError
    from falusage.timeframes import month_span

    options["timeframe"] = options["timeframe"] or ("hour" if every == "1h" else "day")
    with open_client(options) as client:
        query = make_query(options, client, usual=_half_a_year)
        if month is not None and month_span(month, timezone=query.timezone)[1] <= query.start:
            raise QueryError(
                f"--month {month} ends before the range starts, {query.start.isoformat()}; "
                "expected a month of the range or after it: set an earlier --start"
            )
        loaded = load_with(client, query, options)
        unmatched = say_if_unmatched(client, loaded.receipt)
        if unmatched and not loaded.receipt.rows_received:
            raise click.exceptions.Exit(UNMATCHED)
    say(str(loaded.receipt))
    return loaded, unmatched


def _half_a_year(end: datetime, timezone: str) -> tuple[datetime, datetime]:
    """Return the range of the history to learn from."""
    from falusage.timeframes import floor

    return floor(end - _HISTORY, every="1d", timezone=timezone), end


def _table(result: pl.DataFrame, by: tuple[str, ...], *, every: str) -> Iterator[str]:
    from falusage.cli._forecast_columns import columns, held
    from falusage.reporting.folding import few
    from falusage.reporting.layout import lay_out, wrapped

    result, left_out = few(result, by)
    if "as_of" in result.columns and result.height:
        said = f"{result['month'][0]}, as of {result['as_of'][0]:%Y-%m-%d %H:%M %Z}"
        yield from wrapped(said, width())
    yield from lay_out(columns(result, by, every=every), width=width())
    for sentence in held(result):
        yield from wrapped(sentence, width())
    if left_out:
        say(f"{left_out}; --format csv prints every row")
