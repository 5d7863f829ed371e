"""Lengths of time, as users write them: `"36h"`, `"3d"`, `"2w"` or a timedelta."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from falusage.errors import QueryError

_LENGTH: Final = re.compile(r"(\d{1,5})([mhdw])")
_LONGEST: Final = timedelta(days=36_525)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def length(given: str | timedelta, *, name: str) -> timedelta:
    """Read a length of time.

    Raises:
        QueryError: It is not written so, is negative, or is more than a hundred years.

    >>> length("36h", name="settle")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = given
    if isinstance(found, str) and (match := _LENGTH.fullmatch(found)):
        found = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not isinstance(found, timedelta) or not timedelta(0) <= found <= _LONGEST:
        raise QueryError(
            f"{name} is {given!r}; expected a number and m, h, d or w, as in '36h' or '3d', or a "
            "timedelta, from nothing to a hundred years"
        )
    return found
