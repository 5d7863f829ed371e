"""A loaded usage table, with the evidence that it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from falusage.api.line_items import LineItems
from falusage.api.receipt import Receipt
from falusage.coverage import Coverage

if TYPE_CHECKING:  # Polars imports it when a table becomes Arrow
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class UsageLoad:
    """A usage table, with the evidence that it is complete.

    Attributes:
        usage: The validated usage table; see `columns.USAGE`.
        quarantine: Rejected rows as received, with `rules` (what each broke) and `received` (the
            row as JSON text); empty unless asked for with `invalid="quarantine"`.
        receipt: What was asked, sent, received, kept and reconciled.
    """

    usage: pl.DataFrame
    quarantine: pl.DataFrame
    receipt: Receipt

    @property
    def coverage(self) -> Coverage:
        """What is known of the table beyond its rows."""
        return self.receipt.coverage

    def __usage__(self) -> tuple[pl.DataFrame, Coverage]:
        """Return the rows and their coverage, for every function that takes usage."""
        return self.usage, self.coverage

    @property
    def table(self) -> pa.Table:
        """The usage table as Arrow."""
        return to_arrow(self.usage)

    def __repr__(self) -> str:
        return f"UsageLoad(\n{self.receipt}\n)"

    def _repr_html_(self) -> str:
        # IPython's protocol, which type checkers take for a private name
        parts = [one._repr_html_() for one in (self.receipt, self.usage)]  # pyright: ignore[reportPrivateUsage]
        if self.quarantine.height:
            parts += ["<p>In quarantine:</p>", self.quarantine._repr_html_()]  # pyright: ignore[reportPrivateUsage]
        return "".join(parts)


def to_arrow(table: pl.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table that every Arrow library reads."""
    return table.to_arrow(compat_level=pl.CompatLevel.oldest())


class TooManyRows(Exception):  # noqa: N818 - no fault: the caller asks for less
    """More rows came than the caller can take at once."""


class Table:
    """A sink that keeps the one table of a load in memory."""

    table: pl.DataFrame

    def restart(self) -> None:
        """Forget the table."""
        self.table = pl.DataFrame()

    def write(self, items: LineItems) -> None:
        """Keep the table."""
        self.table = items.table
