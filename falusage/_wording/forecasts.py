"""Text about forecasts: what a model does, and how often its bands held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_REPEATS: Final = {"1h": "weekly", "1d": "weekly", "1w": "yearly", "1mo": "yearly", "1q": "yearly"}
_DOES: Final = {
    "average": "average of four models with a {pattern}",
    "level": "recent level and {pattern}",
    "smoothing": "smoothed level and {pattern}",
    "theta": "smoothed level, half its trend and {pattern}",
    "trend": "trend and {pattern}",
    "seasonal_naive": "the last season again",
    "drift": "the last {period} and the mean change",
}
_PERIODS: Final = {"1h": "hour", "1d": "day", "1w": "week", "1mo": "month", "1q": "quarter"}
_TOO_NARROW: Final = 0.1
"""Bands that held so much less often than they should are called too narrow."""


def described(model: str | None, every: str | None = "1d") -> str:
    """Return what a model does; the name itself if it is of another package.

    Args:
        model: The name, as `forecast` returns it.
        every: The length of a period; None if it is not known.

    >>> described("level"), described("drift", "1mo"), described("AutoETS")
    ('recent level and weekly pattern', 'the last month and the mean change', 'AutoETS')
    """
    repeats = _REPEATS.get(every or "")
    pattern = f"{repeats} pattern" if repeats else "pattern of the season"
    does = _DOES.get(model or "", model or "-")
    return does.format(pattern=pattern, period=_PERIODS.get(every or "", "period"))


def is_too_narrow(held: float | None, level: int) -> bool:
    """Return whether bands held so much less often than their level that it must be said."""
    return held is not None and held < level / 100 - _TOO_NARROW


def bands_held(held: Mapping[int, float | None], noun: str = "days") -> str:
    """Return how often bands held in the past, as a sentence; empty if it was not measured.

    >>> bands_held({80: 0.834, 95: 0.95})
    'In the past, the 80% band held 83% of the days, and the 95% band 95%.'
    >>> bands_held({80: 0.5, 95: None})
    'In the past, the 80% band held only 50% of the days: it is too narrow for this series.'
    """
    known = {level: share for level, share in held.items() if share is not None}
    if not known:
        return ""
    narrow = [level for level, share in known.items() if is_too_narrow(share, level)]
    parts = [
        f"the {level}% band {'' if n else 'held '}{'only ' if level in narrow else ''}{share:.0%}"
        f"{'' if n else f' of the {noun}'}"
        for n, (level, share) in enumerate(known.items())
    ]
    warning = ""
    if narrow:
        warning = ": it is" if len(known) == 1 else ": they are" if len(narrow) > 1 else ""
        warning = warning or f": the {narrow[0]}% band is"
        warning += " too narrow for this series"
    return f"In the past, {', and '.join(parts)}{warning}."
