"""A forecast: a dashed line, with its intervals as bands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import NOUNS, covered, spacing
from falusage._wording.forecasts import described
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.errors import MissingColumnError, QueryError
from falusage.plotting._labels import End, shown
from falusage.plotting._panels import (
    Frame,
    Series,
    Sheet,
    chosen_colors,
    named,
    period_zone,
    read_frame,
    read_sheet,
    series_color,
    words,
)
from falusage.plotting._style import from_zero, heading, money_axis, no_spend, quiet
from falusage.plotting._timeline import draw_line, places, time_axis
from falusage.plotting._trend import MEASURES as TREND
from falusage.transforms import trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDS: Final = ("period", "currency", "model", "cost")
_BAND: Final = re.compile(r"(lo|hi)_([0-9]+(?:\.[0-9]+)?)")


def plot_forecast(
    forecast: Frame,
    *,
    ax: Axes | None = None,
    history: Frame | None = None,
    backtest: Frame | None = None,
    top: int | None = None,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """Draw what `forecast` returns: a dashed line ahead, and its intervals as bands around it.

    A single name has all its bands, the widest in the palest colour; of several names, each has
    its narrowest. `other` has no band, because intervals have no sum.

    Args:
        forecast: The frame: `period`, any *by*, `currency`, `model`, `cost`, and `lo_80`, `hi_80`
            for each level.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        history: The past, drawn solid: what `trend` returns with the same *by*, *every* and zone,
            or the usage table itself.
        backtest: What `backtest` returned with the same *by*. Under the title are then the error
            of the chosen model (1 is the error of repeating the last season) and the share of past
            periods within its bands; of several series, the means.
        top: How many names are drawn in each currency, by falling forecast; the rest are `other`.
            By default seven, or all if the frame has an `other` already.
        other: The name of the rest; rows that already have this name are added to it.
        colors: Colours by name that replace those of `colors_of`; several *by* make one name,
            joined by " · ".

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame is not one that `forecast` returns, or a band has one side; or
            `backtest` is not what `backtest` returns with the same *by*.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: `top` is below 1, this is not a frame, or `history` is in another time zone, or
            is a usage table and the forecast has one period of unknown length.

    >>> from datetime import UTC
    >>> frame = pl.DataFrame({
    ...     "period": [datetime(2025, 7, day, tzinfo=UTC) for day in (1, 2)],
    ...     "currency": ["USD", "USD"], "model": ["AutoETS", "AutoETS"], "cost": [10.0, 12.0],
    ...     "lo_80": [9.0, 10.5], "hi_80": [11.0, 13.5],
    ... })
    >>> plot_forecast(frame).get_title(loc="left")
    'Forecast of cost per day'
    """
    table = read_frame(forecast, needs=_NEEDS, made_by="forecast")
    levels = _levels(table)
    bands = [f"{side}_{level}" for level in levels for side in ("lo", "hi")]
    sheet = read_sheet(
        table,
        needs=_NEEDS,
        measures=(*_NEEDS, *bands),
        made_by="forecast",
        ax=ax,
        other=other,
    )
    # Intervals have no sum: the interval of a folded row is unknown.
    alone = [pl.when(pl.len() == 1).then(pl.col(band).first()).alias(band) for band in bands]
    drawn = sheet.series(top=top, sums=[total("cost"), *alone])
    if sheet.empty:
        title = f"Forecast of cost{words(sheet.by)}"
        return no_spend(sheet.ax, sheet.look, title, [sheet.zone], saying="nothing to forecast")
    past = _past(history, sheet)
    record = _record(backtest, table, sheet.by)
    chosen = chosen_colors(drawn, colors)
    for (panel, currency), series in zip(sheet.panels, drawn, strict=True):
        before = past.filter(pl.col("currency") == currency)
        _draw(
            panel,
            series,
            before,
            record.filter(pl.col("currency") == currency),
            currency=currency,
            sheet=sheet,
            levels=levels,
            colors=chosen,
        )
    return sheet.ax


def _levels(table: pl.DataFrame) -> list[str]:
    """Return the levels of the bands, the widest first."""
    found = [match.group(2) for match in map(_BAND.fullmatch, table.columns) if match]
    for level in found:
        for side in ("lo", "hi"):
            if f"{side}_{level}" not in table.columns:
                raise MissingColumnError(f"{side}_{level}", table.columns, hint="A band has two.")
    return sorted(dict.fromkeys(found), key=float, reverse=True)


def _past(history: Frame | None, sheet: Sheet) -> pl.DataFrame:
    """Return the past as `name`, `period`, `currency`, `cost` and `complete`."""
    wanted = ("name", "period", "currency", "cost", "complete")
    if history is None:
        return sheet.rows.clear().with_columns(complete=pl.lit(value=True)).select(wanted)
    table = read_frame(history, needs=("currency", "cost"), made_by="trend")
    if "period" not in table.columns and "bucket" in table.columns:
        every = spacing(sheet.rows["period"].unique().sort().to_list())
        if every is None:
            raise QueryError(
                "the length of a forecast of one period is not known; pass history as "
                "trend(usage, by=..., every=...)"
            )
        table = trend(table, by=sheet.by, every=every, timezone=sheet.zone, window=1)
    table = read_frame(table, needs=("period", "currency", "cost", "complete"), made_by="trend")
    if period_zone(table) != sheet.zone:
        raise QueryError(
            f"history is in {period_zone(table)}, the forecast in {sheet.zone}; expected one zone"
        )
    return named(table, measures=TREND, other=sheet.other).select(wanted)


def _record(backtest: Frame | None, table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the backtest of the models of a forecast, a row for each series that has one."""
    if backtest is None:
        return pl.DataFrame(schema={"currency": pl.String()})
    key = [*by, "currency", "model"]
    told = read_frame(backtest, needs=(*key, "error"), made_by="backtest")
    return told.join(table.select(key).unique(), on=key, how="semi", nulls_equal=True)


def _draw(
    ax: Axes,
    series: Sequence[Series],
    past: pl.DataFrame,
    record: pl.DataFrame,
    *,
    currency: str,
    sheet: Sheet,
    levels: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    look = sheet.look
    ahead = pl.concat([one.rows for one in series])
    coming: list[datetime] = ahead["period"].unique().sort().to_list()
    every = spacing(coming)
    noun = NOUNS.get(every or "", "period")
    used = sheet.in_currency(currency)["model"].drop_nulls().unique().sort().to_list()
    models = ", ".join(described(one, every) for one in used)
    error = _mean(record, "error", ", error {:.2f} in backtest")
    facts = [
        covered(coming, sheet.zone),
        sheet.zone,
        f"{short_amount(ahead.select(total('cost')).item(), currency)} total ({currency})",
        *([f"model: {models}{error}"] if models else []),
    ]
    shaded = levels if len(series) == 1 else levels[-1:]
    if shaded:
        held = [
            f"{level}%{_mean(record, f'coverage_{level}', ' (held {:.0%})')}"
            for level in reversed(shaded)
        ]
        facts.append(f"bands: {' and '.join(held)}")
    quiet(ax, look)
    money_axis(ax, look, currency)
    heading(ax, look, f"Forecast of cost per {noun}{words(sheet.by)}", facts)
    before = [_folded(past, one, series) for one in series]
    tops = [ahead["cost"], *(rows["cost"] for rows in before)]
    tops += [ahead[f"hi_{level}"].cast(pl.Float64) for level in shaded]
    from_zero(ax, 1.06 * float(pl.concat(tops).max() or 1))  # pyright: ignore[reportArgumentType] -- of floats

    names = shown([one.name for one in series], ax, look, part=0.3)
    ends: list[End] = []
    for one, rows in zip(series, before, strict=True):
        color = series_color(one, colors)
        if rows.height:
            draw_line(ax, rows, color=color, look=look, label=f"{names[one.name]} so far")
        for depth, level in enumerate(shaded):
            band = one.rows.drop_nulls([f"lo_{level}", f"hi_{level}"])
            if band.is_empty():  # folded
                continue
            ax.fill_between(
                places(band),
                band[f"lo_{level}"].clip(0),
                band[f"hi_{level}"],
                color=color,
                alpha=0.14 + 0.1 * depth,
                linewidth=0,
                label=f"{names[one.name]} {level}%",
            )
        ax.plot(
            places(one.rows),
            one.rows["cost"],
            color=color,
            linewidth=look.size / 6,
            linestyle=(0, (3, 1.5)),
            marker="o" if one.rows.height == 1 else "",
            label=names[one.name],
            zorder=4,
        )
        ends.append(End(one.rows["cost"][-1], names[one.name] if sheet.by else "forecast", color))
    if any(rows.height for rows in before):
        ax.axvline(places(ahead.sort("period"))[0], color=look.muted, linewidth=0.8, zorder=1)
    whole = pl.concat([rows["period"] for rows in before] + [ahead["period"]])
    time_axis(ax, whole.unique().sort().to_list(), ends, look)


def _mean(record: pl.DataFrame, column: str, form: str) -> str:
    """Return the mean of a column of the backtest as text; empty if there is none."""
    mean = record[column].mean() if column in record.columns else None
    return "" if mean is None else form.format(mean)


def _folded(past: pl.DataFrame, one: Series, series: Sequence[Series]) -> pl.DataFrame:
    """Return the past of a name; for the rest, the sum of all names without a line."""
    leading = [other.name for other in series if not other.folded]
    name = pl.col("name")
    rows = past.filter(~name.is_in(leading) if one.folded else name == one.name)
    return rows.group_by("period").agg(total("cost"), pl.col("complete").all()).sort("period")
