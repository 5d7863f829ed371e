"""Money as text: in full with its code for tables, short with its symbol for pictures.

Both are rounded to the minor unit of the currency, and never to zero.
"""

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

_DECIMALS: Final = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"),
            *("VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""The decimals of the minor unit, by ISO 4217 (list one, 2024); of all other currencies, two."""

_SCALES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def decimals(currency: str) -> int:
    """Return how many decimals an amount in a currency has.

    >>> decimals("USD"), decimals("JPY"), decimals("KWD")
    (2, 0, 3)
    """
    return _DECIMALS.get(currency, 2)


def amount(value: float | Decimal | None, currency: str, *, signed: bool = False) -> str:
    """Write money in full, to the minor unit; what is not zero is not written as zero.

    >>> [amount(value, "USD") for value in (1234.5, 0, 0.004, None)]
    ['1,234.50 USD', '0.00 USD', '<0.01 USD', '-']
    >>> [amount(value, "EUR", signed=True) for value in (12, -3.456, 0)]
    ['+12.00 EUR', '-3.46 EUR', '0.00 EUR']
    >>> amount(1234.5678, "JPY"), amount(0.2, "JPY"), amount(1234.5678, "KWD")
    ('1,235 JPY', '<1 JPY', '1,234.568 KWD')
    """
    text = _in_full(value, currency, signed=signed)
    return text if text == NOTHING else f"{text} {currency}"


def change_shown(later: float | Decimal, earlier: float | Decimal, currency: str) -> Decimal:
    """Return the difference of two amounts as they are written, so that a reader finds no cent off.

    >>> change_shown(4089.166, 3894.374, "USD")
    Decimal('194.80')
    """
    after, before = (
        value if isinstance(value, Decimal) else Decimal(repr(value)) for value in (later, earlier)
    )
    return round(after, decimals(currency)) - round(before, decimals(currency))


def band(low: float | None, high: float | None, currency: str) -> str:
    """Write both ends of an interval of money, without the currency.

    >>> band(9.5, 1200, "USD"), band(0.001, 0.02, "USD"), band(None, None, "USD")
    ('9.50 – 1,200.00', '<0.01 – 0.02', '-')
    """
    ends = [_in_full(value, currency) for value in (low, high)]
    return NOTHING if NOTHING in ends else " – ".join(ends)


def _in_full(value: float | Decimal | None, currency: str, *, signed: bool = False) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    if _too_small(value, currency):
        return f"{'<' if value > 0 else '>-'}{_unit(currency)}"
    return figure(value, decimals=decimals(currency), signed=signed)


def _unit(currency: str) -> Decimal:
    """Return the smallest amount that is written."""
    return Decimal(1).scaleb(-decimals(currency))


def _too_small(value: float | Decimal, currency: str) -> bool:
    """Return whether an amount would be rounded to zero, and is not zero."""
    size = abs(value) if isinstance(value, Decimal) else Decimal(repr(abs(float(value))))
    return 0 < size <= _unit(currency) / 2


def short_amount(value: float, currency: str, *, signed: bool = False) -> str:
    """Write money short, for a picture: to the minor unit below a hundred, else to three digits.

    A zero at the end shows that the amount was rounded; an exact amount has none. What is not zero
    is not written as zero.

    >>> [short_amount(value, "USD") for value in (0, 0.5, 57.43, 999.9, 1234, 3e6, -2500)]
    ['$0', '$0.50', '$57.43', '$1.00k', '$1.23k', '$3M', '−$2.5k']
    >>> short_amount(13_960, "USD"), short_amount(14_001, "USD"), short_amount(14_000, "USD")
    ('$14.0k', '$14.0k', '$14k')
    >>> short_amount(1250, "CHF"), short_amount(0.0679, "EUR"), short_amount(0.0042, "EUR")
    ('CHF 1.25k', '€0.07', '<€0.01')
    >>> short_amount(57.43, "JPY"), short_amount(57.4321, "KWD"), short_amount(0.2, "JPY")
    ('¥57', 'KWD 57.432', '<¥1')
    >>> short_amount(250, "USD", signed=True)
    '+$250'
    """
    if not math.isfinite(value):
        return NOTHING
    symbol = SYMBOLS.get(currency, f"{currency} ")
    if _too_small(value, currency):
        return f"{'<' if value > 0 else '>−'}{symbol}{_unit(currency)}"
    size = abs(value)
    rounded = float(f"{size:.3g}")
    scale, suffix = next((pair for pair in _SCALES if rounded >= pair[0]), _SCALES[-1])
    places = decimals(currency)
    if rounded < 100:
        number = figure(size, decimals=places)
    elif rounded / scale >= 1000:
        number = f"{rounded / scale:,.0f}"
    else:
        number = f"{rounded / scale:#.3g}".removesuffix(".")
    if math.isclose(float(number.replace(",", "")) * scale, size, rel_tol=1e-9) and "." in number:
        in_full = rounded < 100
        zeros = f".{'0' * places}"
        number = number.removesuffix(zeros) if in_full else number.rstrip("0").removesuffix(".")
    sign = "−" if value < 0 else "+" if signed and value else ""
    return f"{sign}{symbol}{number}{suffix}"


def mark(value: float, currency: str) -> str:
    """Write an amount beside an axis; a part of the minor unit has no text.

    >>> mark(0.02, "USD"), mark(0.025, "USD"), mark(1500, "USD")
    ('$0.02', '', '$1.5k')
    """
    in_units = abs(value) / float(_unit(currency))
    if in_units < 1e4 and not math.isclose(in_units, round(in_units), rel_tol=1e-6, abs_tol=1e-9):
        return ""
    return short_amount(value, currency)
