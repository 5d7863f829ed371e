"""Cost over time: a line for each name, with its name at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

import polars as pl

from falusage._wording.dates import NOUNS, covered, spacing
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.plotting._labels import End, shown
from falusage.plotting._palette import repeats
from falusage.plotting._panels import (
    Frame,
    Series,
    chosen_colors,
    read_sheet,
    same_width,
    series_color,
    words,
)
from falusage.plotting._style import Look, from_zero, heading, money_axis, no_spend, quiet
from falusage.plotting._timeline import dashes, draw_line, line_end, places, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEEDS: Final = ("period", "currency", "cost", "rolling_mean", "complete")
MEASURES: Final = (*NEEDS, "previous", "change", "pct_change")

_SUMS: Final = (
    total("cost"),
    # The mean of a sum is the sum of the means, if none of them is null.
    pl.when(pl.col("rolling_mean").null_count() == 0).then(pl.col("rolling_mean").sum()),
    pl.col("complete").all(),
)


def plot_trend(
    trend: Frame,
    *,
    ax: Axes | None = None,
    top: int | None = None,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """Draw what `trend` returns: cost over time, from zero, in the frame's time zone.

    Each line has its name at its end. A period that is not `complete` is hollow, and the line to
    and from it is dotted, so that a day cut short does not look like a drop. Of days, and of a
    single line, the rolling mean is the line, and the periods are faint behind it, because
    weekends hide a trend. A mean over one period, or known for less than half of the periods, is
    not drawn. Long names are cut in the middle, and characters that no font has are written by
    name.

    Args:
        trend: The frame: `period`, any *by*, `currency`, `cost`, `rolling_mean`, `complete`.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        top: How many names are drawn in each currency, by falling cost; the rest are summed into
            one grey line, `other`. By default seven, or all if the frame has an `other` already.
        other: The name of that line; rows that bear it already are added to it.
        colors: Colours by name that replace those of `colors_of`; several *by* make one name,
            joined by " · ".

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame is not one that `trend` returns.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: `top` is below 1, or this is not a frame.

    >>> from datetime import UTC, datetime
    >>> frame = pl.DataFrame({
    ...     "period": [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2)],
    ...     "currency": ["USD", "USD"], "cost": [1.5, 2.5],
    ...     "rolling_mean": [None, 2.0], "complete": [True, True],
    ... })
    >>> plot_trend(frame).get_title(loc="left")
    'Cost per day'
    """
    sheet = read_sheet(trend, needs=NEEDS, measures=MEASURES, made_by="trend", ax=ax, other=other)
    drawn = sheet.series(top=top, sums=_SUMS)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, f"Cost{words(sheet.by)}", [sheet.zone])
    chosen = chosen_colors(drawn, colors)
    for (panel, currency), series in zip(sheet.panels, drawn, strict=True):
        _draw(panel, series, look=sheet.look, currency=currency, by=sheet.by, colors=chosen)
    same_width([panel for panel, _ in sheet.panels if panel.lines])
    return sheet.ax


def _draw(
    ax: Axes,
    series: Sequence[Series],
    *,
    look: Look,
    currency: str,
    by: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    drawn = pl.concat([one.rows for one in series])
    periods: list[datetime] = drawn["period"].unique().sort().to_list()
    timezone = str(periods[0].tzinfo)
    spent: float = drawn.select(total("cost")).item()
    noun = NOUNS.get(spacing(periods) or "", "period")
    title = f"Cost per {noun}{words(by)}"
    facts = [
        covered(periods, timezone),
        timezone,
        f"{short_amount(spent, currency)} total ({currency})",
    ]
    if not spent:
        no_spend(ax, look, title, facts)
        return
    if not drawn["complete"].all():
        facts.append(f"hollow: incomplete {noun}")
    smooth = _smooth(series, noun)
    if smooth:
        facts.append(f"line: rolling mean; faint: each {noun}")
    quiet(ax, look)
    money_axis(ax, look, currency)
    heading(ax, look, title, facts)
    highest = pl.concat([drawn["cost"], drawn["rolling_mean"].cast(pl.Float64)]).max()
    from_zero(ax, 1.06 * cast("float", highest))

    names = shown([one.name for one in series], ax, look, part=0.3)
    again = repeats([one.name for one in series], colors)
    ends: list[End] = []
    for one in series:
        color, name, repeat = series_color(one, colors), names[one.name], again[one.name]
        draw_line(
            ax,
            one.rows,
            color=color,
            look=look,
            label=name,
            repeat=0 if smooth else repeat,
            behind=smooth,
        )
        if smooth:
            ax.plot(
                places(one.rows),
                one.rows["rolling_mean"],
                color=color,
                linewidth=look.size / 5,
                linestyle=dashes(repeat),
                label="rolling mean",
                zorder=4,
            )
        column = "rolling_mean" if smooth else "cost"
        ends.append(line_end(one.rows, column, name if by else column.replace("_", " "), color))
    time_axis(ax, periods, ends, look)


def _smooth(series: Sequence[Series], noun: str) -> bool:
    """Return whether the rolling means are the lines: those of days, or of a single line."""
    means = [one.rows["rolling_mean"] for one in series]
    known = all(2 * mean.count() >= len(mean) > 2 for mean in means)
    differ = any(one.rows.filter(pl.col("rolling_mean") != pl.col("cost")).height for one in series)
    return known and differ and (noun == "day" or len(series) == 1)
