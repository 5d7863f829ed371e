"""Numbers, percentages and chances as text.

A table is copied into a budget, so it has every digit that is known, and no digit that is not: a
Decimal is exact at any size, a double is not (see `figure`). A picture has little room, so it has
whole percentages.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

NOTHING: Final = "-"
"""The text of a missing number."""

_UNITS_KNOWN: Final = 2.0**53
"""From here on, doubles are further apart than one."""


def figure(value: float | Decimal, *, decimals: int = 2, signed: bool = False) -> str:
    """Write a number with two decimals, or as many as given, as far as they are known.

    A Decimal is written exactly to its last decimal; half of it is rounded to the even one. A
    double is written as the decimal that it is read from. From 2**46 on, a double does not know its
    cents and is written without them. From 2**53 on, it is written with the digits that it has.

    >>> figure(Decimal("10000000000000000.01")), figure(70_000_000_000_000.25)
    ('10,000,000,000,000,000.01', '70,000,000,000,000.25')
    >>> figure(700_000_000_000_000.25), figure(2.0**60)
    ('700,000,000,000,000', '1.152921504606847e+18')
    >>> figure(1234.5678, decimals=0), figure(1234.5678, decimals=3)
    ('1,235', '1,234.568')
    """
    sign = "+" if signed and value else ""
    if isinstance(value, Decimal):
        return f"{value if value else abs(value):{sign},.{decimals}f}"
    known = Decimal(repr(float(value))) if value else Decimal(0)
    # Doubles from here on are further apart than a step of the last decimal.
    if abs(value) < _UNITS_KNOWN / 2 ** math.ceil(decimals * math.log2(10)):
        return f"{known:{sign},.{decimals}f}"
    return f"{known:{sign},.0f}" if abs(value) < _UNITS_KNOWN else f"{known.normalize():{sign}e}"


def number(value: float | None) -> str:
    """Write a quantity or a price with up to ten digits, and a count with all of them.

    >>> [number(value) for value in (3600, 0.000525, 1234567.25, None)]
    ['3,600', '0.000525', '1,234,567.25', '-']
    >>> number(123_456_789_012_345), number(12_345_678_901.25), number(2.0**60)
    ('123,456,789,012,345', '12,345,678,901.25', '1.152921504606847e+18')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) < 1e9:
        return f"{value:,.10g}"
    return figure(value).removesuffix(".00")


def percent(share: float | None, *, signed: bool = False) -> str:
    """Write a fraction as a percentage with one decimal; what is not zero is not written as zero.

    >>> [percent(share) for share in (0.256, 1, 0, 0.0004, None)]
    ['25.6%', '100.0%', '0.0%', '<0.1%', '-']
    >>> [percent(share, signed=True) for share in (0.256, -0.031, 24, 3e19)]
    ['+25.6%', '-3.1%', '+2,400.0%', '+3e+21%']
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    if 0 < abs(share) < 0.0005:
        return "<0.1%" if share > 0 else ">-0.1%"
    sign = "+" if signed and share else ""
    if abs(share) >= 1e12:  # a double has no digits left for a decimal
        return f"{100 * share:{sign}.3g}%"
    return f"{share:{sign},.1%}"


def short_percent(share: float) -> str:
    """Write a fraction as a whole percentage, for a picture.

    A part that is not zero is never 0%, and a part that is not the whole is never 100%.

    >>> [short_percent(share) for share in (0, 0.004, 0.256, 0.999, 1)]
    ['0%', '<1%', '26%', '>99%', '100%']
    """
    if not math.isfinite(share):
        return NOTHING
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1 - 1e-9:
        return ">99%"
    return f"{share:.0%}"


def chance(share: float | None) -> str:
    """Write a chance as a percentage, never as certain: it comes from a thousand paths.

    >>> [chance(share) for share in (0.0, 0.001, 0.256, 0.9996, 1.0, None)]
    ['<0.1%', '0.1%', '25.6%', '>99.9%', '>99.9%', '-']
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    if share < 0.0005:
        return "<0.1%"
    return ">99.9%" if share >= 0.9995 else percent(share)


def bar(share: float | None, *, width: int = 16) -> str:
    """Draw a share as a bar of blocks; a part too small for one block has none.

    >>> bar(0.5, width=4), bar(0.01, width=4), bar(1.0, width=4)
    ('██', '', '████')
    """
    return "█" * round(width * min(max(share or 0.0, 0.0), 1.0))
