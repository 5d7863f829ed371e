"""What a declared field is: one column of a table, and how the API sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    import polars as pl

Role = Literal["key", "rate", "amount", "label", "caller"]
"""The role of a field in its row.

- `key`: rows with equal keys are reconciled together.
- `rate`: a price or a percentage; it tells rows apart and is never summed.
- `amount`: it is summed, and only over equal keys.
- `label`: further text or a flag; it tells rows apart.
- `caller`: who called; the API sends it only if it is asked for with `expand`.
"""

Type = Literal["text", "number", "whole number", "flag", "instant"]
"""The type of a column, by a name: a declaration, which the command line reads before it knows
what is asked, does not import Polars. `dtypes` has the types of Polars."""

TEXT: Final = "text"
NUMBER: Final = "number"
WHOLE: Final = "whole number"
FLAG: Final = "flag"
MOMENT: Final = "instant"


@attrs.frozen
class Field:
    """One field of a line item.

    Attributes:
        name: The column in our tables.
        role: Its role in the row.
        meaning: What its values mean, in a few words.
        dtype: The column's type in Polars. It is declared by its name, or as it is; an instant is
            sent as ISO 8601 text.
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
    _declared: Type | pl.DataType = attrs.field(default=TEXT, alias="dtype", kw_only=True)
    required: bool = attrs.field(default=True, kw_only=True)
    nullable: bool = attrs.field(default=False, kw_only=True)
    sent_as: Mapping[str, int] | None = attrs.field(default=None, kw_only=True)
    since: int = attrs.field(default=1, kw_only=True)
    within: str | None = attrs.field(default=None, kw_only=True)
    expand: str | None = attrs.field(default=None, kw_only=True)
    at_most: float | None = attrs.field(default=None, kw_only=True)
    letters: int | None = attrs.field(default=None, kw_only=True)

    @property
    def dtype(self) -> pl.DataType:
        """The column's type."""
        from falusage.contract.dtypes import DTYPES

        return DTYPES[self._declared] if isinstance(self._declared, str) else self._declared

    @property
    def names(self) -> Mapping[str, int]:
        """The names that the API sends it under, each with its first edition."""
        return self.sent_as or {self.name: self.since}

    @property
    def sent_dtype(self) -> pl.DataType:
        """The type of its values as they are sent: instants are text."""
        from falusage.contract.dtypes import DTYPES, INSTANT

        return DTYPES[TEXT] if self.dtype == INSTANT else self.dtype

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.dtype.is_numeric()
