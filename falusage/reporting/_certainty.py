"""How sure the numbers are: reconciled or not, closed or open, whole or with rows set aside.

A total without this cannot go into a budget review, so no report is printed without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from falusage._wording.amounts import amount, printable
from falusage.api.receipt import Receipt
from falusage.columns import total
from falusage.errors import QueryError
from falusage.timeframes import zone


@dataclass(frozen=True, slots=True)
class Certainty:
    """What is known of how a table came about.

    Attributes:
        start: The instant from which the table is whole.
        end: The instant at which it ends, exclusive.
        timezone: The zone that its buckets were cut in.
        open_from: None where every bucket had ended when it was read, else the instant from
            which buckets may still grow.
        keys: How many keys were held against the API's own summary; None where that was not
            done.
        differing: How many of them differ from it.
        quarantined: How many rows were set aside.
        uncompared: Whether a part of a store was not compared with the API's totals.
        known: Whether this comes from a load, rather than from the bare table.
    """

    start: datetime
    end: datetime
    timezone: str
    open_from: datetime | None = None
    keys: int | None = None
    differing: int = 0
    quarantined: int = 0
    known: bool = True
    uncompared: bool = False

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> Certainty:
        """Take what the receipt of a load says."""
        return cls(
            start=receipt.query.start,
            end=receipt.query.end,
            timezone=receipt.query.timezone,
            open_from=receipt.open_from,
            keys=receipt.reconciliation.height if receipt.reconciled else None,
            differing=receipt.differing,
            quarantined=receipt.rows_quarantined,
        )

    @classmethod
    def of_table(cls, usage: pl.DataFrame) -> Certainty:
        """Take the little that a table without a receipt says of itself.

        Raises:
            QueryError: It is empty, and says nothing.
        """
        if usage.is_empty():
            raise QueryError(
                "the table is empty and has no receipt, so nothing says which range it covers; "
                "write it from a load"
            )
        first, last = usage.select(pl.col("bucket").min(), pl.col("bucket_end").max()).row(0)
        return cls(start=first, end=last, timezone="UTC", known=False)

    @property
    def closed_until(self) -> datetime:
        """The instant up to which buckets cannot grow by time passing."""
        return self.end if self.open_from is None else min(self.open_from, self.end)

    def reach(self, usage: pl.DataFrame) -> datetime:
        """Give where a table ends: with its last bucket, or later, where nothing was used after."""
        last: datetime | None = usage["bucket_end"].max()  # pyright: ignore[reportAssignmentType]
        return self.closed_until if last is None else max(last, self.closed_until)

    def local(self, moment: datetime) -> datetime:
        """Give an instant on the clock of the zone, to be shown; Python cannot compare these."""
        return moment.astimezone(zone(self.timezone))

    def facts(self, usage: pl.DataFrame) -> list[tuple[str, str]]:
        """Say it in pairs of a word and what is behind it; of a store, what is provisional."""
        if usage.schema.get("settled") != pl.Boolean():
            return self._of_load()
        young = usage.filter(~pl.col("settled"))
        sums = young.group_by("currency").agg(total("cost")).sort("currency")
        said = " and ".join(amount(cost, printable(unit)) for unit, cost in sums.iter_rows())
        settled = (
            f"{said} of it, in {young.height:,} rows, is provisional: it was read while it was "
            "young, and may still be restated"
            if young.height
            else "every row was read after it had settled"
        )
        return [*(self._of_load() if self.known else self.let_through()), ("settled", settled)]

    def let_through(self) -> list[tuple[str, str]]:
        """Return what a load or a sync was told to let through, in pairs of a word and a text."""
        said: list[tuple[str, str]] = []
        if self.differing:
            said.append(("reconciled", f"{self.differing:,} keys differ from the API's totals"))
        if self.uncompared or (self.known and self.keys is None):
            said.append(("reconciled", "not all of it was compared with the API's totals"))
        if self.quarantined:
            said.append(("complete", self._set_aside()))
        return said

    def _set_aside(self) -> str:
        return f"{self.quarantined:,} rows set aside; they are in no sum here"

    def _of_load(self) -> list[tuple[str, str]]:
        if not self.known:
            return [
                (
                    "not known",
                    "the table was kept without the receipt of a load, which says whether it was "
                    "reconciled and whether its buckets had ended",
                )
            ]
        if self.keys is None:
            reconciled = "not held against the API's own summary"
        elif self.differing:
            reconciled = f"{self.differing:,} of {self.keys:,} keys differ from the API's summary"
        elif not self.keys:
            reconciled = "there is nothing on either side, neither rows nor a summary of them"
        else:
            reconciled = f"all {self.keys:,} keys agree with the API's own summary"
        closed = (
            "every bucket had ended when it was read"
            if self.open_from is None
            else f"buckets from {self.local(self.open_from):%Y-%m-%d %H:%M} on may still grow"
        )
        quarantine = self._set_aside() if self.quarantined else "no row was set aside"
        return [("reconciled", reconciled), ("closed", closed), ("complete", quarantine)]

    def lines(self, usage: pl.DataFrame) -> list[str]:
        """Say it in lines of text."""
        return [f"{word:<12}{text}" for word, text in self.facts(usage)]
