"""The metadata of a snapshot: one JSON document in the Parquet file's own metadata.

The document is the value of the key `falusage`, and its SHA-256 that of `falusage.sha256`. So it is
checked before the rows are compared with it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl

from falusage._version import __version__
from falusage.api.query import UsageQuery
from falusage.api.receipt import Receipt
from falusage.api.reconciliation import ROUNDING, SIDES
from falusage.columns import KEY
from falusage.coverage import Coverage
from falusage.errors import SnapshotError
from falusage.snapshot.encoding import fields, plain

EDITION: Final = 4
"""The edition of the table and of this document; a file of a later one is rejected.

Files of edition 1 lack the columns of the discount. Files before edition 3 lack the coverage and
the hash of the whole file. Edition 4 also has the usage of workspaces.
"""

SEALED: Final = 3
"""The first edition whose files have a hash of all their bytes."""

_DOCUMENT: Final = "falusage"
_DIGEST: Final = "falusage.sha256"
_COVERAGE_MOMENTS: Final = ("start", "end", "closed_until", "settled_until", "read_at")
_MOMENTS: Final = ("started_at", "finished_at", "server_time", "open_from")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotMetadata:
    """The metadata of a snapshot.

    Attributes:
        rows: How many rows it has.
        start: The first `bucket`, in UTC; None if there are no rows.
        end: The last `bucket_end`, exclusive; None if there are no rows.
        totals: The exact sum of `cost`, to 12 decimals, for each currency.
        content: The hash of the content; see `fingerprint.Fingerprint`.
        coverage: What is known beyond the rows; None for a bare frame without rows.
        receipt: The receipt of the load that it came from, which holds the query; None if it was
            written from anything else.
        edition: The edition of the schema.
        version: The version of falusage that wrote it.
    """

    rows: int
    start: datetime | None
    end: datetime | None
    totals: Mapping[str, Decimal]
    content: str
    coverage: Coverage | None = None
    receipt: Receipt | None = None
    edition: int = EDITION
    version: str = __version__

    @property
    def query(self) -> UsageQuery | None:
        """The query of the load that it came from, if it came from one."""
        return self.receipt.query if self.receipt else None

    def entries(self) -> dict[str, str]:
        """Return the entries that a Parquet file keeps."""
        document = json.dumps(fields(self), default=plain, allow_nan=False)
        return {_DOCUMENT: document, _DIGEST: hashlib.sha256(document.encode()).hexdigest()}

    @classmethod
    def read(cls, entries: Mapping[bytes, bytes]) -> SnapshotMetadata:
        """Read the entries of a Parquet file.

        Raises:
            SnapshotError: They are missing, damaged, or of a later edition.
        """
        document = entries.get(_DOCUMENT.encode())
        if document is None:
            raise SnapshotError(
                "it has no falusage metadata; a Parquet file from elsewhere is read with "
                "pl.read_parquet, and becomes a snapshot by write_snapshot"
            )
        if entries.get(_DIGEST.encode()) != hashlib.sha256(document).hexdigest().encode():
            raise SnapshotError("its metadata is damaged; restore a copy, or write it again")
        said = json.loads(document)
        if said["edition"] > EDITION:
            raise SnapshotError(
                f"falusage {said['version']} wrote it in edition {said['edition']}; this is "
                f"falusage {__version__} and reads up to edition {EDITION}: upgrade it"
            )
        receipt = said["receipt"]
        restored: dict[str, Any] = {
            "start": _moment(said["start"]),
            "end": _moment(said["end"]),
            "totals": {code: Decimal(text) for code, text in said["totals"].items()},
            "coverage": _coverage(said.get("coverage")),
            "receipt": None if receipt is None else _receipt(receipt),
        }
        metadata = cls(**{**said, **restored})
        return metadata if metadata.coverage else metadata._with_coverage()

    def _with_coverage(self) -> SnapshotMetadata:
        """Return the metadata with the coverage that a file of an earlier edition implies."""
        if self.receipt is not None:
            return dataclasses.replace(self, coverage=self.receipt.coverage)
        if self.start is None or self.end is None:
            return self
        bare = Coverage(start=self.start, end=self.end, known=False)
        return dataclasses.replace(self, coverage=bare)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _coverage(fields: dict[str, Any] | None) -> Coverage | None:
    if fields is None:
        return None
    restored: dict[str, Any] = {name: _moment(fields[name]) for name in _COVERAGE_MOMENTS}
    restored["gaps"] = [tuple(map(datetime.fromisoformat, gap)) for gap in fields["gaps"]]
    return Coverage(**{**fields, **restored})


def _receipt(fields: dict[str, Any]) -> Receipt:
    query = UsageQuery(**fields["query"])
    moments: dict[str, Any] = {name: _moment(fields[name]) for name in _MOMENTS}
    if moments["open_from"] is not None:
        moments["open_from"] = moments["open_from"].astimezone(query.start.tzinfo)
    numbers = dict.fromkeys((*SIDES, *ROUNDING), pl.Float64)
    # Files written before rounding was allowed for say nothing of it: there was none.
    said = {name: [0.0] * len(fields["reconciliation"][KEY[0]]) for name in ROUNDING}
    said |= fields["reconciliation"]
    sides = pl.DataFrame(said, schema=dict.fromkeys(KEY, pl.String) | numbers)
    # Files that were written before this was noted have no summary where it was not asked for.
    asked = sides.is_empty() or not sides["cost_summary"].is_null().all()
    restored: dict[str, Any] = {**moments, "query": query, "reconciliation": sides}
    fields = {"reconciled": asked, **fields}
    return Receipt(**{**fields, **restored})
