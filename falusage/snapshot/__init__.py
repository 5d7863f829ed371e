"""A usage table as one Parquet file: written whole or not at all, and checked when it is read.

`write_snapshot` writes a table, `download_snapshot` the answer to a query. `open_snapshot` returns
the rows with their coverage, `read_snapshot` and `scan_snapshot` the rows alone, and
`snapshot_metadata` the file's metadata. `download_events` writes billing events, which are no
snapshot.
"""

from __future__ import annotations

from falusage.snapshot._download import download_snapshot
from falusage.snapshot._event_file import download_events as download_events
from falusage.snapshot._metadata import SnapshotMetadata
from falusage.snapshot._quarantine import quarantine_lines as quarantine_lines
from falusage.snapshot._quarantine import quarantine_path as quarantine_path
from falusage.snapshot._snapshot import (
    Snapshot,
    open_snapshot,
    read_snapshot,
    scan_snapshot,
    snapshot_metadata,
    write_snapshot,
)

__all__ = [
    "Snapshot",
    "SnapshotMetadata",
    "download_snapshot",
    "open_snapshot",
    "read_snapshot",
    "scan_snapshot",
    "snapshot_metadata",
    "write_snapshot",
]
