"""How cost moved: a line for each name, its name at its end, and what is not yet whole dashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

import polars as pl

from falusage._wording.dates import NOUNS, covered, every_of
from falusage._wording.money import money
from falusage.columns import total
from falusage.plotting._labels import End, shown
from falusage.plotting._panels import (
    Frame,
    Series,
    chosen_colors,
    color_of,
    same_width,
    sheet_of,
    words,
)
from falusage.plotting._style import Look, heading, money_axis, no_spend, quiet
from falusage.plotting._timeline import draw_line, end_of, places, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEEDS: Final = ("period", "currency", "cost", "rolling_mean", "complete")
MEASURES: Final = (*NEEDS, "previous", "change", "pct_change")

_SUMS: Final = (
    total("cost"),
    # The mean of a sum is the sum of the means, once each of them is there.
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

    Each name's line is labelled at its end. A period that is not `complete` is hollow, and the
    line to and from it dashed, so that a day cut short does not look like a drop. A single line
    comes with its rolling mean. Names longer than there is room for are cut in the middle, and
    characters that the reader's font lacks are written in words.

    Args:
        trend: The frame: `period`, any *by*, `currency`, `cost`, `rolling_mean`, `complete`.
        ax: Where to draw. Without it a new figure is made, with a panel for each currency.
        top: How many names are drawn in each currency, by falling cost; the rest are summed into
            one grey line, `other`. None draws seven, or all where the frame has an `other` already.
        other: The name of that line; rows that bear it already are added to it.
        colors: Colours by name, such as `colors_of` gives for a whole report; several *by* make
            one name, joined by " · ".

    Returns:
        The axes drawn on. Where there are several currencies, those of the one that most rows
        were spent in; the other panels are in `.figure.axes`, below.

    Raises:
        MissingColumnError: The frame is not one that `trend` made.
        MixedCurrencyError: There are several currencies, and only one `ax`.
        QueryError: `top` is below 1, or this is no frame.

    >>> from datetime import UTC, datetime
    >>> frame = pl.DataFrame({
    ...     "period": [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2)],
    ...     "currency": ["USD", "USD"], "cost": [1.5, 2.5],
    ...     "rolling_mean": [None, 2.0], "complete": [True, True],
    ... })
    >>> plot_trend(frame).get_title(loc="left")
    'Cost per day'
    """
    sheet = sheet_of(trend, needs=NEEDS, measures=MEASURES, made_by="trend", ax=ax, other=other)
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
    noun = NOUNS.get(every_of(periods) or "", "period")
    title = f"Cost per {noun}{words(by)}"
    facts = [covered(periods, timezone), timezone, f"{money(spent, currency)} in all ({currency})"]
    if not spent:
        no_spend(ax, look, title, facts)
        return
    if not drawn["complete"].all():
        facts.append(f"hollow: incomplete {noun}")
    quiet(ax, look)
    money_axis(ax, look, currency)
    heading(ax, look, title, facts)
    means = series[0].rows["rolling_mean"] if len(series) == 1 else pl.Series([None])
    highest = pl.concat([drawn["cost"], means.cast(pl.Float64)]).max()
    ax.set_ylim(0, 1.06 * cast("float", highest))

    names = shown([one.name for one in series], ax, look, part=0.3)
    ends: list[End] = []
    for one in series:
        color = color_of(one, colors)
        draw_line(ax, one.rows, color=color, look=look, label=names[one.name])
        ends.append(end_of(one.rows, "cost", names[one.name] if by else "cost", color))
    if means.count():
        alone = series[0].rows
        whole = alone.filter("complete")
        ax.fill_between(places(whole), whole["cost"], color=ends[0].color, alpha=0.12, linewidth=0)
        ax.plot(
            places(alone),
            alone["rolling_mean"],
            color=look.muted,
            linewidth=look.size / 8,
            label="rolling mean",
            zorder=4,
        )
        ends.append(end_of(alone, "rolling_mean", "rolling mean", look.muted))
    time_axis(ax, periods, ends, look)
