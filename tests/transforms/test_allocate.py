"""What `allocate` promises: all of the shared cost on those who bear it, and not a cent more."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.columns import MONEY
from falusage.errors import MissingColumnError, QueryError
from falusage.transforms import allocate
from tests.transforms.random_tables import lines

PLATFORM = pl.col("username") == "platform"


def table(*rows: tuple[str | None, float], currency: str = "USD") -> pl.DataFrame:
    """Give usage from (username, cost)."""
    return pl.DataFrame(
        {"username": [name for name, _ in rows], "cost": [cost for _, cost in rows]},
        schema={"username": pl.String, "cost": pl.Float64},
    ).with_columns(currency=pl.lit(currency))


USAGE = table(("ads", 30.0), ("labs", 10.0), ("platform", 8.0))


def weights(**of: float) -> pl.DataFrame:
    """Give weights of teams."""
    return pl.DataFrame({"username": list(of), "weight": list(of.values())})


def test_the_shared_cost_follows_the_direct_cost() -> None:
    """Who spends three quarters bears three quarters; who shared it all is left with nothing."""
    expected = pl.DataFrame(
        {
            "username": ["ads", "labs", "platform"],
            "currency": "USD",
            "direct": [30.0, 10.0, 0.0],
            "shared": [6.0, 2.0, 0.0],
            "total": [36.0, 12.0, 0.0],
        }
    )

    assert_frame_equal(expected, allocate(USAGE, shared=PLATFORM), check_exact=True)


def test_the_shared_cost_follows_weights() -> None:
    """Who is not named bears nothing, and who has no usage may be named."""
    got = allocate(USAGE, shared=PLATFORM, weights=weights(ads=1, new=3))

    assert [
        ("ads", 30.0, 2.0, 32.0),
        ("labs", 10.0, 0.0, 10.0),
        ("new", 0.0, 6.0, 6.0),
        ("platform", 0.0, 0.0, 0.0),
    ] == got.drop("currency").rows()
    lazy = weights(new=3, ads=1).lazy()
    assert_frame_equal(got, allocate(USAGE, shared=PLATFORM, weights=lazy))


def test_what_rounding_leaves_goes_to_the_largest() -> None:
    """A third has no decimal, and three thirds are one; of equals, the first by name."""
    usage = table(("a", 1.0), ("b", 1.0), ("c", 1.0), ("platform", 10.0))

    shared = allocate(usage, shared=PLATFORM)["shared"]
    by_weight = allocate(usage, shared=PLATFORM, weights=weights(a=1, b=1, c=4))["shared"]

    assert [1.666666666667, 1.666666666667, 6.666666666666, 0.0] == by_weight.to_list()
    assert [3.333333333334, 3.333333333333, 3.333333333333, 0.0] == shared.to_list()


def test_currencies_are_shared_apart() -> None:
    """A pool of euros is borne in euros, also by weights."""
    usage = pl.concat([USAGE, table(("ads", 1.0), ("platform", 4.0), currency="EUR")])

    got = allocate(usage, shared=PLATFORM)
    assert [("ads", "EUR", 5.0), ("ads", "USD", 36.0)] == got.filter(username="ads").select(
        "username", "currency", "total"
    ).rows()
    by_weight = allocate(usage, shared=PLATFORM, weights=weights(labs=1))
    assert [("EUR", 4.0), ("USD", 18.0)] == by_weight.filter(username="labs").select(
        "currency", "total"
    ).rows()


def test_a_currency_without_shared_cost_has_no_new_bearers() -> None:
    """Weights alone do not bring a team into it."""
    usage = pl.concat([USAGE, table(("ads", 1.0), currency="EUR")])

    got = allocate(usage, shared=PLATFORM, weights=weights(labs=1))

    assert [("ads", 1.0)] == got.filter(currency="EUR").select("username", "total").rows()


def test_a_null_predicate_is_not_shared() -> None:
    """What is not known to be shared stays where it is."""
    usage = table((None, 5.0), ("ads", 3.0), ("platform", 8.0))

    got = allocate(usage, shared=PLATFORM)

    assert {(None, 10.0), ("ads", 6.0), ("platform", 0.0)} == set(
        got.select("username", "total").rows()
    )


def test_a_predicate_is_asked_of_the_whole_table() -> None:
    """Not of each group: an above-average cost is above the average of all."""
    got = allocate(USAGE, shared=pl.col("cost") > pl.col("cost").mean())

    assert [0.0, 10.0, 8.0] == got["direct"].to_list()
    assert 48.0 == got["total"].sum()


def test_a_row_of_a_team_may_be_shared_and_another_not() -> None:
    """The predicate is of rows, not of teams."""
    usage = USAGE.with_columns(product=pl.Series(["compute", "model_apis", "model_apis"]))

    assert [
        ("ads", 0.0, 0.0),
        ("labs", 10.0, 26.666666666667),
        ("platform", 8.0, 21.333333333333),
    ] == (
        allocate(usage, shared=pl.col("product") == "compute")
        .select("username", "direct", "total")
        .rows()
    )


@pytest.mark.parametrize(
    ("usage", "arguments"),
    [
        (table(("platform", 8.0)), {}),
        (table(("platform", 8.0), ("ads", 0.0)), {}),
        (pl.concat([USAGE, table(("platform", 4.0), currency="EUR")]), {}),
        (USAGE, {"weights": weights(ads=0.0)}),
        (USAGE, {"weights": weights(ads=1.0).clear()}),
    ],
)
def test_shared_cost_that_nobody_can_bear_is_refused(
    usage: pl.DataFrame, arguments: dict[str, Any]
) -> None:
    """It would be lost from every total; on a LazyFrame, `collect` says so."""
    with pytest.raises(QueryError, match=r"nobody can bear the shared"):
        allocate(usage, shared=PLATFORM, **arguments)
    lazy = allocate(usage.lazy(), shared=PLATFORM, **arguments)
    with pytest.raises(QueryError, match="nobody can bear"):
        lazy.collect()


def test_nothing_shared_is_borne_by_nobody() -> None:
    """Zeros need no bearer."""
    usage = table(("platform", 0.0), ("ads", 0.0))

    assert [0.0, 0.0] == allocate(usage, shared=PLATFORM)["total"].to_list()
    assert [48.0] == [allocate(USAGE, shared=pl.lit(value=False))["direct"].sum()]


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"shared": "platform"}, "expected a Polars predicate"),
        ({"shared": pl.col("cost")}, "shared gives Float64"),
        ({"shared": pl.col("username").dt.day() == 1}, "shared does not fit the columns"),
        ({"shared": PLATFORM, "to": ()}, "expected the columns whose combinations"),
        ({"shared": PLATFORM, "to": "currency"}, "expected the columns whose combinations"),
        ({"shared": PLATFORM, "to": "total"}, "'total', which the result names itself"),
        ({"shared": PLATFORM, "weights": "even"}, "weights is 'even'"),
        ({"shared": PLATFORM, "weights": weights(a=-1.0)}, "expected a number from 0"),
        ({"shared": PLATFORM, "weights": weights(a=float("nan"))}, "expected a number from 0"),
        ({"shared": PLATFORM, "weights": weights(a=float("inf"))}, "expected a number from 0"),
        (
            {"shared": PLATFORM, "weights": pl.concat([weights(a=1), weights(a=1)])},
            r"weights has \('a',\) twice",
        ),
        (
            {"shared": PLATFORM, "weights": weights(a=1).with_columns(currency=pl.lit("USD"))},
            "weights has the column 'currency', which is not in to",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        allocate(USAGE, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"shared": pl.col("usernam") == "a"},
        {"shared": PLATFORM, "to": "usernam"},
        {"shared": PLATFORM, "weights": weights(a=1).rename({"username": "usernames"})},
    ],
)
def test_a_missing_column_is_named_with_the_near_one(arguments: dict[str, Any]) -> None:
    """In the usage, the predicate and the weights."""
    with pytest.raises(MissingColumnError, match="Did you mean 'username"):
        allocate(USAGE, **arguments)


def test_empty_and_lazy_have_the_same_schema() -> None:
    """The plan knows its schema, and an empty table keeps it."""
    full = allocate(USAGE, shared=PLATFORM)
    lazy = allocate(USAGE.lazy(), shared=PLATFORM)

    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema()
    assert full.schema == allocate(USAGE.clear(), shared=PLATFORM).schema
    assert_frame_equal(full, lazy.collect())
    assert allocate(USAGE.clear(), shared=PLATFORM).is_empty()


@given(data=st.data())
def test_totals_are_conserved_to_the_last_digit_and_shares_are_fractions(
    data: st.DataObject,
) -> None:
    """Σ total is Σ cost in Decimal(38, 12) for each currency; each share is its fraction."""
    usage = data.draw(lines).filter(pl.col("cost") < 1000)
    to = data.draw(st.sampled_from([("username",), ("username", "currency")]))
    members = [st.sampled_from(["acme", 'a "b", c', "🎈"]), st.sampled_from(["USD", "EUR"])]
    of = data.draw(st.dictionaries(st.tuples(*members[: len(to)]), st.integers(1, 9)))
    given = pl.DataFrame(
        [(*member, weight) for member, weight in of.items()],
        schema={**dict.fromkeys(to, pl.String), "weight": pl.Int64},
        orient="row",
    )
    pools: Counter[str] = Counter()
    direct: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    for row in usage.iter_rows(named=True):
        cost = Fraction(Decimal(repr(row["cost"])))
        if row["product"] == "compute":
            pools[row["currency"]] += cost
        direct[row["currency"]][row["username"]] += 0 if row["product"] == "compute" else cost
    bears: dict[str, Counter[Any]] = {
        currency: Counter({name: of[name, *own] for name, *own in of if own in ([], [currency])})
        if of
        else spent
        for currency, spent in direct.items()
    }
    arguments: Any = {"shared": pl.col("product") == "compute", "to": to}
    arguments |= {"weights": given} if of else {}
    if any(pool and not sum(bears[currency].values()) for currency, pool in pools.items()):
        with pytest.raises(QueryError, match="nobody can bear"):
            allocate(usage, **arguments)
        return

    got = allocate(usage, **arguments)

    exact, exact_total = pl.col("cost").cast(MONEY).sum(), pl.col("total").cast(MONEY).sum()
    assert_frame_equal(
        usage.group_by("currency").agg(exact).sort("currency"),
        got.group_by("currency").agg(exact_total.alias("cost")).sort("currency"),
    )
    for username, currency, own, shared, _ in got.iter_rows():
        assert direct[currency][username] == Fraction(Decimal(repr(own)))
        whole, part = sum(bears[currency].values()), bears[currency][username]
        fraction = pools[currency] * part / whole if whole else Fraction(0)
        assert float(fraction) == pytest.approx(shared, abs=1e-10)


def test_equals_duckdbs() -> None:
    """SQL over the same rows says the same."""
    usage = pl.concat(
        table((f"t{n % 5}", 0.25 * n), ("platform", float(n % 3))) for n in range(1, 50)
    )
    connection = duckdb.connect()
    connection.register("usage_rows", usage.to_arrow())
    expected = connection.sql(
        """
        WITH s AS (
            SELECT username, currency,
                   coalesce(sum(cost) FILTER (username <> 'platform'), 0) AS direct
            FROM usage_rows GROUP BY ALL
        ), p AS (SELECT sum(cost) AS pool FROM usage_rows WHERE username = 'platform')
        SELECT username, currency, direct, pool * direct / sum(direct) OVER () AS shared,
               direct + pool * direct / sum(direct) OVER () AS total
        FROM s, p ORDER BY ALL
        """
    ).to_arrow_table()

    assert_frame_equal(pl.DataFrame(expected), allocate(usage, shared=PLATFORM), rel_tol=1e-13)


def test_the_same_to_the_last_bit_in_any_order() -> None:
    """Neither the order of rows nor that of weights moves a bit."""
    usage = table(*((f"t{n % 7}", 0.1 * n) for n in range(1, 300)), ("platform", 77.7))
    given = weights(**{f"t{n}": 0.1 * (n + 1) for n in range(7)})
    for seed in range(4):
        one = usage.sample(fraction=1, shuffle=True, seed=seed)
        other = given.sample(fraction=1, shuffle=True, seed=seed)
        for a, b in (({}, {}), ({"weights": given}, {"weights": other})):
            assert_frame_equal(
                allocate(usage, shared=PLATFORM, **a),
                allocate(one, shared=PLATFORM, **b),
                check_exact=True,
            )


def test_a_predicate_that_a_rows_value_breaks_is_loud() -> None:
    """A QueryError for a table; for a plan, whose rows are not read ahead, an error at collect."""
    usage = USAGE.with_columns(unit=pl.lit("image"))
    number = pl.col("unit").cast(pl.Int64) > 3

    with pytest.raises(QueryError, match="shared does not fit the columns"):
        allocate(usage, shared=number)
    lazy = allocate(usage.lazy(), shared=number)
    with pytest.raises(pl.exceptions.PolarsError, match="conversion"):
        lazy.collect()
