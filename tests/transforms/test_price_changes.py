"""What `price_changes` promises: every step of a price, and no price that stands beside another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from falusage.errors import MissingColumnError, QueryError
from falusage.transforms import price_changes

START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = dict.fromkeys(("endpoint_id", "unit", "currency", "username"), pl.String)


def table(*hours: dict[float, float] | set[float], username: str = "acme") -> pl.DataFrame:
    """Give usage of one endpoint from each hour's {price: quantity}, or its prices at 10 each."""
    rows = [
        {
            "bucket": START + hour * HOUR,
            "endpoint_id": "flux",
            "unit": "image",
            "quantity": quantity,
            "unit_price": price,
            "cost": quantity * price,
            "currency": "USD",
            "username": username,
        }
        for hour, prices in enumerate(hours)
        for price, quantity in (
            prices if isinstance(prices, dict) else dict.fromkeys(prices, 10.0)
        ).items()
    ]
    numbers = dict.fromkeys(("quantity", "unit_price", "cost"), pl.Float64)
    return pl.DataFrame(rows, schema={"bucket": pl.Datetime("us", "UTC"), **TEXT, **numbers})


def steps(usage: pl.DataFrame, **arguments: Any) -> list[tuple[int, float, float]]:
    """Give each step as (hour, from, to)."""
    changes = price_changes(usage, **arguments)
    return [
        (int((since - START) / HOUR), old, new)
        for since, old, new in changes.select("since", "previous_price", "price").iter_rows()
    ]


def test_a_rise_and_a_fall_with_what_they_cost() -> None:
    """The impact is of what was bought from the step to the next one."""
    usage = table({0.04: 100}, {0.05: 100}, {0.05: 50}, {0.02: 10})
    expected = pl.DataFrame(
        {
            "endpoint_id": "flux",
            "unit": "image",
            "currency": "USD",
            "since": [START + HOUR, START + 3 * HOUR],
            "previous_price": [0.04, 0.05],
            "price": [0.05, 0.02],
            "pct_change": [0.25, -0.6],
            "impact": [1.5, -0.3],
            "kind": "list",
        },
        schema_overrides={"since": pl.Datetime("us", "UTC")},
    )

    assert_frame_equal(expected, price_changes(usage), check_exact=True)


@pytest.mark.parametrize(
    "hours",
    [
        [{4}, {4}, {4}],
        [{4}, {4, 6}, {4}],
        [{4}, {4, 6}, {4, 6}, {4}],
        [{4, 6}, {4}],
        [{4, 6}, {6}, {4}, {4, 6}],
        [{4}, {6}, {4}, {4, 6}, {4}],
        [{4}, {4, 6}, {4, 6}, {6}],
        [{4, 5, 6}, {5}, {4, 6}, {6}, {4}],
        [{4, 6}, {6}],
        [{4}, {4, 6}],
    ],
)
def test_prices_side_by_side_are_no_change(hours: list[set[float]]) -> None:
    """Surge, tiers and teams' discounts, also in an hour that shows only one of them."""
    assert [] == steps(table(*hours))


def test_a_step_inside_a_bucket_dates_from_the_next() -> None:
    """The bucket that has both is the old price's; the new one's cost there is no impact."""
    usage = table({4: 1}, {4: 1, 5: 1}, {5: 7})

    assert [(2, 4, 5)] == steps(usage)
    assert [7.0] == price_changes(usage)["impact"].to_list()


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([{4}, {5}, {4}], [(1, 4, 5), (2, 5, 4)]),
        ([{4}, {4, 5}, {5}, {5}, {4, 5}, {4}], [(2, 4, 5), (5, 5, 4)]),
        ([{4}, set(), set(), {5}], [(3, 4, 5)]),
        ([{0}, {5}], [(1, 0, 5)]),
    ],
)
def test_steps_there_and_back(hours: list[set[float]], expected: list[Any]) -> None:
    """An offer that begins and ends, at or inside a bucket, and after hours without usage."""
    assert expected == steps(table(*hours))


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        # The base rises, beside a surge price that rises with it, or does not.
        ([{4: 7}, {4: 7, 6: 3}, {5: 7}, {5: 7, 8: 3}, {5: 7}], [(2, 4, 5)]),
        ([{4: 7, 6: 3}, {4: 7, 6: 3}, {5: 7, 8: 3}, {5: 7, 8: 3}], [(2, 4, 5), (2, 6, 8)]),
        ([{4: 7, 6: 3}, {4: 7, 6: 3}, {5: 7}, {5: 7, 6: 3}], [(2, 4, 5)]),
        ([{4: 7, 6: 3}, {4: 7, 6: 3}, {5: 7, 6: 3}], [(2, 4, 5)]),
        ([{4: 7, 6: 3}, {4: 7, 5: 7, 6: 3}, {5: 7, 6: 3}], [(2, 4, 5)]),
        # A discount below the base stays as it is.
        ([{4: 9, 3: 1}, {4: 9, 3: 1}, {5: 9, 3: 1}, {3: 1}, {5: 9}], [(2, 4, 5)]),
    ],
)
def test_a_step_beside_another_price(hours: list[dict[float, float]], expected: list[Any]) -> None:
    """Each price is followed on its own."""
    assert expected == steps(table(*hours))


def test_the_impact_leaves_the_surge_out() -> None:
    """A premium that was there before is not what the step cost."""
    usage = table({4: 7}, {4: 7, 6: 3}, {4: 7}, {5: 7}, {5: 7, 6: 3}, {5: 7})

    assert [21.0] == price_changes(usage)["impact"].to_list()


def test_teams_are_followed_apart_by_username() -> None:
    """A discount that ends for one team is its own step, and a null team has its own series."""
    usage = pl.concat(
        [
            table({4}, {4}, {4}),
            table({3}, {3}, {4}, username='labs, "x" 🎈'),
            table({3}, {2}, {2}).with_columns(username=pl.lit(None, dtype=pl.String)),
        ]
    )
    got = price_changes(usage, by="username")

    assert [(None, 3.0, 2.0), ('labs, "x" 🎈', 3.0, 4.0)] == got.select(
        "username", "previous_price", "price"
    ).rows()
    assert ["endpoint_id", "unit", "currency", "username", "since"] == got.columns[:5]


def test_a_column_may_have_any_name_but_the_results() -> None:
    """A column called as an inner step of the work is not mistaken for it."""
    usage = table({4}, {5}, {6}).rename({"username": "until"}).with_columns(rank=pl.lit("x"))

    assert [(1, 4, 5), (2, 5, 6)] == steps(usage, by=["until", "rank"])


def test_currencies_units_and_endpoints_are_priced_apart() -> None:
    """The price of a video is no step from the price of an image."""
    usage = pl.concat(
        [
            table({4}, {4}),
            *(
                table({5}, {5}).with_columns(pl.lit("x").alias(name))
                for name in ("currency", "unit", "endpoint_id")
            ),
        ]
    )

    assert price_changes(usage).is_empty()


def test_noise_in_the_last_bits_is_no_step() -> None:
    """0.1 + 0.2 is the price 0.3."""
    assert [] == steps(table({0.3}, {0.1 + 0.2}, {0.3}))


def test_rows_without_a_quantity_show_no_price() -> None:
    """A free row is not a price cut."""
    assert [] == steps(table({4: 10}, {0: 0}, {4: 10}))


def test_from_zero_there_is_no_fraction() -> None:
    """What was free has no percentage."""
    got = price_changes(table({0: 10}, {5: 10}))

    assert [None] == got["pct_change"].to_list()
    assert [50.0] == got["impact"].to_list()


def test_empty_and_lazy_have_the_same_schema() -> None:
    """The plan knows its schema, and an empty table keeps it."""
    usage = table({4}, {5})
    full = price_changes(usage, by="username")
    lazy = price_changes(usage.lazy(), by="username")

    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema()
    assert full.schema == price_changes(usage.clear(), by="username").schema
    assert_frame_equal(full, lazy.collect())
    assert price_changes(usage.head(1)).is_empty()


def test_what_cannot_be_asked_is_refused() -> None:
    """A reserved name, a missing column, a bucket that is not an instant."""
    usage = table({4}, {5})
    with pytest.raises(QueryError, match="'since', which the result names itself"):
        price_changes(usage, by="since")
    with pytest.raises(MissingColumnError, match="unit_price"):
        price_changes(usage.drop("unit_price"))
    with pytest.raises(QueryError, match="is not an instant"):
        price_changes(usage.with_columns(pl.col("bucket").dt.replace_time_zone(None)))


def test_the_same_to_the_last_bit_in_any_order() -> None:
    """Neither the order of the rows nor the threads move a bit."""
    usage = pl.concat([table(*({0.1 * (1 + n // 9): 0.7 * n} for n in range(1, 60)))] * 3)

    for seed in range(5):
        shuffled = usage.sample(fraction=1, shuffle=True, seed=seed)
        assert_frame_equal(price_changes(usage), price_changes(shuffled), check_exact=True)


@given(
    hours=st.lists(
        st.tuples(st.sampled_from([1.0, 2.0, 3.5]), st.integers(1, 9), st.booleans()), max_size=12
    )
)
def test_one_price_at_a_time_equals_a_walk_in_plain_python(
    hours: list[tuple[float, int, bool]],
) -> None:
    """Hour by hour, with hours left out; the impacts by fractions."""
    usage = table(*({price: float(n)} if there else set() for price, n, there in hours))
    shown = [(at, price, n) for at, (price, n, there) in enumerate(hours) if there]
    moves = [
        (at, Fraction(old), Fraction(new))
        for (_, old, _), (at, new, _) in pairwise(shown)
        if old != new
    ]
    ends = [at for at, *_ in moves[1:]] + [len(hours)]
    expected = [
        (at, old, new, sum((new - old) * n for hour, _, n in shown if at <= hour < end))
        for (at, old, new), end in zip(moves, ends, strict=False)
    ]
    got = price_changes(usage)

    assert expected == [
        (int((since - START) / HOUR), Fraction(old), Fraction(new), Fraction(impact))
        for since, old, new, impact in got.select(
            "since", "previous_price", "price", "impact"
        ).iter_rows()
    ]


BESIDE = {"surge": 6.0, "free": 0.0, "discounted": 3.0, "tier": 5.5}
HOURS = st.lists(
    st.none()
    | st.tuples(
        st.integers(1, 90),
        st.dictionaries(st.sampled_from(sorted(BESIDE)), st.integers(1, 90), max_size=2),
        st.booleans(),
    ),
    max_size=24,
)
"""Hours without usage, or with some at the base price, at other prices, and once more at it."""


def at_base(base: list[float], hours: list[Any]) -> pl.DataFrame:
    """Return usage at a base price in every hour with usage, and at others beside it."""
    tables = [
        table(
            *(
                {price: float(hour[0])} if hour else {}
                for price, hour in zip(base, hours, strict=True)
            )
        )
    ]
    tables += [
        table(
            *({price: float(hour[1][name])} if hour and name in hour[1] else {} for hour in hours)
        )
        for name, price in BESIDE.items()
    ]
    again = [
        {price: 2.0} if hour and hour[2] else {} for price, hour in zip(base, hours, strict=True)
    ]
    return pl.concat([*tables, table(*again)])


@pytest.mark.slow
@given(hours=HOURS)
def test_what_comes_and_goes_over_a_constant_price_is_no_step(hours: list[Any]) -> None:
    """Surge, free, discounted and repeated rows, in any hours and amounts: none, ever."""
    assert [] == steps(at_base([4.0] * len(hours), hours))


@pytest.mark.slow
@given(
    before=HOURS,
    after=HOURS,
    plain=st.tuples(st.integers(0, 24), st.integers(0, 24)),
    price=st.sampled_from([4.5, 3.5, 5.0]),
)
def test_a_real_step_is_found_once_among_prices_that_come_and_go(
    before: list[Any], after: list[Any], plain: tuple[int, int], price: float
) -> None:
    """With the date of the first hour at the new price, whatever else is shown there.

    On each side, one hour shows the base price alone, so that no other price was there throughout.
    """
    for side, place in zip((before, after), plain, strict=True):
        side.insert(place, (5, {}, False))
    base = [4.0] * len(before) + [price] * len(after)
    since = next(hour for hour, shown in enumerate(after) if shown) + len(before)

    assert [(since, 4.0, price)] == steps(at_base(base, [*before, *after]))


def test_a_free_row_after_a_surge_row_is_no_step() -> None:
    """The base price stays; what is beside it comes and goes."""
    assert [] == steps(table({0.1: 10, 0.15: 3}, {0.1: 10, 0: 2}))
    assert [] == steps(table({0.1: 1, 0.15: 30}, {0.1: 1, 0: 20}, {0.1: 1, 0.15: 30}))


def discounted(*hours: tuple[float, float | None], username: str = "acme") -> pl.DataFrame:
    """Return ten units each hour from (list price, percent discount)."""
    off = [0.0 if discount is None else discount for _, discount in hours]
    usage = table(*({price} for price, _ in hours), username=username)
    return usage.with_columns(
        percent_discount=pl.Series([discount for _, discount in hours], dtype=pl.Float64),
        cost=pl.col("cost") * (1 - pl.Series(off) / 100),
    )


def test_a_discount_that_begins_is_no_list_price() -> None:
    """4.0 less 10 %, at ten an hour: four less an hour, for two hours."""
    changes = price_changes(discounted((4.0, None), (4.0, None), (4.0, 10.0), (4.0, 10.0)))

    row = changes.drop("endpoint_id", "unit", "currency").row(0, named=True)
    assert 1 == changes.height
    assert {
        "since": START + 2 * HOUR,
        "previous_price": 4.0,
        "price": 3.6,
        "pct_change": -0.1,
        "impact": -8.0,
        "kind": "discount",
    } == row


def test_a_list_price_moves_at_the_discount_of_its_rows() -> None:
    """From 4 to 5 at 20 % off, the same ten an hour cost 8 more, and not 10."""
    changes = price_changes(discounted((4.0, 20.0), (4.0, 20.0), (5.0, 20.0), (5.0, 20.0)))

    assert [("list", 4.0, 5.0, 16.0)] == changes.select(
        "kind", "previous_price", "price", "impact"
    ).rows()


def test_one_teams_discount_is_found_apart() -> None:
    """Beside a team without one it comes and goes; by team it is a step."""
    usage = pl.concat(
        [
            discounted(*[(4.0, None)] * 4),
            discounted((4.0, 5.0), (4.0, 5.0), (4.0, 10.0), (4.0, 10.0), username="labs"),
        ]
    )

    assert price_changes(usage).is_empty()
    assert [("labs", 3.8, 3.6, -4.0)] == price_changes(usage, by="username").select(
        "username", "previous_price", "price", "impact"
    ).rows()


def test_editions_that_say_nothing_of_discounts_show_none() -> None:
    """Nulls of edition 3 are no discount of zero that ends when edition 4 begins."""
    now = discounted((4.0, None), (4.0, 10.0), (4.0, 10.0)).with_columns(
        cost_subtotal=pl.col("unit_price") * pl.col("quantity")
    )
    none = pl.lit(None, dtype=pl.Float64)
    before = now.head(1).with_columns(percent_discount=none, cost_subtotal=none)

    assert [(1, 4.0, 3.6)] == steps(now)
    assert [] == steps(pl.concat([before, now.slice(1)]))
    assert [] == steps(before)


def of_edition_3(usage: pl.DataFrame) -> pl.DataFrame:
    """Return the same usage as edition 3 sends it: at the price that was paid, and no more."""
    none = pl.lit(None, dtype=pl.Float64)
    paid = (pl.col("cost") / pl.col("quantity")).alias("unit_price")
    return usage.with_columns(paid, percent_discount=none, cost_subtotal=none)


def of_edition_4(usage: pl.DataFrame) -> pl.DataFrame:
    """Return the same usage with its subtotals."""
    return usage.with_columns(cost_subtotal=pl.col("unit_price") * pl.col("quantity"))


def across(usage: pl.DataFrame, hour: int) -> pl.DataFrame:
    """Return usage that was read in edition 3 before an hour, and in edition 4 from it on."""
    is_new = pl.col("bucket") >= START + hour * HOUR
    return pl.concat([of_edition_3(usage.filter(~is_new)), of_edition_4(usage.filter(is_new))])


def test_a_list_price_that_an_older_edition_hides_is_no_step() -> None:
    """10 % off all the time: edition 3 shows 3.6, edition 4 shows 4, and nothing was raised."""
    usage = across(discounted(*[(4.0, 10.0)] * 4), 2)
    others = across(discounted(*[(4.0, None)] * 4, username="labs"), 2)

    assert [3.6, 3.6, 4.0, 4.0] == usage["unit_price"].round(9).to_list()
    assert [] == steps(usage)
    assert [] == steps(pl.concat([usage, others]))
    assert [] == steps(pl.concat([usage, others]), by="username")


def test_steps_within_an_edition_are_found_beside_a_change_of_editions() -> None:
    """Those at the price paid, those of the list price, and those without a discount."""
    off = discounted((4.0, 10.0), (5.0, 10.0), (5.0, 10.0), (6.0, 10.0))
    plain = discounted((4.0, None), (4.0, None), (5.0, None), (6.0, None), username="labs")

    assert [(1, 3.6, 4.5), (3, 5.0, 6.0)] == steps(across(off, 2))
    assert [(2, 4.0, 5.0), (3, 5.0, 6.0)] == steps(across(plain, 2))
    assert [(1, 3.6, 4.5), (2, 4.0, 5.0), (3, 5.0, 6.0), (3, 5.0, 6.0)] == steps(
        pl.concat([across(off, 2), across(plain, 2)]), by="username"
    )
