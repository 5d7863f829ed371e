"""Text shown as it stands, in the fonts there are.

Names come from people: they hold dollar signs, which are no mathematics, and emoji, which the
usual fonts lack. No font is asked for what it cannot draw.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Collection
from typing import Any, Final

LITERAL: Final[dict[str, Any]] = {"parse_math": False, "usetex": False}
"""What every text that holds a name or an amount is drawn with."""


_UNSEEN: Final = ("Cc", "Cf")  # fonts have glyphs for some, and one of them turns text around


def legible(text: str, has: Collection[int]) -> str:
    r"""Write a text with the characters there are: symbols by their names, other ones as boxes.

    >>> legible("🚀 launch\n", range(32, 128))
    ':rocket: launch'
    """
    written = [
        char if ord(char) in has and unicodedata.category(char) not in _UNSEEN else _in_words(char)
        for char in text
    ]
    return " ".join("".join(written).split())


def _in_words(char: str) -> str:
    match unicodedata.category(char):
        case "Cc" | "Zs" | "Zl" | "Zp":
            return " "
        case "Cf" | "Mn" | "Me":  # joiners, selectors and accents are nothing by themselves
            return ""
        case "So" | "Sk":
            return f":{unicodedata.name(char, 'symbol').lower()}:"
        case _:
            return "\N{WHITE SQUARE}"


def glyphs() -> frozenset[int]:
    """Give the code points that the fonts of the reader's own settings can draw."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties, findfont

    paths: list[str] = []
    for family in mpl.rcParams["font.family"]:
        try:
            paths.append(findfont(FontProperties(family=family), fallback_to_default=False))
        except ValueError:  # matplotlib, too, goes on to the next family
            continue
    return _glyphs_in(*(paths or [findfont(FontProperties())]))


@functools.cache
def _glyphs_in(*paths: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(code for path in paths for code in get_font(path).get_charmap())
