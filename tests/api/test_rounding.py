"""Numbers that were visibly rounded may differ by that much, and by no more: no row hides in it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import cycle
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falusage.api.reconciliation import compare, differences, rounding, sums
from falusage.columns import KEY, SUMMARY, USAGE
from falusage.schema.rounding import rounded_off

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
ENDPOINTS = ("fal-ai/flux/dev", "fal-ai/kling/v2", "sdk: H100")
FINE = (1 / 3, 0.0012345678, 0.07 / 9, 12.3456789)
COARSE = (0.1, 0.25, 3.0)
DISCOUNTS = (None, 0.0, 12.5, 33.3, 99.0, 100.0)

Side = Literal["rows", "summary", "both", "none"]


def rounded(value: Fraction, places: int | None) -> float:
    """Round as money is, in decimals; None rounds to the nearest double."""
    if places is None:
        return float(value)
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    how = ROUND_HALF_UP if value.numerator % 2 else ROUND_HALF_EVEN
    return float(exact.quantize(Decimal(1).scaleb(-places), how))


def organization(
    dice: random.Random,
    *,
    count: int,
    side: Side,
    places: int,
    prices: tuple[float, ...] = FINE,
    discounts: tuple[float | None, ...] = DISCOUNTS,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a usage table, and the summary of what it was before anything was rounded."""
    ours = places if side in {"rows", "both"} else None
    theirs = places if side in {"summary", "both"} else None
    few = [
        (endpoint, price, discount)
        for endpoint in ENDPOINTS[: 1 + dice.randrange(3)]
        for price in dice.sample(prices, 1 + dice.randrange(2))
        for discount in dice.sample(discounts, 1 + dice.randrange(min(3, len(discounts))))
    ]
    lines: dict[tuple[Any, ...], list[Fraction]] = {}
    rows: list[dict[str, Any]] = []
    repeats = max(1, count // 1000)
    for n in range(count // repeats):
        endpoint, price, discount = line = dice.choice(few)
        quantity = dice.choice([1.0, dice.randrange(1, 5000) / 8, float(dice.randrange(1, 10**4))])
        true = Fraction(quantity) * Fraction(price) * (1 - Fraction(discount or 0) / 100)
        held = lines.setdefault(line, [Fraction(), Fraction()])
        held[0] += repeats * Fraction(quantity)
        held[1] += repeats * true
        rows.append(
            {
                **named(endpoint, price, discount),
                "bucket": FIRST + timedelta(hours=n % 48),
                "bucket_end": FIRST + timedelta(hours=n % 48 + 1),
                "quantity": quantity,
                "cost": rounded(true, ours),
            }
        )
    summary = [
        named(*line) | {"quantity": float(quantity), "cost": rounded(cost, theirs)}
        for line, (quantity, cost) in lines.items()
    ]
    usage = pl.concat([pl.DataFrame(rows, schema=USAGE)] * repeats)
    return usage, pl.DataFrame(summary, schema=SUMMARY)


def named(endpoint: str, price: float, discount: float | None) -> dict[str, Any]:
    """Return what tells a line item apart."""
    return {
        "username": "acme-ml",
        "product": "model_apis",
        "endpoint_id": endpoint,
        "unit": "image",
        "unit_price": price,
        "percent_discount": discount,
        "currency": "USD",
    }


def differing(usage: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Return the keys on which both sides differ by more than is allowed."""
    return differences(compare(sums([usage]), summary))


def allowance(usage: pl.DataFrame, summary: pl.DataFrame, endpoint: str) -> float:
    """Return what a key's cost may differ by, the noise of doubles included."""
    key = compare(sums([usage]), summary).row(
        by_predicate=pl.col("endpoint_id") == endpoint, named=True
    )
    return key["cost_rounding"] + 1e-6 + 1e-9 * key["cost_summary"]


def spoilt(usage: pl.DataFrame, at: int, how: str) -> pl.DataFrame:
    """Return the table with one row lost, twice there, or of another cost."""
    row = usage[at]
    rest = pl.concat([usage[:at], usage[at + 1 :]])
    match how:
        case "lost":
            return rest
        case "doubled":
            return pl.concat([usage, row])
        case _:
            return pl.concat([rest, row.with_columns(pl.col("cost") * 2 + 0.01)])


def check(dice: random.Random, count: int, side: Side, places: int, **of: Any) -> None:
    """Assert that a table agrees with its summary, and not once a row is spoilt."""
    usage, summary = organization(dice, count=count, side=side, places=places, **of)
    assert differing(usage, summary).is_empty()
    for how in ("lost", "doubled", "changed"):
        at = dice.randrange(usage.height)
        worse = spoilt(usage, at, how)
        endpoint = usage["endpoint_id"][at]
        found = differing(worse, summary)
        if how == "lost" and endpoint not in worse["endpoint_id"]:
            assert [endpoint] == found["endpoint_id"].to_list()
            continue
        # What was rounded is between both ends of the allowance, so twice that may hide a row.
        hidden = 2 * allowance(worse, summary, endpoint)
        cost = usage["cost"][at] + (0.01 if how == "changed" else 0.0)
        if cost > hidden:
            assert [endpoint] == found["endpoint_id"].to_list(), (how, cost, hidden)


SIDES: tuple[Side, ...] = ("rows", "summary", "both", "none")


@pytest.mark.slow
@given(
    st.randoms(use_true_random=False),
    st.integers(1, 60),
    st.sampled_from(SIDES),
    st.integers(2, 8),
)
def test_rounding_on_either_side_loads_and_hides_no_row(
    dice: random.Random, count: int, side: Side, places: int
) -> None:
    """On the rows, the summary, both or neither; then one row is lost, doubled or changed."""
    check(dice, count, side, places)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "places", "side"),
    [
        *((300, places, side) for places, side in zip(range(2, 9), cycle(SIDES), strict=False)),
        *((100_000, places, side) for places, side in zip((2, 4, 6, 8), SIDES, strict=True)),
    ],
)
def test_rounding_of_many_rows_loads_and_hides_no_row(count: int, places: int, side: Side) -> None:
    """Up to 100,000 rows."""
    check(random.Random(places), count, side, places)


@pytest.mark.slow
@given(st.randoms(use_true_random=False), st.integers(1, 200), st.sampled_from(SIDES))
def test_prices_in_cents_get_no_allowance(dice: random.Random, count: int, side: Side) -> None:
    """Where there is nothing to round, a lost cent is seen."""
    usage, summary = organization(
        dice, count=count, side=side, places=2, prices=(0.01, 0.04, 2.0), discounts=(None,)
    )
    usage = usage.with_columns(pl.col("quantity").ceil()).with_columns(
        cost=(pl.col("quantity") * pl.col("unit_price")).round(2)
    )
    summary = (
        usage.group_by("username", "endpoint_id", "unit_price")
        .agg(pl.col("cost", "quantity").sum())
        .join(summary.drop("cost", "quantity"), on=["username", "endpoint_id", "unit_price"])
        .with_columns(pl.col("cost").round(2))
        .select(summary.columns)
    )
    compared = compare(sums([usage]), summary)
    assert differences(compared).is_empty()
    assert rounding(compared).is_empty()
    endpoint = usage["endpoint_id"][0]
    for how in ("lost", "doubled", "changed"):
        assert [endpoint] == differing(spoilt(usage, 0, how), summary)["endpoint_id"].to_list()


def rows(*amounts: tuple[float, float, float], **fields: Any) -> pl.DataFrame:
    """Return rows of a quantity, a price and a cost."""
    return pl.DataFrame(
        [
            {
                **named("e", price, None),
                "bucket": FIRST,
                "bucket_end": FIRST + timedelta(days=1),
                "quantity": quantity,
                "cost": cost,
                **fields,
            }
            for quantity, price, cost in amounts
        ],
        schema=USAGE,
    )


def total(cost: float, quantity: float = 1.0, *, lines: int = 1) -> pl.DataFrame:
    """Return a summary of one key, in equal lines."""
    line = {**named("e", 1.0, None), "cost": cost / lines, "quantity": quantity / lines}
    return pl.DataFrame([line] * lines, schema=SUMMARY)


@pytest.mark.parametrize(
    ("usage", "summary", "allowed"),
    {
        "an exact product": (rows((3.0, 0.1, 0.1 * 3)), total(0.3, 3.0), 0.0),
        "a rounded row": (rows((1.0, 0.123456, 0.12)), total(0.123456), 0.003456),
        "half a unit, in millions": (
            rows((8_000_001.0, 0.125, 1_000_000.13)),
            total(1_000_000.125, 8_000_001.0),
            0.005,
        ),
        "half a unit, down": (rows((1.0, 0.125, 0.12)), total(0.125), 0.005),
        "rounded to nothing": (rows((1.0, 0.004, 0.0)), total(0.004), 0.004),
        "more than half a unit": (rows((1.0, 0.1251, 0.12)), total(0.12), 0.0),
        "more decimals than the difference": (rows((1.0, 0.1251, 0.121)), total(0.121), 0.0),
        "a summary in cents": (rows((1.0, 0.123456, 0.123456)), total(0.12), 0.005),
        "a sum that needs no rounding": (
            rows((1.0, 0.125, 0.125), (3.0, 0.125, 0.375)),
            total(0.5, 4.0),
            0.0,
        ),
        "both in cents, and sums that round apart": (
            rows((1.0, 0.0049, 0.0), (1.0, 0.0049, 0.0)),
            total(0.01, 2.0),
            0.0098 + 0.005,
        ),
        "a subtotal and a discount, each in cents": (
            rows((1.0, 1.0149, 0.51), percent_discount=50.0, cost_subtotal=1.01, cost_discount=0.5),
            total(0.50745),
            0.00255,
        ),
        "their errors add up": (
            rows((1.0, 1.004, 0.66), percent_discount=34.6, cost_subtotal=1.0, cost_discount=0.34),
            total(0.656616),
            0.003384,
        ),
        "more than half a unit of a rest": (
            rows(
                (1.0, 0.0349, 0.02), percent_discount=25.0, cost_subtotal=0.03, cost_discount=0.01
            ),
            total(0.026175),
            0.006175,
        ),
        "as much without its parts": (
            rows((1.0, 0.0349, 0.02), percent_discount=25.0),
            total(0.02),
            0.0,
        ),
    }.values(),
)
def test_what_is_allowed(usage: pl.DataFrame, summary: pl.DataFrame, allowed: float) -> None:
    """What a row or a sum shows of its rounding, and no more."""
    compared = compare(sums([usage]), summary)
    assert differences(compared).is_empty()
    assert allowed == pytest.approx(compared["cost_rounding"].item(), abs=1e-9)


def test_many_lines_of_a_summary_add_up() -> None:
    """A key with fifty prices has fifty roundings, in micro-dollars too."""
    prices = [0.1 + n * 1e-7 for n in range(50)]
    usage = rows(*((1.0, price + 4.9e-7, price + 4.9e-7) for price in prices))
    lines = [named("e", p + 4.9e-7, None) | {"quantity": 1.0, "cost": round(p, 6)} for p in prices]
    summary = pl.DataFrame(lines, schema=SUMMARY)
    compared = compare(sums([usage]), summary)
    assert 50 * 0.5e-6 == pytest.approx(compared["cost_rounding"].item())
    assert differences(compared).is_empty()


def test_sums_of_sums_are_the_sums() -> None:
    """A stream adds up its batches' sums, whatever fields a newer API has."""
    usage, summary = organization(random.Random(1), count=40, side="rows", places=3)
    usage = usage.with_columns(off=pl.lit("new"), unrounded=pl.lit(1), lines=pl.lit(2))
    whole = compare(sums([usage]), summary)
    parts = [sums([usage[at : at + 7]]) for at in range(0, 40, 7)]
    assert whole.equals(compare(sums([*parts]), summary))
    assert rounding(whole).select(KEY).height
    assert differences(whole).is_empty()


@pytest.mark.slow
@given(st.randoms(use_true_random=False), st.integers(1, 60), st.sampled_from(SIDES))
def test_rounding_is_that_of_every_row(dice: random.Random, count: int, side: Side) -> None:
    """Where no row is rounded, no row is asked how much; whatever the others are, each is right."""
    usage, _ = organization(dice, count=count, side=side, places=dice.randrange(2, 9))
    alone = [rounded_off(usage[at : at + 1]).item() for at in range(usage.height)]
    assert alone == rounded_off(usage).to_list()
