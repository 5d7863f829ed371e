"""A usage table as one Parquet file: written whole or not at all, and proven when it is read.

`write_snapshot` and `download_snapshot` make one of a table or of a stream, `read_snapshot` and
`scan_snapshot` read it, and `snapshot_metadata` returns what it says of itself.
"""

from __future__ import annotations

from falusage.snapshot._download import download_snapshot
from falusage.snapshot._metadata import SnapshotMetadata
from falusage.snapshot._quarantine import quarantine_lines as quarantine_lines
from falusage.snapshot._quarantine import quarantine_path as quarantine_path
from falusage.snapshot._snapshot import (
    read_snapshot,
    scan_snapshot,
    snapshot_metadata,
    write_snapshot,
)

__all__ = [
    "SnapshotMetadata",
    "download_snapshot",
    "read_snapshot",
    "scan_snapshot",
    "snapshot_metadata",
    "write_snapshot",
]
