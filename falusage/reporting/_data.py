"""The first screen as JSON, for other programs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from falusage._usage.table import Arrow, Eager, Lazy
from falusage.coverage import Coverage
from falusage.reporting._answer import Answer, Change, answers
from falusage.reporting._bill import Bill
from falusage.reporting._labels import read_labels
from falusage.reporting._outlook import outlook
from falusage.reporting._ranges import Ends
from falusage.reporting._sentences import screen


def summary_json(
    usage: Lazy | Eager,
    *,
    month: str | None = None,
    baseline: Ends | str | None = None,
    comparison: Ends | None = None,
    timezone: str | None = None,
    teams: pl.LazyFrame | Arrow | None = None,
    keys: pl.LazyFrame | Arrow | None = None,
    coverage: Coverage | None = None,
) -> str:
    """Return the first screen of `report` as a JSON object; instants are ISO 8601 text.

    Its members: `month` (null for another range), `start`, `end`, `timezone`, `is_over`; `filters`
    (which rows were asked for), `gaps` (pairs of instants that were never read); `final_until` and
    `read_at` (null if not known); `compared` (`start`, `end`, `baseline_start`, `baseline_end`, or
    null, and `not_compared`, why); `lines`, the first screen as text; and `currencies`, a list of
    `currency`, `spent`, `may_change`, `settling` (what is still expected for days already spent),
    `projected`, `lo_80`, `hi_80` and `coverage_80` (the fraction of past days that such bands
    held), all four null if not known, and `change`: null, or `comparison`, `baseline`, `amount`,
    `pct_change` and `pct_change_per_day` (fractions), `reasons` (`text` and `amount`, the largest
    first) and `rest`, with which the reasons sum to `amount`.

    Raises:
        AlignmentError: `month`, `baseline` or `comparison` would split a bucket.
        MissingColumnError: It is not a usage table.
        QueryError: An argument is invalid, or the table is empty and has no coverage.
    """
    bill = Bill.from_usage(
        usage,
        coverage=coverage,
        timezone=timezone,
        month=month,
        baseline=baseline,
        comparison=comparison,
        labels=read_labels(teams, keys),
    )
    coming = outlook(bill, None)
    found = answers(bill, coming.whole)
    about, pair = bill.subject, bill.pair
    compared = None
    if pair is not None:
        names = ("start", "end", "baseline_start", "baseline_end")
        ends = (*pair.comparison, *pair.baseline)
        compared = dict(zip(names, map(_iso, ends), strict=True))
    read = bill.coverage.read_at
    return json.dumps(
        {
            "month": about.month,
            "start": _iso(about.start),
            "end": _iso(about.end),
            "timezone": bill.timezone,
            "is_over": about.is_over,
            "filters": list(bill.coverage.filters),
            "gaps": [[_iso(bill.local(a)), _iso(bill.local(b))] for a, b in bill.gaps],
            "final_until": None if bill.settled is None else _iso(bill.settled),
            "read_at": None if read is None else _iso(bill.local(read)),
            "compared": compared,
            "not_compared": about.otherwise or None,
            "lines": screen(bill, found, coming).lines,
            "currencies": [_currency(answer) for answer in found],
        },
        ensure_ascii=False,
        indent=1,
        allow_nan=False,
    )


def _iso(at: datetime) -> str:
    return at.isoformat()


def _currency(answer: Answer) -> dict[str, Any]:
    ahead = answer.ahead
    return {
        "currency": answer.currency,
        "spent": float(answer.spent),
        "may_change": None if answer.provisional is None else float(answer.provisional),
        "settling": None if ahead is None else ahead.settling,
        "projected": None if ahead is None else ahead.projected,
        "lo_80": None if ahead is None else ahead.low,
        "hi_80": None if ahead is None else ahead.high,
        "coverage_80": None if ahead is None else ahead.held,
        "change": None if answer.change is None else _change(answer.change),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "comparison": float(change.cost),
        "baseline": float(change.before),
        "amount": float(change.cost - change.before),
        "pct_change": change.ratio,
        "pct_change_per_day": change.ratio_per_day,
        "reasons": [
            {"text": reason.text, "amount": float(reason.amount)} for reason in change.reasons
        ],
        "rest": float(change.rest),
    }
