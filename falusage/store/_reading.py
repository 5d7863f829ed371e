"""What can be read from a store: its rows as they are or were, and how its versions differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache, partial

import polars as pl

from falusage._usage.settling import Kept
from falusage.coverage import Coverage
from falusage.store._differences import restatements_in_parts
from falusage.store._history import history, state_as
from falusage.store._log import Log
from falusage.store._settling import settles, settling
from falusage.store._view import StoreView, scan_whole, view_state, view_whole


class Reading:
    """The part of a store that reads and never writes."""

    _log: Log

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

    def __kept__(self) -> Kept:
        """Return the same and how it settled, for functions that look ahead."""
        state = self._log.state()
        return Kept(*view_whole(self._log, state), cache(partial(settles, self._log, state)))

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
        return pl.concat(self.iter_restatements(old, new))

    def iter_restatements(
        self,
        old: int | date | datetime | str,
        new: int | date | datetime | str | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Yield what `restatements` returns in parts, in order, however many rows differ.

        Args:
            old: As in `restatements`.
            new: As in `restatements`.

        Yields:
            The rows of a stretch of time. The first part has the columns and no rows.

        Raises:
            StoreError: There is no such version, or it cannot be trusted.
        """
        return restatements_in_parts(self._log, old, new)

    def settling(self) -> pl.DataFrame:
        """Return how much of its final cost a window had at which age.

        A window is a local day, or a longer bucket. Its cost may still change after it has ended:
        a read that comes early then knows a part of it. Only windows that are settled by now
        count, at each read after their end but the last. A store that has read every window once
        has no rows, one that has seen no restatement a `known` of 1. If a store has seen some,
        `month_outlook` and `report` use it for the days that are not settled.

        Returns:
            `age` (Int64, whole days of 24 hours since the window ended, when it was read);
            `currency`; `windows` (Int64, how many were read at that age and again later, and had
            cost; of several reads of one at one age, the last counts); `cost` (at that age) and
            `final` (now), their sums in Decimal(38, 12); `known` (Float64, cost / final; null if
            final is zero); `lo_80` and `hi_80` (Float64, between which it was for 80 % of windows:
            the quantiles 0.1 and 0.9, by window). Sorted by age and currency. Reads whose files
            a vacuum deleted are left out.

        Raises:
            StoreError: There is no store, or it cannot be trusted.
        """
        return settling(self._log)
