"""Where cost will end: a dashed line ahead, in bands as wide as what is not known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import NOUNS, covered, every_of
from falusage._wording.money import money
from falusage.columns import total
from falusage.errors import MissingColumnError, QueryError
from falusage.plotting._labels import End, shown
from falusage.plotting._panels import (
    Frame,
    Series,
    Sheet,
    chosen_colors,
    color_of,
    named,
    sheet_of,
    table_of,
    words,
    zone_of,
)
from falusage.plotting._style import heading, money_axis, no_spend, quiet
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

    A single name has all its bands, the widest palest; of several, each has its narrowest. What
    is folded into `other` has none: intervals have no sum.

    Args:
        forecast: The frame: `period`, any *by*, `currency`, `model`, `cost`, and `lo_80`, `hi_80`
            for each level.
        ax: Where to draw. Without it a new figure is made, with a panel for each currency.
        history: What came before, drawn solid: what `trend` gives with the same *by*, *every* and
            zone, or the usage table, of which that trend is made.
        backtest: What `backtest` returned with the same *by*: under the title stand the error of
            the model that was taken, 1 being that of saying "as last season", and which share of
            the past its bands held; of several series, the means over those that it is known of.
        top: How many names are drawn in each currency, by falling forecast; the rest are `other`.
            None draws seven, or all where the frame has an `other` already.
        other: The name of the rest; rows that bear it already are added to it.
        colors: Colours by name, such as `colors_of` gives for a whole report; several *by* make
            one name, joined by " · ".

    Returns:
        The axes drawn on. Where there are several currencies, those of the one with the most
        rows; the other panels are in `.figure.axes`, below.

    Raises:
        MissingColumnError: The frame is not one that `forecast` made, or a band has one side; or
            `backtest` is not one that `backtest` made with the same *by*.
        MixedCurrencyError: There are several currencies, and only one `ax`.
        QueryError: `top` is below 1, this is no frame, `history` is in another time zone, or it is
            a usage table beside a forecast of one period, which does not say how long that is.

    >>> from datetime import UTC
    >>> frame = pl.DataFrame({
    ...     "period": [datetime(2025, 7, day, tzinfo=UTC) for day in (1, 2)],
    ...     "currency": ["USD", "USD"], "model": ["AutoETS", "AutoETS"], "cost": [10.0, 12.0],
    ...     "lo_80": [9.0, 10.5], "hi_80": [11.0, 13.5],
    ... })
    >>> plot_forecast(frame).get_title(loc="left")
    'Forecast of cost per day'
    """
    table = table_of(forecast, needs=_NEEDS, made_by="forecast")
    levels = _levels(table)
    bands = [f"{side}_{level}" for level in levels for side in ("lo", "hi")]
    sheet = sheet_of(
        table,
        needs=_NEEDS,
        measures=(*_NEEDS, *bands),
        made_by="forecast",
        ax=ax,
        other=other,
    )
    # A sum of intervals is none: one that two rows were folded into is unknown.
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
    """Give the levels of the bands, the widest first."""
    found = [match.group(2) for match in map(_BAND.fullmatch, table.columns) if match]
    for level in found:
        for side in ("lo", "hi"):
            if f"{side}_{level}" not in table.columns:
                raise MissingColumnError(f"{side}_{level}", table.columns, hint="A band has two.")
    return sorted(dict.fromkeys(found), key=float, reverse=True)


def _past(history: Frame | None, sheet: Sheet) -> pl.DataFrame:
    """Read what came before as `name`, `period`, `currency`, `cost` and `complete`."""
    wanted = ("name", "period", "currency", "cost", "complete")
    if history is None:
        return sheet.rows.clear().with_columns(complete=pl.lit(value=True)).select(wanted)
    table = table_of(history, needs=("currency", "cost"), made_by="trend")
    if "period" not in table.columns and "bucket" in table.columns:
        every = every_of(sheet.rows["period"].unique().sort().to_list())
        if every is None:
            raise QueryError(
                "a forecast of one period does not say how long that is; "
                "give history as trend(usage, by=..., every=...)"
            )
        table = trend(table, by=sheet.by, every=every, timezone=sheet.zone, window=1)
    table = table_of(table, needs=("period", "currency", "cost", "complete"), made_by="trend")
    if zone_of(table) != sheet.zone:
        raise QueryError(
            f"history is in {zone_of(table)}, the forecast in {sheet.zone}; expected one zone"
        )
    return named(table, measures=TREND, other=sheet.other).select(wanted)


def _record(backtest: Frame | None, table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Give the track record of the models that forecast, a row for each series that has one."""
    if backtest is None:
        return pl.DataFrame(schema={"currency": pl.String()})
    key = [*by, "currency", "model"]
    told = table_of(backtest, needs=(*key, "error"), made_by="backtest")
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
    noun = NOUNS.get(every_of(coming) or "", "period")
    models = sheet.of(currency)["model"].drop_nulls().unique().sort().to_list()
    facts = [
        covered(coming, sheet.zone),
        sheet.zone,
        f"{money(ahead.select(total('cost')).item(), currency)} in all ({currency})",
        *(
            [f"by {', '.join(models)}{_mean(record, 'error', ', error {:.2f} in backtest')}"]
            if models
            else []
        ),
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
    ax.set_ylim(0, 1.06 * float(pl.concat(tops).max() or 1))  # pyright: ignore[reportArgumentType] -- of floats

    names = shown([one.name for one in series], ax, look, part=0.3)
    ends: list[End] = []
    for one, rows in zip(series, before, strict=True):
        color = color_of(one, colors)
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
    """Say the mean of a column of the track record; nothing where there is none."""
    mean = record[column].mean() if column in record.columns else None
    return "" if mean is None else form.format(mean)


def _folded(past: pl.DataFrame, one: Series, series: Sequence[Series]) -> pl.DataFrame:
    """Give a name's past; of the rest, the sum of all names that have no line of their own."""
    leading = [other.name for other in series if not other.folded]
    name = pl.col("name")
    rows = past.filter(~name.is_in(leading) if one.folded else name == one.name)
    return rows.group_by("period").agg(total("cost"), pl.col("complete").all()).sort("period")
