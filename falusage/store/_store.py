"""A history of usage: a Delta table of Parquet files, and a log of its versions.

A version is committed whole or not at all. It names its files by their hashes, and has totals.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Unpack

import polars as pl

from falusage.api.client import UsageClient
from falusage.api.ways import Invalid, Reconcile, require_ways
from falusage.contract import UsageFields
from falusage.coverage import Coverage
from falusage.store import _upkeep as upkeep
from falusage.store import _vacuuming as vacuuming
from falusage.store._history import history, restatements, state_as
from falusage.store._lengths import length
from falusage.store._log import Log
from falusage.store._place import Place
from falusage.store._scope import Scope, named, question
from falusage.store._sync_result import SyncResult
from falusage.store._syncing import Sync
from falusage.store._view import StoreView, scan_whole, view_state, view_whole


class UsageStore:
    """The usage of an organization, kept on Delta Lake as it was known from day to day.

    Args:
        path: A folder of its own, which the first sync makes, or the address of an object store
            that the Delta library knows (`s3://…`, `gs://…`, `az://…`). Two writers are kept apart
            by conditional PUT (`If-None-Match`), which AWS S3, Cloudflare R2, MinIO since 2024,
            Azure and Google Cloud Storage document. On a server without it, a commit that another
            replaced before it was read back raises `StoreError`. CI runs S3 and Azure servers.
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

    @property
    def timezone(self) -> str:
        """The zone that the store's buckets are cut in."""
        self._log.last()
        return self._log.commit(0).scope.timezone

    @property
    def coverage(self) -> Coverage:
        """What is known of the last version; a missing or an empty store is a `StoreError`."""
        return view_whole(self._log, self._log.state())[1]

    def __usage__(self) -> tuple[pl.LazyFrame, Coverage]:
        """Return the rows and the coverage of the last version, for functions that take usage."""
        return view_whole(self._log, self._log.state())

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

    def scan(
        self, *, version: int | None = None, as_of: date | datetime | str | None = None
    ) -> pl.LazyFrame:
        """Open the whole store for lazy queries: as it is, or as it was.

        Filters on `bucket` and `bucket_end` decide which files are read; each is hashed first.

        Args:
            version: A version of `history`; by default the last.
            as_of: Instead, an instant: what the store knew then. A date means midnight in the
                store's time zone.

        Returns:
            The columns of `columns.USAGE`; `read_at`, when the read that brought the row began, by
            the earlier of two clocks; `settled`, false if its bucket was open, or had ended less
            than `settle` ago, when it was last read; then any unknown fields, whole
            numbers as doubles. The rows have no order.

        Raises:
            CoverageError: The version has a gap; `view` takes a range without one.
            StoreError: There is no such version, or it, or a file that is read, is damaged.
        """
        return scan_whole(self._log, state_as(self._log, version, as_of))

    def view(
        self,
        *,
        start: date | datetime | str | None = None,
        end: date | datetime | str | None = None,
        version: int | None = None,
        as_of: date | datetime | str | None = None,
    ) -> StoreView:
        """Open a range of the store without a gap.

        Args:
            start: Where the range begins; by default where the store does. A date means midnight
                in the store's time zone.
            end: Where it ends, exclusive; by default where the store does. Buckets that have not
                ended yet may lie before it.
            version: As in `scan`.
            as_of: As in `scan`.

        Returns:
            A view with `usage`, a LazyFrame as `scan` returns it, and `coverage`. It can be passed
            wherever usage is expected.

        Raises:
            CoverageError: The range has a gap, or goes beyond what was read.
            AlignmentError: `start` or `end` is in the middle of a bucket.
            QueryError: `start` is not before `end`, or an argument is malformed.
            StoreError: As in `scan`, or the store is empty.

        >>> import falusage as fu, tempfile
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     fu.Emulator() as emulator,
        ...     fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
        ... ):
        ...     store = fu.UsageStore(f"{folder}/usage")
        ...     for start, end in (("2025-03-01", "2025-03-05"), ("2025-03-07", "2025-03-09")):
        ...         done = store.sync(start, end=end, client=client)
        ...     first = store.view(end=store.coverage.gaps[0][0])
        ...     days = first.usage.collect()["bucket"].n_unique()
        >>> first.coverage.end.isoformat(), days
        ('2025-03-05T00:00:00+00:00', 4)
        """
        return view_state(self._log, state_as(self._log, version, as_of), start=start, end=end)

    def history(self) -> pl.DataFrame:
        """Return what each version holds, by currency.

        Returns:
            `version`; `kind` (`create`, `sync`, `compact`, `vacuum`, or `columns` for new ones);
            `at`, when its read began, by the earlier of two clocks; `start` and `end`, the range
            that was read; `settled_until`, before which all is settled; for each currency (null if
            there are no rows) `rows`, `cost`, `change` from the version before, and `restated`,
            the part of it in buckets that had ended when they were last read, in Decimal(38, 12);
            for the whole read, `quarantined`, the rows left out, and `differing`, the keys that
            differ from the API's totals (null if not compared). Both are null for a version that
            read nothing. Sorted by version and currency.

        Raises:
            StoreError: There is no store, or its log cannot be trusted.
        """
        return history(self._log)

    def restatements(
        self,
        old: int | date | datetime | str,
        new: int | date | datetime | str | None = None,
    ) -> pl.DataFrame:
        """Return the rows in which two versions differ. Old rows plus these are the new rows.

        Args:
            old: A version, or an instant as in `scan(as_of=)`.
            new: A version or an instant, too; by default the last version.

        Returns:
            The columns of `transforms.restatements`, and `restated`: false where the old version
            had read the bucket before its end, or not at all. `cost_delta` sums to the difference.

        Raises:
            StoreError: There is no such version, or it cannot be trusted.
        """
        return restatements(self._log, old, new)

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
