"""A terminal shows the names that matter most, and the others in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from falusage.reporting.folding import few

DAYS = [datetime(2025, 7, 1, tzinfo=UTC) + timedelta(days=day) for day in range(10)]


def test_a_thousand_teams_ahead_are_folded_day_by_day() -> None:
    """Ten days of a thousand teams are a hundred lines or so, and each day's sum is the same."""
    teams = pl.DataFrame(
        {
            "username": [f"team-{n:04}" for n in range(1_000)],
            "cost": [float(n) for n in range(1_000)],
        }
    )
    ahead = pl.DataFrame({"period": DAYS}).join(teams, how="cross")
    ahead = ahead.with_columns(
        currency=pl.lit("USD"), lo_80="cost", hi_80="cost", model=pl.lit("a")
    )

    found, said = few(ahead, ["username"])

    assert found.height <= 110
    assert "990 of 1,000 series are folded" == said
    assert found["period"].is_sorted()
    sums = found.group_by("period").agg(pl.col("cost").sum()).sort("period")
    assert sums["cost"].to_list() == [sum(range(1_000))] * 10
    folded = found.filter(pl.col("username") == "990 others")
    assert 10 == folded.height == folded["lo_80"].null_count()


def test_budgets_at_risk_are_never_folded_for_a_large_spender() -> None:
    """The teams that are most likely to pass their budget are shown, however small they are."""
    outlook = pl.DataFrame(
        {
            "username": [f"team-{n:04}" for n in range(300)],
            "currency": "USD",
            "projected": [float(n) for n in range(300)],
            "budget": [1.0] * 150 + [None] * 150,
            "chance_over": [
                None,
                1.0,
                0.9,
                *(0.0 for _ in range(147)),
                *(None for _ in range(150)),
            ],
        }
    )

    found, _ = few(outlook, ["username"])

    assert ["team-0000", "team-0001", "team-0002"] == found["username"].head(3).to_list()
    assert (101, sum(range(300))) == (found.height, found["projected"].sum())


def test_few_rows_are_left_as_they_are() -> None:
    """A series for each of three teams, over any number of days, is what was asked for."""
    ahead = pl.DataFrame({"period": DAYS * 20}).join(
        pl.DataFrame({"username": ["a", "b", None]}), how="cross"
    )
    ahead = ahead.with_columns(cost=1.0, currency=pl.lit("USD"))

    assert (True, "") == (few(ahead, ["username"])[0].equals(ahead), few(ahead, ["username"])[1])
    assert (ahead.height, "") == (few(ahead, [])[0].height, few(ahead, [])[1])


def test_a_track_record_has_no_sum() -> None:
    """Of more rows than a hundred the first are printed, and the others are counted."""
    record = pl.DataFrame(
        {"username": [f"t{n}" for n in range(130)], "currency": "USD", "error": 1.0}
    )

    found, said = few(record, ["username"])

    assert (100, "30 more rows are not printed") == (found.height, said)
