"""What `rollup` promises: exact sums, at every grain, or a refusal."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import AlignmentError, MissingColumnError, QueryError
from falusage.transforms import rollup
from tests.transforms.random_tables import tables, zones

NEW_YORK = "America/New_York"
CENT = Decimal(1).scaleb(-12)


def table(*rows: tuple[str, str, float], hours: int = 1) -> pl.DataFrame:
    """Give usage of one endpoint from (bucket, username, cost)."""
    return pl.DataFrame(
        {
            "bucket": [datetime.fromisoformat(bucket) for bucket, _, _ in rows],
            "bucket_end": [
                datetime.fromisoformat(bucket) + timedelta(hours=hours) for bucket, _, _ in rows
            ],
            "username": [username for _, username, _ in rows],
            "endpoint_id": "fal-ai/flux/dev",
            "unit": "image",
            "quantity": [cost * 10 for *_, cost in rows],
            "cost": [cost for *_, cost in rows],
            "currency": "USD",
        },
        schema_overrides={
            "bucket": pl.Datetime("us", "UTC"),
            "bucket_end": pl.Datetime("us", "UTC"),
            "username": pl.String,
            "quantity": pl.Float64,
            "cost": pl.Float64,
        },
    )


USAGE = table(
    ("2025-03-09T04:00:00Z", "acme", 0.1),
    ("2025-03-09T05:00:00Z", "acme", 0.2),
    ("2025-03-10T03:00:00Z", "acme", 0.1),
    ("2025-03-10T04:00:00Z", "labs", 1.0),
)


def starts(local: list[str], timezone: str = NEW_YORK) -> pl.Series:
    """Give periods from local dates."""
    return pl.Series(
        "period",
        [datetime.fromisoformat(one).replace(tzinfo=ZoneInfo(timezone)) for one in local],
        dtype=pl.Datetime("us", timezone),
    )


def test_days_are_cut_in_the_zone_over_a_day_of_23_hours() -> None:
    """A New York day in March is 23 hours, from its own midnight to the next."""
    expected = pl.DataFrame(
        {
            "period": starts(["2025-03-08", "2025-03-09", "2025-03-10"]),
            "username": ["acme", "acme", "labs"],
            "currency": "USD",
            "cost": [0.1, 0.3, 1.0],
        }
    )

    assert_frame_equal(expected, rollup(USAGE, by="username", every="1d", timezone=NEW_YORK))


@pytest.mark.parametrize(
    ("every", "first"),
    [("1w", "2025-03-03"), ("1mo", "2025-03-01"), ("1q", "2025-01-01"), ("1y", "2025-01-01")],
)
def test_longer_periods_start_on_the_calendar(every: Any, first: str) -> None:
    """Weeks start on Monday; months, quarters and years on their first."""
    assert starts([first])[0] == rollup(USAGE, every=every, timezone=NEW_YORK)["period"][0]


def test_a_lazyframe_gives_a_lazyframe_and_the_same() -> None:
    """Nothing is collected on the way."""
    lazy = rollup(USAGE.lazy(), by="username", every="1d")

    assert isinstance(lazy, pl.LazyFrame)
    assert_frame_equal(rollup(USAGE, by="username", every="1d"), lazy.collect())
    assert lazy.collect_schema() == lazy.collect().schema


def test_currency_is_a_key_always_and_once() -> None:
    """Naming `currency` does not double it, and keeps its place."""
    assert ["currency", "cost"] == rollup(USAGE).columns
    assert ["currency", "username", "cost"] == rollup(USAGE, by=["currency", "username"]).columns


def test_nulls_are_a_group() -> None:
    """Cost without an auth_method is not lost."""
    usage = USAGE.with_columns(auth_method=pl.lit(None, dtype=pl.String))

    assert [1.4] == rollup(usage, by="auth_method")["cost"].to_list()
    assert 3 == rollup(usage, by="auth_method", every="1d", timezone=NEW_YORK).height


def test_quantity_is_summed_within_an_endpoint_and_unit() -> None:
    """Quantities have a sum where they are of one thing."""
    sums = rollup(USAGE, by=["endpoint_id", "unit"], values=["quantity", "cost"])

    assert ("fal-ai/flux/dev", "image", "USD", 14.0, 1.4) == sums.row(0)


@pytest.mark.parametrize("by", [(), ("unit",), ("endpoint_id",)])
def test_quantity_over_several_things_is_refused(by: tuple[str, ...]) -> None:
    """Images and seconds have no sum."""
    with pytest.raises(QueryError, match="have no sum; add"):
        rollup(USAGE, by=by, values="quantity")


@pytest.mark.parametrize("lazy", [False, True])
def test_a_bucket_over_a_boundary_is_refused(lazy: bool) -> None:
    """A UTC day cannot be cut into New York days, and on a LazyFrame `collect` says so."""
    days = table(("2025-01-01T00:00:00Z", "acme", 1.0), hours=24)
    sums = rollup(days.lazy(), every="1d", timezone=NEW_YORK) if lazy else None
    with pytest.raises(AlignmentError, match="crosses a boundary of every='1d' in America"):
        _ = sums.collect() if sums is not None else rollup(days, every="1d", timezone=NEW_YORK)


def test_a_period_shorter_than_the_bucket_is_refused() -> None:
    """A day does not say what its hours cost."""
    with pytest.raises(AlignmentError, match="cannot be split"):
        rollup(table(("2025-01-01T00:00:00Z", "acme", 1.0), hours=24), every="1h")


@pytest.mark.parametrize("column", ["bucket", "bucket_end"])
def test_a_bucket_without_a_start_or_an_end_is_refused(column: str) -> None:
    """Cost that lies nowhere would be lost from every period."""
    with pytest.raises(AlignmentError, match="does not start before it ends"):
        rollup(
            USAGE.with_columns(pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias(column)),
            every="1d",
        )


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"every": "2d"}, "every is '2d'"),
        ({"every": "1d", "timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"values": "unit_price"}, "no other column of the table has a sum"),
        ({"values": ()}, "expected 'cost', 'quantity' or both"),
        ({"by": ["username", "username"]}, "twice"),
        ({"by": [1]}, "names of columns"),
        ({"by": "cost"}, "'cost', which the result names itself"),
        ({"by": "period", "every": "1d"}, "'period', which the result names itself"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        rollup(USAGE, **arguments)


def test_a_missing_column_is_named_with_the_near_one() -> None:
    """A typing mistake is found before a row is read."""
    with pytest.raises(MissingColumnError, match="Did you mean 'username'"):
        rollup(USAGE.lazy(), by="usrname")


@pytest.mark.parametrize(
    ("asked", "there"),
    [("team", "username"), ("Endpoint", "endpoint_id"), ("model", "endpoint_id")],
)
def test_a_column_by_another_word_is_named_by_the_apis(asked: str, there: str) -> None:
    """The API says username for a team, and no spelling of one is near the other."""
    with pytest.raises(
        MissingColumnError, match=f"no column {asked!r}\\. Did you mean {there!r}\\?"
    ):
        rollup(USAGE, by=asked)


@pytest.mark.parametrize("every", [None, "1d"])
def test_keys_of_many_names_and_kinds_are_sorted_as_polars_sorts(every: Any) -> None:
    """Names are numbers on the way, and come back as they were: nulls first, odd ones whole."""
    odd = pl.Series(["b", None, "", "\0", "\1", "a\0", "B", "é", "🎈", 'q "x", y'])
    usage = pl.concat([USAGE] * 25).with_columns(
        pl.lit(odd.sample(100, with_replacement=True, seed=seed)).alias(name)
        for seed, name in enumerate(("username", "team", "product", "auth_method", "currency"))
    )
    usage = usage.with_columns(
        kind=pl.col("team").cast(pl.Categorical), day=pl.col("bucket").dt.day(), period=pl.lit(1)
    )
    usage = usage.with_columns(ratio=pl.col("day") / 3, tags=pl.concat_list("username"))
    for by in (
        ["username", "team", "product", "auth_method"],
        ["team", "day", "product", "auth_method", "username"],
        ["product", "kind", "ratio", "team", "username", "auth_method"],
        ["tags", "team", "product", "auth_method"],
    ):
        group = [*(["day"] if every and "day" not in by else []), *by, "currency"]
        expected = usage.group_by(group).agg(pl.col("cost").cast(pl.Decimal(38, 12)).sum())

        got = rollup(usage, by=by, every=every)

        assert got.schema.to_python().keys() == {
            *(["period"] if every else []),
            *by,
            "currency",
            "cost",
        }
        keys = [column for column in got.columns if column != "cost"]
        assert_frame_equal(got.sort(keys), got)
        assert {name: usage.schema[name] for name in by} == {name: got.schema[name] for name in by}
        day = (
            [pl.col("period").dt.day().alias("day")]
            if every and "day" in group and "day" not in by
            else []
        )
        assert_frame_equal(
            expected.with_columns(pl.col("cost").cast(pl.Float64)),
            got.with_columns(day).select(*group, "cost"),
            check_row_order=False,
            check_exact=True,
        )


def test_a_table_without_bucket_end_is_told_how_to_add_it() -> None:
    """A period needs to know where each bucket ends; a sum over all time does not."""
    usage = USAGE.drop("bucket_end")

    assert [1.4] == rollup(usage)["cost"].to_list()
    with pytest.raises(MissingColumnError, match="with_columns"):
        rollup(usage, every="1d")


@pytest.mark.parametrize("column", ["bucket", "bucket_end"])
def test_a_bucket_without_a_zone_is_refused(column: str) -> None:
    """A wall-clock time is not an instant."""
    with pytest.raises(QueryError, match="is not an instant"):
        rollup(USAGE.with_columns(pl.col(column).dt.replace_time_zone(None)), every="1d")


def test_costs_that_are_no_numbers_are_refused() -> None:
    """Text has no sum."""
    with pytest.raises(QueryError, match="no sum"):
        rollup(USAGE.with_columns(pl.col("cost").cast(pl.String)))


def test_buckets_of_another_unit_and_zone_are_the_same_instants() -> None:
    """Nanoseconds in New York are the same instants as microseconds in UTC."""
    other = USAGE.with_columns(
        pl.col("bucket").dt.cast_time_unit("ns").dt.convert_time_zone(NEW_YORK)
    )

    assert_frame_equal(rollup(USAGE, every="1d"), rollup(other, every="1d"))


@pytest.mark.parametrize("every", [None, "1d"])
def test_an_empty_table_gives_an_empty_frame_of_the_same_schema(every: Any) -> None:
    """Nothing spent is no error."""
    empty = rollup(USAGE.clear(), by="username", every=every)

    assert empty.is_empty()
    assert rollup(USAGE, by="username", every=every).schema == empty.schema


def test_sums_equal_duckdbs() -> None:
    """SQL over the same rows says the same, at every grain."""
    wide = pl.concat(
        table((f"2025-03-{day:02}T{hour:02}:00:00Z", f"team-{hour % 3}", day * 0.1 + hour))
        for day in range(1, 31)
        for hour in range(0, 24, 5)
    )
    connection = duckdb.connect()
    connection.execute("SET timezone = 'America/New_York'")
    connection.register("usage_rows", wide.to_arrow())
    for every, part in (("1d", "day"), ("1w", "week"), ("1mo", "month"), ("1q", "quarter")):
        expected = connection.sql(
            f"SELECT date_trunc('{part}', bucket) AS period, username, currency, "  # noqa: S608 -- our own words
            "sum(cost::DECIMAL(38, 12))::DOUBLE AS cost "
            "FROM usage_rows GROUP BY ALL ORDER BY ALL"
        ).to_arrow_table()
        got = rollup(wide, by="username", every=every, timezone=NEW_YORK)
        assert_frame_equal(
            pl.DataFrame(expected).with_columns(pl.col("period").cast(pl.Datetime("us", NEW_YORK))),
            got,
            check_exact=True,
        )


@given(data=st.data())
def test_days_equal_those_of_zoneinfo_and_lose_nothing(data: st.DataObject) -> None:
    """Local dates by `zoneinfo`, exact sums by `fractions`: each day's sum, and so the total."""
    usage, zone = data.draw(tables), data.draw(zones)
    expected: defaultdict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for bucket, _, _, auth, cost, currency in usage.iter_rows():
        day = bucket.astimezone(ZoneInfo(zone)).date()
        expected[day, auth, currency] += Fraction(Decimal(repr(cost)).quantize(CENT))

    got = rollup(usage, by="auth_method", every="1d", timezone=zone)

    assert got.height == len(expected)
    for period, auth, currency, cost in got.iter_rows():
        assert (0, 0) == (period.hour, period.minute)
        assert (
            pytest.approx(float(expected[period.date(), auth, currency]), rel=1e-12, abs=1e-9)
            == cost
        )


def test_total_is_the_same_to_the_last_bit_in_any_order() -> None:
    """Float sums move in their last bits with the order of the rows; these do not."""
    usage = table(*((f"2025-01-01T{n % 24:02}:00:00Z", "acme", 0.1 * n) for n in range(500)))
    totals = {rollup(usage.sample(fraction=1, shuffle=True, seed=n))["cost"][0] for n in range(5)}

    assert 1 == len(totals)
    assert datetime(2025, 1, 1, tzinfo=UTC) == rollup(usage, every="1d")["period"][0]


def test_keys_too_many_to_number_are_in_order_all_the_same() -> None:
    """Five columns of eight thousand names have more combinations than 64 bits hold."""
    rows = 2**13
    names = {
        column: [f"{(row * step) % rows:04}" for row in range(rows)]
        for column, step in zip("abcde", (4097, 3, 5, 7, 11), strict=True)
    }
    usage = pl.DataFrame({**names, "cost": 1.0, "currency": "USD"})
    found = rollup(usage, by=tuple("abcde"))
    assert_frame_equal(found.sort(*"abcde"), found)
