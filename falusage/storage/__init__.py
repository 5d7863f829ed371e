"""Usage kept on disk: written whole or not at all, and proven when it is read.

`write_snapshot` and `download_snapshot` make one Parquet file of a table or of a stream,
`read_snapshot` and `scan_snapshot` read it, and `snapshot_metadata` tells what it says of itself.
`UsageStore` keeps a history on Delta Lake.
"""

from __future__ import annotations

from falusage.storage.download import download_snapshot
from falusage.storage.metadata import SnapshotMetadata
from falusage.storage.snapshot import (
    read_snapshot,
    scan_snapshot,
    snapshot_metadata,
    write_snapshot,
)
from falusage.storage.store import UsageStore
from falusage.storage.syncing import SyncResult
from falusage.storage.view import StoreView

__all__ = [
    "SnapshotMetadata",
    "StoreView",
    "SyncResult",
    "UsageStore",
    "download_snapshot",
    "read_snapshot",
    "scan_snapshot",
    "snapshot_metadata",
    "write_snapshot",
]
