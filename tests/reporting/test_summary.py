"""A report says what was spent in each currency, by whom, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from falusage.errors import QueryError
from falusage.reporting import Certainty, spending, summary

WHOLE = Certainty(
    start=datetime(2025, 5, 1, tzinfo=UTC),
    end=datetime(2025, 6, 11, tzinfo=UTC),
    timezone="UTC",
    keys=3,
)


def test_currencies_are_never_added(usage: pl.DataFrame) -> None:
    """Two totals stand below each other, the currency of the most rows first, and no third."""
    lines = summary(usage, WHOLE).splitlines()

    assert ["SPENT", "380.00 USD", "190.00 EUR", "1 May – 10 Jun 2025, UTC"] == lines[:4]
    assert "570" not in summary(usage, WHOLE)


def test_shares_are_of_their_currency(usage: pl.DataFrame) -> None:
    """A team alone in its currency has all of it."""
    lines = spending(usage, by="username", title="team")

    assert ["ads", "190.00", "USD", "50.0%", "█" * 8] == lines[1].split()
    assert "" == lines[3]
    assert ["paris", "190.00", "EUR", "100.0%", "█" * 16] == lines[4].split()


@pytest.mark.parametrize("width", [20, 24, 30, 40, 60, 80, 200, 10**9])
def test_a_report_keeps_to_the_width(usage: pl.DataFrame, width: int) -> None:
    """Down to 20 columns, no line is longer than the terminal is wide, and no number is cut."""
    long = usage.with_columns(pl.col("username") + "-of-the-organization")

    lines = summary(long, WHOLE, width=width).splitlines()

    assert width >= max(map(len, lines))
    assert "190.00 USD" in " ".join(lines)


def test_a_terminal_of_no_width_gets_every_number(usage: pl.DataFrame) -> None:
    """One column is too narrow for anything; words stand alone, and amounts are whole."""
    lines = [line.strip() for line in summary(usage, WHOLE, width=1).splitlines()]

    assert {"380.00 USD", "190.00 USD", "190.00 EUR"} <= {*lines}


def test_a_thousand_teams_are_folded(usage: pl.DataFrame) -> None:
    """A hundred are shown, the others are one line, and both tables sum to the whole."""
    several = usage.filter(pl.col("username") == "ads").join(
        pl.DataFrame({"team": [f"team-{n:04}" for n in range(1_000)]}), how="cross"
    )
    many = several.with_columns(username="team").drop("team")
    team = pl.col("username").str.tail(4).cast(pl.Int64)
    many = many.with_columns(cost=pl.when(team < 2).then(100.0).otherwise(0.5))

    lines = summary(many, WHOLE, width=80).splitlines()

    assert len(lines) < 250
    assert "other" in [line.split()[0] for line in lines if line]
    (others,) = (line for line in lines if line.startswith("900 others"))
    assert ["4,500.00", "USD"] == others.split()[2:4]
    (whole,) = (line for line in lines if line.startswith("all teams"))
    assert ["6,990.00", "USD"] == whole.split()[2:4]


def test_weeks_cannot_be_compared_by_month(usage: pl.DataFrame) -> None:
    """A report on longer buckets says what to ask instead."""
    weekly = usage.with_columns(bucket_end=pl.col("bucket") + pl.duration(days=7))

    assert "load with --timeframe day" in summary(weekly, WHOLE)


def test_nothing_spent_is_said(usage: pl.DataFrame) -> None:
    """An empty table makes a report, not an error."""
    text = summary(usage.clear(), WHOLE)

    assert text.startswith("SPENT\nnothing\n1 May – 10 Jun 2025, UTC")


def test_the_range_is_told_by_the_clock_of_its_zone(usage: pl.DataFrame) -> None:
    """A month in Paris does not begin at ten in the evening; nor do buckets open in UTC."""
    paris = replace(
        WHOLE,
        start=datetime(2025, 4, 30, 22, tzinfo=UTC),
        end=datetime(2025, 5, 31, 22, tzinfo=UTC),
        timezone="Europe/Paris",
        open_from=datetime(2025, 5, 30, 22, tzinfo=UTC),
    )

    text = summary(usage.clear(), paris)

    assert text.startswith("SPENT\nnothing\nMay 2025, Europe/Paris")
    assert "buckets from 2025-05-31 00:00 on may still grow" in text


def test_doubt_is_said(usage: pl.DataFrame) -> None:
    """What is open, unreconciled or set aside stands in the report."""
    doubtful = replace(
        WHOLE, keys=None, open_from=datetime(2025, 6, 10, tzinfo=UTC), quarantined=1234
    )

    assert [
        "reconciled  not held against the API's own summary",
        "closed      buckets from 2025-06-10 00:00 on may still grow",
        "complete    1,234 rows set aside; they are in no sum here",
    ] == doubtful.lines(usage)
    assert "1 of 3 keys differ" in replace(WHOLE, differing=1).lines(usage)[0]
    assert "nothing on either side" in replace(WHOLE, keys=0).lines(usage)[0]


def test_a_table_reaches_to_where_it_is_closed(usage: pl.DataFrame) -> None:
    """Time without rows after the last one is known, unless its buckets may still grow."""
    later = replace(WHOLE, end=WHOLE.end + timedelta(days=9))
    last = usage["bucket_end"].max()

    assert later.end == later.reach(usage) == later.reach(usage.clear())
    assert last == replace(later, open_from=WHOLE.start).reach(usage)


def test_a_bare_table_claims_nothing(usage: pl.DataFrame) -> None:
    """Without a receipt, only the range that the buckets span is known."""
    bare = Certainty.of_table(usage)

    assert (WHOLE.start, WHOLE.end) == (bare.start, bare.end)
    assert bare.lines(usage)[0].startswith("not known")
    with pytest.raises(QueryError, match="empty"):
        Certainty.of_table(usage.clear())
