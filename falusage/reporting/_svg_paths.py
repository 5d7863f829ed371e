"""Lines and areas as the data of an SVG path, to a tenth of a pixel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.path import Path


def path_data(path: Path, height: float) -> str:
    """Return a path in pixels as path data, in which y grows downwards from `height`.

    >>> path_data(Path([(0, 0), (10, 0), (10.26, 5)]), 100)
    'M0 100h10l0.3 -5'
    """
    return _circle(path, height) or _lines(path, height)


def _circle(path: Path, height: float) -> str | None:
    """Return a circle as two arcs; None if the path is another shape."""
    codes: Any = path.codes
    if codes is None or len(codes) != 26 or Path.CURVE4 not in codes:
        return None
    box = path.get_extents()
    radius = short(box.width / 2)
    across = short(box.width)
    left, middle = short(box.x0), short(height - (box.y0 + box.y1) / 2)
    arc = f"a{radius} {radius} 0 1 0"
    return f"M{left} {middle}{arc} {across} 0{arc} -{across} 0z"


def _lines(path: Path, height: float) -> str:
    """Return a path in relative steps of a tenth of a pixel."""
    written: list[str] = []
    at = begin = (0, 0)
    for corners, code in path.iter_segments(simplify=False):
        points = [
            (round(10 * float(x)), round(10 * (height - float(y))))
            for x, y in zip(corners[::2], corners[1::2], strict=True)
        ]
        if code == Path.CLOSEPOLY:
            written.append("z")
            at = begin
        elif code == Path.MOVETO:
            at = begin = points[0]
            written.append(f"M{_tenths(at)}")
        elif code == Path.LINETO:
            (step,) = _steps(at, points)
            at = points[0]
            if step != (0, 0):
                written.append(_line(step))
        else:
            letter = "q" if code == Path.CURVE3 else "c"
            written.append(letter + " ".join(_tenths(step) for step in _steps(at, points)))
            at = points[-1]
    return "".join(written)


def _steps(at: tuple[int, int], points: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(x - at[0], y - at[1]) for x, y in points]


def _line(step: tuple[int, int]) -> str:
    if step[1] == 0:
        return f"h{step[0] / 10:g}"
    return f"v{step[1] / 10:g}" if step[0] == 0 else f"l{_tenths(step)}"


def _tenths(point: tuple[int, int]) -> str:
    return f"{point[0] / 10:g} {point[1] / 10:g}"


def short(length: float, digits: int = 1) -> str:
    """Write a length without zeros that say nothing.

    >>> short(12.04), short(-0.04), short(0.256, 2)
    ('12', '0', '0.26')
    """
    return f"{round(float(length), digits) + 0.0:g}"
