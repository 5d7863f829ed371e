"""The client: the API's address, the key, and how requests are sent and repeated."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, datetime
from typing import TYPE_CHECKING, NoReturn, Unpack

import polars as pl

from falusage.api._event_client import EventClient
from falusage.api._http.address import find_base_url
from falusage.api._http.exchange import Exchange
from falusage.api._http.key import find_key
from falusage.api._http.transport import Transport
from falusage.api._loading import Load, Sink
from falusage.api._server_time import server_time
from falusage.api.load import Table, UsageLoad, to_arrow
from falusage.api.progress import Progress
from falusage.api.query import UsageQuery, edges
from falusage.api.receipt import Receipt
from falusage.api.ways import Invalid, Reconcile, require_ways
from falusage.api.workspace import workspace_name
from falusage.contract import Scope, UsageFields
from falusage.errors import ConfigError, QueryError

if TYPE_CHECKING:
    import pyarrow as pa


class UsageClient(EventClient):
    """A client of the Organization Usage API; safe to share between threads.

    Args:
        api_key: A key of the organization's root team that may read billing; by default
            `FAL_ADMIN_KEY`, then `FAL_KEY`, from the environment.
        base_url: The API's address; by default `FALUSAGE_BASE_URL`, then the provider's own.
        workers: How many requests may be under way at once.
        timeout: Seconds for one whole attempt, body included.
        max_attempts: Attempts for one request, within one budget of retries for a load.
        progress: Show a bar on loads that take longer than a second.
        allow_http: Send the key over plain http to other machines, where it can be read.

    Raises:
        ConfigError: The key is missing or malformed, or the address is rejected.

    Example:
        >>> import falusage as fu
        >>> with fu.Emulator() as emulator, fu.UsageClient(
        ...     emulator.api_key, base_url=emulator.base_url
        ... ) as client:
        ...     load = client.load(fu.UsageQuery("2025-03-01", "2025-03-08"))
        >>> load.receipt.rows_received == load.usage.height
        True
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        workers: int = 8,
        timeout: float = 30.0,
        max_attempts: int = 6,
        progress: bool = False,
        allow_http: bool = False,
    ) -> None:
        for name, value in (("workers", workers), ("max_attempts", max_attempts)):
            if type(value) is not int or value < 1:
                raise ConfigError(f"{name} is {value!r}; expected a whole number from 1 up")
        if type(timeout) not in {int, float} or not 0 < timeout < math.inf:
            raise ConfigError(f"timeout is {timeout!r}; expected a positive number of seconds")
        self._key = find_key(api_key)
        self.base_url = find_base_url(base_url, allow_http=allow_http)
        self.workers = workers
        self.max_attempts = max_attempts
        self.progress = progress
        self._transport = Transport(self._key, self.base_url, timeout=timeout)

    def load(
        self, query: UsageQuery, *, invalid: Invalid = "raise", reconcile: Reconcile = "raise"
    ) -> UsageLoad:
        """Load the usage that `query` asks for, whole or not at all.

        The rows are validated and, key by key, compared with the API's own summary of the same
        query. If they differ by more than the noise of adding doubles and visible rounding, the
        range is read again: once, or twice if pages were followed or buckets are open.

        Args:
            query: What to ask.
            invalid: `"raise"` if rows break the table's rules, or `"quarantine"`: move them
                to `UsageLoad.quarantine`. Rows received = rows kept + rows quarantined.
            reconcile: `"raise"` if the rows differ from the summary, `"warn"`, or `"off"`, which
                does not ask for the summary.

        Raises:
            SchemaError: Rows break the rules; they are in its `failures`.
            ReconciliationError: Rows and summary differ; the keys are in its `failures`.
            ApiError: The exchange failed.
        """
        with self._loading(query, invalid, reconcile, has_ways=True) as load:
            receipt, quarantine = load.into(sink := Table())
        return UsageLoad(sink.table, quarantine, receipt)

    def load_into(
        self,
        sink: Sink,
        query: UsageQuery,
        *,
        invalid: Invalid = "raise",
        reconcile: Reconcile = "raise",
        batch_rows: int | None = None,
        most_rows: int | None = None,
    ) -> tuple[Receipt, pl.DataFrame]:
        """Load as `load` does, but into a sink; see `Load.into`."""
        with self._loading(query, invalid, reconcile, has_ways=True) as load:
            return load.into(sink, batch_rows=batch_rows, most_rows=most_rows)

    def iter_usage(self, query: UsageQuery) -> Iterator[pa.Table]:
        """Yield the usage one page at a time, in order, in bounded memory.

        The protocol is checked and every row is validated, but nothing is compared with the
        API's summary: rows that arrive while a window takes several pages may be missed. Use
        `load` for a total. Unknown fields follow the known columns of the pages that have them.

        Raises:
            SchemaError: A row breaks the rules.
            ApiError: The exchange failed.
        """
        with self._loading(query) as load:
            for items in load.tables(batch_rows=0):
                if items.table.height:
                    yield to_arrow(items.table)

    def fetch_usage(self, query: UsageQuery) -> pa.Table:
        """Return the usage as one Arrow table, checked as by `iter_usage`, without the summary."""
        with self._loading(query) as load:
            (items,) = load.tables()
        return to_arrow(items.table)

    def fetch_summary(self, query: UsageQuery, *, invalid: Invalid = "raise") -> pa.Table:
        """Return the API's own summary of the query's range.

        Args:
            query: What to ask.
            invalid: `"raise"` if a row breaks the rules, or `"quarantine"`: leave such rows out,
                with a warning.

        Returns:
            The columns of `columns.SUMMARY`, then unknown ones; one row per team, product,
            endpoint, unit, price and currency (and caller, if asked for).

        Raises:
            SchemaError: A row breaks the rules.
            ApiError: The exchange failed.
        """
        with self._loading(query, invalid, has_ways=True) as load:
            return to_arrow(load.summary())

    def server_time(self, scope: Scope = "organization") -> datetime | None:
        """Return the present by the server's clock, from the `Date` header of a small answer.

        It is what "until now" means to the server, even if this machine's clock is wrong, or if
        the server replays the past, as `falusage serve` does. The request is for the totals of
        one hour, in the given scope. None if the server sends no `Date`.

        Raises:
            ApiError: The exchange failed, as that of a load would.
        """
        return server_time(self.exchange(), scope)

    def exchange(self, progress: Progress | None = None) -> Exchange:
        """Return what sends the requests of one load, with one budget of retries."""
        return Exchange(
            self._transport,
            self._key,
            workers=self.workers,
            max_attempts=self.max_attempts,
            progress=progress or Progress(shown=False, total=0, title="requests"),
        )

    @contextmanager
    def _loading(
        self,
        query: UsageQuery,
        invalid: Invalid = "raise",
        reconcile: Reconcile = "off",
        *,
        has_ways: bool = False,
    ) -> Generator[Load]:
        """Begin a load. At its end, close its progress bar and warn of what was unusual."""
        require_ways(invalid, reconcile)
        if not isinstance(query, UsageQuery):
            raise QueryError(f"query is {query!r}; expected a UsageQuery; load_usage takes dates")
        buckets = len(edges(query)) - 1 if self.progress else 0
        progress = Progress(shown=self.progress, total=buckets, title="usage")
        exchange = self.exchange(progress)
        load = Load(
            query,
            exchange,
            progress,
            workers=self.workers,
            invalid=invalid,
            reconcile=reconcile,
            has_ways=has_ways,
            workspace=workspace_name(exchange) if query.scope == "workspace" else None,
        )
        try:
            yield load
        finally:
            progress.close()
        load.warn()

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def __enter__(self) -> UsageClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"UsageClient(base_url={self.base_url!r}, workers={self.workers})"

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "a client has a key, so it cannot be pickled; make one where it is needed"
        )


def load_usage(
    start: date | datetime | str,
    end: date | datetime | str,
    *,
    client: UsageClient | None = None,
    invalid: Invalid = "raise",
    reconcile: Reconcile = "raise",
    **query: Unpack[UsageFields],
) -> pl.DataFrame:
    """Load a usage table: validated, and compared with the API's own totals.

    Args:
        start: The first instant, inclusive; a date means midnight in `timezone`.
        end: The last, exclusive.
        client: The client to ask with; by default one from the environment.
        invalid: As in `UsageClient.load`: `"quarantine"` leaves invalid rows out, with a warning.
            To see these rows, use `UsageClient.load`.
        reconcile: As in `UsageClient.load`: `"warn"` turns a difference into a warning, `"off"`
            does not ask for the API's totals.
        **query: Any other field of `UsageQuery`.

    Returns:
        The columns of `columns.USAGE`, then any that are new; one row per line item per bucket.

    Raises:
        QueryError, ConfigError, ApiError, SchemaError, ReconciliationError: As `UsageQuery`,
            `UsageClient` and `UsageClient.load` raise them.
    """
    asked = UsageQuery(start, end, **query)
    if client is not None:
        return client.load(asked, invalid=invalid, reconcile=reconcile).usage
    with UsageClient(progress=True) as own:
        return own.load(asked, invalid=invalid, reconcile=reconcile).usage


def load_summary(
    start: date | datetime | str,
    end: date | datetime | str,
    *,
    client: UsageClient | None = None,
    invalid: Invalid = "raise",
    reconcile: Reconcile = "off",
    **query: Unpack[UsageFields],
) -> pl.DataFrame:
    """Load the API's own summary of a range; arguments and errors as in `load_usage`.

    Args:
        start: The first instant, inclusive; a date means midnight in `timezone`.
        end: The end, exclusive.
        client: The client to ask with; by default one from the environment.
        invalid: `"quarantine"` leaves invalid rows out, with a warning.
        reconcile: `"raise"` or `"warn"` also loads the rows and compares them with the summary.
        **query: Any other field of `UsageQuery`.

    Returns:
        The columns of `columns.SUMMARY`, then any that are new.
    """
    asked = UsageQuery(start, end, **query)
    require_ways(invalid, reconcile)
    with UsageClient() if client is None else nullcontext(client) as asking:
        if reconcile != "off":
            asking.load(asked, invalid=invalid, reconcile=reconcile)
        return pl.DataFrame(asking.fetch_summary(asked, invalid=invalid))
