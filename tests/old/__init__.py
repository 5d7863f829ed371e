"""Snapshots and stores that older versions wrote; `make.py` says how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

OLD: Final = Path(__file__).parent
KINDS: Final = ("bare", "ahead")
"""`bare` has no field of the fourth edition; `ahead` has two unknown fields, one known now."""


def discounts(kind: str) -> list[float | None]:
    """Return the discount of each row: `ahead` read zeros, as an unknown field."""
    return [0.0 if kind == "ahead" else None] * 12
