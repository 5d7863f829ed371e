"""Money as text: in full with its code for tables, short with its symbol for pictures."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from falusage._wording.numbers import NOTHING, figure

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
"""CLDR's English symbols, no two the same. Another currency is written with its code."""

_SCALES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_LEAST: Final = 0.005
"""An amount up to half a cent is written as less than a cent, and not as zero."""


def amount(value: float | Decimal | None, currency: str, *, signed: bool = False) -> str:
    """Write money in full, with two decimals; what is not zero is not written as zero.

    >>> [amount(value, "USD") for value in (1234.5, 0, 0.004, None)]
    ['1,234.50 USD', '0.00 USD', '<0.01 USD', '-']
    >>> [amount(value, "EUR", signed=True) for value in (12, -3.456, 0)]
    ['+12.00 EUR', '-3.46 EUR', '0.00 EUR']
    """
    text = _in_cents(value, signed=signed)
    return text if text == NOTHING else f"{text} {currency}"


def band(low: float | None, high: float | None) -> str:
    """Write both ends of an interval of money, without the currency.

    >>> band(9.5, 1200), band(0.001, 0.02), band(None, None)
    ('9.50 – 1,200.00', '<0.01 – 0.02', '-')
    """
    ends = [_in_cents(value) for value in (low, high)]
    return NOTHING if NOTHING in ends else " – ".join(ends)


def _in_cents(value: float | Decimal | None, *, signed: bool = False) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    if 0 < abs(value) <= _LEAST:
        return "<0.01" if value > 0 else ">-0.01"
    return figure(value, signed=signed)


def short_amount(value: float, currency: str, *, signed: bool = False) -> str:
    """Write money short, for a picture: to the cent below a hundred, else to three digits.

    A zero at the end shows that the amount was rounded; an exact amount has none.

    >>> [short_amount(value, "USD") for value in (0, 0.5, 57.43, 999.9, 1234, 3e6, -2500)]
    ['$0', '$0.50', '$57.43', '$1.00k', '$1.23k', '$3M', '−$2.5k']
    >>> short_amount(13_960, "USD"), short_amount(14_001, "USD"), short_amount(14_000, "USD")
    ('$14.0k', '$14.0k', '$14k')
    >>> short_amount(1250, "CHF"), short_amount(0.0042, "EUR")
    ('CHF 1.25k', '€0.0042')
    >>> short_amount(250, "USD", signed=True)
    '+$250'
    """
    if not math.isfinite(value):
        return NOTHING
    size = abs(value)
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
    sign = "−" if value < 0 else "+" if signed and value else ""
    return f"{sign}{SYMBOLS.get(currency, f'{currency} ')}{number}{suffix}"
