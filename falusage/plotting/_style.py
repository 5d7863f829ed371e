"""The quiet style of every picture, set on its own artists only.

Ink, paper and fonts come from the user's settings, and text grows with the axes. The settings stay
as they are for later pictures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from falusage._wording.money import mark
from falusage.plotting._lettering import LITERAL, families_with, glyphs, legible
from falusage.plotting._palette import Rgb, blend

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Look:
    """The quiet colours of a picture, its text size in points, and its fonts.

    Attributes:
        ink: The colour of text.
        paper: The colour behind it.
        size: The size of text, in points.
        has: The code points that the fonts have; None if the reader's fonts draw the text.
        families: The fonts of names, if the user's own do not have all characters.
    """

    ink: Rgb
    paper: Rgb
    size: float
    has: Collection[int] | None = None
    families: tuple[str, ...] = ()

    @property
    def lettering(self) -> dict[str, Any]:
        """The options of every text that has a name."""
        return {**LITERAL, **({"fontfamily": [*self.families]} if self.families else {})}

    def for_names(self, names: Iterable[str]) -> Look:
        """Return the look with the installed fonts that the names need besides the user's own."""
        import matplotlib as mpl

        found = families_with("".join(names), self.has)
        if self.has is None or not found:
            return self
        families = (*mpl.rcParams["font.family"], *found)
        return replace(self, has=frozenset(self.has) | glyphs(found), families=families)

    @property
    def muted(self) -> Rgb:
        """The colour of secondary text."""
        return blend(self.ink, self.paper, 0.35)

    @property
    def rule(self) -> Rgb:
        """The colour of the grid and of thin lines."""
        return blend(self.ink, self.paper, 0.87)


def roles(ink: str, paper: str) -> dict[str, str]:
    """Return the letter of each quiet colour of a picture: ink, muted text, rules and paper.

    >>> roles("#000000", "#ffffff")
    {'#000000': 'i', '#595959': 'm', '#dedede': 'r', '#ffffff': 'p'}
    """
    from matplotlib.colors import to_hex, to_rgb

    look = Look(to_rgb(ink), to_rgb(paper), 10.0)
    colors = {"i": look.ink, "m": look.muted, "r": look.rule, "p": look.paper}
    return {to_hex(color): letter for letter, color in colors.items()}


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Return the width and height of the axes, in points."""
    box = ax.get_window_extent()
    dpi = ax.get_figure(root=True).dpi  # pyright: ignore[reportOptionalMemberAccess]  # drawn on
    return box.width * 72 / dpi, box.height * 72 / dpi


def read_look(ax: Axes) -> Look:
    """Return the look: ink from the user's settings, paper from the axes, size from both."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgb, to_rgba

    figure = ax.get_figure(root=True)
    papers = [to_rgba(ax.get_facecolor()), *([to_rgba(figure.get_facecolor())] if figure else [])]
    paper = next((paper[:3] for paper in papers if paper[3] > 0), (1.0, 1.0, 1.0))
    width, _ = size_in_points(ax)
    size = min(max(width / 50, 8.0), 15.0)
    later = figure is not None and getattr(figure.canvas, "keeps_text", False)
    return Look(to_rgb(mpl.rcParams["text.color"]), paper, size, None if later else glyphs())


def heading(ax: Axes, look: Look, title: str, facts: Sequence[str]) -> None:
    """Write the title and, under it, the range, the zone and the currency."""
    lines = _lines(facts, int(size_in_points(ax)[0] / (look.size * 0.5)))
    ax.set_title(
        legible(title, look.has),
        loc="left",
        fontsize=look.size * 1.25,
        fontweight="bold",
        color=look.ink,
        y=1.0,  # else matplotlib measures all marks to find a place above them
        pad=look.size * (0.9 + 1.35 * len(lines)),
        **look.lettering,
    )
    ax.annotate(
        "\n".join(lines),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, look.size * 0.7),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=look.size,
        linespacing=1.25,
        color=look.muted,
        gid="facts",
        **LITERAL,
    )
    figure = ax.get_figure(root=True)
    engine = figure and figure.get_layout_engine()
    if figure and engine:  # labels are measured on the axes, which need their final size first
        engine.execute(figure)


def _lines(facts: Sequence[str], width: int) -> list[str]:
    """Return facts in lines; one that is longer than a line is cut at its spaces.

    >>> _lines(["May 2025", "UTC", "$1k total (USD)"], 20)
    ['May 2025 · UTC', '$1k total (USD)']
    """
    lines: list[str] = []
    for part in (part for fact in facts for part in textwrap.wrap(fact, width)):
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def quiet(ax: Axes, look: Look) -> None:
    """Remove what carries no number: frame, grid and ticks."""
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    ax.tick_params(length=0, labelsize=look.size, labelcolor=look.muted, pad=0.5 * look.size)
    ax.set_axisbelow(True)
    ax.grid(visible=False)


def baseline(ax: Axes, look: Look, low: float, high: float) -> None:
    """Draw the line from which heights are read, as long as the data."""
    ax.spines["bottom"].set(visible=True, color=look.muted, linewidth=0.8)
    ax.spines["bottom"].set_bounds(low, high)


def money_axis(ax: Axes, look: Look, currency: str) -> None:
    """Mark the y axis at a few round amounts, with grid lines."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))

    def written(amount: float, _: int | None) -> str:
        return mark(amount, currency)

    ax.yaxis.set_major_formatter(FuncFormatter(written))
    ax.grid(visible=True, axis="y", color=look.rule, linewidth=0.8)


def from_zero(ax: Axes, highest: float) -> None:
    """Set the y limits from zero; axes that share them with another picture keep the larger."""
    others = [one for one in ax.get_shared_y_axes().get_siblings(ax) if one is not ax]
    drawn = [one.get_ylim()[1] for one in others if one.has_data()]
    ax.set_ylim(0, max([highest, *drawn]))


def no_spend(
    ax: Axes,
    look: Look,
    title: str,
    facts: Sequence[str],
    *,
    saying: str = "no spend in this range",
) -> Axes:
    """Write that there is nothing to draw, so that an empty picture does not look like a bug."""
    quiet(ax, look)
    ax.set_xticks([])
    ax.set_yticks([])
    heading(ax, look, title, facts)
    ax.text(
        0.5,
        0.5,
        saying,
        transform=ax.transAxes,
        ha="center",
        va="center",
        fontsize=look.size * 1.25,
        color=look.muted,
    )
    return ax
