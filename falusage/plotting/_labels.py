"""Names beside their lines or bars, instead of a legend.

Labels keep the order of the lines, never overlap, and move as little as possible. They have room
inside the axes, so that no layout cuts them off.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from falusage._wording.names import short_names
from falusage.errors import MissingGlyphWarning, warn
from falusage.plotting._lettering import legible, missing
from falusage.plotting._palette import Rgb, readable
from falusage.plotting._style import Look, size_in_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase
    from matplotlib.text import Text

GAP: Final = 1.8
"""The distance between a label and its line, in font sizes."""

_GLYPH: Final = 0.56  # the mean width of a character, in font sizes


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Move ascending places at least `gap` apart, within bounds, with the least squared moves.

    Minus `gap` for each place below, this is isotonic regression, which pooling adjacent violators
    solves exactly. If there is not enough room for all, the gap shrinks.

    >>> spread([1.0, 1.0, 5.0], gap=2.0, low=0.0, high=10.0)
    [0.0, 2.0, 5.0]
    """
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    pools: list[tuple[float, int]] = []
    for place, value in enumerate(wanted):
        mean, size = value - place * gap, 1
        while pools and pools[-1][0] > mean:
            below, count = pools.pop()
            mean, size = (below * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    ceiling = high - (len(wanted) - 1) * gap
    slack = [min(max(mean, low), ceiling) for mean, size in pools for _ in range(size)]
    return [value + place * gap for place, value in enumerate(slack)]


def shown(names: Iterable[str], ax: Axes, look: Look, *, part: float) -> dict[str, str]:
    """Return each name as it fits into `part` of the width: legible, short, and unique."""
    known = list(names)
    _warn_of(missing("".join(known), look.has), ax)
    words = {name: legible(name, look.has) for name in known}
    width = int(part * size_in_points(ax)[0] / (look.size * _GLYPH))
    short = short_names(set(words.values()), max(width, 12))
    given: dict[str, int] = {}
    written: dict[str, str] = {}
    for name in known:
        text = short[words[name]] or "(blank)"
        given[text] = given.get(text, 0) + 1
        written[name] = text if given[text] == 1 else f"{text} #{given[text]}"
    return written


def _warn_of(chars: Sequence[str], ax: Axes) -> None:
    """Warn once per picture of the characters that no font has."""
    figure = ax.get_figure(root=True)
    if not chars or figure is None or figure in _WARNED:
        return
    _WARNED.add(figure)
    said = [f"{char} ({unicodedata.name(char, f'U+{ord(char):04X}')})" for char in chars[:5]]
    more = f" and {len(chars) - 5} more" if len(chars) > 5 else ""
    warn(
        f"no installed font has {', '.join(said)}{more}; symbols are written by name, others as "
        "boxes. Install a font that has them, such as Noto Sans CJK or Noto Emoji, or set "
        "matplotlib's font.family",
        MissingGlyphWarning,
    )


_WARNED: Final[WeakSet[FigureBase]] = WeakSet()


@dataclass(frozen=True)
class End:
    """The right end of a line or a column: its height, its label and its colour."""

    y: float
    text: str
    color: str | Rgb


def label_ends(ax: Axes, ends: Sequence[End], look: Look, *, beyond: float) -> list[Text]:
    """Write labels to the right of `beyond`, with lines to their heights there.

    Set the y limits before. If they grow, because other axes share them, the labels move apart.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.text import Text
    from matplotlib.transforms import offset_copy

    ordered = sorted(ends, key=lambda end: end.y)
    aside = offset_copy(ax.transData, ax.get_figure(root=True), x=GAP * look.size, units="points")
    texts = [
        ax.annotate(
            end.text,
            xy=(beyond, end.y),
            xytext=(beyond, end.y),
            textcoords=aside,
            va="center",
            ha="left",
            fontsize=look.size,
            color=readable(to_rgb(end.color), ink=look.ink, paper=look.paper),
            bbox={"facecolor": look.paper, "edgecolor": "none", "pad": 0.5},
            arrowprops={
                "arrowstyle": "-",
                "color": end.color,
                "alpha": 0.6,
                "linewidth": 0.8,
                "relpos": (0.0, 0.5),
                "patchA": None,  # else matplotlib bisects the line at the text, which is slow
                "shrinkA": 3,
                "shrinkB": 0,
            },
            annotation_clip=False,
            **look.lettering,
        )
        for end in ordered
    ]

    def keep_apart(at: Axes) -> None:
        low, high = at.get_ylim()
        line = look.size * (high - low) / size_in_points(at)[1]
        bounds = low + 0.7 * line, high - 0.7 * line
        places = spread([end.y for end in ordered], gap=1.5 * line, low=bounds[0], high=bounds[1])
        for text, place in zip(texts, places, strict=True):
            text.set_position((beyond, place))

    keep_apart(ax)
    ax.callbacks.connect("ylim_changed", keep_apart)
    return list[Text](texts)


def make_room(
    ax: Axes,
    low: float,
    high: float,
    *,
    left: Sequence[Text] = (),
    right: Sequence[Text] = (),
    margin: float = 0.0,
) -> None:
    """Set the x limits so that [low, high] and its labels are within the axes."""
    from matplotlib.text import Text

    width, _ = size_in_points(ax)
    dpi = ax.get_figure(root=True).dpi  # pyright: ignore[reportOptionalMemberAccess]  # drawn on
    sides = [
        # The text alone: the extent of an annotation includes its line.
        max((Text.get_window_extent(text).width * 72 / dpi for text in texts), default=0.0)
        + (margin if texts else 0.0)
        for texts in (left, right)
    ]
    # Long names leave at least 30 % of the width for the data.
    taken = min(sum(sides), 0.7 * width)
    before, behind = (side * taken / (sum(sides) or 1) for side in sides)
    per_point = (high - low) / (width - taken)
    ax.set_xlim(low - before * per_point, high + behind * per_point)


def room_for_marks(ax: Axes, length: float, look: Look, every: str | None) -> int:
    """Return how many dates fit side by side under `length` of the x axis."""
    low, high = ax.get_xlim()
    dates = {"1mo": 3.0, "1q": 3.0, "1y": 3.5}.get(every or "", 4.4) * look.size
    return max(int(size_in_points(ax)[0] * length / (high - low) / dates), 1)
