"""One page: read fast or strictly, then checked against the request that it answers.

The fast reader proves that it lost nothing, or leaves the page to the strict one. What both
cannot know is checked here: whether the cursor and `has_more` agree, whether rows are inside the
window and the filters, and when each bucket starts and ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from falusage.api._pages.answers import Answer, Expected
from falusage.api._pages.byte_counts import is_too_dense
from falusage.api._pages.documents import instant
from falusage.api._pages.fast import read_fast
from falusage.api._pages.strict import read_strictly
from falusage.api.asks import Ask, utc_text
from falusage.api.line_items import Kinds, LineItems
from falusage.api.query import edges, microseconds
from falusage.columns import BUCKET, INSTANT, KNOWN, USAGE
from falusage.errors import PaginationError, ProtocolError
from falusage.timeframes import Timeframe

_AT_MOST: Final[dict[Timeframe, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page that keeps the contract.

    Attributes:
        rows: The line items of `time_series`, with `bucket` and `bucket_end`, or None.
        summary: The line items of `summary`, or None if there is none.
        next_cursor: The cursor of the next page, or None at the end.
        ignored: Names of unknown fields outside the line items.
    """

    rows: LineItems | None
    summary: LineItems | None
    next_cursor: str | None
    ignored: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        """How many line items the cursor went over: rows, or those of a summary alone."""
        items = self.rows or self.summary
        return 0 if items is None else items.table.height


def read_page(body: bytes, ask: Ask, *, kinds: Kinds) -> Page:
    """Read one answer to `ask`.

    Args:
        body: The decoded body of a 200.
        ask: The request that it answers.
        kinds: Unknown fields that earlier pages had, so that this page can be read fast.

    Raises:
        ProtocolError: The answer is outside the contract, or a row outside the window or filters.
        PaginationError: `has_more` and `next_cursor` disagree.
    """
    expected = Expected(ask.endpoint, ask.expand, rows=ask.time_series, summary=ask.summary)
    answer = read_answer(body, expected, kinds)
    rows, summary = (
        None if items is None else LineItems(_as_usage(items.table, ask), items.kinds)
        for items in (answer.rows, answer.summary)
    )
    for items in (rows, summary):
        if items is not None:
            check_filters(items.table, expected, ask.chunk)
    if rows is not None:
        rows = LineItems(_with_instants(rows.table, answer.buckets, ask), rows.kinds)
    return Page(rows, summary, answer.next_cursor, answer.ignored)


def read_answer(body: bytes, expected: Expected, kinds: Kinds) -> Answer:
    """Read an answer of any endpoint that lists items, fast if possible.

    Raises:
        ProtocolError: The answer is outside the contract.
        PaginationError: `has_more` and `next_cursor` disagree.
    """
    if is_too_dense(body):
        raise ProtocolError("the answer has more values than any page of line items")
    answer = read_fast(body, expected, kinds) or read_strictly(body, expected)
    if answer.has_more != (answer.next_cursor is not None):
        raise PaginationError(
            f"has_more is {answer.has_more} but next_cursor is {answer.next_cursor!r}"
        )
    return answer


def _as_usage(items: pl.DataFrame, ask: Ask) -> pl.DataFrame:
    """Return items with the columns of usage, whatever the endpoint calls its own."""
    if ask.workspace is None:
        return items  # of an organization, which are declared as the table is
    derived = {**ask.endpoint.derived, "username": pl.lit(ask.workspace)}
    table = items.with_columns(**derived)
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in USAGE.items()
        if name not in (*table.columns, *BUCKET)
    ]
    table = table.with_columns(missing)
    known = [name for name in KNOWN if name in table.columns]
    return table.select(*known, *(name for name in table.columns if name not in known))


def check_filters(
    table: pl.DataFrame, expected: Expected, chunk: Iterable[tuple[str, tuple[str, ...]]]
) -> None:
    """Reject rows that the request's filters exclude.

    Args:
        table: The items of an answer.
        expected: What the answer must have.
        chunk: The filters of the request: each parameter with its names.

    Raises:
        ProtocolError: A row has a name that was not asked for.
    """
    expanded = {None, *expected.expand}
    expand = {field.name: field.expand for field in expected.endpoint.fields}
    optional = {field.name for field in expected.endpoint.fields if not field.required}
    for name, allowed in chunk:
        column = expected.endpoint.asked[name].column
        if column is None or expand.get(column) not in expanded:
            continue
        found = table[column].unique()
        stray = set(found.drop_nulls()) - set(allowed)
        if stray:
            has_comma = "," in "".join(allowed)
            hint = "; pass several names as a list, not joined by commas" if has_comma else ""
            raise ProtocolError(f"{column} {min(stray)[:80]!r} was not asked for{hint}")
        if column in optional and expand[column] is None and found.null_count():
            raise ProtocolError(f"a row without {column} was not asked for")


def _with_instants(rows: pl.DataFrame, buckets: list[tuple[str, int]], ask: Ask) -> pl.DataFrame:
    """Add the instants at which the buckets start and end, as the first columns."""
    counts = [count for _, count in buckets]
    # A query that is not bound to its timeframe may begin inside its first bucket.
    first = ask.query.first_bucket if ask.start == ask.query.start else ask.start
    starts = np.array([_start(text, rows, first, ask) for text, rows in buckets], dtype=np.int64)
    # Repeated in numpy: all of this takes 0.3 ms for a page of 10,000 rows.
    when = {
        name: pl.Series(name, np.repeat(instants, counts)).cast(INSTANT)
        for name, instants in (("bucket", starts), ("bucket_end", _ends(starts, ask)))
    }
    return pl.DataFrame([*when.values(), *rows])


def _start(text: str, rows: int, first: datetime, ask: Ask) -> int:
    """Return when a bucket starts, in microseconds; reject rows outside the window."""
    start = instant(text, "bucket")
    if rows and not first <= start < ask.end:
        raise ProtocolError(
            f"bucket {text} is outside the window {utc_text(ask.start)} to {utc_text(ask.end)}"
        )
    return microseconds(start)


def _ends(starts: npt.NDArray[np.int64], ask: Ask) -> npt.NDArray[np.int64]:
    """Return the end of each bucket: that of the query's own bucket with the same start.

    A bucket of another calendar gets the longest length that its timeframe can have. A transform
    that would split it then raises an error.
    """
    grid = edges(ask.query)
    at = np.clip(np.searchsorted(grid, starts, side="right") - 1, 0, len(grid) - 2)
    ours = (grid[at] == starts) | (starts == microseconds(ask.query.first_bucket))
    at_most = _AT_MOST[ask.query.timeframe] // timedelta(microseconds=1)
    return np.where(ours, grid[at + 1], starts + at_most)
