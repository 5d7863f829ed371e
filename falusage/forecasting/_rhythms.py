"""What repeats at which grain: days in weeks, hours in days and weeks, months in years.

One table says, for each `every`, after how many periods the pattern returns, and how much of the
past still tells what comes next. Nothing else in this room knows an hour from a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from falusage._suggestions import did_you_mean
from falusage.errors import QueryError


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How cost moves at one grain.

    Attributes:
        season: After how many periods the pattern returns; 1 is never.
        inner: The shorter season that exponential smoothing can hold (at most 24).
        level: How many of the last periods say where the series stands.
        reach: How many of the last periods are fitted; older ones say little and cost time.
        usual: A period's usual length, to which the longer and shorter ones are brought.
    """

    season: int
    inner: int
    level: int
    reach: int
    usual: timedelta


RHYTHMS: Final = {
    "1h": Rhythm(168, 24, 168, 672, timedelta(hours=1)),
    "1d": Rhythm(7, 7, 14, 182, timedelta(days=1)),
    "1w": Rhythm(52, 1, 8, 208, timedelta(weeks=1)),
    "1mo": Rhythm(12, 12, 6, 120, timedelta(days=30)),
    "1q": Rhythm(4, 4, 4, 40, timedelta(days=91)),
    "1y": Rhythm(1, 1, 3, 40, timedelta(days=365)),
}


def rhythm_of(every: str) -> Rhythm:
    """Give the rhythm of a grain, or refuse one that nobody forecasts at.

    >>> rhythm_of("1d").season
    7
    """
    if every not in RHYTHMS:
        raise QueryError(
            f"every is {every!r}; a forecast has periods of {', '.join(RHYTHMS)}."
            f"{did_you_mean(every, RHYTHMS)}"
        )
    return RHYTHMS[every]
