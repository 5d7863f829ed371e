"""One colour for each name: the same in every picture, page and month.

The promise: a colour follows from the name alone, whatever other names are in the picture, unless
the user sets it with `colors=`. There are more names than colours that everyone can tell apart, so
two names may share one. Every name is therefore written beside its line or column, and the second
name of a colour in a picture is dashed or paler.

The palette was found by a search: any two colours, and grey, differ by 13 in CIELAB for each kind
of colour vision (Machado, Oliveira and Fernandes, 2009) and by 21 for most people, and each has a
contrast of 2.5 to white and to dark paper.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from falusage.errors import QueryError

COLORS: Final = (
    *("#3c9ccc", "#cc0c30", "#189c48", "#cc9c00", "#8448b4", "#f0786c"),
    *("#3c48d8", "#f060cc", "#9c6c00", "#307860", "#fc3078", "#546c9c"),
    *("#b41884", "#b49c3c", "#9c60f0", "#b42448", "#486018", "#f06cfc"),
)
"""The colours of names."""

MAIN: Final = COLORS[0]
"""The colour of a picture in which names do not need colours."""

OTHER: Final = "#999999"
"""The colour of the rest, in every picture."""

RISE: Final = COLORS[1]
FALL: Final = COLORS[0]
"""The colours of what adds to a bill, and of what reduces it."""

_SEED: Final = 2345  # of the checksum: the sample's teams have different colours
BLACK: Final = (0.0, 0.0, 0.0)
WHITE: Final = (1.0, 1.0, 1.0)
"""The colours of text on a colour."""

_READABLE: Final = 4.5  # the contrast that WCAG 2.2, 1.4.3, asks of text


def colors_of(names: Iterable[str], colors: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the colour of each name, as every picture draws it.

    A colour follows from the name alone, so a name has the same one on every machine and day,
    whatever the other names are. Two names may have the same colour.

    Args:
        names: The names; several *by* make one name, joined by " · ".
        colors: Colours that replace those, by name, in any form that matplotlib reads.

    Returns:
        A colour for each name, in the order given.

    Raises:
        QueryError: A colour in `colors` is not one.

    >>> colors_of(["ml-platform", "growth"], {"growth": "teal"})
    {'ml-platform': '#b42448', 'growth': 'teal'}
    """
    fixed = dict(colors or {})
    if fixed:
        from matplotlib.colors import is_color_like

        for name, color in fixed.items():
            if not is_color_like(color):
                raise QueryError(
                    f"colors[{name!r}] is {color!r}; expected a colour such as '#3c9ccc' or 'teal'"
                )
    return {name: fixed.get(name) or _color(name) for name in names}


def _color(name: str) -> str:
    return COLORS[zlib.crc32(name.encode("utf-8", "surrogatepass"), _SEED) % len(COLORS)]


def repeats(names: Iterable[str], colors: Mapping[str, str]) -> dict[str, int]:
    """Return how many names before each one have its colour.

    >>> repeats(["a", "b", "c"], {"a": "red", "b": "teal", "c": "red"})
    {'a': 0, 'b': 0, 'c': 1}
    """
    seen: Counter[str] = Counter()
    found: dict[str, int] = {}
    for name in names:
        color = colors.get(name, "")
        found[name] = seen[color] if color else 0
        seen[color] += 1
    return found


Rgb = tuple[float, float, float]


def blend(color: Rgb, other: Rgb, part: float) -> Rgb:
    """Mix `part` of `other` into a colour.

    >>> blend((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.25)
    (0.25, 0.25, 0.25)
    """
    mixed = [a + (b - a) * part for a, b in zip(color, other, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def readable(color: Rgb, *, ink: Rgb, paper: Rgb) -> Rgb:
    """Return the colour, mixed with ink just enough that text in it is readable on the paper."""
    steps = (blend(color, ink, part / 20) for part in range(20))
    return next((step for step in steps if contrast(step, paper) >= _READABLE), ink)


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it.

    >>> round(contrast((0, 0, 0), (1, 1, 1)), 6)
    21.0
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Rgb) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
