"""One table, served in each edition: whatever the API is, the costs of a load are the same."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from typing import Literal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import falusage as fu
from falusage.columns import KEY, USAGE, total
from falusage.contract import ORGANIZATION_USAGE, Edition
from falusage.errors import FalUsageWarning

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
DISCOUNTS = ["percent_discount", "cost_subtotal", "cost_discount"]
EDITIONS: list[Edition] = [2, 3, 4]


def usage() -> pl.DataFrame:
    """Two days of hours: no discount, one, everything taken off, and a discount that changes."""
    rows = [
        {
            "bucket": BEGIN + timedelta(hours=hour),
            "bucket_end": BEGIN + timedelta(hours=hour + 1),
            "username": f"team-{line}",
            "product": ("model_apis", "serverless", "compute", "compute")[line],
            "endpoint_id": ("fal-ai/flux", "my-app", "type: gpu (my-app, prod)", "gpu")[line],
            "unit": "second",
            "quantity": 1.0 + hour / 3,
            "unit_price": 0.0123,
            "percent_discount": (None, 12.5, 100.0, None if hour < 30 else 40.0)[line],
            "currency": ("USD", "USD", "USD", "EUR")[line],
        }
        for hour in range(48)
        for line in range(4)
    ]
    subtotal = pl.col("quantity") * pl.col("unit_price")
    discount = subtotal * (pl.col("percent_discount").fill_null(0.0) / 100)
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        cost_subtotal=subtotal, cost_discount=discount, cost=subtotal - discount
    )


def loaded(edition: Edition, timeframe: Literal["hour", "day"]) -> pl.DataFrame:
    """Load the two days over HTTP, reconciled, where a warning is an error."""
    query = fu.UsageQuery("2025-03-01", "2025-03-03", timeframe=timeframe)
    with (
        warnings.catch_warnings(),
        fu.Emulator(usage(), edition=edition, page_size=50) as emulator,
        fu.UsageClient(emulator.api_key, base_url=emulator.base_url, workers=2) as client,
    ):
        warnings.simplefilter("error", FalUsageWarning)
        load = client.load(query)
    assert load.receipt.reconciled
    return load.usage.sort("bucket", *KEY, "cost")


def test_hours_cost_the_same_to_the_last_bit() -> None:
    """Row for row, in the editions 2, 3 and 4; and as in the table that is served."""
    expected = usage().sort("bucket", *KEY, "cost")["cost"].to_list()
    for edition in EDITIONS:
        assert expected == loaded(edition, "hour")["cost"].to_list()


def test_days_cost_the_same() -> None:
    """Hours that the server adds up have the same sums by day and item."""
    every_day = [
        loaded(edition, "day")
        .group_by("bucket", *KEY, maintain_order=True)
        .agg(total("quantity"), total("cost"))
        for edition in EDITIONS
    ]
    assert 8 == every_day[0].height
    for other in every_day[1:]:
        assert_frame_equal(every_day[0], other, check_exact=True)


@pytest.mark.parametrize("edition", EDITIONS)
def test_discounts_are_those_of_the_edition(edition: Edition) -> None:
    """Edition 4 has them to the last bit; before, they are null and the price is what was paid."""
    found, order = loaded(edition, "hour"), ["bucket", *KEY, "cost"]
    if edition == 4:
        assert_frame_equal(usage().sort(order).select(DISCOUNTS), found.select(DISCOUNTS))
    else:
        assert [found.height] * 3 == [found[name].null_count() for name in DISCOUNTS]
        paid = found["quantity"] * found["unit_price"]
        assert_frame_equal(found["cost"].to_frame(), paid.alias("cost").to_frame())


def test_the_newest_edition_is_the_default() -> None:
    """The one that the contract declares last."""
    assert tuple(EDITIONS) == ORGANIZATION_USAGE.editions
    assert ORGANIZATION_USAGE.editions[-1] == fu.Emulator(pl.DataFrame(schema=USAGE)).edition
