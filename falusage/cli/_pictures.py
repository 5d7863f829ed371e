"""Write pictures to files, completely or not at all, with or without a screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI: Final = 160


def save(draw: Callable[[], Axes], path: Path) -> None:
    """Draw, and save the figure in the format of the file's ending."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    from falusage._files import replacing

    mpl.use("Agg")
    figure = draw().get_figure(root=True)
    assert figure is not None  # noqa: S101 - axes have a figure
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=_DPI)
    plt.close(figure)
