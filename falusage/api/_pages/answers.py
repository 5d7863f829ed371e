"""One answer's bytes, read: the common ground of the fast path and the careful one.

An `Answer` holds the line items as columns; the buckets stand apart, still as text. A row that
could not be typed has nulls in the broken cells, the names of the rules it broke in `_faults` and
its JSON, as received, in `_received`. Fields that nobody knows yet follow the known columns;
`kinds` says of what kind their values were, so that pages can be put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

Kind = Literal["null", "bool", "int", "float", "string", "json"]

KIND_DTYPES: Final[dict[Kind, pl.DataType]] = {
    "null": pl.String(),
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "json": pl.String(),
}
FAULTS: Final = "_faults"
RECEIVED: Final = "_received"
AGREE: Final = 1e-9
"""Two names of one number agree up to this part of it."""

EXACT: Final = 2.0**53
"""Up to here a double holds every whole number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer says.

    Attributes:
        rows: The line items of `time_series`, or None.
        summary: The line items of `summary`, or None where there is none.
        next_cursor: Where to go on, or None at the end.
        buckets: The `time_series`' buckets as text, each with the number of its rows.
        kinds: The kinds of the unknown fields, in the order in which they came.
        ignored: Names of unknown fields outside the line items; they belong to no row.
    """

    rows: pl.DataFrame | None
    summary: pl.DataFrame | None
    next_cursor: str | None
    has_more: bool
    buckets: list[tuple[str, int]]
    kinds: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    ignored: tuple[str, ...] = ()
