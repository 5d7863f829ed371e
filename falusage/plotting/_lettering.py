"""Text as it is, in the fonts that exist.

Names may have dollar signs, which are not mathematics here, and emoji, which most fonts lack.
"""

from __future__ import annotations

import contextlib
import functools
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any, Final

LITERAL: Final[dict[str, Any]] = {"parse_math": False, "usetex": False}
"""The options of every text that has a name or an amount."""


_UNSEEN: Final = ("Cc", "Cf")  # some fonts draw these, and one of them reverses text
_DISPENSABLE: Final = ("Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp")
_UNFIT: Final = ("Color", "Last Resort", "LastResort", ".notdef")
_PREFERRED: Final = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Emoji")


def legible(text: str, has: Collection[int] | None) -> str:
    r"""Replace the characters that no font has: symbols by their names, others by boxes.

    Without `has`, only what cannot be seen is replaced: another font draws the text later.

    >>> legible("🚀 launch\n", range(32, 128))
    ':rocket: launch'
    """
    written = [
        char
        if (has is None or ord(char) in has) and unicodedata.category(char) not in _UNSEEN
        else _in_words(char)
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


def missing(text: Iterable[str], has: Collection[int] | None) -> list[str]:
    """Return the characters that a font should have, and does not, in their order.

    >>> missing("a🚀b中🚀", range(32, 128))
    ['🚀', '中']
    """
    if has is None:
        return []
    needed = (char for char in text if unicodedata.category(char) not in _DISPENSABLE)
    return [char for char in dict.fromkeys(needed) if ord(char) not in has]


def glyphs(families: Iterable[str] | None = None) -> frozenset[int]:
    """Return the code points that fonts can draw; by default those of the user's settings."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties, findfont

    paths: list[str] = []
    for family in mpl.rcParams["font.family"] if families is None else families:
        try:
            paths.append(findfont(FontProperties(family=family), fallback_to_default=False))
        except ValueError:  # matplotlib tries the next family as well
            continue
    return _glyphs_in(*(paths or [findfont(FontProperties())]))


def families_with(text: Iterable[str], has: Collection[int] | None) -> list[str]:
    """Return the installed font families that have what the user's fonts lack of a text.

    matplotlib takes each character from the first family that has it.
    """
    found: dict[str, frozenset[int]] = {}
    for char in missing(text, has):
        if any(ord(char) in known for known in found.values()):
            continue
        family = _family_with(char)
        if family is not None:
            found[family] = glyphs([family])
    return list(found)


@functools.cache
def _family_with(char: str) -> str | None:
    from matplotlib.font_manager import fontManager

    fonts = {
        (font.name not in _PREFERRED, font.name, font.fname)
        for font in fontManager.ttflist
        # matplotlib cannot draw coloured bitmaps, and the last resort has boxes for everything.
        if font.style == "normal" and not any(word in font.name for word in _UNFIT)
    }
    for _, family, path in sorted(fonts):
        # Font files that are damaged, or of a kind that matplotlib cannot draw, are left out.
        with contextlib.suppress(RuntimeError, OSError):
            if ord(char) in _glyphs_in(path):
                return family
    return None


@functools.cache
def _glyphs_in(*paths: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(code for path in paths for code in get_font(path).get_charmap())
