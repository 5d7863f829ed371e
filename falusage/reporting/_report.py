"""A report as one HTML file, which needs no other file and no network."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from falusage._files import replacing, require_place, resolved
from falusage._usage.table import Arrow, Eager, Lazy, lazy, require
from falusage._version import __version__
from falusage._wording.dates import span
from falusage._wording.money import amount
from falusage._wording.names import printable
from falusage.coverage import Coverage
from falusage.reporting._bill import Bill, Ends
from falusage.reporting._blocks import Section
from falusage.reporting._page import environment, html
from falusage.reporting._sections import ahead
from falusage.reporting._sections.certain import certain
from falusage.reporting._sections.prices import prices
from falusage.reporting._sections.unusual import unusual
from falusage.reporting._sections.who import spenders
from falusage.reporting._sections.why import moved
from falusage.reporting._spending import totals
from falusage.reporting.certainty import gap_text
from falusage.timeframes import zone


def report(
    usage: Lazy | Eager,
    *,
    out: str | os.PathLike[str],
    title: str = "What fal cost",
    timezone: str | None = None,
    baseline: Ends | None = None,
    comparison: Ends | None = None,
    budgets: pl.LazyFrame | Arrow | None = None,
    outlook: pl.LazyFrame | Arrow | None = None,
    coverage: Coverage | None = None,
) -> Path:
    """Write a report as one HTML file, to mail, to read on a phone, or to print.

    It says what was spent and how sure that is, who spent it and on what, how that moved and
    exactly why, which prices changed, and which days were unusual; then budgets and the outlook,
    if they are given. Currencies are never added. The file contains its pictures, loads nothing
    from a network, and has one script, which sorts its tables. If something cannot be answered
    exactly from the table, the page says why. If a part of the range was never read, the page says
    so first, and has only the totals of the parts that were read. The same table always gives the
    same file.

    Args:
        usage: A load, a snapshot, a store or its view, or a usage table.
        out: The file to write. It is written completely or not at all.
        title: The title of the page.
        timezone: The IANA zone of days and months; by default that of the coverage, or UTC.
        baseline: The start and end of the range to compare with. By default, like `comparison`,
            as many days of the month before as this month has had.
        comparison: The start and end of the range that is compared. If the table does not have
            all of both ranges, they are not compared, and the page says so.
        budgets: The budgets of `budget_status`, for the month in which the table ends: a frame of
            `username` (or other columns), `currency` and `budget`. Not shown if the outlook covers
            all of them.
        outlook: What `month_outlook` or `forecast` returned.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The path of the file, absolute and with links followed.

    Raises:
        MissingColumnError: It is not a usage table.
        MissingExtraError: The extra `report` is not installed.
        QueryError: An argument is invalid, or the table is empty and has no coverage.
        SnapshotError: The file cannot be written there.

    >>> import tempfile
    >>> import falusage as fu
    >>> usage = fu.sample_usage(start="2025-05-01", end="2025-06-24", every="1d").usage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = fu.report(usage, out=f"{folder}/june.html", title="Acme's June")
    ...     "Acme&#39;s June" in path.read_text("utf-8")
    True
    """
    environment()  # a missing extra, place or zone is an error before any work
    require_place(out)
    if timezone is not None:
        zone(timezone)
    bill = Bill.from_usage(
        usage, coverage=coverage, timezone=timezone, baseline=baseline, comparison=comparison
    )
    sections = [certain(bill)]
    if not bill.usage.is_empty() and not bill.coverage.gaps:
        sections += [spenders(bill), moved(bill), prices(bill), unusual(bill)]
    sums = [amount(cost, printable(unit)) for unit, cost in totals(bill.usage)]
    page = html(
        title=title,
        span=span(bill.start, bill.end),
        warning=gap_text(bill) if bill.coverage.gaps else "",
        timezone=bill.timezone,
        totals=[] if bill.coverage.gaps else sums,
        sections=[*sections, *_ahead(bill, budgets, outlook)],
        made=f"Made by falusage {__version__} from {bill.usage.height:,} rows.",
    )
    place = resolved(out)
    with replacing(place) as file:
        file.write(page.encode())
    return place


def _ahead(
    bill: Bill, budgets: pl.LazyFrame | Arrow | None, outlook: pl.LazyFrame | Arrow | None
) -> list[Section]:
    """Return the sections about budgets and the outlook.

    A forecast knows more than the pace of the month so far, so budgets that it covers are shown
    once.
    """
    found = None
    if outlook is not None:
        found = lazy(outlook, name="outlook").collect()
        require(found.schema, ["currency"], hint="An outlook is what forecast() returns.")
    covered = found is not None and budgets is not None and ahead.covers(bill, found, budgets)
    return [
        *([] if budgets is None or covered else [ahead.budgeted(bill, budgets)]),
        *([] if found is None else [ahead.outlook(bill, found)]),
    ]
