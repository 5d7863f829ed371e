"""A history of usage: a Delta table of Parquet files, and a log of its versions.

A version is committed whole or not at all. It names its files by their hashes, and has totals.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Unpack

from falusage.api.client import UsageClient
from falusage.api.ways import Invalid, Reconcile, require_ways
from falusage.contract import UsageFields
from falusage.store import _upkeep as upkeep
from falusage.store import _vacuuming as vacuuming
from falusage.store._lengths import length
from falusage.store._log import Log
from falusage.store._place import Place
from falusage.store._reading import Reading
from falusage.store._scope import Scope, named, question
from falusage.store._sync_result import SyncResult
from falusage.store._syncing import Sync


class UsageStore(Reading):
    """The usage of an organization, kept on Delta Lake as it was known from day to day.

    Args:
        path: A folder of its own, which the first sync makes, or the address of an object store
            that the Delta library knows (`s3://…`, `gs://…`, `az://…`). Two writers are kept apart
            by conditional PUT (`If-None-Match`), which AWS S3, Cloudflare R2, MinIO since 2024,
            Azure and Google Cloud Storage document. On a server without it, a commit that another
            replaced before it was read back raises `StoreError`. CI runs all three.
        storage_options: What the Delta library needs to get there. By default it looks for
            AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE and AWS_REGION; for
            AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY; or for
            GOOGLE_APPLICATION_CREDENTIALS.

    Raises:
        MissingExtraError: The extra `store` is not installed.
        StoreError: The path cannot be a store's.

    >>> import falusage as fu, tempfile
    >>> usage = fu.sample_usage(start="2025-03-01", end="2025-03-08", every="1d").usage
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     fu.Emulator(usage) as emulator,
    ...     fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
    ... ):
    ...     store = fu.UsageStore(f"{folder}/usage")
    ...     first = store.sync("2025-03-01", end="2025-03-08", client=client)
    ...     emulator.replace(usage[1:])  # a row is taken back
    ...     again = store.sync("2025-03-01", end="2025-03-08", client=client, settle="999w")
    ...     changed = store.restatements(first.version)
    >>> first.rows_changed == first.rows_read, again.rows_changed, changed["change"].to_list()
    (True, 1, ['changed'])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        storage_options: Mapping[str, str] | None = None,
    ) -> None:
        self._log = Log(Place.of(path, storage_options))

    def __repr__(self) -> str:
        return f"UsageStore({str(self._log.place)!r})"

    def sync(
        self,
        start: date | datetime | str,
        *,
        end: date | datetime | str | None = None,
        client: UsageClient | None = None,
        settle: str | timedelta = "3d",
        allow_empty: bool = False,
        invalid: Invalid = "raise",
        reconcile: Reconcile = "raise",
        **query: Unpack[UsageFields],
    ) -> SyncResult:
        """Bring the store up to date: read new usage, and recent usage again.

        Buckets that ended less than `settle` ago are read again, because they may still change.
        The range is read in pieces of whole days (or longer buckets). Each piece is committed when
        it was read, and replaces what the store had of it; one in which nothing is new commits
        nothing. An interrupted sync continues there. The earlier of two clocks, the server's and
        this machine's, decides what is open, ended or settled; what a clock that was ahead told is
        read again. If they differ by more than a few minutes, a `ClockSkewWarning` says so.

        Args:
            start: Where the store begins: the same in every sync. Missing parts are read.
            end: Where to stop, exclusive; by default the present, which is also the latest.
            client: The client to ask with; by default one from the environment.
            settle: How long buckets may change after their end: `"36h"`, `"3d"` or a timedelta.
            allow_empty: Accept a day (or longer bucket) without spend that had some before.
            invalid: As in `UsageClient.load`. The version and `history` count the rows that
                `"quarantine"` leaves out; `SyncResult.quarantine` has them.
            reconcile: As in `UsageClient.load`. The version and `history` say what differs.
            **query: Any other field of `UsageQuery`: the same in every sync, but for `limit`.
                `timeframe` is a day by default. Buckets are always whole.

        Raises:
            StoreError: The store asks something else, cannot be trusted or written; another sync
                of the same range was faster; or a window with spend came back empty.
            QueryError, ConfigError, ApiError, SchemaError, ReconciliationError: As from
                `UsageClient.load`; pieces that were committed before stay.
        """
        require_ways(invalid, reconcile)
        first, last, asked = question(start, end, query)
        with nullcontext(client) if client else UsageClient(progress=True) as own:
            sync = Sync(
                log=self._log,
                client=own,
                scope=Scope.of(asked, named(own) if asked.scope == "workspace" else None),
                settle=length(settle, name="settle"),
                limit=asked.limit,
                allow_empty=allow_empty,
                invalid=invalid,
                reconcile=reconcile,
            )
            return sync.run(first, last)

    def compact(self) -> int | None:
        """Merge the settled files of each month, so that a year of nights is quick to scan.

        Every version stays as it is. Returns the new version, or None if there was no need.

        Raises:
            StoreError: The store cannot be trusted or written.
        """
        return upkeep.compact(self._log)

    def vacuum(
        self,
        *,
        older_than: str | timedelta | None = None,
        orphans: str | timedelta = "7d",
        dry_run: bool = False,
    ) -> list[str]:
        """Delete files that are not needed; by default those of no version, so nothing is lost.

        Only files that this store wrote are deleted: data files under their exact names, and what
        a killed process left half-written. Other files stay, as do links, and everything in a
        folder that holds another table.

        Args:
            older_than: Also delete versions that were replaced so long before the last sync:
                `scan` and `restatements` then raise for them, `history` still has them.
            orphans: How old a file must be; a sync under way may be about to commit a newer one.
            dry_run: Only return which files.

        Returns:
            Their paths, below the store.

        Raises:
            StoreError: The store cannot be trusted or written; nothing is deleted.
        """
        return vacuuming.vacuum(
            self._log,
            older_than=None if older_than is None else length(older_than, name="older_than"),
            orphans=length(orphans, name="orphans"),
            dry_run=dry_run,
        )

    def verify(self) -> int:
        """Check every byte of the last version and every entry of the log; return its rows' count.

        Raises:
            StoreError: Something is damaged or missing, or the totals do not match.
        """
        return upkeep.verify(self._log)
