"""Bars from the top down, each with its name and its amount; steps are joined by thin lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from falusage.plotting._labels import make_room, shown
from falusage.plotting._style import Look, heading, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LITTLE: Final = 0.3
"""Steps that cover less than this part of the end bars have the bars cut."""


@dataclass(frozen=True)
class Bar:
    """A bar from `begin` to `end`, with its amount as text; a `whole` one starts at zero."""

    name: str
    begin: float
    end: float
    text: str
    color: str
    whole: bool = False


def draw_waterfall(
    ax: Axes, bars: Sequence[Bar], *, look: Look, title: str, facts: Sequence[str]
) -> None:
    """Draw the bars; whole ones are cut if the steps between them would be too small to see."""
    steps = [edge for bar in bars if not bar.whole for edge in (bar.begin, bar.end)] or [0.0]
    low, high = min(0.0, *steps), max(0.0, *steps)
    cut = len([bar for bar in bars if bar.whole]) == 2 and min(steps) > 0
    cut = cut and max(steps) - min(steps) < _LITTLE * max(steps)
    if cut:
        low = min(steps) - 0.35 * ((max(steps) - min(steps)) or min(steps))
    quiet(ax, look)
    ax.set_xticks([])
    heading(ax, look, title, [*facts, *(["end bars are cut"] if cut else [])])
    begins = [max(bar.begin, low) if bar.whole else bar.begin for bar in bars]
    ax.barh(
        range(len(bars)),
        [bar.end - begin for bar, begin in zip(bars, begins, strict=True)],
        left=begins,
        height=0.7,
        color=[bar.color for bar in bars],
    )
    for row, (bar, after) in enumerate(pairwise(bars)):
        at = after.begin if not after.whole else bar.end
        ax.plot([at, at], [row - 0.35, row + 1.35], color=look.muted, linewidth=0.8, zorder=3)
    if not cut:
        ax.plot([0, 0], [-0.5, len(bars) - 0.5], color=look.muted, linewidth=0.8, zorder=3)
    ax.set_ylim(max(len(bars), 5) - 0.5, -0.5)
    ax.set_yticks([])
    _write(ax, bars, begins, low=low, high=high if high > low else low + 1, look=look)
    if cut:
        _cut(ax, [row for row, bar in enumerate(bars) if bar.whole], low, look)


def _write(
    ax: Axes,
    bars: Sequence[Bar],
    begins: Sequence[float],
    *,
    low: float,
    high: float,
    look: Look,
) -> None:
    """Write names to the left of all bars, and amounts to the right of each."""
    names = shown([bar.name for bar in bars], ax, look, part=0.4)
    beside: dict[str, Any] = {
        "textcoords": "offset points",
        "va": "center_baseline",
        "fontsize": look.size,
        "color": look.ink,
        "annotation_clip": False,
        **look.lettering,
    }
    left = [
        ax.annotate(
            names[bar.name],
            xy=(low, row),
            xytext=(-0.7 * look.size, 0),
            ha="right",
            fontweight="bold" if bar.whole else "normal",
            **beside,
        )
        for row, bar in enumerate(bars)
    ]
    right = [
        ax.annotate(
            bar.text,
            xy=(max(begin, bar.end), row),
            xytext=(0.6 * look.size, 0),
            ha="left",
            bbox={"facecolor": look.paper, "edgecolor": "none", "pad": 0.5},
            zorder=4,
            fontweight="bold" if bar.whole else "normal",
            **beside,
        )
        for row, (bar, begin) in enumerate(zip(bars, begins, strict=True))
    ]
    make_room(ax, low, high, left=left, right=right, margin=look.size)


def _cut(ax: Axes, rows: Sequence[int], low: float, look: Look) -> None:
    """Draw a slanted gap near the start of bars, which shows that they are longer."""
    left, right = ax.get_xlim()
    at, slant = low + (right - left) * 0.02, (right - left) * 0.006
    for row in rows:
        ax.plot(
            [at + slant, at - slant],
            [row - 0.42, row + 0.42],
            color=look.paper,
            linewidth=look.size / 4,
            zorder=3.5,
            gid="cut",
        )
