"""What `budget_status` promises: what is spent, where it leads, and the day the money is gone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import AlignmentError, MissingColumnError, QueryError, UnmatchedWarning
from falusage.transforms import budget_status

NEW_YORK = "America/New_York"


def table(*rows: tuple[str, str | None, float], hours: int = 24) -> pl.DataFrame:
    """Give usage in USD from (bucket, username, cost)."""
    buckets = [datetime.fromisoformat(bucket) for bucket, *_ in rows]
    return pl.DataFrame(
        {
            "bucket": buckets,
            "bucket_end": [bucket + timedelta(hours=hours) for bucket in buckets],
            "username": [row[1] for row in rows],
            "cost": [row[2] for row in rows],
        },
        schema_overrides={
            "bucket": pl.Datetime("us", "UTC"),
            "bucket_end": pl.Datetime("us", "UTC"),
            "username": pl.String,
            "cost": pl.Float64,
        },
    ).with_columns(currency=pl.lit("USD"))


def budgets(**of: float) -> pl.DataFrame:
    """Give budgets of teams in USD."""
    return pl.DataFrame({"username": list(of), "currency": "USD", "budget": list(of.values())})


TEN_DAYS = table(*((f"2025-04-{day:02}T00:00Z", "ads", 10.0) for day in range(1, 11)))
APRIL: dict[str, Any] = {"month": "2025-04", "as_of": "2025-04-11"}


def row(usage: pl.DataFrame, budget: float, **arguments: Any) -> tuple[Any, ...]:
    """Give the line of one team, without its key and its budget."""
    got = budget_status(usage, budgets(ads=budget), **(APRIL | arguments))
    return got.drop("username", "currency", "budget").row(0)


def test_the_run_rate_and_the_day_it_runs_out() -> None:
    """A third of April at 10 a day leads to 300; 200 last for 20 days, and are gone on the 21st.

    What was spent before the month makes a team known, and its budget lasts.
    """
    usage = pl.concat([TEN_DAYS, table(("2025-03-01T00:00Z", "labs", 9.0))])
    expected = pl.DataFrame(
        {
            "username": ["ads", "labs"],
            "currency": "USD",
            "budget": [200.0, 50.0],
            "spent": [100.0, 0.0],
            "projected": [300.0, 0.0],
            "remaining": [100.0, 50.0],
            "runs_out_on": [date(2025, 4, 21), None],
            "status": ["at risk", "ok"],
        },
        schema_overrides={"runs_out_on": pl.Date},
    )

    got = budget_status(usage, budgets(labs=50.0, ads=200.0), **APRIL)

    assert_frame_equal(expected, got, check_exact=True)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (1000.0, (100.0, 300.0, 900.0, None, "ok")),
        (300.0, (100.0, 300.0, 200.0, None, "ok")),
        (299.0, (100.0, 300.0, 199.0, date(2025, 4, 30), "at risk")),
        (101.0, (100.0, 300.0, 1.0, date(2025, 4, 11), "at risk")),
        (100.0, (100.0, 300.0, 0.0, date(2025, 4, 11), "at risk")),
        (95.0, (100.0, 300.0, -5.0, date(2025, 4, 10), "over")),
        (5.0, (100.0, 300.0, -95.0, date(2025, 4, 1), "over")),
        (0.0, (100.0, 300.0, -100.0, date(2025, 4, 1), "over")),
    ],
)
def test_status_at_every_edge(budget: float, expected: tuple[Any, ...]) -> None:
    """Spent to the last cent is not over; leading to the last cent is no risk."""
    assert expected == row(TEN_DAYS, budget)


def test_a_budget_of_nothing_lasts_if_nothing_is_spent() -> None:
    """Zero of zero is no overspend."""
    assert (0.0, 0.0, 0.0, None, "ok") == row(TEN_DAYS.with_columns(cost=0.0), 0.0)


def test_only_what_lies_before_as_of_counts() -> None:
    """A question about the past is answered from the past."""
    assert (50.0, 300.0, 150.0, date(2025, 4, 21), "at risk") == row(
        TEN_DAYS, 200.0, as_of="2025-04-06"
    )
    assert row(TEN_DAYS, 200.0, as_of="2025-04-06") == row(
        TEN_DAYS.filter(pl.col("bucket").dt.day() < 6),
        200.0,
        as_of=datetime(2025, 4, 6, tzinfo=UTC),
    )


@pytest.mark.parametrize("as_of", ["2025-04-01", "2025-03-01"])
def test_before_the_month_there_is_nothing_to_project(as_of: str) -> None:
    """No time has passed, so there is no rate."""
    assert (0.0, None, 200.0, None, "ok") == row(TEN_DAYS, 200.0, as_of=as_of)


@pytest.mark.parametrize("as_of", [date(2025, 5, 1), "2026-01-01"])
def test_after_the_month_the_projection_is_what_was_spent(as_of: Any) -> None:
    """And a budget that was kept lasted."""
    assert (100.0, 100.0, 0.0, None, "ok") == row(TEN_DAYS, 100.0, as_of=as_of)


def test_other_months_do_not_count() -> None:
    """Neither the one before nor the one after."""
    usage = pl.concat(
        [TEN_DAYS, table(("2025-03-31T00:00Z", "ads", 1e6), ("2025-05-01T00:00Z", "ads", 1e6))]
    )

    assert row(TEN_DAYS, 200.0) == row(usage, 200.0)
    assert row(TEN_DAYS, 200.0, as_of="2025-06-01") == row(usage, 200.0, as_of="2025-06-01")


def test_the_month_is_the_zones() -> None:
    """March in New York begins five hours after UTC's, and is an hour short of 31 days."""
    usage = table(
        ("2025-03-01T04:00Z", "ads", 1000.0),
        ("2025-03-01T05:00Z", "ads", 7.0),
        ("2025-04-01T03:00Z", "ads", 5.0),
        ("2025-04-01T04:00Z", "ads", 1000.0),
        hours=1,
    )
    march = {"month": "2025-03", "timezone": NEW_YORK}

    assert 12.0 == row(usage, 50.0, as_of="2025-04-01", **march)[0]
    spent, projected, *_ = row(usage, 50.0, as_of="2025-03-02", **march)
    assert (7.0, pytest.approx(7.0 * (31 * 24 - 1) / 24)) == (spent, projected)
    assert (
        date(2025, 2, 28)
        == budget_status(
            usage, budgets(ads=1.0), month="2025-02", as_of="2025-03-01", timezone=NEW_YORK
        )["runs_out_on"].item()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"as_of": "2025-04-05T12:00:00Z"},
        {"timezone": NEW_YORK},
    ],
)
def test_a_bucket_over_an_end_is_refused(arguments: dict[str, Any]) -> None:
    """Half a day of a bucket of a day is not known; on a LazyFrame, `collect` says so."""
    days = table(*((f"2025-{day}T00:00Z", "ads", 1.0) for day in ("03-31", "04-01", "04-05")))
    with pytest.raises(AlignmentError, match="cut by the range"):
        row(days, 1.0, **arguments)
    lazy = budget_status(days.lazy(), budgets(ads=1.0), **(APRIL | arguments))
    with pytest.raises(AlignmentError, match="cut by the range"):
        lazy.collect()


def test_currencies_have_budgets_apart() -> None:
    """Euros do not use up dollars, and a currency that appears once has its own line."""
    usage = pl.concat([TEN_DAYS, TEN_DAYS.head(1).with_columns(currency=pl.lit("EUR"))])
    both = pl.concat([budgets(ads=100.0), budgets(ads=1.0).with_columns(currency=pl.lit("EUR"))])

    got = budget_status(usage, both, **APRIL)

    assert [("EUR", 10.0, "over"), ("USD", 100.0, "at risk")] == got.select(
        "currency", "spent", "status"
    ).rows()


def test_budgets_are_of_any_columns() -> None:
    """Of a product of a team, and of names with commas, quotes and emoji."""
    usage = TEN_DAYS.with_columns(username=pl.lit('a, "b" 🎈'), product=pl.Series(["x", "y"] * 5))
    given = pl.DataFrame(
        {"username": ['a, "b" 🎈'], "product": ["x"], "currency": ["USD"], "budget": [60]}
    )

    got = budget_status(usage, given, by=["username", "product"], **APRIL)

    assert ['a, "b" 🎈', "x", "USD", 60.0, 50.0] == list(got.row(0)[:5])
    whole = budget_status(usage, given.select("currency", "budget"), by=(), **APRIL)
    assert ("USD", 60.0, 100.0) == whole.row(0)[:3]


@pytest.mark.parametrize(
    ("given", "saying"),
    [
        (budgets(ads=1.0).with_columns(username=pl.lit(None)), "a budget has no username"),
        (budgets(ads=1.0).with_columns(currency=pl.lit(None)), "a budget has no currency"),
        (budgets(ads=-1.0), r"the budget of \('ads', 'USD'\) is -1.0"),
        (budgets(ads=float("nan")), "is nan; expected a number"),
        (budgets(ads=1e18), "is 1e\\+18"),
        (budgets(ads=1.0).with_columns(budget=pl.lit(None, dtype=pl.Float64)), "is None"),
        (pl.concat([budgets(ads=1.0), budgets(ads=2.0)]), r"\('ads', 'USD'\) twice"),
        (budgets(ads=1.0).with_columns(budget=pl.lit("1")), "which has no sum"),
        (
            budgets(ads=1.0).with_columns(username=pl.date(2025, 1, 1).implode()),
            "another dtype than the usage",
        ),
        ({"ads": 1.0}, "budgets is {'ads': 1.0}; expected a frame of username, currency, budget"),
    ],
)
def test_budgets_that_cannot_be_meant_are_refused(given: Any, saying: str) -> None:
    """Whose, in which currency, how much, and once."""
    with pytest.raises(QueryError, match=saying):
        budget_status(TEN_DAYS, given, **APRIL)


def test_a_budget_of_one_team_is_none_of_all_teams() -> None:
    """A name that is not asked by would be left out of account; other columns are remarks."""
    given = budgets(ads=1.0).with_columns(note=pl.lit("as last year"))
    assert budget_status(TEN_DAYS, given, **APRIL).height == 1
    with pytest.raises(QueryError, match="budgets has the column 'username', which is not in by"):
        budget_status(TEN_DAYS, given, by=(), **APRIL)


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"month": "2025-4"}, "month is '2025-4'"),
        ({"month": "2025-13"}, "month is '2025-13'"),
        ({"month": date(2025, 4, 1)}, "expected a year and a month"),
        ({"as_of": datetime(2025, 4, 11)}, "no UTC offset"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"by": "spent"}, "'spent', which the result names itself"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        row(TEN_DAYS, 1.0, **arguments)


def test_a_missing_column_is_named() -> None:
    """In the budgets as in the usage."""
    with pytest.raises(MissingColumnError, match="Did you mean 'budgets'"):
        budget_status(TEN_DAYS, budgets(ads=1.0).rename({"budget": "budgets"}), **APRIL)
    with pytest.raises(MissingColumnError, match="offset_by"):
        row(TEN_DAYS.drop("bucket_end"), 1.0)


def test_empty_and_lazy_have_the_same_schema() -> None:
    """The plan knows its schema; without usage no budget is matched, without budgets nothing is."""
    full = budget_status(TEN_DAYS, budgets(ads=200.0), **APRIL)
    lazy = budget_status(TEN_DAYS.lazy(), budgets(ads=200.0).lazy(), **APRIL)
    with pytest.warns(UnmatchedWarning, match="the table has no rows"):
        idle = budget_status(TEN_DAYS.clear(), budgets(ads=200.0), **APRIL)
    none = budget_status(TEN_DAYS, budgets(ads=200.0).clear(), **APRIL)

    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema() == idle.schema == none.schema
    assert_frame_equal(full, lazy.collect())
    assert [(0.0, "unmatched")] == idle.select("spent", "status").rows()
    assert none.is_empty()


TEAMS = pl.concat([TEN_DAYS, TEN_DAYS.with_columns(username=pl.lit("acme-ml"))])


@pytest.mark.parametrize(
    ("team", "currency", "closest"),
    [
        ("adz", "USD", "'ads', 'USD'"),
        ("ads ", "USD", "'ads', 'USD'"),
        ("Acme-ML", "USD", "'acme-ml', 'USD'"),
        ("ads", "usd", "'ads', 'USD'"),
        ("ADS", "$", "'ads', 'USD'"),
        ("acme-ml", "EUR", "'acme-ml', 'USD'"),
    ],
)
def test_a_budget_of_nobody_is_unmatched(team: str, currency: str, closest: str) -> None:
    """It is not ok, nothing is projected, and the warning names the closest key."""
    given = pl.DataFrame({"username": [team], "currency": [currency], "budget": [0.0]})

    with pytest.warns(UnmatchedWarning, match=rf"{closest}\)") as told:
        got = budget_status(TEAMS, given, **APRIL)
    with pytest.warns(UnmatchedWarning, match=rf"{closest}\)") as lazily:
        lazy = budget_status(TEAMS.lazy(), given.lazy(), **APRIL).collect()

    assert (0.0, None, 0.0, None, "unmatched") == got.row(0)[3:]
    assert_frame_equal(got, lazy)
    assert {__file__} == {str(each.filename) for each in [*told, *lazily]}


def test_a_name_like_no_other_is_not_guessed() -> None:
    """The warning lists what is there; budgets that match are answered as ever."""
    with pytest.warns(UnmatchedWarning, match="the table has 'acme-ml', 'USD'; 'ads', 'USD'"):
        got = budget_status(TEAMS, budgets(zzz=1.0, ads=5.0), **APRIL)

    assert [("ads", "over"), ("zzz", "unmatched")] == got.select("username", "status").rows()


def test_a_currency_of_nobody_is_unmatched() -> None:
    """Budgets of the whole organization have a key, too."""
    given = pl.DataFrame({"currency": ["usd", "GBX"], "budget": [1.0, 1.0]})
    with pytest.warns(
        UnmatchedWarning, match=r"'GBX' \(the table has 'USD'\); 'usd' \(the closest"
    ):
        got = budget_status(TEAMS, given, by=(), **APRIL)
    assert ["unmatched", "unmatched"] == got["status"].to_list()


def test_many_unmatched_budgets_are_counted() -> None:
    """Ten are named."""
    with pytest.warns(UnmatchedWarning, match="^12 budgets match no row.*; and 2 more"):
        budget_status(TEAMS, budgets(**{f"t{n:02}": 1.0 for n in range(12)}), **APRIL)


@given(data=st.data())
def test_equals_a_walk_in_plain_python(data: st.DataObject) -> None:
    """Hour by hour with `zoneinfo` and fractions, in three zones, over both clock changes."""
    zone = data.draw(st.sampled_from(["UTC", NEW_YORK, "Australia/Lord_Howe"]))
    month = data.draw(st.sampled_from([3, 4, 10, 11]))
    tz = ZoneInfo(zone)
    start = datetime(2025, month, 1, tzinfo=tz).astimezone(UTC)
    end = datetime(2025 + month // 12, month % 12 + 1, 1, tzinfo=tz).astimezone(UTC)
    first = start - timedelta(days=1)
    spends = data.draw(
        st.lists(st.tuples(st.integers(0, 33 * 48), st.integers(1, 10**5)), min_size=1, max_size=12)
    )
    as_of = first + timedelta(minutes=30) * data.draw(st.integers(0, 33 * 48))
    budget = Fraction(data.draw(st.integers(1, 4 * 10**5)), 100)
    half = timedelta(minutes=30)
    usage = table(
        *(((first + half * at).isoformat(), "ads", cents / 100) for at, cents in spends)
    ).with_columns(bucket_end=pl.col("bucket") + half)
    until = min(max(as_of, start), end)
    counted = sorted(
        (first + half * at, Fraction(cents, 100))
        for at, cents in spends
        if start <= first + half * at < until
    )
    spent, gone = Fraction(0), None
    for moment, cost in counted:
        spent += cost
        if spent > budget and gone is None:
            gone = moment
    elapsed = Fraction((until - start).total_seconds())
    projected = spent * Fraction((end - start).total_seconds()) / elapsed if elapsed else None
    status = "over" if gone else "at risk" if projected and projected > budget else "ok"
    if status == "at risk":
        gone = until + timedelta(seconds=round((budget - spent) / spent * elapsed))

    got = row(usage, float(budget), month=f"2025-{month:02}", as_of=as_of, timezone=zone)

    assert float(spent) == got[0]
    assert (None if projected is None else pytest.approx(float(projected))) == got[1]
    assert float(Decimal(str(float(budget))) - Decimal(str(float(spent)))) == got[2]
    assert (gone and gone.astimezone(tz).date(), status) == got[3:]
