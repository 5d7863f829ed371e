"""Snapshots that an older version wrote: `old/make.py` says how they were made."""

from __future__ import annotations

import pytest

import falusage as fu
from falusage.columns import USAGE
from falusage.snapshot import snapshot_metadata
from tests.old import KINDS, OLD, discounts


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_snapshot_has_every_known_column(kind: str) -> None:
    """Columns that it lacks are null, in their place; a field that was unknown is known now."""
    eager, lazy = (
        fu.read_snapshot(OLD / f"{kind}.parquet"),
        fu.scan_snapshot(OLD / f"{kind}.parquet"),
    )
    assert eager.equals(lazy.collect())
    assert list(USAGE.items()) == list(eager.schema.items())[: len(USAGE)]
    assert list(lazy.collect_schema().items()) == list(eager.schema.items())
    assert discounts(kind) == eager["percent_discount"].to_list()
    assert discounts(kind) == lazy.select("percent_discount").collect().to_series().to_list()
    assert [None] * 12 == lazy.select("cost_subtotal").collect().to_series().to_list()
    assert [None] * 12 == eager["cost_discount"].to_list()
    assert 39.0 == eager["cost"].sum()


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_snapshot_keeps_its_receipt(kind: str) -> None:
    """Its question and its receipt are restored, and it can be written again."""
    metadata = snapshot_metadata(OLD / f"{kind}.parquet")
    assert fu.UsageQuery("2025-03-01", "2025-03-07", timeframe="day") == metadata.query
    assert metadata.receipt is not None
    assert (12, 12, 0) == (metadata.rows, metadata.receipt.rows_kept, metadata.receipt.differing)
