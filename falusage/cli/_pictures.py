"""Pictures into files, whole or not at all, whether or not there is a screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI: Final = 160


def save(draw: Callable[[], Axes], path: Path) -> None:
    """Draw, and save the figure in the form that the file's name says."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    from falusage._files import replacing

    mpl.use("Agg")
    figure = draw().get_figure(root=True)
    assert figure is not None  # noqa: S101 - axes that were just drawn on are part of one
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=_DPI)
    plt.close(figure)
