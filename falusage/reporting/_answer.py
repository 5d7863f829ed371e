"""The first screen: what was spent, compared with before, why, where it will end, what is final.

Each currency has an answer of its own. An answer has numbers; `_sentences` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from falusage.errors import AlignmentError, QueryError
from falusage.reporting._bill import Bill
from falusage.reporting._reasons import Reason, reasons
from falusage.timeframes import floor

_ZERO: Final = Decimal(0)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """The cost of two ranges: the later, the earlier, and why they differ.

    Attributes:
        cost: What the later range cost.
        before: What the earlier range cost.
        days: The lengths of both in days of 24 hours, the later first.
        reasons: The largest reasons for the difference.
        rest: The sum of all smaller ones.
        unexplained: Why there are no reasons; empty if there are.
    """

    cost: Decimal
    before: Decimal
    days: tuple[float, float]
    reasons: tuple[Reason, ...] = ()
    rest: Decimal = _ZERO
    unexplained: str = ""

    @property
    def ratio(self) -> float | None:
        """The change as a fraction; None from zero."""
        return float(self.cost / self.before) - 1 if self.before else None

    @property
    def per_day(self) -> tuple[float, float]:
        """The cost per day of 24 hours of both ranges, the later first."""
        return float(self.cost) / self.days[0], float(self.before) / self.days[1]

    @property
    def ratio_per_day(self) -> float | None:
        """The change per day as a fraction; None from zero."""
        later, earlier = self.per_day
        return later / earlier - 1 if earlier else None


@dataclass(frozen=True, slots=True)
class Ahead:
    """Where the month will end, with the band that should hold it in 80 of 100 months.

    Attributes:
        projected: Where it is expected to end.
        low: The lower end of the band.
        high: The upper end.
        settling: How much of that is still expected for days already spent.
        held: How often bands of the same kind held the days of the past; None if not measured.
    """

    projected: float
    low: float
    high: float
    settling: float = 0.0
    held: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one currency's first screen says.

    Attributes:
        currency: The currency.
        spent: What the subject cost.
        change: The comparison; None if there is none.
        ahead: Where the month will end; None if it is over or not known.
        provisional: How much of `spent` may still be corrected; None if that is not known.
        previous: What the whole month before cost; None if the table does not have it.
    """

    currency: str
    spent: Decimal
    change: Change | None = None
    ahead: Ahead | None = None
    provisional: Decimal | None = None
    previous: Decimal | None = None


def answers(bill: Bill, outlook: pl.DataFrame | None = None) -> list[Answer]:
    """Return the answer for each currency; none if a part of the subject was never read.

    Args:
        bill: What is reported.
        outlook: What `month_outlook` returned for the month as a whole; None if there is none.
    """
    if bill.gaps:
        return []
    last = _month_before(bill)
    found: list[Answer] = []
    for currency in _all_currencies(bill):
        mine = pl.col("currency").eq_missing(pl.lit(currency))
        spent = bill.spent.filter(mine)
        young = None if bill.provisional is None else _sum(bill.provisional.filter(mine))
        ahead = None if outlook is None else _ahead(outlook.filter(mine))
        previous = None if last is None else _sum(last.filter(mine))
        change = _change(bill, currency)
        found.append(Answer(currency, _sum(spent), change, ahead, young, previous))
    return found


def _month_before(bill: Bill) -> pl.DataFrame | None:
    """Return the items of the month before that of the subject, if the table has all of it."""
    end = bill.subject.start
    if bill.subject.month is None or bill.indivisible is not None:
        return None
    start = bill.local(floor(end - _INSTANT, every="1mo", timezone=bill.timezone))
    return None if bill.coverage.start > start or bill.since > start else bill.of(start, end)


def _all_currencies(bill: Bill) -> list[str]:
    """Return the currencies of the subject, then those of the range before it."""
    found = bill.currencies
    if bill.pair is not None:
        before = bill.of(*bill.pair.baseline)["currency"].unique().sort()
        found += [currency for currency in before if currency not in found]
    return found


def _change(bill: Bill, currency: str) -> Change | None:
    pair = bill.pair
    if pair is None:
        return None
    mine = pl.col("currency").eq_missing(pl.lit(currency))
    later, earlier = (
        _sum(bill.of(*ends).filter(mine)) for ends in (pair.comparison, pair.baseline)
    )
    try:
        why, rest = reasons(bill, currency)
    except (AlignmentError, QueryError) as error:
        return Change(later, earlier, pair.days, unexplained=str(error))
    return Change(later, earlier, pair.days, tuple(why), rest)


def _ahead(rows: pl.DataFrame) -> Ahead | None:
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return Ahead(row["projected"], row["lo_80"], row["hi_80"], row["settling"], row["coverage_80"])


def _sum(rows: pl.DataFrame) -> Decimal:
    return rows.select(pl.col("cost").sum()).item() if rows.height else _ZERO
