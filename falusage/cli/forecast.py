"""`forecast`: where the month will end, or the next periods, of the API or saved data."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._amounts import read_budgets, read_known, require_askable
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    FILE,
    OutFile,
    asking,
    format_option,
    given_timezone,
    is_given,
    load_with,
    make_query,
    open_client,
)
from falusage.cli._pictures import save
from falusage.cli._saved import open_saved, saved_options
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import put, put_data, say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved

_HISTORY: Final = timedelta(weeks=26)
_ANOMALIES: Final = "anomalies"


@click.command(short_help="Forecast where the month will end.")
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
    help="Learn nothing from these days, as 2025-06-01..2025-06-03 (end exclusive), or from the "
    "spikes, by the word anomalies. Repeat it for several ranges.",
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
@format_option()
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
    does not learn from periods that may still change; these are forecast.
    """
    _require_one_question(context, horizon=horizon, track=track, of_month=bool(month or budgets))
    import falusage as fu
    from falusage.timeframes import month_span
    from falusage.transforms.budgets import budget_columns

    if find_spec("statsforecast") is None:  # before anything is loaded
        raise fu.MissingExtraError("forecast", need="a forecast")
    limits = None if budgets is None else read_budgets(budgets)
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
    _print(result, by, form, every=every)
    if out is not None:
        ahead = horizon or _days_left(result)
        drawn = {**asked, **learned, **coming}
        _draw(usage, out, result if track else None, horizon=ahead, every=every, **drawn)
        say(f"drawn in {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _excluded(ranges: tuple[str, ...]) -> Any:
    """Return what `exclude=` takes: the word, or ranges."""
    if ranges == (_ANOMALIES,):
        return _ANOMALIES
    pairs = [tuple(text.split("..")) for text in ranges]
    for text, pair in zip(ranges, pairs, strict=True):
        if len(pair) != 2:
            raise click.UsageError(
                f"--exclude is {text!r}; expected a range as 2025-06-01..2025-06-03, or "
                f"{_ANOMALIES} alone"
            )
    return pairs


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
    say(str(loaded.receipt))
    return loaded, unmatched


def _half_a_year(end: datetime, timezone: str) -> tuple[datetime, datetime]:
    """Return the range of the history to learn from."""
    from falusage.timeframes import floor

    return floor(end - _HISTORY, every="1d", timezone=timezone), end


def _days_left(outlook: pl.DataFrame) -> int:
    """Return how many days to draw: those to the end of the month, at least one."""
    from falusage.timeframes import floor, month_span

    if outlook.is_empty():
        return 1
    month, as_of = outlook.select("month", "as_of").row(0)
    timezone = str(outlook["as_of"].dtype.time_zone)  # pyright: ignore[reportAttributeAccessIssue] -- of an instant
    now = floor(as_of, every="1d", timezone=timezone)
    return max(1, round((month_span(month, timezone=timezone)[1] - now) / timedelta(days=1)))


def _draw(
    usage: UsageLoad | Saved,
    out: Path,
    backtest: pl.DataFrame | None,
    *,
    by: tuple[str, ...],
    horizon: int,
    every: Any,
    timezone: str | None,
    **options: Any,
) -> None:
    import warnings

    import falusage as fu

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.IncompletePeriodWarning)  # it was printed above
        warnings.simplefilter("ignore", fu.ShortHistoryWarning)
        found = fu.forecast(
            usage, horizon=horizon, every=every, by=by, timezone=timezone, **options
        )
    ahead = found.lazy().collect()
    before = fu.trend(usage, by=by, every=every, timezone=timezone).lazy().collect()
    history = before.filter(before["complete"] & (before["period"] < ahead["period"].min()))
    shown = history.tail(_shown(history, horizon))
    save(lambda: fu.plot_forecast(ahead, history=shown, backtest=backtest), out)


def _shown(history: pl.DataFrame, horizon: int) -> int:
    """Return the number of rows of about three horizons of history."""
    series = history.height // max(history["period"].n_unique(), 1)
    return max(1, series) * max(3 * horizon, 28)


def _print(result: pl.DataFrame, by: tuple[str, ...], form: str, *, every: str) -> None:
    if form != "table":
        from falusage.reporting.records import data_text

        for text in data_text(result, form):
            put_data(text)
        return
    from falusage.cli._forecast_columns import columns, held
    from falusage.reporting.folding import few
    from falusage.reporting.layout import lay_out, wrapped

    result, left_out = few(result, by)
    if "as_of" in result.columns and result.height:
        said = f"{result['month'][0]}, as of {result['as_of'][0]:%Y-%m-%d %H:%M %Z}"
        put(wrapped(said, width()))
    put(lay_out(columns(result, by, every=every), width=width()))
    for sentence in held(result):
        put(wrapped(sentence, width()))
    if left_out:
        say(f"{left_out}; --format csv prints every row")
