"""What a receipt says of the rounding that was visible, from a server that rounds its summary."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import falusage as fu
from tests.tampering import tampered
from tests.world import BEGIN, spend

DAY = fu.UsageQuery("2025-01-01", "2025-01-02", timeframe="day")
USAGE = spend({BEGIN: [1.001, 2.002]}).with_columns(
    pl.col("quantity").mul(0.5).alias("cost"), cost_subtotal=None, cost_discount=None
)


def loaded(*names: str) -> fu.UsageLoad:
    """Load from a server whose summary has two decimals in some members."""

    def rounded(answer: dict[str, Any]) -> None:
        for item in answer.get("summary", []):
            item |= {name: round(item[name], 2) for name in names}

    with (
        fu.Emulator(USAGE, edition=3) as emulator,
        tampered(emulator, rounded) as address,
        fu.UsageClient(emulator.api_key, base_url=address) as client,
    ):
        return client.load(DAY)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("cost",), "in 2 keys: costs differ by at most 0.001, where it allows 0.005"),
        (("quantity",), "in 2 keys: quantities differ by at most 0.002, where it allows 0.005"),
        (
            ("cost", "quantity"),
            "in 2 keys: costs differ by at most 0.001, where it allows 0.005; quantities differ by "
            "at most 0.002, where it allows 0.005",
        ),
    ],
)
def test_a_receipt_says_how_much_of_the_rounding_was_used(
    names: tuple[str, ...], said: str
) -> None:
    """Of each number that was rounded, and of no other."""
    receipt = loaded(*names).receipt
    (line,) = (line for line in str(receipt).splitlines() if "rounding" in line)
    assert f"rounding is visible {said}" == line
    assert 2 == receipt.rounding.height


def test_a_receipt_is_silent_where_nothing_was_rounded() -> None:
    """No allowance, and no line."""
    receipt = loaded().receipt
    assert "rounding" not in str(receipt)
    assert receipt.rounding.is_empty()
    assert 0.0 == receipt.reconciliation.select(pl.col("^.*_rounding$").sum()).sum_horizontal()[0]
