"""`forecast`: where the month will end, or the periods ahead, from the API, a snapshot or a store.

The outlook is the question that budgets are asked; `--horizon` gives the course of it, and
`--backtest` the track record by which the model was chosen.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from falusage.cli._budgets import keys_of, read_budgets, require_askable
from falusage.cli._matching import UNMATCHED, say_if_unmatched
from falusage.cli._options import (
    FILE,
    OutFile,
    asking,
    client_of,
    is_given,
    load_with,
    query_of,
)
from falusage.cli._pictures import save
from falusage.cli._sources import keeping, kept
from falusage.cli._suggesting import OneOf
from falusage.cli._terminal import put, put_data, say, width

if TYPE_CHECKING:
    import polars as pl

    from falusage.reporting._tables import Column

_HISTORY: Final = timedelta(weeks=26)


@click.command(short_help="Say where the month will end.")
@asking(
    start=f"{_HISTORY.days // 7} weeks before the end",
    timeframe="day, or hour with --every 1h",
    timezone="UTC, or that of --snapshot or --store",
)
@keeping
@click.option(
    "--by", multiple=True, metavar="COLUMN", help="A series for each, as --by username; repeat it."
)
@click.option(
    "--month",
    metavar="MONTH",
    help="As 2025-03. [default: the present one, or that in which the table ends]",
)
@click.option(
    "--budgets",
    type=FILE,
    help="A .csv of names, currency and budget, to say whether they last: by its names, unless "
    "--by says otherwise.",
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
@click.option("--backtest", "track", is_flag=True, help="Print how each model did, for --horizon.")
@click.option(
    "--format",
    "form",
    type=OneOf(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print it; json and csv have every column.",
)
@click.option(
    "--out",
    type=OutFile(".png", ".svg", ".pdf"),
    help="Draw the forecast into this .png, .svg or .pdf, too.",
)
@click.pass_context
def forecast(  # noqa: PLR0917 - click gives them by name
    context: click.Context,
    path: Path | None,
    store: str | None,
    by: tuple[str, ...],
    month: str | None,
    budgets: Path | None,
    horizon: int | None,
    every: Any,
    track: bool,
    form: str,
    out: Path | None,
    **options: Any,
) -> None:
    """Say where the month will end, and whether the budget lasts; or forecast what is ahead.

    It learns from the past 26 weeks by day, unless --start says otherwise; from all of a snapshot
    or a store. A period that is not whole or not settled is forecast, and not learned from.
    """
    _require_one_question(context, horizon=horizon, track=track, of_month=bool(month or budgets))
    import falusage as fu
    from falusage.timeframes import month_span

    if find_spec("statsforecast") is None:  # before anything is loaded for nothing
        raise fu.MissingExtraError("forecast", need="a forecast")
    limits = None if budgets is None else read_budgets(budgets)
    if limits is not None and not by:
        by = keys_of(limits)
    require_askable(limits, by, kept=bool(path or store))
    if month is not None:
        month_span(month, timezone=options["timezone"])
    usage, known, unmatched = _usage(context, path, store, options, every=every, month=month)
    zone = options["timezone"]
    asked: dict[str, Any] = {"by": by, "timezone": zone, **known}
    if horizon is None:
        result = fu.month_outlook(usage, month=month, budgets=limits, **asked)
        columns = _outlook_columns
        unmatched |= "unmatched" in result["status"]
    elif track:
        result = fu.backtest(usage, horizon=horizon, every=every, **asked)
        columns = _track_columns
    else:
        result = fu.forecast(usage, horizon=horizon, every=every, **asked)
        columns = _forecast_columns
    _print(result, by, form, columns)
    if out is not None:
        ahead = horizon or _days_left(result, zone)
        record = result if track else None
        _draw(usage, out, record, horizon=ahead, every=every, **asked)
        say(f"drawn in {out}")
    if unmatched:
        context.exit(UNMATCHED)


def _require_one_question(
    context: click.Context, *, horizon: int | None, track: bool, of_month: bool
) -> None:
    if track and horizon is None:
        raise click.UsageError("--backtest needs a --horizon: how far ahead it is held to")
    if horizon is None and is_given(context, "every"):
        raise click.UsageError("--every says what the periods of a --horizon are; name that, too")
    if horizon is not None and of_month:
        raise click.UsageError("--horizon looks at periods; it takes no --month and no --budgets")


def _usage(
    context: click.Context,
    path: Path | None,
    store: str | None,
    options: dict[str, Any],
    *,
    every: str,
    month: str | None,
) -> tuple[pl.DataFrame, dict[str, datetime], bool]:
    """Return the table, what is known of it, and whether a filter matched nothing.

    What is known is, as `as_of` and `end`, when it was open, and its range.
    """
    from falusage.errors import QueryError
    from falusage.reporting import Certainty
    from falusage.timeframes import month_span

    source = kept(context, path, store, options, but=("timezone",))
    if source is not None:
        known = {"end": source.certainty.reach(source.usage)}
        opened = source.certainty.open_from
        # A store says of each row if it is settled; a snapshot, since when none of them can be.
        since = {} if opened is None or store is not None else {"as_of": opened}
        return source.usage, since | known, False
    if options["start"] is None:
        from falusage.timeframes import floor, instant

        end = instant(options["end"] or datetime.now(UTC), timezone=options["timezone"], name="end")
        start = floor(end - _HISTORY, every="1d", timezone=options["timezone"])
        options |= {"start": start, "end": end}
    options["timeframe"] = options["timeframe"] or ("hour" if every == "1h" else "day")
    query = query_of(options)
    if month is not None and month_span(month, timezone=query.timezone)[1] <= query.start:
        raise QueryError(
            f"--month {month} ends before the range begins, {query.start.isoformat()}; expected a "
            "month of the range or after it: add an earlier --start"
        )
    with client_of(options) as client:
        loaded = load_with(client, query, options)
        unmatched = say_if_unmatched(client, loaded.receipt)
    say(str(loaded.receipt))
    end = Certainty.of_receipt(loaded.receipt).reach(loaded.usage)
    return loaded.usage, {"end": end}, unmatched


def _days_left(outlook: pl.DataFrame, zone: str) -> int:
    """Give how many days are to be drawn to the end of the month; one at least."""
    from falusage.timeframes import after, floor, instant

    start = instant(f"{outlook['month'][0]}-01", timezone=zone)
    end = after(start, every="1mo", timezone=zone)
    now = floor(outlook["as_of"][0], every="1d", timezone=zone)
    return max(1, round((end - now) / timedelta(days=1)))


def _draw(
    usage: pl.DataFrame,
    out: Path,
    record: pl.DataFrame | None,
    *,
    by: tuple[str, ...],
    horizon: int,
    every: Any,
    timezone: str,
    as_of: datetime | None = None,
    end: datetime | None = None,
) -> None:
    import warnings

    import falusage as fu

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.IncompletePeriodWarning)  # it was said above
        warnings.simplefilter("ignore", fu.ShortHistoryWarning)
        ahead = fu.forecast(
            usage, horizon=horizon, every=every, by=by, timezone=timezone, as_of=as_of, end=end
        )
    before = fu.trend(usage, by=by, every=every, timezone=timezone, end=end)
    history = before.filter(before["complete"] & (before["period"] < ahead["period"].min()))
    shown = history.tail(_shown(history, horizon))
    save(lambda: fu.plot_forecast(ahead, history=shown, backtest=record), out)


def _shown(history: pl.DataFrame, horizon: int) -> int:
    """Give the rows of about three horizons of history: enough to see where it comes from."""
    series = history.height // max(history["period"].n_unique(), 1)
    return max(1, series) * max(3 * horizon, 28)


def _print(result: pl.DataFrame, by: tuple[str, ...], form: str, columns: Any) -> None:
    if form == "table":
        from falusage.reporting._series import few
        from falusage.reporting._tables import lay_out, names, wrapped

        titles = {"username": "team", "endpoint_id": "endpoint", "currency": ""}
        result, left_out = few(result, by)
        keys = [names(result, name, titles.get(name, name)) for name in by if name != "currency"]
        if "as_of" in result.columns and result.height:
            said = f"{result['month'][0]}, as of {result['as_of'][0]:%Y-%m-%d %H:%M %Z}"
            put(wrapped(said, width()))
        put(lay_out(columns(result, keys), width=width()))
        if left_out:
            say(f"{left_out}; --format csv prints every row")
        return
    from falusage.reporting._records import csv_text, json_text

    for text in (json_text if form == "json" else csv_text)(result):
        put_data(text)


def _outlook_columns(found: pl.DataFrame, keys: list[Column]) -> list[Column]:
    from falusage._wording.amounts import chance
    from falusage.reporting._tables import Column, amounts, names

    columns = [
        *keys,
        amounts(found, "spent", "spent"),
        amounts(found, "projected", "will end at"),
        _band(found, 80),
        _band(found, 95, optional=True),
    ]
    if found["budget"].count():
        columns += [
            amounts(found, "budget", "budget"),
            Column("chance over", [chance(c) for c in found["chance_over"]], right=True),
            Column("runs out on", [str(day or "-") for day in found["runs_out_on"]]),
            names(found, "status", "status"),
        ]
    return [*columns, names(found, "model", "model", optional=True)]


def _forecast_columns(found: pl.DataFrame, keys: list[Column]) -> list[Column]:
    from falusage.reporting._tables import Column, amounts, names

    return [
        Column("period", [f"{at:%Y-%m-%d %H:%M %Z}" for at in found["period"]]),
        *keys,
        amounts(found, "cost", "cost"),
        _band(found, 80),
        _band(found, 95, optional=True),
        names(found, "model", "model", optional=True),
    ]


def _track_columns(found: pl.DataFrame, keys: list[Column]) -> list[Column]:
    from falusage._wording.amounts import percent
    from falusage.reporting._tables import Column, names

    def figures(name: str) -> Column:
        cells = ["-" if x is None else f"{x:.3f}" for x in found[name]]
        return Column(name.replace("_", " "), cells, right=True)

    def shares(level: int) -> Column:
        cells = [percent(share) for share in found[f"coverage_{level}"]]
        return Column(f"in {level}% band", cells, right=True)

    return [
        *keys,
        names(found, "currency", "currency"),
        names(found, "model", "model"),
        Column("", ["chosen" if chosen else "" for chosen in found["chosen"]]),
        *map(figures, ("error", "total_error", "behind", "noise")),
        *map(shares, (80, 95)),
        Column("windows", [f"{w} x {a}" for w, a in found.select("windows", "ahead").rows()]),
    ]


def _band(found: pl.DataFrame, level: int, *, optional: bool = False) -> Column:
    from falusage.reporting._tables import bands

    return bands(found, f"lo_{level}", f"hi_{level}", f"{level}% band", optional=optional)
