"""How cost moved: a line for each name, its name at its end, and what is not yet whole dashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl

from falusage.columns import total
from falusage.errors import QueryError
from falusage.plotting.dates import NOUNS, covered, every_of, mark_labels, marks
from falusage.plotting.formats import money
from falusage.plotting.labels import GAP, End, label_ends, make_room, room_for_marks, shown
from falusage.plotting.palette import Rgb
from falusage.plotting.panels import (
    TOP,
    Frame,
    Series,
    axes_for,
    chosen_colors,
    color_of,
    currencies_of,
    keys,
    named,
    same_width,
    series_of,
    table_of,
    words,
    zone_of,
)
from falusage.plotting.style import (
    Look,
    baseline,
    heading,
    look_of,
    money_axis,
    no_spend,
    quiet,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDS: Final = ("period", "currency", "cost", "rolling_mean", "complete")
_MEASURES: Final = (*_NEEDS, "previous", "change", "pct_change")
_FEW: Final = 16
"""Up to so many periods, each is marked with a dot."""

_MANY: Final = 45
"""Beyond so many, lines are drawn thinner."""

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
    top: int = TOP,
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
            one grey line, `other`.
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
    if top < 1:
        raise QueryError(f"top is {top}; expected at least 1 name to draw")
    table = table_of(trend, needs=_NEEDS, made_by="trend")
    by = keys(table, _MEASURES)
    rows = named(table, measures=_MEASURES, other=other)
    currencies = currencies_of(rows)
    axes = axes_for(currencies, ax)
    if not currencies:
        return no_spend(axes[0], look_of(axes[0]), f"Cost{words(by)}", [zone_of(table)])
    drawn = [
        series_of(rows.filter(pl.col("currency") == currency), top=top, other=other, sums=_SUMS)
        for currency in currencies
    ]
    chosen = chosen_colors(drawn, colors)
    look = look_of(axes[0])
    for panel, currency, series in zip(axes, currencies, drawn, strict=True):
        _draw(panel, series, look=look, currency=currency, by=by, colors=chosen)
    same_width([panel for panel in axes if panel.lines])
    return axes[0]


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
        _line(ax, one.rows, color=color, look=look, label=names[one.name])
        ends.append(_end(one.rows, "cost", names[one.name] if by else "cost", color))
    if means.count():
        alone = series[0].rows
        whole = alone.filter("complete")
        ax.fill_between(_x(whole), whole["cost"], color=ends[0].color, alpha=0.12, linewidth=0)
        ax.plot(
            _x(alone),
            alone["rolling_mean"],
            color=look.muted,
            linewidth=look.size / 8,
            label="rolling mean",
            zorder=4,
        )
        ends.append(_end(alone, "rolling_mean", "rolling mean", look.muted))
    _time_axis(ax, periods, ends, look)


def _line(ax: Axes, rows: pl.DataFrame, *, color: str, look: Look, label: str) -> None:
    """Draw the whole periods solid, those cut short hollow, and faint dashes between them."""
    count = len(rows)
    width = look.size / (5 if count <= _MANY else 7)
    whole = rows.with_columns(pl.when("complete").then("cost"))
    ax.plot(
        _x(rows),
        whole["cost"],
        color=color,
        linewidth=width,
        marker="o" if count <= _FEW else "",
        markersize=look.size / 2.5,
        solid_joinstyle="round",
        label=label,
        zorder=3,
    )
    if whole["cost"].null_count() == 0:
        return
    cut = ~pl.col("complete")
    beside = cut | cut.shift(1, fill_value=False) | cut.shift(-1, fill_value=False)
    faint = rows.with_columns(pl.when(beside).then("cost"))
    hollow = rows.filter(cut)
    ax.plot(_x(rows), faint["cost"], color=color, linewidth=0.6 * width, linestyle=":", alpha=0.7)
    ax.plot(
        _x(hollow),
        hollow["cost"],
        color=color,
        linestyle="",
        marker="o",
        markersize=look.size / 2,
        markerfacecolor=look.paper,
        markeredgewidth=look.size / 9,
        zorder=4,
    )


def _x(rows: pl.DataFrame) -> Any:  # matplotlib reads aware datetimes, its types do not say so
    return rows["period"].to_list()


def _end(rows: pl.DataFrame, column: str, text: str, color: str | Rgb) -> End:
    """Give the height of a line's last whole point: one cut short is nowhere near the line."""
    whole = rows.filter(pl.col("complete") & pl.col(column).is_not_null())
    return End((whole if len(whole) else rows)[column][-1], text, color)


def _time_axis(ax: Axes, periods: Sequence[datetime], ends: Sequence[End], look: Look) -> None:
    from matplotlib.dates import date2num

    first, last = float(date2num(periods[0])), float(date2num(periods[-1]))
    pad = (last - first) / 80 or 0.5
    ax.set_xlim(first - pad, last)
    labels = label_ends(ax, ends, look, beyond=last)
    make_room(ax, first - pad, last, right=labels, margin=(GAP + 0.4) * look.size)
    baseline(ax, look, first - pad, last)
    places = marks(periods, room_for_marks(ax, last - first, look, every_of(periods)))
    marked = [periods[place] for place in places]
    ax.set_xticks([float(date2num(at)) for at in marked], mark_labels(marked, every_of(periods)))
