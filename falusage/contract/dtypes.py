"""The types of Polars that the names of declared types mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from falusage.contract.fields import FLAG, MOMENT, NUMBER, TEXT, WHOLE, Type

INSTANT: Final = pl.Datetime("us", "UTC")
"""Instants are kept in UTC, to the microsecond."""

DTYPES: Final[Mapping[Type, pl.DataType]] = {
    TEXT: pl.String(),
    NUMBER: pl.Float64(),
    WHOLE: pl.Int64(),
    FLAG: pl.Boolean(),
    MOMENT: INSTANT,
}
