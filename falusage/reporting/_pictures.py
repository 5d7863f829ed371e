"""Pictures for a page: drawn off screen in the default style, and stored in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from falusage.reporting._blocks import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE: Final = (8.4, 4.2)
_NARROW: Final = (4.2, 3.8)
_COLORS: Final = 96
_DPI: Final = 144
"""Two pixels for each pixel of the page."""


def picture(draw: Callable[..., Axes]) -> Picture:
    """Draw a picture twice, for a page and for a phone; its texts are the alternative text.

    The user's own settings of matplotlib have no effect, and are not changed.

    Args:
        draw: A function that takes `ax` and returns it, as every `plot_` function does.
    """
    import matplotlib as mpl
    from matplotlib import style

    with style.context("default"), mpl.rc_context({"savefig.dpi": _DPI}):
        wide, alt = _drawn(draw, _WIDE)
        narrow, _ = _drawn(draw, _NARROW)
    size = (round(_WIDE[0] * 96), round(_WIDE[1] * 96))
    return Picture(wide, narrow, size, alt)


def _drawn(draw: Callable[..., Axes], size: tuple[float, float]) -> tuple[str, str]:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from PIL import Image

    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    ax = draw(ax=figure.subplots())
    facts = (text.get_text() for text in ax.texts if text.get_gid() == "facts")
    alt = ". ".join([ax.get_title(loc="left"), *(" ".join(fact.split()) for fact in facts)])
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    # Bars and letters need few colours, and a file to mail should be small.
    Image.open(drawn).convert("RGB").quantize(_COLORS).save(small, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}", alt
