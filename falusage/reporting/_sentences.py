"""The first screen in sentences. What cannot be said is named, with the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from falusage._wording.dates import day, minute, span
from falusage._wording.money import amount, short_amount
from falusage._wording.names import printable
from falusage._wording.numbers import percent
from falusage.reporting._answer import Ahead, Answer, Change
from falusage.reporting._bill import Bill
from falusage.reporting._outlook import Outlook
from falusage.reporting.certainty import gap_text

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Screen:
    """The first screen.

    Attributes:
        warning: What makes it incomplete; empty if nothing does.
        parts: For each currency, the headline and the sentences below it.
        final: What is final, and when it was read.
        range: The range, the time zone, and the filters of the table.
    """

    warning: str
    parts: Sequence[tuple[str, Sequence[str]]]
    final: str
    range: str

    @property
    def lines(self) -> list[str]:
        """All of it, line by line."""
        first = [self.warning] if self.warning else []
        said = [line for head, rest in self.parts for line in (head, *rest)]
        return [*first, *said, self.final, self.range]


def screen(bill: Bill, found: Sequence[Answer], coming: Outlook) -> Screen:
    """Return the first screen of a bill."""
    parts = [(headline(bill, answer), sentences(bill, answer)) for answer in found]
    if not parts and not bill.gaps:
        parts = [(f"{bill.subject.name}: nothing was spent", [])]
    last = f"{final(bill)} {coming.otherwise}".strip()
    warning = f"Not whole: {gap_text(bill)}" if bill.gaps else ""
    shown = [f"{span(bill.subject.start, bill.subject.end)}, {bill.timezone}"]
    shown += [f"only {printable(text)}" for text in bill.coverage.filters]
    return Screen(warning, parts, last, "; ".join(shown))


def headline(bill: Bill, answer: Answer) -> str:
    """Return what was spent: the one sentence that is read first."""
    return f"{bill.subject.name}: {_money(answer.spent, answer)}"


def sentences(bill: Bill, answer: Answer) -> list[str]:
    """Return the sentences below the headline of one currency."""
    found = [_compared(bill, answer)]
    if answer.change is not None:
        found += _why(answer.change, answer)
    if answer.ahead is not None:
        found.append(_ahead(bill, answer.ahead, answer))
    if answer.provisional:
        found.append(f"{_money(answer.provisional, answer)} of it may still change.")
    return found


def final(bill: Bill) -> str:
    """Return until when the numbers are final, and when they were read."""
    coverage = bill.coverage
    if not coverage.known:
        return (
            "Not known: when this was read, and what may still change. The table came without its "
            "coverage; report a load, a snapshot or a store to know."
        )
    said: list[str] = []
    if bill.settled is not None:
        until = min(bill.settled, bill.subject.end)
        if until <= bill.subject.start:
            said.append("Nothing of it is final yet.")
        else:
            said.append(f"Final up to {day(until - _INSTANT)}.")
    if coverage.closed_until < bill.subject.end:
        said.append(f"Buckets from {minute(bill.closed_until)} on had not ended.")
    if coverage.read_at is not None:
        said.append(
            f"Read {day(read := bill.local(coverage.read_at))}, {read:%H:%M} {bill.timezone}."
        )
    else:
        said.append("Not known: when this was read.")
    return " ".join(said)


def _compared(bill: Bill, answer: Answer) -> str:
    """Return how much more or less that is than before."""
    change, pair = answer.change, bill.pair
    if change is None or pair is None:
        return bill.subject.otherwise
    this, before = pair.named
    cost, was = _money(change.cost, answer), _money(change.before, answer)
    whole = (bill.subject.start, bill.subject.end) == pair.comparison
    opening = "" if whole else f"{this}: {cost}, "
    if change.before == change.cost:
        return _sentence(f"{opening}as much as {before}")
    difference = change.cost - change.before
    more = "more" if difference > 0 else "less"
    if change.ratio is None:
        return _sentence(f"{opening}nothing was spent {_in(before)}")
    said = f"{opening}{_ratio(change.ratio)} {more} than {before} ({was})"
    later, earlier = change.days
    if change.ratio_per_day is not None and abs(later - earlier) >= 1:
        word = "more" if change.ratio_per_day > 0 else "less"
        each = amount(change.per_day[0], printable(answer.currency))
        said += f". Per day: {each}, {_ratio(change.ratio_per_day)} {word}"
    return _sentence(said)


def _why(change: Change, answer: Answer) -> list[str]:
    """Return the main reasons; what is left sums with them to the whole difference."""
    if change.unexplained:
        return [f"The reasons are not known: {change.unexplained}."]
    if not change.reasons:
        return []
    listed = "; ".join(
        f"{reason.text} ({_money(reason.amount, answer, signed=True)})" for reason in change.reasons
    )
    rest = f"; all else ({_money(change.rest, answer, signed=True)})" if change.rest else ""
    whole = _money(change.cost - change.before, answer, signed=True)
    return [f"Why {whole}: {listed}{rest}."]


def _ahead(bill: Bill, ahead: Ahead, answer: Answer) -> str:
    unit = printable(answer.currency)
    low, high = short_amount(ahead.low, unit), short_amount(ahead.high, unit)
    month = bill.subject.name.removesuffix(" so far")
    return f"Expected for {month}: {short_amount(ahead.projected, unit)} (80%: {low} – {high})."


def _in(named: str) -> str:
    return f"in {named}" if named[0].isalpha() else f"on {named}"


def _ratio(ratio: float) -> str:
    return percent(abs(ratio))


def _money(value: Decimal, answer: Answer, *, signed: bool = False) -> str:
    return amount(value, printable(answer.currency), signed=signed)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
