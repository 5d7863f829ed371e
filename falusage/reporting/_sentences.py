"""The first screen in sentences. What cannot be said is named, with the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from falusage._wording.dates import day, minute, month_name, span
from falusage._wording.forecasts import is_too_narrow
from falusage._wording.money import amount, change_shown, decimals
from falusage._wording.names import printable, title
from falusage._wording.numbers import percent
from falusage.reporting._answer import Ahead, Answer, Change
from falusage.reporting._bill import Bill
from falusage.reporting._outlook import Outlook
from falusage.reporting.certainty import gap_text, let_through

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Screen:
    """The first screen.

    Attributes:
        warning: What makes it incomplete; empty if nothing does.
        parts: For each currency, the headline and the sentences below it.
        final: When the data was fetched, and what a reader must know of all of it.
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
    parts = [(headline(bill, answer), sentences(bill, answer, coming)) for answer in found]
    if not parts and not bill.gaps:
        parts = [(f"{bill.subject.name}: nothing was spent", [])]
    left_out = [f"{text[0].upper()}{text[1:]}." for text in let_through(bill.coverage)]
    last = " ".join([final(bill), *left_out, *([coming.otherwise] if coming.otherwise else [])])
    warning = f"Not whole: {gap_text(bill)}" if bill.gaps else ""
    shown = [f"{_dates(bill)}, {bill.timezone}"]
    if bill.coverage.scope == "workspace" and not bill.coverage.filters:
        shown.append("without compute, which is only on the invoice")
    for text in bill.coverage.filters:
        column, _, names = text.partition(": ")
        shown.append(f"only {title(column)} {printable(names)}")
    return Screen(warning, parts, last, "; ".join(shown))


def _dates(bill: Bill) -> str:
    """Return the days of the subject; that they are a whole month, if so."""
    about = bill.subject
    if about.month is None or not about.is_over or about.start.day != 1:
        return span(about.start, about.end)
    last = about.end - _INSTANT
    return f"1 – {day(last)}, the whole month"


def headline(bill: Bill, answer: Answer) -> str:
    """Return what was spent: the one sentence that is read first."""
    return f"{bill.subject.name}: {_money(answer.spent, answer)}"


def sentences(bill: Bill, answer: Answer, coming: Outlook) -> list[str]:
    """Return the sentences below the headline of one currency."""
    found = [_compared(bill, answer)]
    if answer.change is not None:
        found += _why(answer.change, answer)
    if answer.ahead is not None:
        found.append(_ahead(bill, answer.ahead, answer, is_guess=coming.is_guess))
    return [*found, *_settled(bill, answer)]


def final(bill: Bill) -> str:
    """Return what had not ended when the data was fetched, and when that was."""
    coverage = bill.coverage
    if not coverage.known:
        return (
            "Not known: when this was fetched, and what may still change. The table came without "
            "its coverage; report a load, a snapshot or a store to know."
        )
    said: list[str] = []
    if coverage.read_at is None:
        said.append("Not known: when this was fetched.")
    else:
        at = bill.local(coverage.read_at)
        said.append(f"Fetched on {day(at)}, {at:%H:%M} {bill.timezone}.")
    if coverage.closed_until < bill.subject.end:
        said.append(f"Buckets from {minute(bill.closed_until)} on had not ended then.")
    return " ".join(said)


def _settled(bill: Bill, answer: Answer) -> list[str]:
    """Return how much of the cost is final, and how much may still be corrected."""
    if bill.settled is None or answer.provisional is None:
        return []
    if bill.settled >= bill.subject.end:
        return ["All of it is final."]
    if bill.settled <= bill.subject.start:
        return ["Nothing of it is final yet: the API may still correct it."]
    first = day(bill.settled - _INSTANT)
    left = _money(answer.provisional, answer)
    return [f"Final up to {first}; the {left} spent after that may still be corrected."]


def _compared(bill: Bill, answer: Answer) -> str:
    """Return how much more or less that is than before."""
    change, pair = answer.change, bill.pair
    if change is None or pair is None:
        return bill.subject.otherwise
    this, before = pair.named
    cost, was = _money(change.cost, answer), _money(change.before, answer)
    opening = "" if change.cost == answer.spent else f"{this}: {cost}, "
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
        unit = printable(answer.currency)
        each, was_each = (amount(cost, unit) for cost in change.per_day)
        said += f". Per day: {each}, {_ratio(change.ratio_per_day)} {word} than {was_each}"
    return _sentence(said)


def _why(change: Change, answer: Answer) -> list[str]:
    """Return the main reasons; what is left sums with them to the whole difference."""
    if change.unexplained:
        return [f"The reasons are not known: {change.unexplained}."]
    if not change.reasons:
        return []
    whole = change_shown(change.cost, change.before, answer.currency)
    parts = [(reason.text, _rounded(reason.amount, answer)) for reason in change.reasons]
    rest = whole - sum((part for _, part in parts), Decimal(0))  # so that what is shown adds up
    parts += [("all else", rest)] if rest else []
    listed = "; ".join(f"{text} ({_money(part, answer, signed=True)})" for text, part in parts)
    return [f"Why {_money(whole, answer, signed=True)}: {listed}."]


def _ahead(bill: Bill, ahead: Ahead, answer: Answer, *, is_guess: bool) -> str:
    """Return where the month will end, to three digits, and what the whole month before cost."""
    month = bill.subject.name.removesuffix(" so far")
    low, high = _about(ahead.low), _about(ahead.high)
    expected = f"{_about(ahead.projected)} {printable(answer.currency)}"
    if is_guess:
        sure = "but the history is too short to say how sure that is"
    elif is_too_narrow(ahead.held, 80):
        sure = (
            f"probably between {low} and {high}; such bands held {ahead.held:.0%} of the days "
            "before, not 80%"
        )
    else:
        sure = f"with 80% probability between {low} and {high}"
    said = f"Expected for all of {month}: {expected}, {sure}.{_late(ahead, answer)}"
    if answer.previous is None:
        return said
    earlier = month_name(bill.subject.start - _INSTANT)
    return f"{said} All of {earlier} cost {_money(answer.previous, answer)}."


def _late(ahead: Ahead, answer: Answer) -> str:
    """Return how much of that is still expected for days already spent; empty if nothing is."""
    amount = f"{_about(abs(ahead.settling))} {printable(answer.currency)}"
    if not round(ahead.settling, decimals(answer.currency)):
        return ""
    if ahead.settling > 0:
        return f" It includes {amount} that the last days usually gain until they are final."
    return f" It leaves out {amount} that the last days usually lose until they are final."


def _about(value: float) -> str:
    """Write an estimate, to three digits: the others are not known."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:,.2f}"


def _rounded(value: Decimal, answer: Answer) -> Decimal:
    return round(value, decimals(answer.currency))


def _in(named: str) -> str:
    return f"in {named}" if named[0].isalpha() else f"on {named}"


def _ratio(ratio: float) -> str:
    return percent(abs(ratio))


def _money(value: Decimal, answer: Answer, *, signed: bool = False) -> str:
    return amount(value, printable(answer.currency), signed=signed)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
