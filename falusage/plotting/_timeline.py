"""Cost along a calendar: lines, incomplete periods, and the dates that have room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from falusage._wording.dates import mark_labels, marks, spacing
from falusage.plotting._labels import GAP, End, label_ends, make_room, room_for_marks
from falusage.plotting._palette import Rgb
from falusage.plotting._style import Look, baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW: Final = 16
"""Up to this many periods, each has a dot."""

_MANY: Final = 45
"""From this many periods on, lines are thinner."""

_FAINT: Final = 0.35
"""The opacity of a line behind another one."""


def places(rows: pl.DataFrame) -> Any:  # matplotlib reads aware datetimes, its types do not say so
    """Return the places of rows on the x axis."""
    return rows["period"].to_list()


def draw_line(
    ax: Axes,
    rows: pl.DataFrame,
    *,
    color: str,
    look: Look,
    label: str,
    repeat: int = 0,
    behind: bool = False,
) -> None:
    """Draw complete periods solid, incomplete ones hollow, and faint dots between them.

    Args:
        ax: Where to draw.
        rows: `period`, `cost` and `complete` of a series.
        color: The colour of the line.
        look: The size of text, from which that of the line follows.
        label: What the line is, for a legend.
        repeat: How many lines in the picture had the colour before: they differ in their dashes.
        behind: Whether the line is faint, because another one is in front of it.
    """
    count = len(rows)
    width = look.size / (5 if count <= _MANY else 7) * (0.5 if behind else 1.0)
    whole = rows.with_columns(pl.when("complete").then("cost"))
    ax.plot(
        places(rows),
        whole["cost"],
        color=color,
        alpha=_FAINT if behind else 1.0,
        linewidth=width,
        linestyle=dashes(repeat),
        marker="o" if count <= _FEW else "",
        markersize=look.size / 2.5,
        solid_joinstyle="round",
        label=label,
        zorder=2 if behind else 3,
    )
    if whole["cost"].null_count() == 0:
        return
    cut = ~pl.col("complete")
    beside = cut | cut.shift(1, fill_value=False) | cut.shift(-1, fill_value=False)
    faint = rows.with_columns(pl.when(beside).then("cost"))
    hollow = rows.filter(cut)
    ax.plot(
        places(rows), faint["cost"], color=color, linewidth=0.6 * width, linestyle=":", alpha=0.7
    )
    ax.plot(
        places(hollow),
        hollow["cost"],
        color=color,
        linestyle="",
        marker="o",
        markersize=look.size / 2,
        markerfacecolor=look.paper,
        markeredgewidth=look.size / 9,
        zorder=4,
    )


def dashes(repeat: int) -> Any:  # matplotlib's types know no tuple of an offset and lengths
    """Return the style of a line whose colour other lines had before."""
    return ("solid", (0, (4, 1.2)), (0, (1.5, 1)), (0, (6, 1.2, 1.5, 1.2)))[min(repeat, 3)]


def line_end(rows: pl.DataFrame, column: str, text: str, color: str | Rgb) -> End:
    """Return the height of a line's last complete point; an incomplete one is far from the line."""
    whole = rows.filter(pl.col("complete") & pl.col(column).is_not_null())
    return End((whole if len(whole) else rows)[column][-1], text, color)


def time_axis(ax: Axes, periods: Sequence[datetime], ends: Sequence[End], look: Look) -> None:
    """Set the x limits around ascending periods and their labels, and mark dates.

    Set the y limits before.
    """
    from matplotlib.dates import date2num

    first, last = float(date2num(periods[0])), float(date2num(periods[-1]))
    pad = (last - first) / 80 or 0.5
    ax.set_xlim(first - pad, last)
    labels = label_ends(ax, ends, look, beyond=last)
    make_room(ax, first - pad, last, right=labels, margin=(GAP + 0.4) * look.size)
    baseline(ax, look, first - pad, last)
    found = marks(periods, room_for_marks(ax, last - first, look, spacing(periods)))
    marked = [periods[place] for place in found]
    ax.set_xticks([float(date2num(at)) for at in marked], mark_labels(marked, spacing(periods)))
