"""A report says what was spent in each currency, by whom, and how sure that is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import polars as pl
import pytest

from falusage import Coverage, QueryError
from falusage.reporting import summary
from falusage.reporting.certainty import let_through

WHOLE = Coverage(
    start=datetime(2025, 5, 1, tzinfo=UTC),
    end=datetime(2025, 6, 11, tzinfo=UTC),
    reconciled=True,
)


def test_currencies_are_never_added(usage: pl.DataFrame) -> None:
    """Each has a headline of its own, and there is no third sum."""
    text = summary(usage, coverage=WHOLE)

    heads = [line for line in text.splitlines() if line.startswith("June 2025 so far")]
    assert ["June 2025 so far: 60.00 USD", "June 2025 so far: 30.00 EUR"] == heads
    assert "90.00" not in text.replace("190.00", "")


def test_the_order_is_that_of_the_questions(usage: pl.DataFrame) -> None:
    """Each total, who, why, prices, unusual days, and how reliable it is: each is a heading."""
    lines = summary(usage, coverage=WHOLE, heading="# {}".format).splitlines()
    titles = [line[2:] for line in lines if line.startswith("# ")]

    assert [
        *("June 2025 so far: 60.00 USD", "June 2025 so far: 30.00 EUR"),
        *("WHO SPENT IT, AND ON WHAT", "WHY IT CHANGED", "PRICE CHANGES", "UNUSUAL DAYS"),
        "HOW RELIABLE THIS IS",
    ] == titles


@pytest.mark.parametrize("width", [20, 30, 40, 80, 10**9])
def test_a_report_keeps_to_the_width(usage: pl.DataFrame, width: int) -> None:
    """Down to 20 columns, no line is longer than the terminal is wide, and no number is cut."""
    long = usage.with_columns(pl.col("username") + "-of-the-organization")

    lines = summary(long, coverage=WHOLE, width=width).splitlines()

    assert width >= max(map(len, lines))
    assert "60.00 USD" in " ".join(lines)


def test_a_terminal_of_no_width_gets_every_number(usage: pl.DataFrame) -> None:
    """One column is too narrow for anything; words stand alone, and amounts are whole."""
    lines = [line.strip() for line in summary(usage, coverage=WHOLE, width=1).splitlines()]

    assert {"30.00 USD", "30.00 EUR"} <= {*lines}


def sure(usage: pl.DataFrame, **known: Any) -> list[str]:
    """Return the lines of the last section of a report."""
    text = summary(usage, coverage=attrs.evolve(WHOLE, **known))
    return text.partition("HOW RELIABLE THIS IS\n")[2].splitlines()[1:]


def test_the_range_is_written_in_its_zone(usage: pl.DataFrame) -> None:
    """May in Paris does not start at ten in the evening; and buckets are not open in UTC."""
    paris = Coverage(
        start=datetime(2025, 4, 30, 22, tzinfo=UTC),
        end=datetime(2025, 5, 31, 22, tzinfo=UTC),
        timezone="Europe/Paris",
        closed_until=datetime(2025, 5, 30, 22, tzinfo=UTC),
    )

    text = summary(usage.clear(), coverage=paris)

    assert text.startswith("May 2025 so far: nothing was spent")
    assert "\nMay 2025, Europe/Paris\n" in text
    assert "buckets from 2025-05-31 00:00 on had not ended when they were read" in text


@pytest.mark.slow
def test_doubt_is_written(usage: pl.DataFrame) -> None:
    """What is open, not compared, recent or left out is in the report."""
    doubtful = sure(
        usage,
        reconciled=False,
        closed_until=datetime(2025, 6, 10, tzinfo=UTC),
        settled_until=datetime(2025, 6, 8, tzinfo=UTC),
        quarantined=1234,
    )

    assert [
        "reconciled  not all of it was compared with the API's own totals",
        "not ended   buckets from 2025-06-10 00:00 on had not ended when they were read",
        "not final   9.00 EUR and 18.00 USD, in 9 rows from 8 Jun 2025 on, may still be corrected "
        "by the API",
        "complete    1,234 invalid rows are left out of every total",
    ] == doubtful
    assert "1 keys differ from the API's own totals" in sure(usage, differing=1)[0]
    assert "not known whether" in sure(usage, reconciled=None)[0]
    assert "all of it agrees" in sure(usage)[0]


def test_what_was_let_through_is_listed() -> None:
    """Nothing, if all was compared and valid."""
    assert [] == let_through(WHOLE)
    assert [
        "2 keys differ from the API's own totals; not all of it was compared with the API's own "
        "totals",
        "3 invalid rows are left out of every total",
    ] == let_through(attrs.evolve(WHOLE, reconciled=False, differing=2, quarantined=3))


def test_a_bare_table_claims_nothing(usage: pl.DataFrame) -> None:
    """Only the range that its rows span is known; of no rows, not even that."""
    text = summary(usage)

    assert "1 – 10 Jun 2025, UTC" in text
    assert "not known" in text
    with pytest.raises(QueryError, match="empty"):
        summary(usage.clear())
