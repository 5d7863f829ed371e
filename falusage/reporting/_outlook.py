"""Where the month will end: computed where the table allows it, else a sentence that says why."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import polars as pl

from falusage._usage.settling import Kept
from falusage._usage.table import Arrow, collected, lazy
from falusage.errors import (
    AlignmentError,
    CoverageError,
    IncompletePeriodWarning,
    MissingExtraError,
    QueryError,
    ShortHistoryError,
    ShortHistoryWarning,
    StoreError,
    UnmatchedWarning,
)
from falusage.reporting._bill import Bill
from falusage.transforms.budgets import budget_columns

_SAID = (UnmatchedWarning, ShortHistoryWarning, IncompletePeriodWarning)
"""Warnings of a forecast that the page says in its own words."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where the month will end.

    Attributes:
        whole: What `month_outlook` returned for each currency; None if there is none.
        budgeted: The same by the columns of the budgets; None if there is none.
        otherwise: Why there is no outlook; empty for a month that is over.
        is_guess: Whether the history is too short to trust the bands.
    """

    whole: pl.DataFrame | None = None
    budgeted: pl.DataFrame | None = None
    otherwise: str = ""
    is_guess: bool = False


def outlook(bill: Bill, budgets: pl.LazyFrame | Arrow | None) -> Outlook:
    """Return where the month of a bill will end, and each of its budgets."""
    about = bill.subject
    if about.month is None or about.is_over:
        return Outlook()
    if bill.gaps or about.start.day != 1:
        return Outlook(otherwise="No outlook: the table does not have all of the month so far.")
    limits = None if budgets is None else lazy(budgets, name="budgets").collect()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ShortHistoryWarning)
            whole = _month(bill, None)
            is_guess = any(issubclass(one.category, ShortHistoryWarning) for one in caught)
            budgeted = None if limits is None else _month(bill, limits)
    except (
        AlignmentError,
        CoverageError,
        MissingExtraError,
        QueryError,
        ShortHistoryError,
        StoreError,
    ) as error:
        return Outlook(otherwise=f"No outlook: {error}.")
    for one in caught:
        if not issubclass(one.category, _SAID):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return Outlook(whole, budgeted, is_guess=is_guess)


def _month(bill: Bill, budgets: pl.DataFrame | None) -> pl.DataFrame:
    from falusage.forecasting import month_outlook

    found = month_outlook(
        Kept(bill.table.rows, bill.coverage, bill.table.settles),
        by=() if budgets is None else budget_columns(budgets),
        month=bill.subject.month,
        budgets=budgets,
        as_of=bill.coverage.closed_until,
        timezone=bill.timezone,
    )
    return collected(found)
