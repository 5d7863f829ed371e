"""What `cost_share` promises: shares that sum to one, and a fold that loses nothing."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import MissingColumnError, QueryError
from falusage.transforms import cost_share, rollup
from tests.transforms.random_tables import tables, zones


def table(costs: dict[str | None, float], currency: str = "USD") -> pl.DataFrame:
    """Give usage from {username: cost}."""
    return pl.DataFrame(
        {"username": list(costs), "cost": list(costs.values())},
        schema={"username": pl.String, "cost": pl.Float64},
    ).with_columns(currency=pl.lit(currency))


def members(shares: pl.DataFrame) -> list[str | None]:
    """Give who is listed, in order."""
    return shares["username"].to_list()


def test_shares_fall_and_add_up() -> None:
    """The largest first; the shares are fractions, and the last cumulative one is one."""
    expected = pl.DataFrame(
        {
            "username": ["b", "a", "c"],
            "currency": "USD",
            "cost": [5.0, 3.0, 2.0],
            "share": [0.5, 0.3, 0.2],
            "cumulative_share": [0.5, 0.8, 1.0],
            "rank": [1, 2, 3],
        }
    )

    assert_frame_equal(expected, cost_share(table({"a": 3.0, "b": 5.0, "c": 2.0}), by="username"))


def test_equal_costs_rank_by_name() -> None:
    """Ties fall the same way on every run."""
    assert ["a", "b", "c", None] == members(
        cost_share(table({"c": 1.0, None: 1.0, "a": 1.0, "b": 1.0}), by="username")
    )


def test_top_folds_the_rest_last() -> None:
    """`other` stands last, even where it is the largest."""
    shares = cost_share(table({"a": 3.0, "b": 2.0, "c": 2.0, "d": 2.0}), by="username", top=1)

    assert ["a", "other"] == members(shares)
    assert [3.0, 6.0] == shares["cost"].to_list()
    assert [1, 2] == shares["rank"].to_list()


@pytest.mark.parametrize("top", [1, 2, 3, 9])
def test_a_member_called_other_is_folded_and_not_lost(top: int) -> None:
    """One row is called `other`, and holds the member of that name too."""
    shares = cost_share(table({"other": 9.0, "a": 3.0, "b": 2.0}), by="username", top=top)

    assert [*["a", "b"][:top], "other"] == members(shares)
    assert 14.0 == shares["cost"].sum()


def test_a_null_member_is_kept_apart_from_other() -> None:
    """A row without a name may be among the largest."""
    assert [None, "other"] == members(
        cost_share(table({None: 9.0, "a": 3.0, "b": 2.0}), by="username", top=1)
    )


def test_top_is_that_of_the_whole_range_in_every_period(hourly: pl.DataFrame) -> None:
    """The largest of a month is shown in the weeks in which it was not."""
    shares = cost_share(hourly, by="username", every="1d", top=1)

    assert [("big", 10.0), ("other", 1.0), ("big", 1.0), ("other", 2.0)] == shares.select(
        "username", "cost"
    ).rows()
    assert [1, 2, 1, 2] == shares["rank"].to_list()


@pytest.fixture
def hourly() -> pl.DataFrame:
    """Two days: `big` is the larger over both, `small` on the second."""
    return pl.DataFrame(
        {
            "bucket": ["2025-01-01T00:00Z", "2025-01-01T00:00Z"] + ["2025-01-02T00:00Z"] * 2,
            "username": ["big", "small", "big", "small"],
            "cost": [10.0, 1.0, 1.0, 2.0],
            "currency": "USD",
        }
    ).with_columns(
        pl.col("bucket").str.to_datetime(time_zone="UTC", time_unit="us"),
        bucket_end=pl.col("bucket").str.to_datetime(time_zone="UTC", time_unit="us")
        + pl.duration(hours=1),
    )


def test_several_columns_are_ranked_together() -> None:
    """The folded row says `other` in each column."""
    usage = table({"a": 3.0, "b": 2.0, "c": 1.0}).with_columns(product=pl.lit("compute"))

    assert [("a", "compute"), ("other", "other")] == cost_share(
        usage, by=["username", "product"], top=1
    ).select("username", "product").rows()


def test_currencies_are_shared_apart() -> None:
    """Each currency has its own whole, its own top and its own ranks."""
    usage = pl.concat([table({"a": 3.0, "b": 1.0}), table({"a": 1.0, "b": 3.0}, "EUR")])
    shares = cost_share(usage, by="username", top=1)

    assert [("b", "EUR", 0.75, 1), ("other", "EUR", 0.25, 2)] == shares.select(
        "username", "currency", "share", "rank"
    ).rows()[:2]
    assert ["a", "other"] == shares["username"].to_list()[2:]


def test_a_total_of_zero_has_no_shares() -> None:
    """Nothing has no parts: null, not NaN."""
    shares = cost_share(table({"a": 0.0, "b": 0.0}), by="username")

    assert [None, None] == shares["share"].to_list()
    assert [None, None] == shares["cumulative_share"].to_list()


@pytest.mark.parametrize("every", [None, "1d"])
@pytest.mark.parametrize("top", [None, 1])
def test_empty_and_lazy_have_the_same_schema(hourly: pl.DataFrame, every: Any, top: Any) -> None:
    """The plan knows its schema, and an empty table keeps it."""
    full = cost_share(hourly, by="username", every=every, top=top)

    assert full.schema == cost_share(hourly.clear(), by="username", every=every, top=top).schema
    lazy = cost_share(hourly.lazy(), by="username", every=every, top=top)
    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema()
    assert_frame_equal(full, lazy.collect())


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"by": ()}, "by is empty"),
        ({"by": "username", "top": 0}, "top is 0"),
        ({"by": "username", "top": True}, "top is True"),
        ({"by": "share"}, "'share', which the result names itself"),
        ({"by": "username", "every": "day"}, "every is 'day'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        cost_share(table({"a": 1.0}), **arguments)


def test_a_missing_column_is_named() -> None:
    """So that a typing mistake is not a wrong share."""
    with pytest.raises(MissingColumnError, match="usernam"):
        cost_share(table({"a": 1.0}), by="usernam")


@given(data=st.data())
def test_nothing_is_lost_and_shares_are_exact(data: st.DataObject) -> None:
    """Costs tie to the total of each currency; shares equal the fractions and sum to one."""
    usage, zone = data.draw(tables), data.draw(zones)
    top = data.draw(st.one_of(st.none(), st.integers(1, 4)))
    shares = cost_share(usage, by=["username", "auth_method"], every="1w", timezone=zone, top=top)
    wholes: Counter[tuple[Any, ...]] = Counter()
    for period, currency, cost in rollup(usage, every="1w", timezone=zone).iter_rows():
        wholes[period, currency] += Fraction(Decimal(repr(cost)))
    parts = shares.group_by("period", "currency").agg(
        pl.col("cost", "share").sum(), pl.col("cumulative_share").last(), pl.col("rank")
    )

    assert len(wholes) == parts.height
    for period, currency, cost, share, last, rank in parts.iter_rows():
        whole = wholes[period, currency]
        assert pytest.approx(float(whole), rel=1e-12, abs=1e-11) == cost
        assert (None if whole == 0 else 1.0) == last
        assert whole == 0 or pytest.approx(1.0, abs=1e-12) == share
        assert [*range(1, len(rank) + 1)] == rank
    kept = shares.filter(~pl.all_horizontal(pl.col("username", "auth_method") == "other"))
    assert top is None or all(
        n <= top
        for n in kept.group_by("currency").agg(
            pl.struct("username", "auth_method").n_unique().alias("n")
        )["n"]
    )
    assert not shares.select("period", "username", "auth_method", "currency").is_duplicated().any()


def test_of_equal_costs_a_name_is_kept_before_a_null() -> None:
    """At the edge of `top`, an unnamed group is folded before a named one of the same cost."""
    usage = pl.DataFrame({"username": [None, "ads"], "cost": [1.0, 1.0], "currency": "USD"})
    assert ["ads", "other"] == cost_share(usage, by="username", top=1)["username"].to_list()
