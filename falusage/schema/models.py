"""The tables' rules, as pandera models.

Importing this costs more than a second, pandera's: import it inside the call that validates.
Models check eager frames; a LazyFrame would have its columns checked and its values not.
"""

from __future__ import annotations

from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

from falusage.columns import ABSURD

Instant = Annotated[pl.Datetime, "us", "UTC"]
_CURRENCY = r"^[A-Za-z]{3}$"


def _number() -> Any:
    return pa.Field(ge=0, lt=ABSURD)


def _optional() -> Any:
    return pa.Field(nullable=True)


class SummaryModel(pa.DataFrameModel):
    """A row of the API's summary: a line item over the whole range."""

    username: str
    product: str
    endpoint_id: str
    unit: str
    quantity: float = _number()
    unit_price: float = _number()
    cost: float = _number()
    currency: str = pa.Field(str_matches=_CURRENCY)
    auth_method: str = _optional()
    auth_detail: str = _optional()
    api_key_id: str = _optional()
    login_username: str = _optional()


class UsageModel(SummaryModel):
    """A row of the usage table: a line item in a bucket."""

    bucket: Instant
    bucket_end: Instant

    @pa.check("bucket_end", name="after_bucket")
    def _ends_after_it_starts(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805 - pandera's
        return data.lazyframe.select(pl.col("bucket_end") > pl.col("bucket"))
