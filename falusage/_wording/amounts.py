"""Amounts, shares and names, written out in full for a table of text.

Pictures round to three digits; a table is what gets copied into a budget, so money has its two
decimals and its currency in every cell. No digit is written that is not known: a Decimal is exact
at any size, a double is not (see `figure`).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

NOTHING: Final = "-"
"""What stands where there is no number."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


_CENTS_KNOWN: Final = 2.0**46
"""From here on, doubles are further apart than a cent."""

_UNITS_KNOWN: Final = 2.0**53
"""From here on, doubles are further apart than one."""


def amount(value: float | Decimal | None, currency: str, *, signed: bool = False) -> str:
    """Write money with two decimals, and never an amount as nothing.

    >>> [amount(value, "USD") for value in (1234.5, 0, 0.004, None)]
    ['1,234.50 USD', '0.00 USD', '<0.01 USD', '-']
    >>> [amount(value, "EUR", signed=True) for value in (12, -3.456, 0)]
    ['+12.00 EUR', '-3.46 EUR', '0.00 EUR']
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if 0 < abs(value) <= 0.005:
        return f"{'<' if value > 0 else '>-'}0.01 {currency}"
    return f"{figure(value, signed=signed)} {currency}"


def figure(value: float | Decimal, *, signed: bool = False) -> str:
    """Write a number with the two decimals of money, as far as they are known.

    A Decimal is written exactly, to the cent, half a cent to the even one; a double as the decimal
    that it is read from. From 2**46 on a double does not know its cents, and is written in whole
    units; from 2**53 on not its units either, and it is written with the digits that it has.

    >>> figure(Decimal("10000000000000000.01")), figure(70_000_000_000_000.25)
    ('10,000,000,000,000,000.01', '70,000,000,000,000.25')
    >>> figure(700_000_000_000_000.25), figure(2.0**60)
    ('700,000,000,000,000', '1.152921504606847e+18')
    """
    sign = "+" if signed and value else ""
    if isinstance(value, Decimal):
        return f"{value if value else abs(value):{sign},.2f}"
    known = Decimal(repr(float(value))) if value else Decimal(0)
    if abs(value) < _CENTS_KNOWN:
        return f"{known:{sign},.2f}"
    return f"{known:{sign},.0f}" if abs(value) < _UNITS_KNOWN else f"{known.normalize():{sign}e}"


def band(low: float | None, high: float | None) -> str:
    """Write the two ends of an interval of money.

    >>> band(9.5, 1200), band(None, None)
    ('9.50 – 1,200.00', '-')
    """
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return NOTHING
    return f"{figure(low)} – {figure(high)}"


def percent(share: float | None, *, signed: bool = False) -> str:
    """Write a fraction as a percentage with one decimal, and never a part as nothing.

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
    """Write a quantity or a price as exactly as a reader needs: ten digits, or all of a count.

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
