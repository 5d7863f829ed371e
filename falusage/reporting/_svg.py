"""Drawing as SVG markup that follows a page: its ink, its paper, its fonts, and its content policy.

matplotlib's own SVG has a `style` attribute on every element, which a strict policy forbids, and
fixed colours. Here, ink, muted text, rules and paper are classes, so that a page in dark mode is
dark in its pictures too. Text is text in the font of the page.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from matplotlib.backend_bases import FigureCanvasBase, GraphicsContextBase, RendererBase
from matplotlib.colors import to_hex, to_rgba
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.layout_engine import LayoutEngine
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter

from falusage.reporting._svg_paths import path_data, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Transform

Rgba: TypeAlias = tuple[float, float, float, float]

_BOLD: Final = ("bold", "semibold", "demibold", "heavy", "black")
_ANCHORS: Final = {"center": "middle", "right": "end"}
_LARGE: Final = 100.0
_PREFIX: Final = "\N{NULL}"
"""Stands for the start of an `id`: no name that is drawn has this character."""


class Canvas(FigureCanvasBase):
    """A canvas whose texts are measured as they are drawn.

    Attributes:
        keeps_text: That the reader's fonts draw the text, so that no character is missing.
    """

    keeps_text = True

    def __init__(self, figure: Figure, *, roles: Mapping[str, str]) -> None:
        super().__init__(figure)
        self._renderer = Renderer(figure, roles=roles)

    def get_renderer(self) -> Renderer:
        """Return the renderer, as matplotlib asks for it."""
        return self._renderer

    def markup(self, *, alt: str, name: str, prefix: str) -> str:
        """Draw the figure, and return it as an `svg` element.

        Args:
            alt: What it shows.
            name: The class of the element.
            prefix: The start of each `id` in it, because ids are unique in a page.
        """
        self.figure.draw(self._renderer)
        width, height = self.get_width_height()
        return (
            f'<svg class="picture {name}" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(alt)}" fill="currentColor">{self._renderer.finish(prefix)}</svg>'
        )


class Margins(LayoutEngine):
    """Leave room around one axes for its title, its facts and its marks, as for any numbers.

    It is the same before and after the numbers are drawn, so labels that were measured on the axes
    still fit. It takes a hundredth of the time of a layout that measures everything.
    """

    _adjust_compatible = False
    _colorbar_gridspec = False

    def execute(self, fig: Figure) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Set the place of the axes."""
        (ax,) = fig.axes
        width, height = fig.get_size_inches() * 72
        texts = [text for text in ax.texts if text.get_gid() == "facts"]
        size = float(texts[0].get_fontsize()) if texts else 10.0
        lines = texts[0].get_text().count("\n") + 1 if texts else 0
        written = ax.yaxis.get_major_formatter()
        mark = written(88_800) if isinstance(written, FuncFormatter) else ""
        left = (0.62 * max(len(mark), 4) + 1.2) * size if len(ax.get_yticks()) else 0.0
        bottom = 3.2 * size if len(ax.get_xticks()) else 0.3 * size
        top = size * (0.9 + 1.35 * lines + 1.25 * 1.3)
        ax.set_position(
            (left / width, bottom / height, 1 - left / width, 1 - (top + bottom) / height)
        )


class Renderer(RendererBase):
    """Write what is drawn as SVG elements.

    Args:
        figure: What is drawn.
        roles: The letter of a colour that the page decides (as `i` for ink), by its hexadecimal
            form. An element in it has the class `fi` if it fills, `si` if it strokes.
    """

    def __init__(self, figure: Figure, *, roles: Mapping[str, str]) -> None:
        super().__init__()
        self._dpi = figure.dpi
        self._size = figure.get_size_inches() * figure.dpi
        self._roles = roles
        self._patterns: dict[str, str] = {}
        self._parts: list[str] = []
        self._open: tuple[str, list[str]] = ("", [])

    def finish(self, prefix: str) -> str:
        """Return what was drawn; each `id` starts with the prefix."""
        self._close()
        patterns = [
            f'<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
            f"{stripes}</pattern>"
            for stripes, name in self._patterns.items()
        ]
        return "".join([*patterns, *self._parts]).replace(_PREFIX, prefix)

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in pixels."""
        return self._size[0], self._size[1]

    def flipy(self) -> bool:
        """Return that y grows downwards."""
        return True

    def points_to_pixels(self, points: Any) -> Any:
        """Return a length in pixels."""
        return points * self._dpi / 72

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """Return the size of text: the sum of its characters, without kerning or hints."""
        del ismath
        path = findfont(prop)
        size = float(self.points_to_pixels(prop.get_size_in_points()))
        height, descent = _line(path)
        return size * sum(_advance(path, char) for char in s), size * height, size * descent

    def draw_path(
        self,
        gc: GraphicsContextBase,
        path: Path,
        transform: Transform,
        rgbFace: Any = None,  # noqa: N803 - matplotlib's name
    ) -> None:
        """Draw lines and areas; neighbours of the same look are one element."""
        look = self._look(gc, rgbFace)
        if not look:
            return
        corners = path.transformed(transform)
        data = path_data(corners, self._size[1])
        if self._open[0] != look:
            self._close()
            self._open = (look, [])
        self._open[1].append(data)

    def draw_text(  # noqa: PLR0917 - matplotlib's arguments
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        """Draw a line of text, at the side from which it grows."""
        del angle, ismath
        self._close()
        attributes = [f'font-size="{short(self.points_to_pixels(prop.get_size_in_points()))}"']
        if mtext is not None:
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
            anchor = _ANCHORS.get(mtext.get_horizontalalignment())
            attributes += [f'text-anchor="{anchor}"'] if anchor else []
        if prop.get_weight() in _BOLD:
            attributes.append('font-weight="700"')
        color = to_hex(gc.get_rgb())
        role = self._roles.get(color, "i")
        if mtext is not None and mtext.get_gid() == "inside":
            attributes.append(f'fill="{color}"')  # on a bar, which has the same colour everywhere
        elif role != "i":
            attributes.append(f'class="f{role}"')
        place = f'x="{short(x)}" y="{short(y)}"'
        self._parts.append(f"<text {place} {' '.join(attributes)}>{escape(s, quote=False)}</text>")

    def _look(self, gc: GraphicsContextBase, face: Any) -> str:
        """Return the attributes of a line or an area; empty if it cannot be seen."""
        classes: list[str] = []
        attributes: list[str] = []
        face = None if face is None else to_rgba(face)
        forced = gc.get_alpha() if gc.get_forced_alpha() else None
        filled = face is not None and (forced or face[3]) > 0
        stroke = to_rgba(gc.get_rgb())
        width = self.points_to_pixels(gc.get_linewidth())
        drawn = width > 0 and (forced or stroke[3]) > 0
        hatch = gc.get_hatch()
        if hatch:
            attributes.append(f'fill="url(#{self._pattern(gc, face if filled else None)})"')
        elif face is not None and filled:
            self._paint("fill", face, forced, classes, attributes)
        elif drawn:
            attributes.append('fill="none"')
        if drawn:
            self._paint("stroke", stroke, forced, classes, attributes)
            attributes += [f'stroke-width="{short(width)}"'] if abs(width - 1) >= 0.05 else []
            dashes: Any = gc.get_dashes()[1]
            if dashes is not None:
                lengths = " ".join(short(self.points_to_pixels(length)) for length in dashes)
                attributes.append(f'stroke-dasharray="{lengths}"')
            if gc.get_joinstyle() == "round":
                attributes.append('stroke-linejoin="round"')
        if not (filled or drawn or hatch):
            return ""
        return " ".join([*([f'class="{" ".join(classes)}"'] if classes else []), *attributes])

    def _paint(
        self,
        kind: str,
        color: Rgba,
        forced: float | None,
        classes: list[str],
        attributes: list[str],
    ) -> None:
        """Add a colour: a class if the page decides it."""
        text = to_hex(color[:3])
        role = self._roles.get(text)
        if role:
            classes.append(f"{kind[0]}{role}")
        else:
            attributes.append(f'{kind}="{text}"')
        alpha = color[3] if forced is None else forced
        if alpha < 1:
            attributes.append(f'{kind}-opacity="{short(alpha, 2)}"')

    def _pattern(self, gc: GraphicsContextBase, face: Rgba | None) -> str:
        """Return the id of a pattern of stripes on a colour."""
        ground: tuple[list[str], list[str]] = ([], [])
        stripe: tuple[list[str], list[str]] = ([], [])
        self._paint("fill", face or (0.0, 0.0, 0.0, 0.0), None, *ground)
        self._paint("stroke", to_rgba(gc.get_hatch_color()), None, *stripe)
        looks = [
            " ".join([*([f'class="{classes[0]}"'] if classes else []), *attributes])
            for classes, attributes in (ground, stripe)
        ]
        pattern = (
            f'<path {looks[0]} d="M0 0h6v6h-6z"/><path {looks[1]} d="M-1 1l2-2M0 6l6-6M5 7l2-2"/>'
        )
        return self._patterns.setdefault(pattern, f"{_PREFIX}{len(self._patterns)}")

    def _close(self) -> None:
        look, paths = self._open
        if paths:
            self._parts.append(f'<path {look} d="{"".join(paths)}"/>')
        self._open = ("", [])


@functools.cache
def _advance(path: str, char: str) -> float:
    """Return the width of a character in font sizes; that of a wide one if the font lacks it."""
    font = get_font(path)
    if ord(char) not in font.get_charmap():
        return 1.0
    font.set_size(_LARGE, 72)
    return font.load_char(ord(char), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536 / _LARGE


@functools.cache
def _line(path: str) -> tuple[float, float]:
    """Return the height of a line of text and its part below the baseline, in font sizes."""
    font = get_font(path)
    font.set_size(_LARGE, 72)
    font.set_text("lp", 0.0, flags=LoadFlags.NO_HINTING)
    return font.get_width_height()[1] / 64 / _LARGE, font.get_descent() / 64 / _LARGE
