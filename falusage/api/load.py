"""A load: read, validated, and held against the API's own summary until both agree.

What differs is read again, because rows may have arrived between two pages or between the rows
and the summary; what still differs then is refused. The same steps serve a table in memory and
a stream that never holds it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

import polars as pl
import pyarrow as pa

from falusage import _clocks as clocks
from falusage.api._http.exchange import Exchange
from falusage.api._pages.answers import FAULTS, RECEIVED, Kind
from falusage.api._pages.fast import Page
from falusage.api._pages.paging import Reading
from falusage.api._pages.unknown_fields import assemble, joint_kinds, warn_of_unknown
from falusage.api.progress import Progress
from falusage.api.query import UsageQuery
from falusage.api.receipt import Receipt, open_from
from falusage.api.reconciliation import compare, differences, sums
from falusage.columns import KEY
from falusage.coverage import Coverage
from falusage.errors import (
    QuarantineWarning,
    QueryError,
    ReconciliationError,
    ReconciliationWarning,
    warn,
)
from falusage.schema.validation import RULES, Oddities, refuse, validate

Invalid = Literal["raise", "quarantine"]
Reconcile = Literal["raise", "warn", "off"]

_REGROUP_AFTER = 64


@dataclass(frozen=True, slots=True)
class Options:
    """What a message calls the ways out of a rejected load: where they are typed decides it."""

    quarantine: str = "invalid='quarantine'"
    warn: str = "reconcile='warn'"


_IN_PYTHON: Final = Options()
_options: ContextVar[Options] = ContextVar("options", default=_IN_PYTHON)


@contextmanager
def naming(options: Options) -> Generator[None]:
    """Have messages call the ways out by other names, as the command line does."""
    token = _options.set(options)
    try:
        yield
    finally:
        _options.reset(token)


def require_ways(invalid: str, reconcile: str) -> None:
    """Raise if `invalid` or `reconcile` is none of its choices.

    Raises:
        QueryError: It names the choices.
    """
    for name, value, choices in (
        ("invalid", invalid, get_args(Invalid)),
        ("reconcile", reconcile, get_args(Reconcile)),
    ):
        if value not in choices:
            raise QueryError(f"{name} is {value!r}; expected {' or '.join(map(repr, choices))}")


@dataclass(frozen=True, slots=True)
class UsageLoad:
    """A table, with what is needed to believe it.

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
    """Give a frame as an Arrow table that every Arrow library reads."""
    return table.to_arrow(compat_level=pl.CompatLevel.oldest())


@dataclass
class Load:
    """A load in progress: `tables`, then `receipt`, again for as long as that gives None.

    `has_ways` is whether the caller could choose `invalid` and `reconcile`; messages suggest no
    option that the caller does not have.
    """

    query: UsageQuery
    exchange: Exchange
    workers: int
    progress: Progress
    invalid: Invalid = "raise"
    reconcile: Reconcile = "raise"
    has_ways: bool = True
    started_at: datetime = field(default_factory=lambda: clocks.local_time())  # noqa: PLW0108 - looked up when it is called
    kinds: dict[str, Kind] = field(default_factory=dict[str, "Kind"])
    reads: int = 0

    def tables(self, *, batch_rows: int | None = None) -> Iterator[pl.DataFrame]:
        """Read the range once more: validated tables of about `batch_rows`, or a single one."""
        self.exchange.tally.server_time = None
        self.reads += 1
        self._reading = Reading(
            self.query, self.exchange, self.workers, self.progress, self.reconcile != "off"
        )
        self._begin()
        pages: list[Page] = []
        waiting = 0
        for page in self._reading.pages():
            pages.append(page)
            waiting += page.rows.height if page.rows is not None else 0
            if batch_rows is not None and waiting >= batch_rows:
                table = self._validated(pages)
                pages, waiting = [], 0
                yield table
                del table
        if pages or not self._sums:
            # In one piece for whoever keeps it; a stream's batches are gone before that would pay.
            yield self._validated(pages).rechunk()

    def _begin(self) -> None:
        self.kinds = {}
        self._kept = self._quarantined = 0
        self._bad: list[pl.DataFrame] = []
        self._sums: list[pl.DataFrame] = []
        self._ignored: set[str] = set()
        self._oddities = Oddities()

    __post_init__ = _begin

    def _validated(self, pages: list[Page]) -> pl.DataFrame:
        table = assemble(pages)
        self.kinds |= joint_kinds(pages)
        self._ignored |= {name for page in pages for name in page.ignored}
        checked = validate(table, faults=FAULTS, received=RECEIVED)
        if self.invalid == "raise":
            refuse(checked.bad, what=f"{table.height:,} rows received", mend=self._mend())
        self._kept += checked.good.height
        self._quarantined += checked.bad.height
        self._bad.append(checked.bad)
        self._oddities += Oddities.of(checked.good)
        self._sums.append(sums([checked.good]))
        if len(self._sums) >= _REGROUP_AFTER:
            self._sums = [sums(self._sums)]
        return checked.good

    @property
    def quarantine(self) -> pl.DataFrame:
        """The rows that the last read set aside."""
        return pl.concat(self._bad, how="diagonal_relaxed")

    def receipt(self) -> Receipt | None:
        """Hold the last read against the summary; None if the range must be read again.

        Raises:
            ReconciliationError: They still disagree, after as many reads as make sense.
            SchemaError: The summary's own rows break the rules.
        """
        compared = compare(sums(self._sums), self._summary())
        differing = differences(compared) if self.reconcile != "off" else compared.clear()
        if differing.height:
            excused = _excused(differing, self.quarantine)
            unexplained = differing.join(excused, on=KEY, how="anti", nulls_equal=True)
            if unexplained.height:
                if self.reads < 2 + (self._reading.followed or self._open_from() is not None):
                    return None
                self._disagree(unexplained)
            elif excused.height:
                warn(
                    f"{excused.height} keys differ from the summary; each has rows in quarantine",
                    ReconciliationWarning,
                )
        return self._receipt(compared)

    def _summary(self) -> pl.DataFrame | None:
        if self.reconcile == "off":
            return None
        return self._valid_summary(self._reading.summaries)

    def summary(self) -> pl.DataFrame:
        """Read the API's own summary of the range, validated."""
        reading = Reading(self.query, self.exchange, self.workers, self.progress, True)
        pages = reading.read_summary()
        self.kinds = joint_kinds(pages, of="summary")
        summary = self._valid_summary(pages)
        if left_out := sum(page.summary.height for page in pages if page.summary is not None):
            left_out -= summary.height
        if left_out:
            warn(f"{left_out:,} rows of the summary are invalid and left out", QuarantineWarning)
        return summary

    def _valid_summary(self, pages: list[Page]) -> pl.DataFrame:
        table = assemble(pages, of="summary")
        checked = validate(table, kind="summary", faults=FAULTS, received=RECEIVED)
        if self.invalid == "raise":
            refuse(checked.bad, what="summary's rows", mend=self._mend())
        return checked.good

    def _mend(self) -> str:
        return f"; {_options.get().quarantine} sets them aside instead" if self.has_ways else ""

    def _disagree(self, differing: pl.DataFrame) -> None:
        first = differing.row(0, named=True)
        key = ", ".join(str(first[name]) for name in KEY)
        message = (
            f"the rows and the API's summary disagree on {differing.height} of their keys after "
            f"{self.reads} reads; for ({key}) the rows sum to cost {first['cost_loaded']!r}, "
            f"quantity {first['quantity_loaded']!r}, the summary to {first['cost_summary']!r}, "
            f"{first['quantity_summary']!r}"
        )
        if self.reconcile == "warn":
            warn(message, ReconciliationWarning)
            return
        raise ReconciliationError(
            f"{message}. All are in this error's `failures`; try again, or look at both sides "
            f"with {_options.get().warn}",
            failures=differing,
        )

    def _open_from(self) -> datetime | None:
        return open_from(
            self.query, clocks.earlier(self.exchange.tally.server_time, self.started_at)
        )

    def _receipt(self, compared: pl.DataFrame) -> Receipt:
        tally = self.exchange.tally
        return Receipt(
            query=self.query,
            requests=tally.requests,
            windows=self._reading.windows,
            pages=self._reading.page_count,
            rows_received=self._kept + self._quarantined,
            rows_kept=self._kept,
            rows_quarantined=self._quarantined,
            retries=tally.retries,
            bytes_received=tally.bytes_received,
            started_at=self.started_at,
            finished_at=clocks.local_time(),
            server_time=tally.server_time,
            open_from=self._open_from(),
            reconciliation=compared,
            reconciled=self.reconcile != "off",
        )

    def warn(self) -> None:
        """Say what the last read kept but is worth a look."""
        clocks.report(self.exchange.tally.skew, on_this_machine=self.exchange.on_this_machine)
        warn_of_unknown(self.kinds, sorted(self._ignored))
        self._oddities.warn()
        if self._quarantined:
            warn(
                f"{self._quarantined:,} of {self._kept + self._quarantined:,} rows are in "
                "quarantine, not in the table",
                QuarantineWarning,
            )


def _excused(differing: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """Give the differing keys that rows in quarantine may belong to.

    A part of the key that is itself broken may stand for any.
    """
    keys = bad.select(
        *(pl.col(name) for name in KEY if name != "currency"),
        pl.when(pl.col(RULES).list.eval(pl.element().str.starts_with("currency: ")).list.any())
        .then(None)
        .otherwise(pl.col("currency"))
        .alias("currency"),
    ).unique()
    pairs = differing.join(keys, how="cross", suffix="_bad")
    matches = pl.all_horizontal(
        pl.col(f"{name}_bad").is_null() | (pl.col(name) == pl.col(f"{name}_bad")) for name in KEY
    )
    return pairs.filter(matches).select(differing.columns).unique()
