"""What changed between two tables: as bags of rows, exactly, and told apart by kind."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.columns import NUMBERS, USAGE
from falusage.errors import MissingColumnError
from falusage.transforms.restatements import restatements

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
ROW = st.tuples(
    st.integers(0, 1),  # the day
    st.sampled_from(["a", "b"]),
    st.sampled_from([0.5, 0.25]),
    st.integers(1, 3),
    st.sampled_from([None, "key"]),
    st.sampled_from([None, 10.0]),
)


def table(rows: list[tuple[int, str, float, int, str | None, float | None]]) -> pl.DataFrame:
    """Give rows of a day, a team, a price, a quantity, a key and a discount."""
    return pl.DataFrame(
        [
            {
                "bucket": BEGIN + timedelta(days=day),
                "bucket_end": BEGIN + timedelta(days=day + 1),
                "username": team,
                "product": "model_apis",
                "endpoint_id": "flux",
                "unit": "image",
                "quantity": float(quantity),
                "unit_price": price,
                "cost": price * quantity,
                "currency": "USD",
                "api_key_id": key,
                "surcharge": discount,
            }
            for day, team, price, quantity, key, discount in rows
        ],
        schema={**USAGE, "surcharge": pl.Float64()},
    )


def side(found: pl.DataFrame, which: str, without: str) -> Counter[tuple[object, ...]]:
    """Give one side of the changes as a bag of rows."""
    values = (*NUMBERS, "surcharge")
    rows = found.filter(pl.col("change") != without).select(
        *(name for name in USAGE if name not in NUMBERS),
        *(pl.col(f"{name}_{which}").alias(name) for name in values),
    )
    return Counter(rows.select(sorted(rows.columns)).iter_rows())


def bag(rows: pl.DataFrame) -> Counter[tuple[object, ...]]:
    """Give a table as a bag of rows."""
    return Counter(rows.select(sorted(rows.columns)).iter_rows())


@given(old=st.lists(ROW, max_size=9), new=st.lists(ROW, max_size=9))
def test_old_and_the_changes_are_new(
    old: list[tuple[int, str, float, int, str | None, float | None]],
    new: list[tuple[int, str, float, int, str | None, float | None]],
) -> None:
    """Row for row, copies counted; no row is named that is in both; the deltas are exact."""
    before, after = table(old), table(new)

    found = restatements(before, after)

    gone, come = side(found, "old", "appeared"), side(found, "new", "vanished")
    assert bag(before) - bag(after) == gone
    assert bag(after) - bag(before) == come
    exact = sum((Decimal(str(c)) for c in after["cost"]), Decimal(0)) - sum(
        (Decimal(str(c)) for c in before["cost"]), Decimal(0)
    )
    assert exact == (found["cost_delta"].sum() or 0)
    assert sum(q for *_, q, _, _ in new) - sum(q for *_, q, _, _ in old) == (
        found["quantity_delta"].sum() or 0
    )
    swapped = restatements(after, before)
    assert Counter(found["change"].replace({"appeared": "vanished", "vanished": "appeared"})) == (
        Counter(swapped["change"])
    )


def test_the_three_kinds() -> None:
    """At one price a quantity changed; a price changed; one row came, one went; a copy is one."""
    old = table(
        [(0, "a", 0.5, 4, None, None), (0, "a", 0.5, 4, None, None), (0, "b", 0.5, 2, None, None)]
    )
    new = table(
        [(0, "a", 0.5, 4, None, None), (0, "a", 0.5, 9, None, None), (1, "b", 0.5, 2, None, None)]
    )
    found = restatements(old, new)
    assert [
        ("changed", "a", 4.0, 9.0, Decimal("2.5")),
        ("vanished", "b", 2.0, None, Decimal(-1)),
        ("appeared", "b", None, 2.0, Decimal(1)),
    ] == found.select("change", "username", "quantity_old", "quantity_new", "cost_delta").rows()
    dearer = restatements(old.tail(1), old.tail(1).with_columns(unit_price=0.75, cost=1.5))
    assert [("changed", 0.5, 0.75, Decimal("0.5"))] == dearer.select(
        "change", "unit_price_old", "unit_price_new", "cost_delta"
    ).rows()


def test_a_further_column_that_one_side_lacks() -> None:
    """Is null there, so that rows which have it now are changed, by nothing."""
    new = table([(0, "a", 0.5, 4, None, 10.0)])
    found = restatements(new.drop("surcharge"), new)
    assert [("changed", None, 10.0, Decimal(0))] == found.select(
        "change", "surcharge_old", "surcharge_new", "cost_delta"
    ).rows()
    assert restatements(new, new).is_empty()
    assert restatements(new.clear(), new.clear()).is_empty()


def test_what_is_no_usage_table() -> None:
    """A column that is missing is named."""
    whole = table([(0, "a", 0.5, 4, None, None)])
    with pytest.raises(MissingColumnError, match="no column 'cost'"):
        restatements(whole, whole.drop("cost"))
