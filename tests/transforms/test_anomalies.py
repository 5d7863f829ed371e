"""What `anomalies` promises: a robust baseline from the past only, and periods cut short let be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import AlignmentError, MissingColumnError, QueryError
from falusage.transforms import anomalies

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def table(costs: list[float], *, username: str | None = "acme", **changes: float) -> pl.DataFrame:
    """Give daily usage, with `d37=90.0` in place of the cost of day 37."""
    costs = [changes.get(f"d{day}", cost) for day, cost in enumerate(costs)]
    days = [START + n * DAY for n in range(len(costs))]
    return pl.DataFrame(
        {
            "bucket": days,
            "bucket_end": [day + DAY for day in days],
            "username": username,
            "cost": costs,
            "currency": "USD",
        },
        schema_overrides={
            "bucket": pl.Datetime("us", "UTC"),
            "bucket_end": pl.Datetime("us", "UTC"),
            "username": pl.String,
            "cost": pl.Float64,
        },
    ).filter(pl.col("cost") >= 0)


def days(found: pl.DataFrame) -> list[int]:
    """Give the days that are listed, in order."""
    return [round((period - START) / DAY) for period in found["period"]]


WEEKS = [10.0 + n % 7 + n % 3 for n in range(70)]


def test_one_day_against_the_like_days_before_it() -> None:
    """The median of eight like weekdays, and the usual excess of eight weeks."""
    usage = table(WEEKS, d60=90.0)
    residuals = [abs(WEEKS[n] - median(WEEKS[n % 7 : n : 7][-8:])) for n in range(21, 60)]
    expected = median(WEEKS[4:60:7])
    score = (90.0 - expected) / (1.4826 * median(residuals))

    got = anomalies(usage)

    assert ["period", "currency", "cost", "expected", "excess", "score"] == got.columns
    assert [("USD", 90.0, expected, 90.0 - expected)] == got.select(pl.nth(1, 2, 3, 4)).rows()
    assert [pytest.approx(score)] == got["score"].to_list()
    assert [date(2025, 3, 2)] == got["period"].dt.date().to_list()


def test_the_rhythm_of_the_week_is_no_anomaly() -> None:
    """Weekends at a tenth, every week; and without the season each would be one."""
    office = [10.0 if n % 7 > 4 else 100.0 + n % 3 for n in range(70)]

    assert anomalies(table(office)).is_empty()
    assert not anomalies(table(office), season=1).is_empty()


def test_overspend_comes_first_and_drops_last() -> None:
    """By falling excess, in money."""
    usage = table(WEEKS, d60=90.0, d62=0.0, d64=120.0, d66=1.0)

    found = anomalies(usage)

    assert [64, 60] == days(found)[:2]
    assert {62, 66} == set(days(found)[2:])
    assert found["excess"].to_list() == sorted(found["excess"], reverse=True)
    assert (found["excess"].sign() == found["score"].sign()).all()


def test_a_day_without_usage_is_a_drop() -> None:
    """No rows is a zero, not a gap."""
    assert [60] == days(anomalies(table(WEEKS, d60=-1.0)))


def test_nothing_looks_ahead() -> None:
    """What comes later changes nothing about a day, so that an alarm can be trusted at once."""
    usage = table(WEEKS, d50=80.0, d60=90.0)
    whole = anomalies(usage)
    for height in (51, 55, 61):
        so_far = anomalies(usage.head(height))
        assert_frame_equal(
            whole.filter(pl.col("period") < START + height * DAY), so_far, check_exact=True
        )


def test_one_bad_day_does_not_hide_the_next() -> None:
    """A median forgets one outlier among its like days."""
    assert {50, 57, 64} == set(days(anomalies(table(WEEKS, d50=80.0, d57=80.0, d64=80.0))))


@pytest.mark.parametrize(("start", "judged"), [(34, []), (35, [35])])
def test_a_series_is_judged_from_its_sixth_season_on(start: int, judged: list[int]) -> None:
    """Three like days to expect from, then fourteen excesses; before that there is no row."""
    assert judged == days(anomalies(table(WEEKS[:36], **{f"d{start}": 900.0})))


def test_a_launch_is_no_anomaly() -> None:
    """A series begins with its first cost: the zeros before it are no past."""
    usage = pl.concat([table(WEEKS), table([0.0] * 30 + WEEKS[:40], username="new")])

    assert anomalies(usage, by="username").is_empty()


def test_a_period_cut_short_is_not_judged() -> None:
    """Half a day at half the cost, at either end of the table, says nothing and is not learned."""
    half = timedelta(hours=12)
    whole = table(WEEKS)
    cut = whole.with_columns(
        pl.when(pl.col("bucket") == START).then(START + half).otherwise("bucket").alias("bucket"),
        pl.when(pl.col("bucket") == START + 69 * DAY)
        .then(pl.col("bucket") + half)
        .otherwise("bucket_end")
        .alias("bucket_end"),
        pl.when(pl.col("bucket").is_in([START, START + 69 * DAY]))
        .then(0.0)
        .otherwise("cost")
        .alias("cost"),
    )

    assert [69] == days(anomalies(table(WEEKS, d0=0.0, d69=0.0)))
    assert anomalies(cut).is_empty()


def test_a_day_of_25_hours_is_expected_to_cost_more() -> None:
    """By the hour it is a day like any other, and so is one of 23 hours."""
    for first in (datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 1, 20, tzinfo=UTC)):
        hours = [first + timedelta(hours=n) for n in range(24 * 80)]
        usage = pl.DataFrame(
            {
                "bucket": hours,
                "bucket_end": [hour + timedelta(hours=1) for hour in hours],
                "cost": 1.0,
                "currency": "USD",
            }
        )

        assert anomalies(usage, timezone="Europe/Paris").is_empty()


def test_a_past_without_noise_forgives_a_percent_and_a_cent() -> None:
    """Without a floor, any change after constant days would be infinitely unlikely."""
    flat, nothing = [100.0] * 60, [1.0, *[0.0] * 59]

    assert anomalies(table(flat, d50=103.4)).is_empty()
    assert [50] == days(anomalies(table(flat, d50=103.6)))
    assert anomalies(table(nothing, d50=0.03)).is_empty()
    found = anomalies(table(nothing, d50=5.0))
    assert [50] == days(found)
    assert [(0.0, 5.0, 500.0)] == found.select("expected", "excess", "score").rows()


def test_series_are_judged_apart() -> None:
    """By team and currency; a null team, and one with commas and quotes, are series too."""
    usage = pl.concat(
        [
            table(WEEKS, d60=90.0, username=None),
            table(WEEKS, username='a, "b" 🎈'),
            table(WEEKS, d61=90.0, username='a, "b" 🎈').with_columns(currency=pl.lit("EUR")),
            table([0.0] * 70, username="idle"),
            table([5.0], username="once"),
        ]
    )
    got = anomalies(usage, by="username")

    assert {(None, "USD"), ('a, "b" 🎈', "EUR")} == set(got.select("username", "currency").rows())
    assert 2 == got.height


def test_the_threshold_is_of_the_score() -> None:
    """A higher one lists fewer."""
    usage = table(WEEKS, d60=30.0)
    (score,) = anomalies(usage)["score"].to_list()

    assert 1 == anomalies(usage, threshold=score - 0.01).height
    assert 0 == anomalies(usage, threshold=score).height


def test_hours_have_a_season_of_their_own() -> None:
    """A day of 24 hours, and one hour out of it."""
    hours = [START + timedelta(hours=n) for n in range(24 * 10)]
    usage = pl.DataFrame(
        {
            "bucket": hours,
            "bucket_end": [hour + timedelta(hours=1) for hour in hours],
            "cost": [50.0 if n == 200 else 1.0 + n % 24 + 0.1 * (n % 5) for n in range(24 * 10)],
            "currency": "USD",
        }
    )

    assert [hours[200]] == anomalies(usage, every="1h", season=24)["period"].to_list()


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"season": 0}, "season is 0"),
        ({"season": True}, "season is True"),
        ({"threshold": 0}, "threshold is 0"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"threshold": "high"}, "threshold is 'high'"),
        ({"every": "day"}, "every is 'day'"),
        ({"by": "score"}, "'score', which the result names itself"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        anomalies(table(WEEKS), **arguments)


def test_tables_that_cannot_be_cut_are_refused() -> None:
    """UTC days are no New York days, and a period needs to know where its buckets end."""
    with pytest.raises(AlignmentError):
        anomalies(table(WEEKS), timezone="America/New_York")
    with pytest.raises(MissingColumnError, match="offset_by"):
        anomalies(table(WEEKS).drop("bucket_end"))


def test_empty_and_lazy_have_the_same_schema() -> None:
    """The plan knows its schema, and an empty table keeps it."""
    usage = table(WEEKS, d60=90.0)
    full = anomalies(usage, by="username")
    lazy = anomalies(usage.lazy(), by="username")

    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema() == anomalies(usage.clear(), by="username").schema
    assert_frame_equal(full, lazy.collect(), check_exact=True)
    assert anomalies(usage.head(1), by="username").is_empty()


@given(data=st.data())
def test_equals_a_walk_in_plain_python(data: st.DataObject) -> None:
    """Day by day with `statistics.median`, for any costs, seasons and thresholds."""
    season = data.draw(st.integers(1, 4))
    threshold = data.draw(st.sampled_from([0.5, 2.0, 3.5]))
    costs = data.draw(
        st.lists(st.sampled_from([0.0, 0.1, 1.0, 2.0, 3.0, 40.0]), min_size=20, max_size=50)
    )
    expected: dict[int, float] = {}
    excesses: list[float | None] = []
    first = next((n for n, cost in enumerate(costs) if cost), len(costs))
    for day, cost in enumerate(costs):
        past = [costs[n] for n in range(day - season, first - 1, -season)][:8]
        if len(past) < 3:
            excesses.append(None)
            continue
        excess = cost - median(past)
        window = excesses[-max(8 * season, 14) :]
        known = [abs(one) for one in window if one is not None]
        if len(known) >= max(14, 2 * season):
            score = excess / max(1.4826 * median(known), 0.01 * median(past), 0.01)
            if abs(score) > threshold:
                expected[day] = score
        excesses.append(excess)

    found = anomalies(table(costs), season=season, threshold=threshold)

    assert expected == pytest.approx(dict(zip(days(found), found["score"], strict=True)))
