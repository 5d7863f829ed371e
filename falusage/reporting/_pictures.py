"""Pictures for a page: inline SVG in two sizes, in the colours and the font of the page."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from falusage.reporting._blocks import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class _Size:
    """A size in pixels, and the pixels of an inch, which decide the size of text."""

    name: str
    width: int
    height: int
    dpi: int


_WIDE: Final = _Size("wide", 928, 420, 72)
_NARROW: Final = _Size("narrow", 358, 330, 100)
_INK: Final = "#1d2329"
_PAPER: Final = "#fefefe"
"""Colours that no name has; the page replaces them with its own."""


def picture(draw: Callable[..., Axes]) -> Picture:
    """Draw a picture twice, for a page and for a phone; its title and facts describe it.

    The user's own settings of matplotlib have no effect, and are not changed.

    Args:
        draw: A function that takes `ax` and returns it, as every `plot_` function does.
    """
    import matplotlib as mpl
    from matplotlib import style

    colors: dict[Any, Any] = {
        "text.color": _INK,
        "axes.facecolor": _PAPER,
        "figure.facecolor": _PAPER,
    }
    with style.context("default"), mpl.rc_context(colors):
        wide, alt = _drawn(draw, _WIDE)
        narrow, _ = _drawn(draw, _NARROW)
    return Picture(wide, narrow, alt)


def _drawn(draw: Callable[..., Axes], size: _Size) -> tuple[str, str]:
    """Return the markup of a picture, and its description."""
    from matplotlib.figure import Figure

    from falusage.plotting import roles
    from falusage.reporting._svg import Canvas, Margins

    inches = (size.width / size.dpi, size.height / size.dpi)
    figure = Figure(figsize=inches, dpi=size.dpi, layout=Margins())
    canvas = Canvas(figure, roles=roles(_INK, _PAPER))
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    draw(ax=ax)
    for paper in (figure.patch, ax.patch):
        paper.set_visible(False)
    facts = (text.get_text() for text in ax.texts if text.get_gid() == "facts")
    lines = (" · ".join(fact.splitlines()) for fact in facts)
    alt = ". ".join([ax.get_title(loc="left"), *lines])
    prefix = f"p{zlib.crc32(f'{size.name} {alt}'.encode()):x}-"
    return canvas.markup(alt=alt, name=size.name, prefix=prefix), alt
