"""Periods as columns, each cut into its names, in the same order and colours.

A column is as high as its cost; if shares are drawn, all columns have the same height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, cast

import polars as pl

from falusage._wording.dates import (
    mark_labels,
    marks,
    spacing,
)
from falusage._wording.money import short_amount
from falusage._wording.numbers import short_percent
from falusage.columns import total
from falusage.plotting._labels import GAP, End, label_ends, make_room, room_for_marks, shown
from falusage.plotting._lettering import LITERAL
from falusage.plotting._palette import BLACK, WHITE, contrast, repeats
from falusage.plotting._panels import Series, series_color
from falusage.plotting._style import (
    Look,
    baseline,
    from_zero,
    heading,
    money_axis,
    no_spend,
    quiet,
    size_in_points,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY: Final = 45
"""From this many on, there are no gaps between columns."""


def draw_columns(
    ax: Axes,
    series: Sequence[Series],
    currency: str,
    *,
    column: Literal["cost", "share"],
    periods: Sequence[datetime],
    look: Look,
    title: str,
    facts: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    """Draw a column for each period; a period without spend is empty."""
    drawn = pl.concat([one.rows for one in series])
    spent = _over(drawn.group_by("period").agg(total("cost")), "cost", periods)
    if not any(spent):
        no_spend(ax, look, title, facts)
        return
    quiet(ax, look)
    if column == "share":
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    else:
        money_axis(ax, look, currency)
    heading(ax, look, title, facts)
    names = shown([one.name for one in series], ax, look, part=0.3)
    whole = {*drawn.filter("complete")["period"]} if "complete" in drawn.columns else {*periods}
    bottom = [0.0] * len(periods)
    ends: list[End] = []
    last = max(place for place, cost in enumerate(spent) if cost)
    again = repeats([one.name for one in series], colors)
    for one in series:
        color = series_color(one, colors)
        parts = _over(one.rows, column, periods)
        ax.bar(
            range(len(periods)),
            parts,
            bottom=bottom,
            width=0.8 if len(periods) <= _MANY else 1.0,
            color=color,
            alpha=1.0 if not again[one.name] else 0.55,
            edgecolor=look.paper,
            linewidth=0.6 if len(periods) <= _MANY else 0.2,
            hatch=["" if period in whole else "////" for period in periods],
            label=names[one.name],
        )
        middle = bottom[last] + parts[last] / 2
        ends.append(End(middle, names[one.name] if one.name or len(series) > 1 else "all", color))
        bottom = [a + b for a, b in zip(bottom, parts, strict=True)]
    from_zero(ax, 1.08 * max(bottom))
    low, high = -0.6, len(periods) - 0.4
    ax.set_xlim(low, high)
    labels = label_ends(ax, ends, look, beyond=len(periods) - 0.6)
    make_room(ax, low, high, right=labels, margin=(GAP + 0.4) * look.size)
    baseline(ax, look, low, high)
    if column == "share":
        _write_parts(ax, look)
    _write_totals(ax, look, [short_amount(cost, currency) for cost in spent], bottom)
    places = marks(periods, room_for_marks(ax, len(periods), look, spacing(periods)))
    ax.set_xticks(places, mark_labels([periods[place] for place in places], spacing(periods)))


def _over(rows: pl.DataFrame, column: str, periods: Sequence[datetime]) -> list[float]:
    """Return a column's values for each period; zero if there is no row or no total."""
    values = dict(rows.select("period", pl.col(column).fill_null(0.0)).iter_rows())
    return [cast("float", values.get(period, 0.0)) for period in periods]


def _column(ax: Axes) -> float:
    """Return the width of a column with the gap beside it, in points."""
    return size_in_points(ax)[0] / (ax.get_xlim()[1] - ax.get_xlim()[0])


def _write_parts(ax: Axes, look: Look) -> None:
    """Write the shares into the parts that have room for them."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    small = 0.9 * look.size
    line = 1.4 * look.size * (ax.get_ylim()[1] - ax.get_ylim()[0]) / size_in_points(ax)[1]
    for part in ax.patches if 0.8 * _column(ax) >= 3 * small else ():
        if isinstance(part, Rectangle) and part.get_height() >= line:
            fill = to_rgb(part.get_facecolor())
            ax.text(
                part.get_x() + part.get_width() / 2,
                part.get_y() + part.get_height() / 2,
                short_percent(part.get_height()),
                va="center",
                ha="center",
                fontsize=small,
                color=max(BLACK, WHITE, key=lambda color: contrast(color, fill)),
                gid="inside",
                **LITERAL,
            )


def _write_totals(ax: Axes, look: Look, totals: Sequence[str], heights: Sequence[float]) -> None:
    """Write each period's cost over its column, if there is room for all of them."""
    small = 0.9 * look.size
    if _column(ax) < (0.6 * max(map(len, totals)) + 0.8) * small:
        return
    for place, (text, height) in enumerate(zip(totals, heights, strict=True)):
        ax.annotate(
            text,
            xy=(place, height),
            xytext=(0, 0.35 * look.size),
            textcoords="offset points",
            va="bottom",
            ha="center",
            fontsize=small,
            color=look.muted,
            **LITERAL,
        )
