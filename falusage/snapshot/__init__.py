"""A usage table as one Parquet file: written whole or not at all, and checked when it is read.

`write_snapshot` writes a table, `download_snapshot` the answer to a query. `open_snapshot` returns
the rows with their coverage, `read_snapshot` and `scan_snapshot` the rows alone, and
`snapshot_metadata` the file's metadata. `download_events` writes billing events, which are no
snapshot.

Names resolve on first use: `download_snapshot` asks for the first pages before pyarrow is imported.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
