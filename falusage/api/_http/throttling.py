"""How long a server asks to wait, in any of the usual units.

By the standards `Retry-After` is in seconds or a date, but servers also send milliseconds,
durations and instants. A number that is too large for a wait is an instant, in the unit in which
it is near the present.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from falusage.api._http.words import one_line, shortened

LONGEST_WAIT: Final = 120.0
"""The most seconds that are slept when the server asks for it."""

_FIELDS: Final = (
    ("retry-after-ms", 0.001),
    ("Retry-After", 1.0),
    ("x-ratelimit-reset", 1.0),
    ("ratelimit-reset", 1.0),
)
"""Headers with a time to wait, the clearest first, and their unit in seconds."""

_CENTURY: Final = 100 * 366 * 86400.0
_INSTANTS: Final = ((1e9, 1.0), (1e11, 1e3), (1e14, 1e6), (1e17, 1e9))
"""The smallest number that is an instant, and how many of its units make a second."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h)\s*)+", re.ASCII | re.IGNORECASE)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Wait:
    """A server's request to wait.

    Attributes:
        seconds: How long to wait; zero for a time in the past; None without a valid header.
        invalid: An invalid header, such as `Retry-After: 'soon'`; empty without one.
    """

    seconds: float | None = None
    invalid: str = ""


def asked_wait(headers: Mapping[str, str], *, clocks: tuple[datetime, ...]) -> Wait:
    """Return how long an answer asks to wait.

    Args:
        headers: The answer's headers; names in any case.
        clocks: The server's clock if it is known, then this machine's.

    Example:
        >>> now = datetime(2026, 11, 28, tzinfo=UTC)
        >>> asked_wait({"Retry-After": "1.5"}, clocks=(now,)).seconds
        1.5
        >>> asked_wait({"x-ratelimit-reset": "1795824007000"}, clocks=(now,)).seconds
        7.0
        >>> asked_wait({"Retry-After": "soon"}, clocks=(now,))
        Wait(seconds=None, invalid="Retry-After: 'soon'")
    """
    sent = {name.lower(): value.strip() for name, value in headers.items()}
    invalid = ""
    for name, unit in _FIELDS:
        text = sent.get(name.lower(), "")
        if not text or (name.endswith("reset") and _is_positive(sent.get(_left(name), ""))):
            continue
        seconds = _seconds(text, unit, clocks)
        if seconds is not None:
            return Wait(seconds, invalid)
        invalid = invalid or f"{name}: {shortened(one_line(text), 40)!r}"
    return Wait(None, invalid)


def _left(name: str) -> str:
    """Return the name of the header with the number of requests left until a reset."""
    return name.replace("reset", "remaining")


def _is_positive(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and float(text) > 0


def _seconds(text: str, unit: float, clocks: tuple[datetime, ...]) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        scale = next((scale for least, scale in reversed(_INSTANTS) if number >= least), None)
        wait = number * unit if scale is None else _until(number / scale, clocks)
    elif _DURATION.fullmatch(text):
        wait = sum(float(count) * _UNITS[name.lower()] for count, name in _PART.findall(text))
    else:
        until = _date(text)
        if until is None:
            return None
        wait = _until(until.timestamp(), clocks)
    return max(wait, 0.0) if math.isfinite(wait) and wait < _CENTURY else None


def _until(instant: float, clocks: tuple[datetime, ...]) -> float:
    """Return the time until an instant, by the first clock by which it is a sensible wait.

    A proxy may send its own date with the server's instant.
    """
    waits = [instant - clock.timestamp() for clock in clocks]
    return next((wait for wait in waits if 0 <= wait <= LONGEST_WAIT), waits[0])


def _date(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError, TypeError, IndexError):
            when = parse(text)
            return when if when.tzinfo else when.replace(tzinfo=UTC)
    return None
