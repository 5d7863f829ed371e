"""How often a pattern repeats: days in weeks, hours in weeks, months in years.

For each `every`, one table says after how many periods the pattern returns, and how much of the
past is still of use. Nothing else in this room distinguishes an hour from a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from falusage._suggestions import did_you_mean
from falusage.errors import QueryError

_LONGEST: Final = 13


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How cost moves in periods of one length.

    Attributes:
        season: After how many periods the pattern returns; 1 means never.
        level: How many of the last periods show the present level.
        reach: How many of the last periods are fitted; older ones add little and cost time.
        block: How many periods are compared with the next as many to see a step of the level.
    """

    season: int
    level: int
    reach: int
    block: int

    @property
    def short_season(self) -> int:
        """The season, or 1 if it is longer than a window or a check of spikes can wait for."""
        return self.season if self.season <= _LONGEST else 1

    @classmethod
    def from_every(cls, every: str) -> Rhythm:
        """Return the rhythm of a period.

        Raises:
            QueryError: No forecast has periods of this length.

        >>> Rhythm.from_every("1d").season
        7
        """
        if every not in RHYTHMS:
            raise QueryError(
                f"every is {every!r}; a forecast has periods of {', '.join(RHYTHMS)}."
                f"{did_you_mean(every, RHYTHMS)}"
            )
        return RHYTHMS[every]


RHYTHMS: Final = {
    "1h": Rhythm(168, 168, 672, 168),
    "1d": Rhythm(7, 14, 182, 14),
    "1w": Rhythm(52, 8, 208, 4),
    "1mo": Rhythm(12, 6, 120, 2),
    "1q": Rhythm(4, 4, 40, 2),
    "1y": Rhythm(1, 3, 40, 1),
}
