"""What a client does with billing events; `UsageClient` inherits it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Unpack

import polars as pl

from falusage.api._event_query import EventQuery, make_event_query
from falusage.api._event_reading import EventReading
from falusage.api._http.exchange import Exchange
from falusage.api._loading import Sink
from falusage.api.load import to_arrow
from falusage.api.progress import Progress
from falusage.api.ways import Invalid, require_ways
from falusage.api.workspace import workspace_name
from falusage.contract import EventFields

if TYPE_CHECKING:
    import pyarrow as pa


class EventClient(ABC):
    """A client of billing events."""

    workers: int
    progress: bool

    @abstractmethod
    def exchange(self, progress: Progress) -> Exchange:
        """Begin the requests of one load."""

    def iter_events(
        self,
        start: date | datetime | str,
        end: date | datetime | str,
        *,
        invalid: Invalid = "raise",
        **fields: Unpack[EventFields],
    ) -> Iterator[pa.Table]:
        """Yield billing events in the order of time, a part of the range at a time.

        A table has some thousand events, so memory is bounded whatever the range. Arguments and
        errors are those of `load_events`. Nothing is sent before the first table is asked for,
        but the arguments are checked at once. Unknown fields follow the known columns of the
        tables that have them.
        """
        require_ways(invalid, "off")
        query = make_event_query(start, end, fields)

        def tables() -> Generator[pa.Table]:
            with self._reading(query, invalid) as reading, closing(reading.tables()) as parts:
                for items in parts:
                    if items.table.height:
                        yield to_arrow(items.table)

        return tables()

    def load_events_into(
        self,
        sink: Sink,
        start: date | datetime | str,
        end: date | datetime | str,
        *,
        invalid: Invalid = "raise",
        batch_rows: int,
        **fields: Unpack[EventFields],
    ) -> pl.DataFrame:
        """Load events as `load_events` does, but into a sink, by about `batch_rows` rows.

        Returns:
            The rows in quarantine, as received, with the `rules` that each broke.
        """
        require_ways(invalid, "off")
        query = make_event_query(start, end, fields)
        with self._reading(query, invalid) as reading:
            sink.restart()
            with closing(reading.tables(batch_rows=batch_rows)) as tables:
                for items in tables:
                    sink.write(items)
                    del items  # a batch takes no memory while the next one is read
        return reading.quarantine()

    @contextmanager
    def _reading(self, query: EventQuery, invalid: Invalid) -> Generator[EventReading]:
        """Begin to read. At the end, close the progress bar and warn of what was unusual."""
        seconds = round((query.end - query.start).total_seconds())
        progress = Progress(shown=self.progress, total=seconds, title="events", unit="s")
        exchange = self.exchange(progress)
        reading = EventReading(
            query,
            exchange,
            progress,
            workers=self.workers,
            invalid=invalid,
            workspace=workspace_name(exchange) if query.scope == "workspace" else None,
        )
        try:
            yield reading
        finally:
            progress.close()
        reading.warn()
