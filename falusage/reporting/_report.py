"""A report as one HTML file, which needs no other file and no network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import polars as pl

from falusage._files import replacing, require_page, require_place, resolved
from falusage._usage.periods import literal
from falusage._usage.table import Arrow, Eager, Lazy
from falusage._version import __version__
from falusage.coverage import Coverage
from falusage.reporting._answer import answers
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Section
from falusage.reporting._labels import read_labels
from falusage.reporting._outlook import Outlook, outlook
from falusage.reporting._page import environment, html
from falusage.reporting._page.daily import daily_data, daily_sums
from falusage.reporting._ranges import Ends
from falusage.reporting._sections.ahead import ahead, budgeted, require_budgets
from falusage.reporting._sections.certain import certain
from falusage.reporting._sections.history import months
from falusage.reporting._sections.invoice import invoice
from falusage.reporting._sections.prices import prices
from falusage.reporting._sections.units import units
from falusage.reporting._sections.unusual import unusual
from falusage.reporting._sections.who import spenders
from falusage.reporting._sections.why import moved
from falusage.reporting._sentences import screen
from falusage.reporting._shown import Report
from falusage.timeframes import zone


def report(
    usage: Lazy | Eager,
    *,
    out: str | os.PathLike[str],
    month: str | None = None,
    baseline: Ends | str | None = None,
    comparison: Ends | None = None,
    title: str | None = None,
    timezone: str | None = None,
    budgets: pl.LazyFrame | Arrow | None = None,
    focus: pl.LazyFrame | Arrow | None = None,
    teams: pl.LazyFrame | Arrow | None = None,
    keys: pl.LazyFrame | Arrow | None = None,
    colors: Mapping[str, str] = MappingProxyType({}),
    coverage: Coverage | None = None,
) -> Report:
    """Write a report as one HTML file, to mail, to read on a phone, or to print.

    The page is about one month, or about the range of `comparison`. First it says what was spent,
    how that compares with before and why, where the month will end, what is final, and when the
    data was read. Then, in this order: who spent it and on what, why it changed, what a unit
    costs, price changes, unusual days with their cause, the last six months and the year, the
    outlook, budgets, the invoice, and how reliable all of this is. Currencies are never added.

    A month that is over is compared with the whole month before it. The month so far is compared
    by its days that are over: 1 to 23 June with 1 to 23 May. What cannot be answered exactly from
    the table is left out, and the page says why. If a part of the month was never read, the page
    has only the totals of the parts that were read.

    The file contains its pictures and loads nothing from a network. The same table always gives
    the same file. Lazy usage, as that of a store, is summed by day as it streams.

    Args:
        usage: A load, a snapshot, a store or its view, or a usage table.
        out: The file to write, `.html` or `.htm`. It is written completely or not at all.
        month: The month, as `"2025-06"`; by default that of the last day that is over.
        baseline: The range to compare with: a start and an end (exclusive), or a month. By
            default the month before; for `comparison`, the range of the same length before it.
        comparison: The start and end (exclusive) of a range to report instead of a month.
        title: The title of the page; by default `What fal cost in June 2025`, for example.
        timezone: The IANA zone of days and months; by default that of the coverage, or UTC.
        budgets: The budgets of the month, as for `budget_status`: a frame of `username` (or other
            columns), `currency` and `budget`.
        focus: FOCUS charges from `read_focus`; the page says whether the invoice agrees.
        teams: The display names of teams, as `load_teams` returns them: a frame of `username` and
            `name`. They are shown before the ids, as in `Paris office (acme-paris)`.
        keys: Those of keys, as `load_keys` returns them: a frame of `key_id` and `alias`.
        colors: Colours for teams, by name, in any form that matplotlib reads.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        A `Report`: its `path`, and its first screen as text. A notebook shows the page.

    Raises:
        AlignmentError: `month`, `baseline` or `comparison` would split a bucket.
        MissingColumnError: It is not a usage table.
        MissingExtraError: The extra `report` is not installed.
        QueryError: An argument is invalid, or the table is empty and has no coverage.
        SnapshotError: The file cannot be written there.

    >>> import tempfile
    >>> import falusage as fu
    >>> usage = fu.sample_usage(start="2025-04-01", end="2025-06-01", every="1d").usage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = fu.report(usage, out=f"{folder}/may.html", month="2025-05")
    ...     "What fal cost in May 2025" in report.path.read_text("utf-8")
    True
    """
    environment()  # a missing extra, an invalid name, place or zone is an error before any work
    require_page(out)
    require_place(out)
    if timezone is not None:
        zone(timezone)
    if budgets is not None:
        require_budgets(budgets)
    bill = Bill.from_usage(
        usage,
        coverage=coverage,
        timezone=timezone,
        month=month,
        baseline=baseline,
        comparison=comparison,
        colors=colors,
        labels=read_labels(teams, keys),
    )
    coming = outlook(bill, budgets)
    first = screen(bill, answers(bill, coming.whole), coming)
    page = html(
        title=title or f"What fal cost in {bill.subject.name}",
        screen=first,
        sections=_sections(bill, coming, budgets, focus),
        daily=_daily(bill),
        made=f"Made by falusage {__version__} from {bill.items['rows'].sum():,} rows.",
    )
    place = resolved(out)
    with replacing(place) as file:
        file.write(page.encode())
    return Report(place, tuple(first.lines))


def _daily(bill: Bill) -> str | None:
    """Return the data of filters and details; None if the subject has gaps or no days."""
    if bill.gaps or bill.indivisible is not None or not bill.spent.height:
        return None
    inside = pl.col("bucket").is_between(literal(bill.since), literal(bill.until), closed="left")
    last = bill.until - timedelta(microseconds=1)
    return daily_data(
        daily_sums(bill.items.filter(inside), bill.timezone),
        start=bill.since.date(),
        end=last.date() + timedelta(days=1),
        timezone=bill.timezone,
        compared=bill.pair and bill.pair.dates,
        colors=bill.colors,
        labels=bill.labels,
        steps=bill.price_changes_in_all,
        unusual=bill.unusual_causes,
    )


def _sections(
    bill: Bill,
    coming: Outlook,
    budgets: pl.LazyFrame | Arrow | None,
    focus: pl.LazyFrame | Arrow | None,
) -> list[Section]:
    """Return the sections, in the order in which they are asked for."""
    found: list[Section | None] = []
    if not bill.gaps and bill.spent.height:
        found += [spenders(bill), moved(bill), units(bill), prices(bill), unusual(bill)]
        found += [months(bill), ahead(bill, coming)]
    if budgets is not None:
        found.append(budgeted(bill, budgets, coming))
    if focus is not None:
        found.append(invoice(bill, focus))
    found.append(certain(bill))
    return [section for section in found if section is not None]
