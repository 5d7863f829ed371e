"""Both sides of a load, held against each other."""

from __future__ import annotations

import polars as pl
import pytest

from falusage.api.reconciliation import compare, differences, sums
from falusage.columns import KEY


def side(*amounts: float, unit: str = "second") -> pl.DataFrame:
    """Give the sums of rows that cost so much."""
    rows = {name: [name] * len(amounts) for name in KEY} | {"unit": [unit] * len(amounts)}
    return sums([pl.DataFrame({**rows, "cost": amounts, "quantity": amounts})])


NOTHING = side(1.0).clear()


@pytest.mark.parametrize(
    ("loaded", "summary", "differing"),
    [
        (side(0.1, 0.2), side(0.3), 0),
        (side(0.1, 0.2), side(0.3 + 2e-6), 1),
        (side(1e9), side(1e9 + 0.9), 0),
        (side(1e9), side(1e9 + 1.1), 1),
        (side(1.0), side(1.0, unit="image"), 2),
        (NOTHING, side(0.0), 1),
        (side(0.0), NOTHING, 0),
    ],
)
def test_what_differs(loaded: pl.DataFrame, summary: pl.DataFrame, differing: int) -> None:
    """1e-9 of the sum and 1e-6 are noise; a key that only the summary has is a lost row."""
    assert differing == differences(compare(loaded, summary)).height
