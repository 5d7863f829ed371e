"""Where the month will end, and whether budgets last."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import polars as pl

from falusage._usage.table import Arrow, lazy
from falusage._wording.dates import minute
from falusage._wording.forecasts import bands_held
from falusage._wording.names import printable
from falusage.errors import AlignmentError, CoverageError, QueryError
from falusage.plotting import MonthEnd, plot_month
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Drawing, Note, Section, Table, unless_empty
from falusage.reporting._outlook import Outlook
from falusage.reporting._sections.certain import not_exact
from falusage.reporting._spending import in_order
from falusage.reporting.columns import amounts, bands, chances, days, models, names
from falusage.timeframes import after, floor
from falusage.transforms import budget_status, trend
from falusage.transforms.budgets import budget_columns

_INSTANT: Final = timedelta(microseconds=1)


def ahead(bill: Bill, outlook: Outlook) -> Section | None:
    """Return where the month will end; None for a month that is over, or another range."""
    section = partial(Section, "outlook", "Where the month will end")
    if outlook.otherwise:
        return section([Note(outlook.otherwise)])
    if outlook.whole is None:
        return None
    found = in_order(outlook.whole, bill.currencies)
    columns = [
        names(found, "currency"),
        amounts(found, "spent", "spent so far"),
        *([amounts(found, "settling", signed=True)] if found["settling"].ne(0).any() else []),
        amounts(found, "projected"),
        bands(found, 80),
        bands(found, 95),
        models(found, "1d"),
    ]
    caption = f"{bill.subject.month}, as of {minute(found['as_of'][0])}"
    drawn = [picture for row in found.iter_rows(named=True) if (picture := _drawn(bill, row))]
    return section([*drawn, Table(caption, columns), *_held(found)])


def _held(found: pl.DataFrame) -> list[Note]:
    """Return how often the bands held, as text, for each currency."""
    notes: list[Note] = []
    for currency, in_80, in_95 in found.select("currency", "coverage_80", "coverage_95").rows():
        sentence = bands_held({80: in_80, 95: in_95})
        of = f"{printable(currency)}: " if found.height > 1 else ""
        notes += [Note(f"{of}{sentence}")] if sentence else []
    return notes


def _drawn(bill: Bill, row: dict[str, Any]) -> Drawing | None:
    """Draw the month day by day, and where it will end; None without days, or without cost."""
    if bill.indivisible is not None:
        return None
    start, currency = bill.subject.start, row["currency"]
    earlier = bill.local(floor(start - _INSTANT, every="1mo", timezone=bill.timezone))
    days, sums = _added(bill, start, bill.subject.end, currency)
    if len(days) < 2 or not row["hi_80"]:  # a line has two ends, and a height
        return None
    whole = bill.coverage.start <= earlier and not bill.coverage.lacking(earlier, start)
    before = _added(bill, earlier, start, currency)[1] if whole else []
    ends = bill.local(after(start, every="1mo", timezone=bill.timezone))
    draw = partial(
        plot_month,
        days,
        sums,
        MonthEnd(ends, row["projected"], row["lo_80"], row["hi_80"]),
        title=f"Where {bill.subject.name.removesuffix(' so far')} will end",
        currency=printable(currency),
        before=before,
    )
    return Drawing(draw)


def _added(
    bill: Bill, start: datetime, end: datetime, currency: str
) -> tuple[list[datetime], list[float]]:
    """Return the ends of the days of a range, and the cost up to each; first its start and 0."""
    mine = bill.of(start, end).filter(pl.col("currency").eq_missing(pl.lit(currency)))
    daily = trend(
        mine,
        every="1d",
        timezone=bill.timezone,
        window=1,
        start=start,
        end=end,
        coverage=bill.coverage,
    )
    costs = [0.0, *daily["cost"].cum_sum()]
    edges = [bill.local(after(day, every="1d", timezone=bill.timezone)) for day in daily["period"]]
    return [start, *(min(edge, end) for edge in edges)], costs


def budgeted(bill: Bill, budgets: pl.LazyFrame | Arrow, outlook: Outlook) -> Section:
    """Compare the month's spend with its budgets, with the outlook if there is one."""
    section = partial(Section, "budgets", "Budgets")
    month = bill.subject.month
    if month is None or bill.subject.start.day != 1:
        return section([Note("Budgets are for a month, and the report is not about a whole one.")])
    frame = lazy(budgets, name="budgets").collect()
    if outlook.budgeted is not None:
        return section([_judged(bill, outlook.budgeted.filter(pl.col("budget").is_not_null()))])
    by = budget_columns(frame)
    try:
        status = budget_status(
            bill.items,
            frame,
            by=by,
            month=month,
            as_of=min(bill.coverage.closed_until, bill.subject.end),
            timezone=bill.timezone,
            coverage=bill.coverage,
        )
    except (AlignmentError, CoverageError) as error:
        return section([not_exact("The month", error)])
    until = minute(min(bill.closed_until, bill.subject.end))
    caption = f"{month}, as of {until}" + ("" if bill.subject.is_over else ", if it goes on so")
    shown = [
        *(names(status, column, labels=bill.labels) for column in by),
        *(amounts(status, column) for column in ("budget", "spent", "projected")),
        amounts(status, "remaining", signed=True),
        days(status, "runs_out_on"),
        names(status, "status"),
    ]
    return section([unless_empty(Table(caption, shown), "No budget is given.")])


def _judged(bill: Bill, found: pl.DataFrame) -> Table | Note:
    """Return the budgets of an outlook, with the chance that each is passed."""
    own = ("month", "as_of", "model", "spent", "settling", "projected")
    own += ("lo_80", "hi_80", "lo_95", "hi_95")
    held = ("coverage_80", "coverage_95")
    rest = ("budget", "remaining", "chance_over", "runs_out_on", "status", "currency")
    columns = [
        *(
            names(found, name, labels=bill.labels)
            for name in found.columns
            if name not in (*own, *held, *rest)
        ),
        *(amounts(found, name) for name in ("budget", "spent", "projected")),
        bands(found, 80),
        chances(found, "chance_over"),
        days(found, "runs_out_on"),
        names(found, "status"),
    ]
    caption = f"{bill.subject.month}, as of {minute(bill.closed_until)}"
    return unless_empty(Table(caption, columns), "No budget is given.")


def require_budgets(budgets: object) -> None:
    """Raise `QueryError` if budgets are no frame."""
    if not isinstance(budgets, pl.LazyFrame | Arrow):
        raise QueryError(
            f"budgets is {budgets!r}; expected a frame of username (or other columns), currency "
            "and budget"
        )
