"""The order of currencies, which pages, terminals and pictures share."""

from __future__ import annotations

import polars as pl
import pytest

from falusage._usage.currencies import currencies


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"EUR": [1.0, 1.0], "USD": [500.0]}, ["EUR", "USD"]),
        ({"EUR": [0.0, 0.0, 0.0], "USD": [1.0]}, ["USD", "EUR"]),
        ({"CHF": [5.0], "USD": [1.0], "EUR": [9.0]}, ["USD", "CHF", "EUR"]),
        ({"EUR": [1.0, 0.0, 0.0], "USD": [1.0]}, ["USD", "EUR"]),
        ({}, []),
    ],
    ids=["most paid rows", "free rows do not count", "a tie", "a tie despite free rows", "no rows"],
)
def test_the_currency_of_most_amounts_comes_first(
    rows: dict[str, list[float]], expected: list[str]
) -> None:
    """Amounts do not compare, so rows with one are counted; on a tie, USD and then the name."""
    flat = [(currency, amount) for currency, amounts in rows.items() for amount in amounts]
    table = pl.DataFrame(flat, schema={"currency": pl.String, "amount": pl.Float64}, orient="row")

    assert expected == currencies(table, amount="amount")
