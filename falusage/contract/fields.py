"""What a declared field is: one column of a table, and how the API sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal

import polars as pl

INSTANT: Final = pl.Datetime("us", "UTC")
"""Instants are kept in UTC, to the microsecond."""

Role = Literal["key", "rate", "amount", "label", "caller"]
"""The role of a field in its row.

- `key`: rows with equal keys are reconciled together.
- `rate`: a price or a percentage; it tells rows apart and is never summed.
- `amount`: it is summed, and only over equal keys.
- `label`: further text or a flag; it tells rows apart.
- `caller`: who called; the API sends it only if it is asked for with `expand`.
"""

TEXT: Final = pl.String()
NUMBER: Final = pl.Float64()
WHOLE: Final = pl.Int64()
FLAG: Final = pl.Boolean()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line item.

    Attributes:
        name: The column in our tables.
        role: Its role in the row.
        meaning: What its values mean, in a few words.
        dtype: The column's type: String, Float64, Int64, Boolean, or an instant, sent as ISO 8601
            text.
        required: A row without a value is invalid. Otherwise a missing value and a null are null.
        nullable: The API itself sends null where the field does not apply.
        sent_as: The names that the API sends it under, the preferred one first, each with the
            first edition that has it. A row may have several of them if their values agree.
            Empty means: under the column's own name, since `since`.
        since: The first edition that has the field.
        within: The object inside the item that contains it, if it is not in the item itself.
        expand: The value of `expand` that asks for it, if it must be asked for.
        at_most: The largest valid number, inclusive. Every number must also be finite, at least
            0 and below 1e18.
        letters: The number of letters that a text must consist of, if that is fixed.
    """

    name: str
    role: Role
    meaning: str
    _: KW_ONLY
    dtype: pl.DataType = TEXT
    required: bool = True
    nullable: bool = False
    sent_as: Mapping[str, int] | None = None
    since: int = 1
    within: str | None = None
    expand: str | None = None
    at_most: float | None = None
    letters: int | None = None

    @property
    def names(self) -> Mapping[str, int]:
        """The names that the API sends it under, each with its first edition."""
        return self.sent_as or {self.name: self.since}

    @property
    def sent_dtype(self) -> pl.DataType:
        """The type of its values as they are sent: instants are text."""
        return TEXT if self.dtype == INSTANT else self.dtype

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.dtype in (NUMBER, WHOLE)
