"""The parts of the gap between usage and charges, in order, and what each one means."""

from __future__ import annotations

from typing import Final

PARTS: Final = {
    "credits": "credits",
    "tax": "tax",
    "corrections": "corrections of earlier charges",
    "refunds": "refunds: charges for usage below zero",
    "other_charges": "purchases and adjustments",
    "rounding": "rounding of the charges",
    "not_loaded": "charges for products or days that the usage was not asked for",
    "only_here": "in the usage, but not charged",
    "only_there": "charged, but not in the usage",
}
"""Each part, with its meaning. A correction below zero is a refund, too."""

UNEXPLAINED: Final = ("only_here", "only_there")
"""The parts for which there is no reason in the data."""


def in_words(part: str, amount: object) -> str:
    """Return what an amount of a part is.

    >>> in_words("corrections", -1.5)
    'refunds: corrections of earlier charges'
    """
    is_refund = part == "corrections" and amount < 0  # type: ignore[operator]
    return f"{'refunds: ' if is_refund else ''}{PARTS[part]}"
