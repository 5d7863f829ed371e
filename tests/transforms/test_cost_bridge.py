"""What `cost_bridge` promises: Bennet's effects, exact in sum, and the same read backwards."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
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
from falusage.errors import AlignmentError, MissingColumnError, QueryError
from falusage.transforms import cost_bridge
from tests.transforms.random_tables import lines

BASE, COMPARED = ("2025-01-01", "2025-01-02"), ("2025-01-02", "2025-01-03")
SANE = pl.col("cost") <= 1_000 * pl.col("quantity")
"""Prices that someone may ask; others are refused."""
EFFECTS = ["price", "volume", "mix", "new", "retired"]


def table(*rows: tuple[int, str, str, float, float]) -> pl.DataFrame:
    """Give usage from (day, username, endpoint, quantity, cost), in images and USD."""
    days = [datetime(2025, 1, day, tzinfo=UTC) for day, *_ in rows]
    return pl.DataFrame(
        {
            "bucket": days,
            "bucket_end": [day + timedelta(days=1) for day in days],
            "username": [row[1] for row in rows],
            "endpoint_id": [row[2] for row in rows],
            "unit": "image",
            "quantity": [row[3] for row in rows],
            "cost": [row[4] for row in rows],
            "currency": "USD",
        },
        schema_overrides={
            "bucket": pl.Datetime("us", "UTC"),
            "bucket_end": pl.Datetime("us", "UTC"),
            "username": pl.String,
        },
    )


def bridge(usage: pl.DataFrame, **arguments: Any) -> pl.DataFrame:
    """Bridge the first day of 2025 to the second, by team."""
    return cost_bridge(
        usage, **{"baseline": BASE, "comparison": COMPARED, "by": "username"} | arguments
    )


def amounts(bridged: pl.DataFrame) -> dict[str, float]:
    """Give {effect: amount} of one team's bridge."""
    return dict(bridged.select("effect", "amount").iter_rows())


USAGE = table((1, "a", "flux", 100.0, 4.0), (2, "a", "flux", 120.0, 6.0))


def test_a_price_and_a_volume_by_hand() -> None:
    """q̄·Δp = 110 · 0.01 and p̄·s̄·ΔQ = 0.045 · 1 · 20; alone in its group, no mix."""
    expected = pl.DataFrame(
        {
            "username": "a",
            "unit": "image",
            "currency": "USD",
            "effect": ["price", "volume", "mix"],
            "amount": [1.1, 0.9, 0.0],
        }
    )

    assert_frame_equal(expected, bridge(USAGE), check_exact=True)


def test_mix_is_a_shift_between_prices() -> None:
    """As many images as before, but the dearer ones: neither price nor volume."""
    usage = table(
        (1, "a", "cheap", 60.0, 6.0),
        (1, "a", "dear", 40.0, 40.0),
        (2, "a", "cheap", 40.0, 4.0),
        (2, "a", "dear", 60.0, 60.0),
    )

    assert {"price": 0.0, "volume": 0.0, "mix": 18.0} == amounts(bridge(usage))


def test_mix_within_an_endpoint_is_volume() -> None:
    """Narrowed to the endpoint, each quantity is its own group."""
    usage = table(
        (1, "a", "cheap", 60.0, 6.0),
        (1, "a", "dear", 40.0, 40.0),
        (2, "a", "cheap", 40.0, 4.0),
        (2, "a", "dear", 60.0, 60.0),
    )

    assert {"price": 0.0, "volume": 18.0, "mix": 0.0} == amounts(
        bridge(usage, mix_within="endpoint_id")
    )


def test_mix_within_a_column_that_splits_the_key() -> None:
    """A column that neither `by` nor the endpoint decides is a part of the key."""
    usage = pl.concat([USAGE, USAGE]).with_columns(product=pl.Series(["x", "x", "x", "y"]))

    got = bridge(usage, by=(), mix_within="product")

    assert {"price": 1.6, "volume": -3.6, "mix": 0.0, "new": 6.0} == amounts(got)


def test_new_and_retired_are_whole_and_leave_the_group_alone() -> None:
    """A launch's quantity is not another endpoint's growth."""
    usage = pl.concat([USAGE, table((1, "a", "old", 500.0, 5.0), (2, "a", "veo", 900.0, 9.0))])

    got = amounts(bridge(usage))

    assert {"price": 1.1, "volume": 0.9, "mix": 0.0, "new": 9.0, "retired": -5.0} == got
    assert EFFECTS == list(got)


def test_a_key_of_one_team_is_new_though_another_has_it() -> None:
    """The key is the team's, so that a team that begins to call an endpoint is seen."""
    usage = pl.concat([USAGE, table((2, "b", "flux", 10.0, 0.5))])

    assert [("b", "new", 0.5)] == (
        bridge(usage).filter(username="b").select("username", "effect", "amount").rows()
    )
    whole = bridge(usage, by=())
    assert EFFECTS[:3] == whole["effect"].to_list()
    assert ["unit", "currency", "effect", "amount"] == whole.columns


@pytest.mark.parametrize(("before", "after"), [(0.0, 10.0), (10.0, 0.0), (0.0, 0.0)])
def test_a_quantity_of_zero_moves_in_price(before: float, after: float) -> None:
    """There is no price there; its other quantity counts in the group's."""
    usage = pl.concat([USAGE, table((1, "b", "fee", before, 2.0), (2, "b", "fee", after, 5.0))])

    got = bridge(usage)

    assert {"price": 3.0, "volume": 0.0, "mix": 0.0} == amounts(got.filter(username="b"))
    alone = amounts(got.filter(username="a"))
    shares = (100 / (100 + before) + 120 / (120 + after)) / 2
    assert 0.045 * shares * (20 + after - before) == pytest.approx(alone["volume"])


def test_rows_outside_both_ranges_do_not_count() -> None:
    """Neither between the ranges nor around them."""
    usage = pl.concat([USAGE, table((3, "a", "flux", 1e6, 1e6), (4, "a", "x", 1.0, 1.0))])

    assert_frame_equal(bridge(USAGE), bridge(usage))
    wide = bridge(usage, comparison=("2025-01-03", "2025-01-05"))
    assert 1e6 + 1 - 4 == wide["amount"].sum()


def test_dates_are_midnights_in_the_zone() -> None:
    """A range of New York days cuts a UTC day, and is refused."""
    hourly = USAGE.with_columns(
        bucket_end=pl.col("bucket") + timedelta(hours=1),
        quantity=pl.Series([1.0, 1.0]),
    )
    got = bridge(
        hourly,
        baseline=(date(2024, 12, 31), date(2025, 1, 1)),
        comparison=(date(2025, 1, 1), date(2025, 1, 2)),
        timezone="America/New_York",
    )

    assert {"price": 2.0, "volume": 0.0, "mix": 0.0} == amounts(got)
    with pytest.raises(AlignmentError, match="cut by the range"):
        bridge(USAGE, timezone="America/New_York")
    lazy = cost_bridge(
        USAGE.lazy(), baseline=BASE, comparison=COMPARED, by=(), timezone="America/New_York"
    )
    with pytest.raises(AlignmentError, match="cut by the range"):
        lazy.collect()


@pytest.mark.parametrize(
    "comparison",
    [BASE, ("2024-12-31", "2025-01-01T00:00:00.000001Z"), ("2024-01-01", "2026-01-01")],
)
def test_overlapping_ranges_are_refused(comparison: tuple[str, str]) -> None:
    """What lies in both would be compared with itself; side by side is fine."""
    with pytest.raises(QueryError, match="overlap"):
        bridge(USAGE, comparison=comparison)
    assert bridge(USAGE, comparison=("2024-12-31", "2025-01-01"))["effect"].to_list() == ["retired"]


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ({"baseline": "2025-01"}, "baseline is '2025-01'; expected its start and its end"),
        ({"comparison": ("2025-01-02", None)}, "expected its start and its end"),
        ({"comparison": ("2025-01-03", "2025-01-02")}, "is not before end"),
        ({"by": "effect"}, "'effect', which the result names itself"),
        ({"by": "mix"}, "'mix', which the result names itself"),
        ({"mix_within": "amount"}, "mix_within has 'amount'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], saying: str) -> None:
    """A question that cannot be asked is a QueryError that says why."""
    with pytest.raises(QueryError, match=saying):
        bridge(USAGE, **arguments)


def test_a_missing_column_is_named_with_the_near_one() -> None:
    """Before a row is read."""
    with pytest.raises(MissingColumnError, match="Did you mean 'username'"):
        bridge(USAGE, by="usernme")
    with pytest.raises(MissingColumnError, match="quantity"):
        bridge(USAGE.drop("quantity"))


def test_a_credit_is_a_cost() -> None:
    """Below zero, as a hand-made table may have it; the size of a cost is what counts."""
    usage = table((1, "a", "flux", 10.0, -2000.0), (2, "a", "flux", 12.0, 100.0))
    got = amounts(bridge(usage))
    assert 2100.0 == pytest.approx(sum(got.values()))
    assert (12 + 10) / 2 * (100 / 12 + 2000 / 10) == pytest.approx(got["price"])


@pytest.mark.parametrize(
    ("before", "after"), [((1e-12, 1e15), (1e15, 1.0)), ((1e-9, 0.57), (1e6, 40_000.0))]
)
def test_a_price_beyond_all_reason_is_refused(
    before: tuple[float, float], after: tuple[float, float]
) -> None:
    """A fortune for next to nothing has no price that explains anything, nor a sum to the cent."""
    usage = table((1, "a", "flux", *before), (2, "a", "flux", *after))
    with pytest.raises(QueryError, match="'flux' in 'image' is so small"):
        bridge(usage)


def test_empty_and_lazy_have_the_same_schema() -> None:
    """The plan knows its schema, and an empty table keeps it."""
    full = bridge(USAGE)
    lazy = cost_bridge(USAGE.lazy(), baseline=BASE, comparison=COMPARED, by="username")

    assert isinstance(lazy, pl.LazyFrame)
    assert full.schema == lazy.collect_schema() == bridge(USAGE.clear()).schema
    assert_frame_equal(full, lazy.collect())
    assert bridge(USAGE.clear()).is_empty()


@given(data=st.data())
def test_equals_bennets_formula_in_fractions(data: st.DataObject) -> None:
    """Plain Python with fractions, key by key, gives every amount."""
    usage = data.draw(lines).filter(SANE)
    by = data.draw(st.sampled_from([(), ("username",), ("endpoint_id", "username")]))
    within = data.draw(st.sampled_from([(), ("product",), ("endpoint_id",)]))
    expected, size = by_fractions(usage, by, within)

    got = bridge(usage, by=by, mix_within=within)

    assert expected.keys() == {row[:-1] for row in got.iter_rows()}
    for *key, amount in got.iter_rows():
        want = expected[tuple(key)]
        assert abs(Fraction(amount) - want) <= Fraction(1e-9) * size[tuple(key)] + Fraction(1e-11)


def by_fractions(
    usage: pl.DataFrame, by: tuple[str, ...], within: tuple[str, ...]
) -> tuple[dict[Any, Fraction], dict[Any, Fraction]]:
    """Bridge day 1 to day 2; give each amount, and the size of what was subtracted to get it."""
    sums: defaultdict[Any, dict[int, list[Fraction]]] = defaultdict(dict)
    for row in usage.filter(pl.col("bucket").dt.day() <= 2).iter_rows(named=True):
        top = (*(row[name] for name in by), row["unit"], row["currency"])
        group = (row["unit"], row["currency"], *(row[name] for name in within))
        days = sums[top, group, row["endpoint_id"]]
        cell = days.setdefault(row["bucket"].day - 1, [Fraction(0), Fraction(0)])
        for place, name in enumerate(("quantity", "cost")):
            cell[place] += Fraction(Decimal(repr(row[name])))
    whole: defaultdict[Any, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for (_, group, _), days in sums.items():
        for day in (0, 1) if len(days) == 2 else ():
            whole[group][day] += days[day][0]
    effects: defaultdict[Any, Fraction] = defaultdict(Fraction)
    sizes: defaultdict[Any, Fraction] = defaultdict(Fraction)
    for (top, group, _), days in sums.items():
        for name, (amount, size) in by_bennet(days, whole[group]).items():
            effects[(*top, name)] += amount
            sizes[(*top, name)] += size
    return dict(effects), dict(sizes)


def by_bennet(
    days: dict[int, list[Fraction]], whole: list[Fraction]
) -> dict[str, tuple[Fraction, Fraction]]:
    """Split one key's change, from its (quantity, cost) in the days 0 and 1."""
    if len(days) == 1:
        ((day, (_, cost)),) = days.items()
        return {"new": (cost, cost)} if day else {"retired": (-cost, cost)}
    (q0, c0), (q1, c1) = days[0], days[1]
    price, volume, mix, size = c1 - c0, Fraction(0), Fraction(0), c0 + c1
    if q0 and q1:
        big0, big1 = whole
        p0, p1, s0, s1 = c0 / q0, c1 / q1, q0 / big0, q1 / big1
        price = (q0 + q1) / 2 * (p1 - p0)
        volume = (p0 + p1) / 2 * (s0 + s1) / 2 * (big1 - big0)
        mix = (p0 + p1) / 2 * (big0 + big1) / 2 * (s1 - s0)
        size += (p0 + p1) * (q0 + q1 + big0 + big1)
        assert price + volume + mix == c1 - c0
    return {"price": (price, size), "volume": (volume, size), "mix": (mix, size)}


@pytest.mark.slow
@given(data=st.data())
def test_it_sums_to_the_change_to_the_last_digit_and_reads_backwards(data: st.DataObject) -> None:
    """Σ amount is Δcost in Decimal; from B to A each amount is the negative of that from A to B."""
    usage = data.draw(lines).filter(SANE)
    within = data.draw(st.sampled_from([(), ("product",), ("endpoint_id",)]))
    there = bridge(usage, mix_within=within)
    back = bridge(usage, mix_within=within, baseline=COMPARED, comparison=BASE)
    swapped = pl.col("effect").replace({"new": "retired", "retired": "new"})

    assert_frame_equal(
        there,
        back.with_columns(swapped, amount=0.0 - pl.col("amount")),
        check_row_order=False,
        check_exact=True,
    )
    key = ["username", "currency"]
    sign = pl.when(pl.col("bucket").dt.day() == 2).then(1).otherwise(-1)
    changes = (
        usage.filter(pl.col("bucket").dt.day() <= 2)
        .group_by(key)
        .agg((pl.col("cost") * sign).cast(MONEY).sum().cast(pl.Float64).alias("change"))
    )
    sums = there.group_by(key).agg(pl.col("amount").sum(), pl.col("amount").abs().max().alias("m"))
    joined = changes.join(sums, on=key, nulls_equal=True, validate="1:1")
    assert changes.height == joined.height == sums.height
    # The sum is exact before it is given as Float64: what is left is the last bit of the largest.
    for change, amount, largest in joined.select("change", "amount", "m").iter_rows():
        assert change == pytest.approx(amount, abs=max(4e-12, largest * 2**-50), rel=0)


def test_sums_to_the_last_digit_where_doubles_hold_it() -> None:
    """Thirds, sevenths and elevenths: the amounts still sum to Δcost in Decimal(38, 12)."""
    usage = table(
        *(
            (1 + n % 2, "a", f"e{n // 2}", 1 + (n * 7919) % 13, (1 + (n * 104729) % 997) / 1000)
            for n in range(200)
        )
    )
    days = usage.group_by("bucket").agg(pl.col("cost").cast(MONEY).sum()).sort("bucket")["cost"]

    assert days[1] - days[0] == bridge(usage)["amount"].cast(MONEY).sum()


def test_the_same_to_the_last_bit_in_any_order() -> None:
    """Neither the order of the rows nor the threads move a bit."""
    usage = table(
        *((1 + n % 2, f"t{n % 3}", f"e{n % 7}", 0.1 * n, 0.37 * n) for n in range(1, 400))
    )
    shuffled = [usage.sample(fraction=1, shuffle=True, seed=n) for n in range(5)]

    for one in shuffled:
        assert_frame_equal(bridge(usage), bridge(one), check_exact=True)


def test_equals_duckdbs() -> None:
    """SQL over the same rows says the same."""
    usage = table(
        *(
            (1 + n % 2, f't, "{n % 3}" 🎈', f"e{n % 5}", float(1 + n % 11), float(1 + n % 17))
            for n in range(240)
        )
    )
    connection = duckdb.connect()
    connection.register("usage_rows", usage.to_arrow())
    expected = connection.sql(
        """
        WITH k AS (
            SELECT username, endpoint_id,
                   sum(quantity) FILTER (day(bucket) = 1) AS q0,
                   sum(quantity) FILTER (day(bucket) = 2) AS q1,
                   sum(cost) FILTER (day(bucket) = 1) AS c0,
                   sum(cost) FILTER (day(bucket) = 2) AS c1
            FROM usage_rows GROUP BY ALL
        ), g AS (SELECT *, sum(q0) OVER () AS b0, sum(q1) OVER () AS b1 FROM k)
        SELECT username,
               sum((q0 + q1) / 2 * (c1 / q1 - c0 / q0)) AS price,
               sum((c0 / q0 + c1 / q1) / 2 * (q0 / b0 + q1 / b1) / 2 * (b1 - b0)) AS volume,
               sum((c0 / q0 + c1 / q1) / 2 * (b0 + b1) / 2 * (q1 / b1 - q0 / b0)) AS mix
        FROM g GROUP BY ALL ORDER BY ALL
        """
    ).to_arrow_table()
    wide = bridge(usage).pivot("effect", index="username", values="amount")

    assert_frame_equal(pl.DataFrame(expected), wide, rel_tol=1e-12)


def test_a_team_of_zeros_stands_with_zeros() -> None:
    """What is there and cost nothing is told from what is not there."""
    usage = table((1, "a", "flux", 1.0, 0.0), (2, "a", "flux", 1.0, 0.0), (2, "b", "x", 0.0, 0.0))

    assert [("a", "price", 0.0), ("a", "volume", 0.0), ("a", "mix", 0.0), ("b", "new", 0.0)] == (
        bridge(usage).select("username", "effect", "amount").rows()
    )
