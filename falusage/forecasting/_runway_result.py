"""How long a balance lasts, as a value that reads as a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from falusage._wording.dates import day, span
from falusage._wording.money import amount
from falusage._wording.numbers import chance
from falusage.api.balance import Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Runway:
    """How long a balance lasts.

    Attributes:
        balance: The balance.
        counted_from: From when on spending takes the balance down, in UTC.
        horizon: How many days ahead were looked at.
        model: The model that looked ahead; None if there was no need.
        runs_out_on: The day on which the forecast passes the balance; None if not within
            `horizon` days. If nothing is left, the day of `counted_from`.
        earliest_80: The start of the band of 80 percent of the paths, and so on; None where a
            bound is not within `horizon` days.
        latest_80: The end of that band.
        earliest_95: The start of the band of 95 percent.
        latest_95: The end of that band.
        chance: The share of paths that run out within `horizon` days.
    """

    balance: Balance
    counted_from: datetime
    horizon: int
    model: str | None
    runs_out_on: date | None
    earliest_80: date | None
    latest_80: date | None
    earliest_95: date | None
    latest_95: date | None
    chance: float

    def __str__(self) -> str:
        """Return it as a sentence."""
        left = amount(self.balance.current_balance, self.balance.currency)
        whose = f"{left} of {self.balance.username}"
        if self.balance.current_balance <= 0:
            return f"{whose}: it has run out already"
        if self.runs_out_on is None:
            return (
                f"{whose}: it does not run out within {self.horizon} days, by the forecast; the "
                f"chance that it does is {chance(self.chance)}"
            )
        text = f"{whose}: it runs out on {day(self.runs_out_on)}"
        if self.earliest_80 is None or self.earliest_80 == self.latest_80:
            return text
        if self.latest_80 is None:
            return f"{text} (80% band: from {day(self.earliest_80)})"
        return f"{text} (80% band: {_days(self.earliest_80, self.latest_80)})"


def _days(first: date, last: date) -> str:
    """Write two days and those between them.

    >>> _days(date(2025, 6, 29), date(2025, 7, 4))
    '29 Jun – 4 Jul 2025'
    """
    ends = (datetime(each.year, each.month, each.day, tzinfo=UTC) for each in (first, last))
    start, end = ends
    return span(start, end + timedelta(days=1))
