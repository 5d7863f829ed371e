"""Text as it is, in the fonts that exist.

Names may have dollar signs, which are not mathematics here, and emoji, which most fonts lack.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Collection
from typing import Any, Final

LITERAL: Final[dict[str, Any]] = {"parse_math": False, "usetex": False}
"""The options of every text that has a name or an amount."""


_UNSEEN: Final = ("Cc", "Cf")  # some fonts draw these, and one of them reverses text


def legible(text: str, has: Collection[int]) -> str:
    r"""Replace the characters that a font lacks: symbols by their names, others by boxes.

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
        case "Cf" | "Mn" | "Me":  # joiners, selectors and accents have no meaning alone
            return ""
        case "So" | "Sk":
            return f":{unicodedata.name(char, 'symbol').lower()}:"
        case _:
            return "\N{WHITE SQUARE}"


def glyphs() -> frozenset[int]:
    """Return the code points that the fonts of the user's settings can draw."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties, findfont

    paths: list[str] = []
    for family in mpl.rcParams["font.family"]:
        try:
            paths.append(findfont(FontProperties(family=family), fallback_to_default=False))
        except ValueError:  # matplotlib tries the next family as well
            continue
    return _glyphs_in(*(paths or [findfont(FontProperties())]))


@functools.cache
def _glyphs_in(*paths: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(code for path in paths for code in get_font(path).get_charmap())
