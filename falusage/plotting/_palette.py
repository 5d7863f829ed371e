"""One colour for each name in all pictures of a report, which colour-blind readers can tell apart.

The colours are those of M. A. Petroff, *Accessible Color Sequences for Data Visualization*
(arXiv:2107.02270, the ten), without the palest and the two greys: grey is for "other". The others
were found by a search: no two of all look alike to any kind of colour vision. A name's colour
follows from the name alone, unless another name of the report has that colour already.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

COLORS: Final = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
)
MORE: Final = (
    "#4800f0",
    "#780048",
    "#00d8f0",
    "#483018",
    "#486090",
    "#9048f0",
    "#a8d8c0",
    "#303078",
    "#6000c0",
    "#a83060",
    "#c0d860",
    "#d800a8",
    "#787830",
)
"""The colours of further names, in this order, once `COLORS` are taken."""

MAIN: Final = COLORS[0]
"""The colour of a picture without names."""

OTHER: Final = "#999999"
"""The colour of the rest, in every picture."""

RISE: Final = COLORS[2]
FALL: Final = COLORS[0]
"""The colours of what adds to a bill, and of what reduces it."""

_READABLE: Final = 4.5  # the contrast that WCAG 2.2, 1.4.3, asks of text


def colors_of(names: Iterable[str], colors: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a colour for each name: the same name has the same one on every machine and day.

    If an earlier name has the colour already, the next free one is used; after twenty names,
    colours are used again evenly. Pass the result as `colors=` to every picture of a report, and a
    name looks the same in all of them.

    Args:
        names: The names, the most important first.
        colors: Colours that are fixed already, by name, in any form that matplotlib reads.

    Returns:
        `colors`, then the other names, in the order given.

    >>> colors_of(["ml-platform", "growth"], {"growth": "#bd1f01"})
    {'growth': '#bd1f01', 'ml-platform': '#e76300'}
    """
    found = dict(colors or {})
    used = Counter(found.values())
    for name in names:
        if name not in found:
            first = zlib.crc32(name.encode()) % len(COLORS)
            turn = COLORS[first:] + COLORS[:first] + MORE
            found[name] = min(turn, key=used.__getitem__)
            used[found[name]] += 1
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
