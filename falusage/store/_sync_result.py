"""What a sync did: the versions that it made, and how much changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import polars as pl

from falusage._spans import Spans
from falusage.api.receipt import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a sync did.

    Attributes:
        version: The version that the store has now.
        commits: The versions that the sync made, none where nothing was new.
        start: Where the range that was asked for begins.
        end: Where it ends, exclusive: no later than the bucket of the present.
        server_time: The server's time at the last read.
        rows_read: How many rows were loaded.
        rows_changed: How many rows appeared, vanished or changed.
        restated: By how much the cost of buckets changed that had ended when they were last
            read, for each currency.
        gaps: The ranges of the store that no sync has read, as in `UsageStore.coverage`.
        receipts: The receipts of the loads, in order.
        quarantine: The rows that were left out, as in `UsageLoad.quarantine`.
    """

    version: int
    commits: tuple[int, ...]
    start: datetime
    end: datetime
    server_time: datetime
    rows_read: int
    rows_changed: int
    restated: Mapping[str, Decimal]
    gaps: Spans
    receipts: tuple[Receipt, ...] = field(repr=False)
    quarantine: pl.DataFrame = field(repr=False)

    def __str__(self) -> str:
        made = len(self.commits)
        what = (
            "nothing new"
            if not made
            else f"{self.rows_changed:,} rows appeared, vanished or changed"
        )
        lines = [
            f"{self.start.isoformat()} to {self.end.isoformat()}: {self.rows_read:,} rows read, "
            f"{what}",
            f"version {self.version}" + (f", {made} new" if made else ""),
            *(
                f"restated: {amount:+f} {currency} in buckets that had ended"
                for currency, amount in self.restated.items()
                if amount
            ),
            *self._let_through(),
            *(
                f"the store lacks {start.isoformat()} to {end.isoformat()}, so sums over that "
                f"would be too small; sync it from start {start.isoformat()} or before"
                for start, end in self.gaps
            ),
        ]
        return "\n".join(lines)

    def _let_through(self) -> Iterator[str]:
        if rows := sum(receipt.rows_quarantined for receipt in self.receipts):
            yield f"{rows:,} rows are in quarantine, not in the store"
        if keys := sum(receipt.differing for receipt in self.receipts):
            yield f"{keys:,} keys differ from the API's totals"
        if not all(receipt.reconciled for receipt in self.receipts):
            yield "not compared with the API's totals"
