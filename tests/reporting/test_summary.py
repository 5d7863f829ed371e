"""A report says what was spent in each currency, by whom, and how sure that is."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import polars as pl
import pytest

from falusage import Coverage, QueryError
from falusage.reporting import summary
from falusage.reporting._spending import spending
from falusage.reporting.certainty import let_through

WHOLE = Coverage(
    start=datetime(2025, 5, 1, tzinfo=UTC),
    end=datetime(2025, 6, 11, tzinfo=UTC),
    reconciled=True,
)


def test_currencies_are_never_added(usage: pl.DataFrame) -> None:
    """Two totals stand below each other, the currency of the most rows first, and no third."""
    lines = summary(usage, coverage=WHOLE).splitlines()

    assert ["SPENT", "380.00 USD", "190.00 EUR", "1 May – 10 Jun 2025, UTC"] == lines[:4]
    assert "570" not in summary(usage, coverage=WHOLE)


def test_shares_are_of_their_currency(usage: pl.DataFrame) -> None:
    """A team alone in its currency has all of it."""
    lines = spending(usage, by="username")

    assert ["ads", "190.00", "USD", "50.0%", "█" * 8] == lines[1].split()
    assert "" == lines[3]
    assert ["paris", "190.00", "EUR", "100.0%", "█" * 16] == lines[4].split()


@pytest.mark.parametrize("width", [20, 24, 30, 40, 60, 80, 200, 10**9])
def test_a_report_keeps_to_the_width(usage: pl.DataFrame, width: int) -> None:
    """Down to 20 columns, no line is longer than the terminal is wide, and no number is cut."""
    long = usage.with_columns(pl.col("username") + "-of-the-organization")

    lines = summary(long, coverage=WHOLE, width=width).splitlines()

    assert width >= max(map(len, lines))
    assert "190.00 USD" in " ".join(lines)


def test_a_terminal_of_no_width_gets_every_number(usage: pl.DataFrame) -> None:
    """One column is too narrow for anything; words stand alone, and amounts are whole."""
    lines = [line.strip() for line in summary(usage, coverage=WHOLE, width=1).splitlines()]

    assert {"380.00 USD", "190.00 USD", "190.00 EUR"} <= {*lines}


def test_a_thousand_teams_are_folded(usage: pl.DataFrame) -> None:
    """A hundred are shown, the others are one line, and both tables sum to the whole."""
    several = usage.filter(pl.col("username") == "ads").join(
        pl.DataFrame({"team": [f"team-{n:04}" for n in range(1_000)]}), how="cross"
    )
    many = several.with_columns(username="team").drop("team")
    team = pl.col("username").str.tail(4).cast(pl.Int64)
    many = many.with_columns(cost=pl.when(team < 2).then(100.0).otherwise(0.5))

    lines = summary(many, coverage=WHOLE, width=80).splitlines()

    assert len(lines) < 250
    assert "other" in [line.split()[0] for line in lines if line]
    (others,) = (line for line in lines if line.startswith("900 others"))
    assert ["4,500.00", "USD"] == others.split()[2:4]
    (whole,) = (line for line in lines if line.startswith("all teams"))
    assert ["6,990.00", "USD"] == whole.split()[2:4]


def test_weeks_cannot_be_compared_by_month(usage: pl.DataFrame) -> None:
    """A report on longer buckets says what to ask instead."""
    weekly = usage.with_columns(bucket_end=pl.col("bucket") + pl.duration(days=7))

    assert "load with --timeframe day" in summary(weekly, coverage=WHOLE)


def test_nothing_spent_is_said(usage: pl.DataFrame) -> None:
    """An empty table makes a report, not an error."""
    text = summary(usage.clear(), coverage=WHOLE)

    assert text.startswith("SPENT\nnothing\n1 May – 10 Jun 2025, UTC")


def sure(usage: pl.DataFrame, **known: Any) -> list[str]:
    """Return the lines of the last section of a report."""
    text = summary(usage, coverage=attrs.evolve(WHOLE, **known))
    return text.partition("HOW SURE THIS IS\n")[2].splitlines()


def test_the_range_is_written_in_its_zone(usage: pl.DataFrame) -> None:
    """May in Paris does not start at ten in the evening; and buckets are not open in UTC."""
    paris = Coverage(
        start=datetime(2025, 4, 30, 22, tzinfo=UTC),
        end=datetime(2025, 5, 31, 22, tzinfo=UTC),
        timezone="Europe/Paris",
        closed_until=datetime(2025, 5, 30, 22, tzinfo=UTC),
    )

    text = summary(usage.clear(), coverage=paris)

    assert text.startswith("SPENT\nnothing\nMay 2025, Europe/Paris")
    assert "buckets from 2025-05-31 00:00 on may still grow" in text


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
        "closed      buckets from 2025-06-10 00:00 on may still grow",
        "settled     9.00 EUR and 18.00 USD, in 9 rows from 2025-06-08 00:00 on, may still be "
        "corrected by the API",
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

    assert "1 May – 10 Jun 2025, UTC" in text
    assert "not known" in text
    with pytest.raises(QueryError, match="empty"):
        summary(usage.clear())


def test_there_is_no_total_over_a_gap(usage: pl.DataFrame) -> None:
    """The gap is first, each part has its own total, and nothing is compared."""
    days = datetime(2025, 5, 20, tzinfo=UTC), datetime(2025, 5, 25, tzinfo=UTC)
    read = usage.filter(~pl.col("bucket").is_between(*days, closed="left"))

    text = summary(read, coverage=attrs.evolve(WHOLE, gaps=[days]))

    first, *parts, last = text.split("\n\n")
    assert first.startswith("NOT WHOLE\n20 – 24 May 2025 was never read")
    assert [
        "SPENT 1 – 19 MAY 2025\n76.00 USD\n38.00 EUR\nUTC",
        "SPENT 25 MAY – 10 JUN 2025\n284.00 USD\n142.00 EUR\nUTC",
    ] == parts
    assert last.startswith("HOW SURE THIS IS")
    assert "360.00" not in text


@pytest.mark.parametrize("cost", [1e13, 1e15, 1e16, 9.99e17])
def test_large_totals_are_exact(usage: pl.DataFrame, cost: float) -> None:
    """The headline is the sum of the costs that the API sent, to the last cent."""
    days = usage.filter(pl.col("username") == "ads").head(21)
    large = days.with_columns(cost=pl.Series([cost] * 20 + [0.01]))

    text = summary(large, coverage=WHOLE)

    assert f"{Decimal(repr(cost)) * 20 + Decimal('0.01'):,.2f} USD" == text.splitlines()[1]
