"""What other rooms use of this one. A name is imported on its first use, as in the package."""

from ._download import download_snapshot as download_snapshot
from ._event_file import download_events as download_events
from ._metadata import SnapshotMetadata as SnapshotMetadata
from ._quarantine import quarantine_lines as quarantine_lines
from ._quarantine import quarantine_path as quarantine_path
from ._snapshot import Snapshot as Snapshot
from ._snapshot import open_snapshot as open_snapshot
from ._snapshot import read_snapshot as read_snapshot
from ._snapshot import scan_snapshot as scan_snapshot
from ._snapshot import snapshot_metadata as snapshot_metadata
from ._snapshot import write_snapshot as write_snapshot
