"""Whether budgets last, and where the month will end."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from falusage import plotting
from falusage._usage.table import Arrow, lazy
from falusage._wording.dates import minute, spacing
from falusage._wording.names import TITLES, printable
from falusage.errors import AlignmentError, CoverageError, QueryError
from falusage.reporting._bill import Bill
from falusage.reporting._blocks import Block, Note, Section, Table, unless_empty, whole
from falusage.reporting._pictures import picture
from falusage.reporting._sections.certain import not_exact
from falusage.reporting.columns import amounts, bands, chances, days, names
from falusage.transforms import budget_status, trend


def budgeted(bill: Bill, budgets: pl.LazyFrame | Arrow) -> Section:
    """Compare the month's spend with its budgets."""
    if not isinstance(budgets, pl.LazyFrame | Arrow):
        raise QueryError(
            f"budgets is {budgets!r}; expected a frame of username (or other columns), currency "
            "and budget"
        )
    section = partial(Section, "budgets", "Budgets")
    month = bill.month
    if bill.coverage.start > month:
        return section([Note(f"The table starts after {month:%Y-%m-%d}: its month is not whole.")])
    columns = lazy(budgets, name="budgets").collect_schema().names()
    by = [column for column in columns if column not in ("currency", "budget")]
    try:
        status = budget_status(
            bill.usage,
            budgets,
            by=by,
            month=f"{month:%Y-%m}",
            timezone=bill.timezone,
            coverage=bill.coverage,
        )
    except (AlignmentError, CoverageError) as error:
        return section([not_exact("The month", error)])
    caption = f"{month:%Y-%m}, as of {minute(bill.closed_until)}, if the month goes on as so far"
    shown = [
        *(names(status, column) for column in by),
        *(amounts(status, column) for column in ("budget", "spent", "projected")),
        amounts(status, "remaining", signed=True),
        days(status, "runs_out_on"),
        names(status, "status"),
    ]
    return section([unless_empty(Table(caption, shown), "No budget is given.")])


def outlook(bill: Bill, frame: pl.DataFrame) -> Section:
    """Return a forecast with what came before it, or an outlook of the month."""
    found: list[Block] = []
    if {"period", "model"} <= set(frame.columns) and frame.height:
        for (currency,), rows in frame.group_by("currency", maintain_order=True):
            draw = partial(
                plotting.plot_forecast,
                rows,
                history=_before(bill, rows, str(currency)),
                colors=bill.colors,
            )
            found += [
                picture(draw),
                whole(rows, f"Forecast, {printable(str(currency))}"),
            ]
    elif set(_OUTLOOK) <= set(frame.columns) and frame.height:
        found.append(_month(frame))
    else:
        found.append(unless_empty(whole(frame, "Outlook"), "Nothing is forecast."))
    return Section("outlook", "Where it will end", found)


_OUTLOOK: Final = (
    *("month", "as_of", "model", "spent", "projected", "lo_80", "hi_80", "lo_95", "hi_95"),
    *("budget", "remaining", "chance_over", "runs_out_on"),
)


def _month(found: pl.DataFrame) -> Table:
    """Return what `month_outlook` returned, with its narrower band."""
    columns = [
        *(
            names(found, name)
            for name in found.columns
            if name not in (*_OUTLOOK, "currency", "status")
        ),
        amounts(found, "spent"),
        amounts(found, "projected"),
    ]
    if is_budgeted(found):
        columns += [
            amounts(found, "budget"),
            chances(found, "chance_over"),
            days(found, "runs_out_on"),
        ]
        columns += [names(found, name) for name in found.columns if name == "status"]
    columns.append(bands(found, 80))
    month, as_of = found.row(0, named=True)["month"], found["as_of"][0]
    return Table(f"{month}, as of {minute(as_of)}", columns)


def is_budgeted(outlook: pl.DataFrame) -> bool:
    """Return whether an outlook has budgets."""
    return set(_OUTLOOK) <= set(outlook.columns) and outlook["budget"].count() > 0


def covers(bill: Bill, outlook: pl.DataFrame, budgets: pl.LazyFrame | Arrow) -> bool:
    """Return whether an outlook covers all of these budgets in the month of the bill."""
    if not is_budgeted(outlook) or f"{bill.month:%Y-%m}" != outlook["month"][0]:
        return False
    asked = lazy(budgets, name="budgets").with_columns(pl.col("budget").cast(pl.Float64)).collect()
    key = [name for name in asked.columns if name in outlook.columns]
    return asked.join(outlook, on=key, how="anti", nulls_equal=True).is_empty()


def _before(bill: Bill, rows: pl.DataFrame, currency: str) -> pl.DataFrame | None:
    """Return the past of a forecast in its periods; None if the past cannot be cut into them."""
    every = spacing(rows["period"].unique().sort().to_list())
    by = [column for column in rows.columns if column in TITLES]
    if every is None or str(rows["period"].to_list()[0].tzinfo) != bill.timezone:
        return None
    try:
        past = trend(
            bill.in_currency(currency),
            by=by,
            every=every,
            timezone=bill.timezone,
            window=1,
            coverage=bill.coverage,
        )
    except (AlignmentError, CoverageError):
        return None
    return past.filter(pl.col("complete"), pl.col("period") < rows["period"].min())
