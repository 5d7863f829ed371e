"""A history of usage that survives, and can be asked what changed.

A store is a Delta table: Parquet that any engine reads, and a log of versions, each committed
whole or not at all. Every version proves itself: it names its files by their own hashes, and says
what its rows add up to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Unpack

import polars as pl

from falusage.api.client import UsageClient
from falusage.api.query import UsageQuery
from falusage.api.ways import Invalid, Reconcile, require_ways
from falusage.contract import UsageFields
from falusage.coverage import Coverage
from falusage.errors import QueryError, StoreError
from falusage.store import _upkeep as upkeep
from falusage.store import _vacuuming as vacuuming
from falusage.store._history import history, restatements, state_at
from falusage.store._lengths import length
from falusage.store._log import Log, State
from falusage.store._place import Place
from falusage.store._scope import Scope
from falusage.store._sync_result import SyncResult
from falusage.store._syncing import Sync
from falusage.store._view import StoreView, scan_whole, view_state, view_whole
from falusage.timeframes import Timeframe, instant


class UsageStore:
    """The usage of an organization, kept on Delta Lake as it was known from day to day.

    Args:
        path: A folder of its own, which the first sync makes, or the address of an object store
            that the Delta library knows (`s3://…`, `gs://…`, `az://…`). Two writers are kept apart
            by conditional PUT (`If-None-Match`), which the vendors document for AWS S3, Cloudflare
            R2, MinIO since 2024, Azure Blob Storage and Google Cloud Storage. On a server without
            it, a commit that another replaced before it was read back raises `StoreError`. CI
            runs stores on an S3 server, and first commits on an Azure one.
        storage_options: What the library needs to get there; see its documentation. By default
            it looks for AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE and AWS_REGION; for
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
    def timeframe(self) -> Timeframe:
        """The length of the store's buckets."""
        self._log.last()
        return self._log.commit(0).scope.timeframe

    @property
    def coverage(self) -> Coverage:
        """What is known of the last version beyond its rows, with its `gaps` if it has any.

        Raises:
            StoreError: There is no store, it is empty, or it cannot be trusted.
        """
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
        it was read, and replaces what the store had of it. A sync that is interrupted goes on from
        there. A piece in which nothing is new commits nothing. What is open, ended or settled is
        decided by the earlier of two clocks, the server's and this machine's; what a store was
        told by a clock that was ahead is read again. Clocks that differ by more than a few minutes
        are named in a `ClockSkewWarning`.

        Args:
            start: Where the store begins: the same in every sync. Parts of the range that the
                store lacks, before or between what it has, are read.
            end: Where to stop, exclusive; by default the present, which is also the latest.
            client: The client to ask with; by default one from the environment, with a bar.
            settle: How long buckets go on changing after their end: `"36h"`, `"3d"`, `"2w"` or a
                timedelta. A longer one reads settled buckets once more.
            allow_empty: Accept it if a day (or longer bucket) that had spend comes back empty.
            invalid: As in `UsageClient.load`: `"quarantine"` leaves invalid rows out of the store.
                The version and `history` count them; `SyncResult.quarantine` has them.
            reconcile: As in `UsageClient.load`: `"warn"` keeps rows that differ from the API's
                totals, `"off"` does not ask for the totals. The version and `history` say so.
            **query: Any other field of `UsageQuery`: the same in every sync, but for `limit`.
                `timeframe` is a day by default. Buckets are always whole.

        Raises:
            StoreError: The store asks something else, cannot be trusted or written; another sync
                of the same range was faster; or a window with spend came back empty.
            QueryError, ConfigError, ApiError, SchemaError, ReconciliationError: As from
                `UsageClient.load`; pieces that were committed before stay.
        """
        if client is None:
            with UsageClient(progress=True) as own:
                return self.sync(
                    start,
                    end=end,
                    client=own,
                    settle=settle,
                    allow_empty=allow_empty,
                    invalid=invalid,
                    reconcile=reconcile,
                    **query,
                )
        require_ways(invalid, reconcile)
        if query.get("bound_to_timeframe", True) is not True:
            raise QueryError("bound_to_timeframe is False; a store's buckets are always whole")
        zone = query.get("timezone", "UTC")
        first = instant(start, timezone=zone, name="start")
        last = None if end is None else instant(end, timezone=zone, name="end")
        asked = query | {"timeframe": query.get("timeframe") or "day"}
        question = UsageQuery(first, last or first + timedelta(days=1), **asked)
        sync = Sync(
            log=self._log,
            client=client,
            scope=Scope.of(question),
            settle=length(settle, name="settle"),
            limit=question.limit,
            allow_empty=allow_empty,
            invalid=invalid,
            reconcile=reconcile,
        )
        return sync.run(first, last)

    def scan(
        self, *, version: int | None = None, as_of: date | datetime | str | None = None
    ) -> pl.LazyFrame:
        """Open the whole store for lazy queries: as it is, or as it was.

        Filters on `bucket` and `bucket_end` decide which files are read; of those, every byte is
        hashed before it is believed.

        Args:
            version: A version of `history`; by default the last.
            as_of: Instead, an instant: what the store knew then. A date means the midnight, in
                the store's time zone, that it begins with.

        Returns:
            The columns of `columns.USAGE`; `read_at`, when the read that brought the row began, by
            the earlier of two clocks; `settled`, false if its bucket was open, or had ended less
            than `settle` ago, when it was last read; then any unknown fields, whole
            numbers as doubles. The rows have no order.

        Raises:
            CoverageError: The version has a gap; `view` takes a range without one.
            StoreError: There is no store, no such version, or it cannot be trusted; out of
                `collect`, if a file that is read is damaged or missing.
        """
        return scan_whole(self._log, self._version(version, as_of))

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
            CoverageError: The range has a gap, or goes beyond what was read. Its `gaps` name them.
            AlignmentError: `start` or `end` is in the middle of a bucket.
            QueryError: `start` is not before `end`, or an argument is malformed.
            StoreError: As in `scan`, or the store is empty.

        Example:
            >>> import falusage as fu, tempfile
            >>> with (
            ...     tempfile.TemporaryDirectory() as folder,
            ...     fu.Emulator() as emulator,
            ...     fu.UsageClient(emulator.api_key, base_url=emulator.base_url) as client,
            ... ):
            ...     store = fu.UsageStore(f"{folder}/usage")
            ...     for start, end in (("2025-03-01", "2025-03-05"), ("2025-03-07", "2025-03-09")):
            ...         done = store.sync(start, end=end, client=client)
            ...     try:
            ...         store.scan()
            ...     except fu.CoverageError as error:
            ...         gap = error.gaps[0]
            ...     first = store.view(end=gap[0]).usage.collect()
            >>> gap[0].isoformat(), first["bucket"].n_unique()
            ('2025-03-05T00:00:00+00:00', 4)
        """
        return view_state(self._log, self._version(version, as_of), start=start, end=end)

    def history(self) -> pl.DataFrame:
        """Return what each version holds, by currency.

        Returns:
            `version`; `kind` (`create`, `sync`, `compact`, `vacuum`, or `columns` for new ones);
            `at`, when the read that made it began, by the earlier of two clocks; `start` and
            `end`, the range that was read; `settled_until`, before which all is settled; then for
            each currency (null where there are no rows) `rows`, `cost`, `change` from the version
            before, and `restated`, the part of it in buckets that had ended when they were last
            read, exact, in Decimal(38, 12); then, for the whole read, `quarantined`, the rows that
            were left out, and `differing`, the keys that differ from the API's totals (null if
            they were not compared). Both are null for a version that read nothing. Sorted by
            version and currency.

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
            The columns of `transforms.restatements`, and `restated`: true where the bucket had
            ended when the old version read it, so that the change is a restatement; false where
            it was open, or not read yet. `cost_delta` sums to the difference of the totals.

        Raises:
            StoreError: There is no such version, or it cannot be trusted.
        """
        if old is None:  # pyright: ignore[reportUnnecessaryComparison] -- callers without a type checker
            raise StoreError("old is None; expected a version, or an instant to look back to")
        before, after = state_at(self._log, old), state_at(self._log, new)
        return restatements(self._log, before, after)

    def compact(self) -> int | None:
        """Merge the settled files of each month, so that a year of nights is quick to scan.

        Every version stays as it is. Gives the new version, or None where there was no need.

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

        Only files that this store wrote are deleted: data files under their exact names, and what a
        killed process left half-written beside them and in the log. Whatever else lies in the
        folder stays, as do links, and everything in a folder that holds another table.

        Args:
            older_than: Also let go of versions that had been superseded so long before the last
                sync: `scan` and `restatements` then raise for them, `history` still has them.
            orphans: How old a file must be to be deleted; a sync that is under way may be about to
                commit a newer one.
            dry_run: Only return which files.

        Returns:
            Their paths, below the store.

        Raises:
            StoreError: The store cannot be trusted or written. If its log is damaged, nothing is
                deleted.
        """
        return vacuuming.vacuum(
            self._log,
            older_than=None if older_than is None else length(older_than, name="older_than"),
            orphans=length(orphans, name="orphans"),
            dry_run=dry_run,
        )

    def verify(self) -> int:
        """Prove every byte of the last version, and what every version says of itself.

        Returns:
            The number of rows.

        Raises:
            StoreError: Something is damaged or missing, and is named; or the rows do not add up
                to what the version says.
        """
        return upkeep.verify(self._log)

    def _version(self, version: int | None, as_of: date | datetime | str | None) -> State:
        if version is not None and as_of is not None:
            raise QueryError("version and as_of both say when; give one of them")
        if version is not None and type(version) is not int:
            raise QueryError(f"version is {version!r}; expected a number of `history`")
        if isinstance(as_of, int):
            raise QueryError(f"as_of is {as_of!r}; expected an instant: a number is a version")
        return state_at(self._log, version if as_of is None else as_of)
