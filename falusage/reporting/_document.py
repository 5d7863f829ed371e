"""A report to send on: one file that asks nothing of whoever opens it."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import polars as pl

from falusage._files import replacing, require_place, resolved
from falusage._usage.periods import Range
from falusage._usage.table import Arrow, lazy, require
from falusage._version import __version__
from falusage._wording.amounts import amount, printable
from falusage._wording.dates import span
from falusage.api.load import UsageLoad
from falusage.errors import QueryError
from falusage.plotting import colors_of
from falusage.plotting._panels import TOP, Frame, table_of
from falusage.reporting import _outlooks as outlooks
from falusage.reporting import _questions as questions
from falusage.reporting._certainty import Certainty
from falusage.reporting._months import Months, months
from falusage.reporting._page import environment, html
from falusage.reporting._spending import totals
from falusage.timeframes import zone
from falusage.transforms import cost_share

Ends = tuple[date | datetime | str, date | datetime | str]


def report(
    usage: UsageLoad | pl.LazyFrame | Arrow,
    *,
    out: str | os.PathLike[str],
    title: str = "What fal cost",
    timezone: str | None = None,
    baseline: Ends | None = None,
    comparison: Ends | None = None,
    budgets: pl.LazyFrame | Arrow | None = None,
    outlook: Frame | None = None,
) -> Path:
    """Write a report as one HTML file, to be mailed, opened on a phone, or printed.

    It says what was spent and how sure that is, who spent it and on what, how that moved and
    exactly why, which prices changed, and what was out of the ordinary; then budgets and the
    outlook, where they are given. Currencies are never added. The file holds its pictures, asks
    nothing of a network and runs no script but the one that sorts its tables; what cannot be
    answered exactly from the table is said instead. The same table gives the same file.

    Args:
        usage: What `UsageClient.load` returned, which says how sure it is; or a usage table, as
            `load_usage`, a snapshot or a store's `scan` give it (of the last, it says what is
            provisional).
        out: The file to write, whole or not at all.
        title: What stands at its head.
        timezone: The IANA zone of days and months. None is that of the load, or UTC.
        baseline: The start and end of what the bill is compared with. None, like `comparison`,
            takes as many days of the month before as this month has had.
        comparison: The start and end of what is compared. Ranges that the table does not hold
            whole are not compared, and the report says so.
        budgets: `budget_status`'s budgets, for the month in which the table ends: a frame of
            `username` (or other columns), `currency` and `budget`. Not shown beside an outlook
            that answers them all.
        outlook: What `month_outlook` or `forecast` returned, or any frame of the kind.

    Returns:
        The path of the file, absolute and with links followed.

    Raises:
        MissingColumnError: This is no usage table.
        MissingExtraError: The extra `report` is not installed.
        QueryError: An argument is out of its range or form, or the table is empty and has no
            receipt that says which range it is of.
        SnapshotError: The file cannot be written there.

    >>> import tempfile
    >>> import falusage as fu
    >>> usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = fu.report(usage, out=f"{folder}/june.html", title="Acme's June")
    ...     "Acme&#39;s June" in path.read_text("utf-8")
    True
    """
    certainty = None
    if isinstance(usage, UsageLoad):
        usage, certainty = usage.usage, Certainty.of_receipt(usage.receipt)
    return write_report(
        usage,
        certainty,
        out=out,
        title=title,
        timezone=timezone,
        baseline=baseline,
        comparison=comparison,
        budgets=budgets,
        outlook=outlook,
    )


def write_report(
    usage: pl.LazyFrame | Arrow,
    certainty: Certainty | None,
    *,
    out: str | os.PathLike[str],
    title: str = "What fal cost",
    timezone: str | None = None,
    baseline: Ends | None = None,
    comparison: Ends | None = None,
    budgets: pl.LazyFrame | Arrow | None = None,
    outlook: Frame | None = None,
) -> Path:
    """Write the report of a table of which it is known how it came about; see `report`."""
    environment()  # before any work, so that a missing extra is known at once, and so is a place
    require_place(out)
    if timezone is not None:
        zone(timezone)
    bill = _bill(usage, certainty, timezone=timezone, baseline=baseline, comparison=comparison)
    page = _page(bill, title=title, budgets=budgets, outlook=outlook)
    place = resolved(out)
    with replacing(place) as file:
        file.write(page.encode())
    return place


def _bill(
    usage: pl.LazyFrame | Arrow,
    certainty: Certainty | None,
    *,
    timezone: str | None,
    baseline: Ends | None,
    comparison: Ends | None,
) -> questions.Bill:
    """Make ready what the page is about, and refuse what is no usage table."""
    if not isinstance(usage, pl.LazyFrame | Arrow):
        raise QueryError(
            f"usage is a {type(usage).__name__}; expected a load, a Polars frame or a table with "
            "the Arrow interface"
        )
    rows = lazy(usage)
    require(rows.collect_schema(), _NEEDS)
    table = rows.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String)).collect()
    known = Certainty.of_table(table) if certainty is None else certainty
    name = timezone or known.timezone
    zone(name)
    ranges = _ranges(known, name, baseline, comparison)
    return questions.Bill(table, known, name, ranges, _colors(table))


_NEEDS = (
    *("bucket", "bucket_end", "username", "product", "endpoint_id", "unit"),
    *("quantity", "unit_price", "cost", "currency"),
)


def _ranges(
    known: Certainty, timezone: str, baseline: Ends | None, comparison: Ends | None
) -> Months | None:
    """Give the ranges to compare: those asked for, or the month so far and the month before."""
    if baseline is None or comparison is None:
        if baseline is not comparison:
            raise QueryError(
                "only one of baseline and comparison is given; expected both, or neither"
            )
        found = months(known.closed_until, timezone=timezone)
        return None if known.start > found.before_start else found
    local = zone(timezone)
    ends: list[datetime] = []
    for name, given in (("comparison", comparison), ("baseline", baseline)):
        pair = () if isinstance(given, str) else tuple(given)
        if len(pair) != 2 or None in pair:
            raise QueryError(f"{name} is {given!r}; expected its start and its end, as a pair")
        read = Range.read(*pair, timezone=timezone)
        ends += [at.astimezone(local) for at in (read.start, read.end) if at is not None]
    return Months(ends[0], ends[1], ends[2], ends[3], (ends[1] - ends[0]).days)


def _colors(usage: pl.DataFrame) -> dict[str, str]:
    """Give teams their colours, and endpoints theirs, those that matter most first."""
    found: dict[str, str] = {}
    for by in ("username", "endpoint_id"):
        shares = cost_share(usage, by=by, top=TOP).filter(pl.col(by) != "other")
        found |= colors_of(shares.sort("rank", "currency")[by].unique(maintain_order=True))
    return found


def _page(
    bill: questions.Bill,
    *,
    title: str,
    budgets: pl.LazyFrame | Arrow | None,
    outlook: Frame | None,
) -> str:
    """Give the page as text."""
    sections = [questions.certain(bill)]
    if not bill.usage.is_empty():
        sections += [
            questions.spenders(bill),
            questions.moved(bill),
            questions.prices(bill),
            questions.unusual(bill),
        ]
    ahead = None if outlook is None else table_of(outlook, needs=("currency",), made_by="forecast")
    # A forecast knows more than a month's own pace, and two answers would be none.
    if budgets is not None and not (ahead is not None and outlooks.answers(bill, ahead, budgets)):
        sections.append(outlooks.budgeted(bill, budgets))
    if ahead is not None:
        sections.append(outlooks.outlook(bill, ahead))
    start, end = bill.local(bill.certainty.start), bill.local(bill.certainty.end)
    return html(
        title=title,
        span=span(start, end),
        timezone=bill.timezone,
        totals=[amount(cost, printable(unit)) for unit, cost in totals(bill.usage)],
        sections=sections,
        made=f"Made by falusage {__version__} from {bill.usage.height:,} rows.",
    )
