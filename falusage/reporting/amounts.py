"""Amounts, shares and names, written out in full for a table of text.

Pictures round to three digits; a table is what gets copied into a budget, so money has its two
decimals and its currency in every cell.
"""

from __future__ import annotations

import math
import re
from typing import Final

NOTHING: Final = "-"
"""What stands where there is no number."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def amount(value: float | None, currency: str, *, signed: bool = False) -> str:
    """Write money with two decimals, and never an amount as nothing.

    >>> [amount(value, "USD") for value in (1234.5, 0, 0.004, None)]
    ['1,234.50 USD', '0.00 USD', '<0.01 USD', '-']
    >>> [amount(value, "EUR", signed=True) for value in (12, -3.456, 0)]
    ['+12.00 EUR', '-3.46 EUR', '0.00 EUR']
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if 0 < abs(value) < 0.005:
        return f"{'<' if value > 0 else '>-'}0.01 {currency}"
    return f"{value:{'+' if signed and value else ''},.2f} {currency}"


def percent(share: float | None, *, signed: bool = False) -> str:
    """Write a fraction as a percentage with one decimal, and never a part as nothing.

    >>> [percent(share) for share in (0.256, 1, 0, 0.0004, None)]
    ['25.6%', '100.0%', '0.0%', '<0.1%', '-']
    >>> [percent(share, signed=True) for share in (0.256, -0.031, 24)]
    ['+25.6%', '-3.1%', '+2,400.0%']
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    if 0 < abs(share) < 0.0005:
        return "<0.1%" if share > 0 else ">-0.1%"
    return f"{share:{'+' if signed and share else ''},.1%}"


def chance(share: float | None) -> str:
    """Write a chance as a percentage, never as certain: a thousand paths know no more.

    >>> [chance(share) for share in (0.0, 0.001, 0.256, 0.9996, 1.0, None)]
    ['<0.1 %', '0.1 %', '25.6 %', '>99.9 %', '>99.9 %', '-']
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    if share < 0.0005:
        return "<0.1 %"
    return ">99.9 %" if share >= 0.9995 else f"{share:.1%}".replace("%", " %")


def number(value: float | None) -> str:
    """Write a quantity or a price as exactly as a reader needs, up to ten digits.

    >>> [number(value) for value in (3600, 0.000525, 1234567.25, None)]
    ['3,600', '0.000525', '1,234,567.25', '-']
    """
    return NOTHING if value is None or not math.isfinite(value) else f"{value:,.10g}"


def bar(share: float | None, *, width: int = 16) -> str:
    """Draw a share as a bar; a part too small for one block has none.

    >>> bar(0.5, width=4), bar(0.01, width=4), bar(1.0, width=4)
    ('██', '', '████')
    """
    return "█" * round(width * min(max(share or 0.0, 0.0), 1.0))


def printable(name: str | None) -> str:
    r"""Give a name that cannot steer a terminal: control characters become `?`.

    >>> printable("team\x1b[2J"), printable(None)
    ('team?[2J', '-')
    """
    return NOTHING if name is None else _UNPRINTABLE.sub("?", name)
