"""How amounts, shares and long names are written where there is little room.

Pure functions from values to text, apart from every picture, so that the report and the command
line can write the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

SYMBOLS: Final = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "CA$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "MXN": "MX$",
    "NZD": "NZ$",
    "TWD": "NT$",
    "USD": "$",
    "VND": "₫",
}
"""CLDR's English symbols, no two the same; a currency that is not here goes by its code."""

_SCALES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))

ELLIPSIS: Final = "…"


def money(amount: float, currency: str) -> str:
    """Write an amount with its currency: to the cent below a hundred, or to three digits.

    A digit that is zero stands where the amount was rounded to it, and not where it is exact.

    >>> [money(amount, "USD") for amount in (0, 0.5, 57.43, 999.9, 1234, 3e6, -2500)]
    ['$0', '$0.50', '$57.43', '$1.00k', '$1.23k', '$3M', '−$2.5k']
    >>> money(13_960, "USD"), money(14_001, "USD"), money(14_000, "USD")
    ('$14.0k', '$14.0k', '$14k')
    >>> money(1250, "CHF"), money(0.0042, "EUR"), money(float("nan"), "USD")
    ('CHF 1.25k', '€0.0042', '–')
    """
    if not math.isfinite(amount):
        return "–"
    size = abs(amount)
    rounded = float(f"{size:.3g}")
    scale, suffix = next((pair for pair in _SCALES if rounded >= pair[0]), _SCALES[-1])
    in_cents = 1 <= rounded < 100
    if in_cents:
        number = f"{size:.2f}"
    elif rounded / scale >= 1000:
        number = f"{rounded / scale:,.0f}"
    else:
        number = f"{rounded / scale:#.3g}".removesuffix(".")
    if math.isclose(float(number.replace(",", "")) * scale, size, rel_tol=1e-9) and "." in number:
        number = number.removesuffix(".00") if in_cents else number.rstrip("0").removesuffix(".")
        if 0.1 <= rounded < 1:
            number = number.ljust(len("0.50"), "0")
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{'−' if amount < 0 else ''}{symbol}{number}{suffix}"


def percent(share: float) -> str:
    """Write a fraction as a whole percentage that rounds nothing away, and nothing up to all.

    >>> [percent(share) for share in (0, 0.004, 0.256, 0.999, 1)]
    ['0%', '<1%', '26%', '>99%', '100%']
    """
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1 - 1e-9:
        return ">99%"
    return f"{share:.0%}"


def shorten(name: str, width: int) -> str:
    """Cut a name that is wider than `width` in its middle, where ids differ least.

    >>> shorten("fal-ai/kling-video/v2/master/image-to-video", 28)
    'fal-ai/kling-…image-to-video'
    >>> shorten("fal-ai/flux/dev", 28)
    'fal-ai/flux/dev'
    """
    if len(name) <= width:
        return name
    room = max(width - len(ELLIPSIS), 2)
    _, slash, last = name.rpartition("/")
    tail = len(last) if slash and len(last) <= room * 2 // 3 else room // 2
    return name[: room - tail] + ELLIPSIS + name[len(name) - tail :]


def short_names(names: Iterable[str], width: int) -> dict[str, str]:
    """Shorten names, and give those that would look alike their full length.

    >>> short_names(["fal-ai/flux-pro/v1.1/ultra", "fal-ai/flux-pro/v1.0/ultra"], 16)
    {'fal-ai/flux-pro/v1.1/ultra': 'fal-ai/flux-pro/v1.1/ultra', \
'fal-ai/flux-pro/v1.0/ultra': 'fal-ai/flux-pro/v1.0/ultra'}
    """
    short = {name: shorten(name, width) for name in names}
    seen = Counter(short.values())
    return {name: text if seen[text] == 1 else name for name, text in short.items()}
