"""What `cost_bridge` says of discounts and of the length of the ranges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import falusage as fu
from tests.transforms.random_tables import lines

FIRST, SECOND = ("2025-01-01", "2025-01-02"), ("2025-01-02", "2025-01-03")
LONGER = ("2025-01-02", "2025-01-05")


def usage(*rows: tuple[int, float, float | None, float]) -> pl.DataFrame:
    """Return usage of one key from (day, quantity, cost_subtotal, cost)."""
    days = [datetime(2025, 1, row[0], tzinfo=UTC) for row in rows]
    return pl.DataFrame(
        {
            "bucket": days,
            "bucket_end": [day + timedelta(days=1) for day in days],
            "endpoint_id": "flux",
            "unit": "image",
            "quantity": [row[1] for row in rows],
            "cost_subtotal": [row[2] for row in rows],
            "cost": [row[3] for row in rows],
            "currency": "USD",
        },
        schema_overrides={"cost_subtotal": pl.Float64},
    )


def effects(table: pl.DataFrame, **arguments: object) -> dict[str, float]:
    """Return {effect: amount} of the first day against the second."""
    asked = {"baseline": FIRST, "comparison": SECOND, "by": ()} | arguments
    return dict(fu.cost_bridge(table, **asked).select("effect", "amount").rows())  # type: ignore[arg-type]


def test_a_discount_is_told_from_a_price() -> None:
    """100 images at 0.05 without, then with 10 % off: all of it is the discount."""
    got = effects(usage((1, 100.0, 5.0, 5.0), (2, 100.0, 5.0, 4.5)))

    assert {"price": 0.0, "discount": -0.5, "volume": 0.0, "mix": 0.0} == got
    assert ["price", "discount", "volume", "mix"] == list(got)


def test_a_list_price_and_a_discount_that_both_move() -> None:
    """q̄·f̄·Δl = 100 · 0.95 · 0.01 and q̄·l̄·Δf = 100 · 0.055 · −0.1."""
    got = effects(usage((1, 100.0, 5.0, 5.0), (2, 100.0, 6.0, 5.4)))

    assert {"price": 0.95, "discount": -0.55, "volume": 0.0, "mix": 0.0} == got


def test_a_row_without_a_subtotal_leaves_the_price_whole() -> None:
    """If one range is of an older edition, nobody knows its list price."""
    table = usage((1, 100.0, None, 5.0), (1, 1.0, 0.05, 0.05), (2, 101.0, 6.06, 5.454))
    assert "discount" not in effects(table)
    assert effects(table.drop("cost_subtotal")) == effects(table)


def test_a_longer_range_is_days_and_not_volume() -> None:
    """The same 100 images a day, one day against three: r̄·Δd at a price of 0.05."""
    table = usage(*((day, 100.0, 5.0, 5.0) for day in (1, 2, 3, 4)))

    got = effects(table, comparison=LONGER, per_day=True)

    assert {"price": 0.0, "discount": 0.0, "days": 10.0, "volume": 0.0, "mix": 0.0} == got
    assert 10.0 == effects(table, comparison=LONGER)["volume"]


def test_days_count_24_hours() -> None:
    """A local day of 23 hours is 23/24 of a day."""
    zone = "America/New_York"
    table = usage((1, 1.0, 1.0, 1.0)).clear()
    hours = pl.datetime_range(
        datetime(2025, 3, 8, 5, tzinfo=UTC), datetime(2025, 3, 10, 3, tzinfo=UTC), "1h", eager=True
    )
    table = pl.DataFrame(
        {
            "bucket": hours,
            "bucket_end": hours.dt.offset_by("1h"),
            "endpoint_id": "flux",
            "unit": "image",
            "quantity": 1.0,
            "cost_subtotal": 2.0,
            "cost": 2.0,
            "currency": "USD",
        }
    )
    got = effects(
        table,
        baseline=("2025-03-08", "2025-03-09"),
        comparison=("2025-03-09", "2025-03-10"),
        timezone=zone,
        per_day=True,
    )
    assert {"price": 0.0, "discount": 0.0, "days": -2.0, "volume": 0.0, "mix": 0.0} == got


@pytest.mark.slow
@given(data=st.data())
def test_parts_sum_to_the_effects_that_they_split(data: st.DataObject) -> None:
    """Price + discount is the old price, days + volume the old volume; swapped, all negate."""
    table = data.draw(lines).filter(pl.col("cost") <= 1_000 * pl.col("quantity"))
    factors = data.draw(
        st.lists(st.none() | st.floats(1.0, 3.0), min_size=table.height, max_size=table.height)
    )
    split = table.with_columns(cost_subtotal=pl.col("cost") * pl.Series(factors, dtype=pl.Float64))
    asked = {"baseline": FIRST, "comparison": LONGER, "by": "username"}
    whole = fu.cost_bridge(table, **asked)
    parts = fu.cost_bridge(split, **asked, per_day=True)
    back = fu.cost_bridge(split, baseline=LONGER, comparison=FIRST, by="username", per_day=True)

    key = [name for name in whole.columns if name != "amount"]
    joined = (
        parts.with_columns(pl.col("effect").replace({"discount": "price", "days": "volume"}))
        .group_by(key)
        .agg(pl.col("amount").sum())
    )
    both = whole.join(joined, on=key, how="full", nulls_equal=True, suffix="_parts")
    assert 0 == both.null_count().select("amount", "amount_parts").sum_horizontal().item()
    size = 1 + whole["amount"].abs().sum()
    assert all(
        abs(Fraction(one) - Fraction(other)) <= Fraction(1e-9) * Fraction(size)
        for one, other in both.select("amount", "amount_parts").rows()
    )
    swapped = pl.col("effect").replace({"new": "retired", "retired": "new"})
    assert_frame_equal(
        parts,
        back.with_columns(swapped, amount=0.0 - pl.col("amount")),
        check_row_order=False,
        abs_tol=1e-9,
    )


def test_the_columns_of_the_effects_are_reserved() -> None:
    """A table's own column cannot be called as the result's."""
    with pytest.raises(fu.QueryError, match="'days', which the result names itself"):
        effects(usage((1, 1.0, 1.0, 1.0)).with_columns(days=1), by="days")
