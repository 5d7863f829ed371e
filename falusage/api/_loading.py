"""A load: a range is read, validated and compared with the API's own summary until both agree.

A range that differs from the summary is read again, because rows may have arrived between two
pages or between the rows and the summary. If it still differs, the load is rejected. The rows go
to a `Sink`: a table in memory, or a file that never holds all rows at once.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import polars as pl

from falusage import _clocks as clocks
from falusage.api._http.exchange import Exchange
from falusage.api._pages.page import Page
from falusage.api._pages.paging import Reading
from falusage.api.line_items import Kind, Kinds, LineItems, concat, joint_kinds, warn_of_unknown
from falusage.api.load import TooManyRows
from falusage.api.progress import Progress
from falusage.api.query import UsageQuery
from falusage.api.receipt import Receipt, open_from
from falusage.api.reconciliation import compare, differences, matching, sums, suspect_keys
from falusage.api.ways import ADVICE, Invalid, Reconcile
from falusage.columns import KEY, SUMMARY, USAGE
from falusage.errors import QuarantineWarning, ReconciliationError, ReconciliationWarning, warn
from falusage.schema.rules import SUMMARY_ROWS
from falusage.schema.validation import (
    IN_FAILURES,
    Oddities,
    Validated,
    oddities,
    require_valid,
    validate_received,
)

_LOG: Final = logging.getLogger("falusage.api")
_REGROUP_AFTER: Final = 64


class Sink(Protocol):
    """Where a load's valid rows go."""

    def restart(self) -> None:
        """Forget all rows: the range is read from its start."""

    def write(self, items: LineItems) -> None:
        """Add the next rows. Every read writes at least one table."""


@dataclass
class _Read:
    """What is known of one read of the range: counts, sums, and rejected rows."""

    reading: Reading
    kept: int = 0
    bad: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    suspects: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    sums: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    kinds: Kinds = field(default_factory=dict[str, Kind])
    ignored: set[str] = field(default_factory=set[str])
    oddities: Oddities = field(default_factory=Oddities)
    broken_totals: int = 0


class Load:
    """The load of one query, which is read once or several times."""

    def __init__(
        self,
        query: UsageQuery,
        exchange: Exchange,
        progress: Progress,
        *,
        workers: int,
        invalid: Invalid,
        reconcile: Reconcile,
        has_ways: bool,
        workspace: str | None = None,
    ) -> None:
        self._workspace = workspace
        self._query = query
        self._exchange = exchange
        self._progress = progress
        self._workers = workers
        self._invalid = invalid
        self._reconcile = reconcile
        self._advice = ADVICE.get().rows if has_ways else IN_FAILURES
        self._started_at = clocks.local_time()
        self._read = self._begin()

    def _begin(self) -> _Read:
        with_summary = self._reconcile != "off"
        return _Read(
            Reading(
                self._query,
                self._exchange,
                self._workers,
                self._progress,
                with_summary,
                workspace=self._workspace,
            )
        )

    def into(
        self, sink: Sink, *, batch_rows: int | None = None, most_rows: int | None = None
    ) -> tuple[Receipt, pl.DataFrame]:
        """Read the range into a sink, again if it differs from the API's summary.

        Args:
            sink: Where the rows go. After an error it has rows that were rejected.
            batch_rows: About how many rows a table has; by default all.
            most_rows: Stop reading when there are more; by default never.

        Returns:
            The receipt, and the rows in quarantine.

        Raises:
            SchemaError: Rows break the rules, and `invalid` is `"raise"`.
            ReconciliationError: Rows and summary still differ, and `reconcile` is `"raise"`.
            ApiError: The exchange failed.
            TooManyRows: There are more than `most_rows`.
        """
        for reads in itertools.count(1):
            _LOG.info("read %d of %s", reads, self._query)
            sink.restart()
            with closing(self.tables(batch_rows=batch_rows, most_rows=most_rows)) as tables:
                for items in tables:
                    sink.write(items)
                    del items  # a batch takes no memory while the next one is read
            compared = self._compared()
            if self._reconcile == "off" or self._agrees(compared, reads=reads):
                quarantine = pl.concat(self._read.bad, how="diagonal_relaxed")
                receipt = self._receipt(compared, quarantine.height)
                if _LOG.isEnabledFor(logging.INFO):
                    _LOG.info("loaded %s", " | ".join(str(receipt).splitlines()))
                return receipt, quarantine
        raise AssertionError("a load ends by agreement or an error")

    def tables(
        self, *, batch_rows: int | None = None, most_rows: int | None = None
    ) -> Generator[LineItems]:
        """Read the range once: valid rows as tables of about `batch_rows`, or as one table."""
        self._exchange.tally.server_time = None
        self._read = self._begin()
        pages: list[Page] = []
        rows = 0
        for page in self._read.reading.pages():
            pages.append(page)
            rows += page.rows.table.height if page.rows is not None else 0
            if most_rows is not None and rows > most_rows:
                raise TooManyRows
            if batch_rows is not None and rows >= batch_rows:
                items = self._validated(pages)
                pages, rows = [], 0
                yield items
                del items
        if pages or not self._read.sums:
            items = self._validated(pages)
            # A caller that keeps one table scans it often; batches are used once.
            yield LineItems(items.table.rechunk(), items.kinds)

    def summary(self) -> pl.DataFrame:
        """Read the API's own summary of the range, validated."""
        summary = concat(self._read.reading.read_summary(), SUMMARY)
        self._read.kinds = summary.kinds
        return self._validated_summary(summary).good

    def _validated(self, pages: Sequence[Page]) -> LineItems:
        read = self._read
        items = concat([page.rows for page in pages if page.rows is not None], USAGE)
        checked = validate_received(items.table)
        if self._invalid == "raise":
            what = f"{items.table.height:,} rows received"
            require_valid(checked.bad, what=what, advice=self._advice)
        read.kept += checked.good.height
        read.bad.append(checked.bad)
        if checked.bad.height:
            read.suspects.append(suspect_keys(checked))
        read.kinds = joint_kinds([read.kinds, items.kinds])
        read.ignored.update(name for page in pages for name in page.ignored)
        read.oddities += oddities(checked.good)
        read.sums.append(sums([checked.good]))
        if len(read.sums) >= _REGROUP_AFTER:
            read.sums = [sums(read.sums)]
        return LineItems(checked.good, items.kinds)

    def _validated_summary(self, summary: LineItems) -> Validated:
        checked = validate_received(summary.table, SUMMARY_ROWS)
        if self._invalid == "raise":
            require_valid(checked.bad, what="summary's rows", advice=self._advice)
        self._read.broken_totals = checked.bad.height
        return checked

    def _compared(self) -> pl.DataFrame:
        """Return the sums of the last read next to those of the summary, if there is one."""
        if self._reconcile == "off":
            return compare(sums(self._read.sums), None)
        summary = concat(self._read.reading.summary, SUMMARY)
        self._read.ignored |= summary.kinds.keys() - self._read.kinds.keys()
        checked = self._validated_summary(summary)
        broken = suspect_keys(checked)
        self._read.suspects.append(broken)
        # An invalid total counts as zero, so that its key differs.
        totals = pl.concat([checked.good, broken], how="diagonal")
        return compare(sums(self._read.sums), totals)

    def _agrees(self, compared: pl.DataFrame, *, reads: int) -> bool:
        """Return whether the last read is final; False if the range must be read again.

        Raises:
            ReconciliationError: Rows and summary still differ, and `reconcile` is `"raise"`.
        """
        differing = differences(compared)
        excused = unexplained = differing
        if differing.height:
            excused = matching(differing, self._read.suspects)
            unexplained = differing.join(excused, on=KEY, how="anti", nulls_equal=True)
        if unexplained.height:
            may_change = self._read.reading.followed or self._open_from() is not None
            if reads < 2 + may_change:
                _LOG.info(
                    "%d keys differ from the API's summary; the range is read again",
                    unexplained.height,
                )
                return False
            self._reject(unexplained, reads)
        elif excused.height:
            warn(
                f"{excused.height} keys differ from the summary; each has rows in quarantine"
                + (" or an invalid total" if self._read.broken_totals else ""),
                ReconciliationWarning,
            )
        return True

    def _reject(self, differing: pl.DataFrame, reads: int) -> None:
        """Raise for keys that differ from the summary, or warn if `reconcile` says so."""
        first = differing.row(0, named=True)
        key = ", ".join(str(first[name]) for name in KEY)
        message = (
            f"the rows and the API's summary differ in {differing.height} keys after {reads} "
            f"reads; for ({key}) the rows sum to cost {first['cost_loaded']!r}, "
            f"quantity {first['quantity_loaded']!r}, the summary to {first['cost_summary']!r}, "
            f"{first['quantity_summary']!r}"
        )
        if self._reconcile == "warn":
            warn(message, ReconciliationWarning)
            return
        raise ReconciliationError(f"{message}. {ADVICE.get().keys}", failures=differing)

    def _open_from(self) -> datetime | None:
        read_at = clocks.earlier(self._exchange.tally.server_time, self._started_at)
        return open_from(self._query, read_at)

    def _receipt(self, compared: pl.DataFrame, quarantined: int) -> Receipt:
        tally, read = self._exchange.tally, self._read
        return Receipt(
            query=self._query,
            requests=tally.requests,
            windows=read.reading.windows,
            pages=read.reading.page_count,
            rows_received=read.kept + quarantined,
            rows_kept=read.kept,
            rows_quarantined=quarantined,
            retries=tally.retries,
            bytes_received=tally.bytes_received,
            started_at=self._started_at,
            finished_at=clocks.local_time(),
            server_time=tally.server_time,
            open_from=self._open_from(),
            reconciliation=compared,
            reconciled=self._reconcile != "off",
        )

    def warn(self) -> None:
        """Warn of what the last read kept or rejected and a caller should know."""
        tally, read = self._exchange.tally, self._read
        clocks.report(tally.skew, on_this_machine=self._exchange.on_this_machine)
        sparse = {name for endpoint in self._query.endpoints for name in endpoint.sparse_names}
        warn_of_unknown(read.kinds, read.ignored, known=sparse)
        read.oddities.warn()
        if totals := read.broken_totals:
            warn(f"{totals:,} rows of the summary are invalid and left out", QuarantineWarning)
        quarantined = sum(bad.height for bad in read.bad)
        if quarantined:
            warn(
                f"{quarantined:,} of {read.kept + quarantined:,} rows are in quarantine, not in "
                "the table",
                QuarantineWarning,
            )
