"""The record of a load: what was requested, received, kept and compared."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from falusage._clocks import earlier
from falusage.api.query import UsageQuery
from falusage.api.reconciliation import differences, rounding
from falusage.contract import filters
from falusage.coverage import SETTLE, Coverage
from falusage.timeframes import EVERY, floor


@dataclass(frozen=True, slots=True, repr=False)
class Receipt:
    """The record of one load.

    Attributes:
        query: What was asked, with its bounds and timeframe resolved.
        requests: Requests sent, including retries and repeated reads.
        windows: Windows that the range was cut into.
        pages: Pages that the rows came on.
        rows_received: Line items received; `rows_kept` + `rows_quarantined`.
        rows_kept: Rows in the table.
        rows_quarantined: Rows in quarantine.
        retries: Attempts that failed and were made again.
        bytes_received: Bytes of all answers, decoded.
        started_at: When the load began, by this machine's clock, in UTC.
        finished_at: When it ended.
        server_time: The server's clock at the first answer of the read that was kept, or None
            if the answer has no Date.
        open_from: None if every bucket had ended when it was read (`read_at`); otherwise the
            instant from which buckets may still grow.
        reconciliation: Both sides for each key: `username`, `product`, `endpoint_id`, `unit`,
            `currency`, `cost_loaded`, `cost_summary`, `quantity_loaded`, `quantity_summary`,
            `cost_rounding`, `quantity_rounding`. The summary's sides are null if it was not asked
            for or does not have the key. The last two are what rounding allows.
        reconciled: Whether the rows were compared with the API's summary.
    """

    query: UsageQuery
    requests: int
    windows: int
    pages: int
    rows_received: int
    rows_kept: int
    rows_quarantined: int
    retries: int
    bytes_received: int
    started_at: datetime
    finished_at: datetime
    server_time: datetime | None
    open_from: datetime | None
    reconciliation: pl.DataFrame
    reconciled: bool = True

    @property
    def read_at(self) -> datetime:
        """The earlier of the server's clock and this machine's, which decides what has ended."""
        return earlier(self.server_time, self.started_at)

    @property
    def coverage(self) -> Coverage:
        """What this load knows of its table; the API may correct a bucket for three days."""
        query, read_at = self.query, self.read_at
        closed = query.end if self.open_from is None else self.open_from
        settled = floor(read_at - SETTLE, every=EVERY[query.timeframe], timezone=query.timezone)
        return Coverage(
            start=query.start,
            end=query.end,
            timezone=query.timezone,
            timeframe=query.timeframe,
            closed_until=closed,
            settled_until=min(settled, closed),
            scope=query.scope,
            products=query.products,
            filters=filters(query.filters),
            read_at=read_at,
            reconciled=self.reconciled,
            differing=self.differing,
            quarantined=self.rows_quarantined,
        )

    @property
    def differing(self) -> int:
        """How many keys differ from the summary: `reconcile="warn"` and a quarantine leave them."""
        return differences(self.reconciliation).height if self.reconciled else 0

    @property
    def rounding(self) -> pl.DataFrame:
        """The keys for which rounding was visible: the allowance, and how much of it was used.

        Columns: the key (`username`, `product`, `endpoint_id`, `unit`, `currency`), then
        `cost_rounding` (allowance), `cost_difference` (loaded minus summary), `quantity_rounding`
        and `quantity_difference`, as Float64.
        """
        return rounding(self.reconciliation)

    def _rounded(self) -> list[str]:
        rounded = self.rounding
        if not self.reconciled or rounded.is_empty():
            return []
        largest = rounded.select(pl.selectors.numeric().abs().max()).row(0, named=True)
        parts = [
            f"{plural} differ by at most {largest[f'{name}_difference']:.2g}, where it allows "
            f"{largest[f'{name}_rounding']:.2g}"
            for name, plural in (("cost", "costs"), ("quantity", "quantities"))
            if largest[f"{name}_rounding"]
        ]
        return [f"rounding is visible in {_counted(rounded.height, 'key')}: {'; '.join(parts)}"]

    def _reconciled(self) -> str:
        keys = self.reconciliation.height
        if not self.reconciled:
            return "not reconciled with the API's summary"
        if self.differing:
            return f"{self.differing:,} of {keys:,} keys differ from the API's summary"
        if not keys:
            return "reconciled with the API's summary: nothing was used"
        agree = "agrees" if keys == 1 else "agree"
        return f"reconciled with the API's summary: {_counted(keys, 'key')} {agree}"

    def __repr__(self) -> str:
        return f"Receipt(\n{self}\n)"

    def _repr_html_(self) -> str:
        lines = [f"<li>{html.escape(line)}</li>" for line in str(self).splitlines()]
        return f"<ul>{''.join(lines)}</ul>"

    def __str__(self) -> str:
        seconds = (self.finished_at - self.started_at).total_seconds()
        lines = [
            f"{_counted(self.rows_kept, 'row')} from {self.query.start.isoformat()} "
            f"to {self.query.end.isoformat()} by {self.query.timeframe} "
            f"in {self.query.timezone}",
            f"{_counted(self.requests, 'request')} ({self.retries} retried), "
            f"{_counted(self.pages, 'page')}, {self.bytes_received / 1e6:,.1f} MB "
            f"in {seconds:.1f} s",
            self._reconciled(),
            *self._rounded(),
            "all buckets had ended"
            if self.open_from is None
            else f"open: buckets from {self.open_from.isoformat()} on may still grow",
        ]
        if self.rows_quarantined:
            lines.append(f"{self.rows_quarantined:,} rows in quarantine")
        return "\n".join(lines)


def open_from(query: UsageQuery, now: datetime) -> datetime | None:
    """Return the instant from which a query's buckets may still grow; None if all have ended."""
    if query.end < now:
        return None
    # A range that ends just now is open too: its last bucket may not be counted out yet.
    last = min(now, query.end - timedelta(microseconds=1))
    return max(query.start, floor(last, every=EVERY[query.timeframe], timezone=query.timezone))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
