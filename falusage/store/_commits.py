"""What a version of a store says of itself: one JSON document in its commit, with its digest.

The document names what the store asks, which windows it holds and how final they are, the totals
that its rows must have and a hash of the names of its files, which are themselves the hashes of
what is in them. So one document proves a whole version, and nothing else in the log is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final, Literal, cast

import polars as pl

from falusage import _spans as spans
from falusage._spans import Span, Spans
from falusage._version import __version__
from falusage.api.receipt import Receipt
from falusage.columns import exact
from falusage.errors import StoreError
from falusage.snapshot.encoding import plain
from falusage.store._scope import Scope

EDITION: Final = 3
"""The edition of stores that this version writes; a store of a later one is rejected.

What a version of edition 2 says is settled or closed is so by the earlier of two clocks; before, it
was so by the server's alone. See `finality`. Edition 3 also has the usage of workspaces.
"""

EXACT: Final = Context(prec=60)
"""Sums of Decimal(38, 12) in full; Python's own context would round them to 28 digits."""

Kind = Literal["create", "columns", "sync", "compact", "vacuum"]
ENTRY: Final = "falusage"
DIGEST: Final = "falusage.sha256"


@dataclass(frozen=True, slots=True)
class Total:
    """The rows of one currency, and the exact sum of their costs."""

    rows: int
    cost: Decimal


Totals = Mapping[str, Total]


@dataclass(frozen=True, slots=True)
class LetThrough:
    """What a sync was told to let through in the ranges that it read.

    Attributes:
        spans: The ranges, without what was read again since.
        quarantined: How many rows were left out.
        differing: How many keys differ from the API's totals; None if they were not compared.
    """

    spans: Spans
    quarantined: int
    differing: int | None

    @classmethod
    def of(cls, receipt: Receipt | None, span: Span) -> tuple[LetThrough, ...]:
        """Return what a load let through, if anything."""
        if receipt is None or (
            receipt.reconciled and not receipt.rows_quarantined and not receipt.differing
        ):
            return ()
        differing = receipt.differing if receipt.reconciled else None
        return (cls((span,), receipt.rows_quarantined, differing),)

    def without(self, span: Span) -> tuple[LetThrough, ...]:
        """Return what remains once a range was read again."""
        left = spans.without(self.spans, [span])
        return (replace(self, spans=left),) if left else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What one version says of itself.

    Attributes:
        kind: What made it: `sync`, `create`, `columns` (new ones), `compact` or `vacuum`.
        at: The time of the read that made it, by the earlier of the server's clock and this
            machine's, but not before the version that it follows; what the store knew from then on.
        scope: What the store asks.
        span: The range that was read; None where nothing was.
        settle: How old a bucket was to be to count as settled.
        totals: The rows and the cost of the whole version, by currency.
        restated: By how much the cost of buckets changed that had ended when they were last read.
        settled: The windows that were older than `settle` when they were read.
        closed: The windows that had ended when they were read.
        let_through: What was let through in the last read of each range.
        files: The hash of the version's files and columns; see `seal`.
        receipt: That of the load, without its sums key by key.
        edition: The edition in which it says this.
        version: The version of falusage that wrote it.
    """

    kind: Kind
    at: datetime
    scope: Scope
    span: Span | None = None
    settle: timedelta | None = None
    totals: Totals
    restated: Mapping[str, Decimal]
    settled: Spans
    closed: Spans
    files: str
    receipt: Mapping[str, Any] | None = None
    let_through: tuple[LetThrough, ...] = ()
    edition: int = EDITION
    version: str = __version__

    def then(self, kind: Kind, **said: Any) -> Commit:
        """Return the document of the next version, without what belongs to this one alone."""
        for_itself = {"span": None, "restated": {}, "receipt": None, "version": __version__}
        return replace(self, kind=kind, **(for_itself | said))

    def entries(self) -> dict[str, str]:
        """Return the entries that the commit keeps."""
        taken = {field.name: getattr(self, field.name) for field in fields(self)}
        taken["settle"] = None if self.settle is None else self.settle.total_seconds()
        document = json.dumps(taken, default=plain, allow_nan=False)
        return {ENTRY: document, DIGEST: _sha256(document)}

    @classmethod
    def read(cls, entries: Mapping[str, Any]) -> Commit:
        """Read the entries of a commit.

        Raises:
            StoreError: They are missing, damaged, or of a later edition; the caller names where.
        """
        document, digest = entries.get(ENTRY), entries.get(DIGEST)
        if document is None and digest is None:
            raise StoreError(
                "it was not written by falusage; a store is changed by `sync`, `compact` and "
                "`vacuum` alone, because only what they prove can be believed"
            )
        if type(document) is not str or digest != _sha256(document):
            raise StoreError("its document is damaged; restore a copy")
        said = json.loads(document)
        if said["edition"] > EDITION:
            raise StoreError(
                f"falusage {said['version']} wrote it in edition {said['edition']}; this is "
                f"falusage {__version__} and reads up to edition {EDITION}: upgrade it"
            )
        restored: dict[str, Any] = {
            "at": datetime.fromisoformat(said["at"]),
            "scope": Scope.read(said["scope"]),
            "span": _spans([said["span"]])[0] if said["span"] else None,
            "settle": None if said["settle"] is None else timedelta(seconds=said["settle"]),
            "totals": {
                currency: Total(total["rows"], Decimal(total["cost"]))
                for currency, total in said["totals"].items()
            },
            "restated": {code: Decimal(text) for code, text in said["restated"].items()},
            "settled": _spans(said["settled"]),
            "closed": _spans(said["closed"]),
            "let_through": tuple(
                LetThrough(_spans(each["spans"]), each["quarantined"], each["differing"])
                for each in said.get("let_through", ())
            ),
        }
        return cls(**{**said, **restored})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _spans(pairs: Iterable[Iterable[str]]) -> Spans:
    return tuple(
        cast("Span", tuple(datetime.fromisoformat(text).astimezone(UTC) for text in pair))
        for pair in pairs
    )


def seal(paths: Iterable[str], schema: Mapping[str, pl.DataType]) -> str:
    """Return the hash of a version's files, by name, and of its columns."""
    columns = {name: str(dtype) for name, dtype in schema.items()}
    return _sha256(json.dumps([sorted(paths), columns]))


def said_of(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as a commit keeps it: without the sums by key, which need most space."""
    taken = {field.name: getattr(receipt, field.name) for field in fields(receipt)}
    counts = {
        "keys_reconciled": taken.pop("reconciliation").height,
        "keys_differing": receipt.differing if receipt.reconciled else None,
    }
    return json.loads(json.dumps({**taken, **counts}, default=plain))


def totals_of(rows: pl.DataFrame) -> dict[str, Total]:
    """Count rows and add up their costs, by currency."""
    sums = rows.group_by("currency").agg(pl.len(), exact("cost").sum())
    return {currency: Total(count, cost) for currency, count, cost in sums.sort("currency").rows()}


def moved(totals: Totals, *, gone: Totals, come: Totals) -> dict[str, Total]:
    """Return the totals after some rows were removed and others added."""
    nothing = Total(0, Decimal(0))
    moved = {
        currency: Total(
            had.rows - less.rows + more.rows,
            EXACT.add(EXACT.subtract(had.cost, less.cost), more.cost),
        )
        for currency in sorted({*totals, *come})
        for had, less, more in [[each.get(currency, nothing) for each in (totals, gone, come)]]
    }
    return {currency: total for currency, total in moved.items() if total.rows}
