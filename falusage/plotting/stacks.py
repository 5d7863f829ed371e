"""Periods in columns: what each was made of, in the same order and colours throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from falusage.columns import total
from falusage.plotting.dates import (
    every_of,
    mark_labels,
    marks,
)
from falusage.plotting.formats import money, percent
from falusage.plotting.labels import GAP, End, label_ends, make_room, room_for_marks, shown
from falusage.plotting.lettering import LITERAL
from falusage.plotting.palette import contrast
from falusage.plotting.panels import Series, color_of
from falusage.plotting.style import Look, baseline, heading, no_spend, points_of, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_stacks(
    ax: Axes,
    series: Sequence[Series],
    currency: str,
    *,
    periods: Sequence[datetime],
    look: Look,
    title: str,
    facts: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    """Draw a column of the whole for each period, a gap where nothing was spent in one."""
    drawn = pl.concat([one.rows for one in series])
    spent = _over(drawn.group_by("period").agg(total("cost")), "cost", periods)
    if not any(spent):
        no_spend(ax, look, title, facts)
        return
    quiet(ax, look)
    heading(ax, look, title, facts)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])

    names = shown([one.name for one in series], ax, look, part=0.3)
    bottom = [0.0] * len(periods)
    ends: list[End] = []
    last = max(place for place, cost in enumerate(spent) if cost)
    for one in series:
        color = color_of(one, colors)
        parts = _over(one.rows, "share", periods)
        ax.bar(
            range(len(periods)),
            parts,
            bottom=bottom,
            width=0.8,
            color=color,
            edgecolor=look.paper,
            linewidth=0.6,
            label=names[one.name],
        )
        middle = bottom[last] + parts[last] / 2
        ends.append(End(middle, names[one.name] or "all", color))
        bottom = [a + b for a, b in zip(bottom, parts, strict=True)]
    ax.set_ylim(0, 1.08)
    low, high = -0.6, len(periods) - 0.4
    ax.set_xlim(low, high)
    labels = label_ends(ax, ends, look, beyond=len(periods) - 0.6)
    make_room(ax, low, high, right=labels, margin=(GAP + 0.4) * look.size)
    baseline(ax, look, low, high)
    _write_in(ax, spent, currency, look)
    places = marks(periods, room_for_marks(ax, len(periods), look, every_of(periods)))
    ax.set_xticks(places, mark_labels([periods[place] for place in places], every_of(periods)))


def _over(rows: pl.DataFrame, column: str, periods: Sequence[datetime]) -> list[float]:
    """Give a column's values period by period, zero where there is no row or no total."""
    values = dict(rows.select("period", pl.col(column).fill_null(0.0)).iter_rows())
    return [cast("float", values.get(period, 0.0)) for period in periods]


def _write_in(ax: Axes, spent: Sequence[float], currency: str, look: Look) -> None:
    """Write each period's cost over its column, and the shares into parts with room for them."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    width, height = points_of(ax)
    column = width / (ax.get_xlim()[1] - ax.get_xlim()[0])
    line = 1.4 * look.size * (ax.get_ylim()[1] - ax.get_ylim()[0]) / height
    small = 0.9 * look.size
    style: dict[str, Any] = {"ha": "center", "fontsize": small, **LITERAL}
    if 0.8 * column >= 3 * small:
        for part in ax.patches:
            if isinstance(part, Rectangle) and part.get_height() >= line:
                fill = to_rgb(part.get_facecolor())
                ax.text(
                    part.get_x() + part.get_width() / 2,
                    part.get_y() + part.get_height() / 2,
                    percent(part.get_height()),
                    va="center",
                    color=max(look.ink, look.paper, key=lambda color: contrast(color, fill)),
                    **style,
                )
    totals = [money(cost, currency) for cost in spent]
    if column >= (0.6 * max(map(len, totals)) + 0.8) * small:
        for place, (cost, text) in enumerate(zip(spent, totals, strict=True)):
            ax.annotate(
                text,
                xy=(place, 1 if cost else 0),
                xytext=(0, 0.35 * look.size),
                textcoords="offset points",
                va="bottom",
                color=look.muted,
                **style,
            )
