"""One page's bytes turned into columns, without a Python object per row.

Polars reads the JSON against an explicit schema. That is fast, and blind: fields outside the
schema vanish, a name given twice loses one value, `true` becomes 1.0, 5 becomes "5". So the
bytes are counted: every member and every text of a page has its quotes, every truth value its
word. What was read is counted so that it never claims more than is there; then, if it accounts
for all of them, nothing was hidden. If anything is left over, or looks odd in any other way, the
page is read again with care.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from falusage.api._pages.answers import AGREE, EXACT, KIND_DTYPES, Answer, Kind
from falusage.api._pages.byte_counts import Account, held_by, is_absurd
from falusage.api._pages.strict import read_carefully
from falusage.api.query import Ask, edges, microseconds, utc_text
from falusage.columns import INSTANT
from falusage.contract import ORGANIZATION_USAGE, Field
from falusage.errors import PaginationError, ProtocolError
from falusage.timeframes import Timeframe

_AT_MOST: Final[dict[Timeframe, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
}
_SURROGATE: Final = re.compile(rb"\\u[dD]")
_ALWAYS: Final = frozenset(
    field.name
    for field in ORGANIZATION_USAGE.fields
    if field.required and tuple(field.names) == (field.name,)
)
"""The members that every item has, in all editions."""

_ANCHOR: Final = min(_ALWAYS)
_ENDS_ITEM: Final = re.compile(rb"\}\s*(?:\]|,\s*\{)")
"""What stands between two items, however they are spaced, and nowhere inside a plain one."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that keeps the contract, with its buckets as instants.

    `rows` starts with `bucket` and `bucket_end`; see `answers` for the rest.
    """

    rows: pl.DataFrame | None
    summary: pl.DataFrame | None
    next_cursor: str | None
    kinds: Mapping[str, Kind]
    ignored: tuple[str, ...]


def read_page(body: bytes, ask: Ask, *, kinds: Mapping[str, Kind]) -> Page:
    """Read one answer to `ask`.

    Args:
        body: The decoded body of a 200.
        ask: The request that it answers; rows outside its window or filters are refused.
        kinds: Unknown fields that earlier pages had, so that this one can be read fast.

    Raises:
        ProtocolError: The answer is outside the contract.
        PaginationError: `has_more` and `next_cursor` disagree.
    """
    if is_absurd(body):
        raise ProtocolError("the answer holds more values than any page of line items")
    try:
        answer = _read_fast(body, ask, kinds)
    except _DoubtError:
        answer = read_carefully(body, time_series=ask.time_series, summary=ask.summary)
    if answer.has_more != (answer.next_cursor is not None):
        raise PaginationError(
            f"has_more is {answer.has_more} but next_cursor is {answer.next_cursor!r}"
        )
    rows = answer.rows
    for table in (rows, answer.summary):
        if table is not None:
            _check_filters(table, ask)
    if rows is not None:
        rows = _with_instants(rows, answer.buckets, ask)
    return Page(rows, answer.summary, answer.next_cursor, answer.kinds, answer.ignored)


class _DoubtError(Exception):
    """What the fast path raises where it cannot vouch for a page."""


def _read_fast(body: bytes, ask: Ask, kinds: Mapping[str, Kind]) -> Answer:
    """Read with Polars alone, or raise where it cannot be vouched for that nothing was lost."""
    _doubt(
        not body.startswith(b"{")
        or (b"\\" in body and (b"\\\\" in body or _SURROGATE.search(body)))
        or "json" in kinds.values()
    )
    held = held_by(body)
    if held is None:
        raise _DoubtError
    item = _item_schema(ask, kinds)
    schema: dict[str, pl.DataType] = {"next_cursor": pl.String(), "has_more": pl.Boolean()}
    if ask.time_series:
        bucket = {"bucket": pl.String(), "results": pl.List(pl.Struct(item))}
        schema["time_series"] = pl.List(pl.Struct(bucket))
    if ask.summary:
        schema["summary"] = pl.List(pl.Struct(item))
    try:
        envelope = pl.read_json(body, schema=schema)
    except pl.exceptions.PolarsError:
        raise _DoubtError from None
    _doubt(any(envelope[name].null_count() for name in schema if name != "next_cursor"))
    cursor: str | None = envelope["next_cursor"].item()
    _doubt(cursor is None and _named_nulls("next_cursor", _around_lists(body)) != 1)
    read = Account(texts=cursor is not None, nulls=cursor is None, words=1, lists=len(schema) - 2)
    rows: pl.DataFrame | None = None
    summary: pl.DataFrame | None = None
    buckets: list[tuple[str, int]] = []
    if ask.time_series:
        entries = envelope["time_series"].item().struct.unnest()
        results = entries["results"]
        _doubt(entries["bucket"].null_count() or results.null_count())
        buckets = list(zip(entries["bucket"].to_list(), results.list.len().to_list(), strict=True))
        rows = _items(results)
        read += Account(texts=len(buckets), lists=len(buckets))
    if ask.summary:
        summary = _items(envelope["summary"])
    tables = [table for table in (rows, summary) if table is not None]
    read += _count(tables, body if held.nulls > read.nulls else b"")
    _doubt(read != held)
    found = dict(kinds)
    return Answer(
        None if rows is None else _settle(rows, found),
        None if summary is None else _settle(summary, found),
        cursor,
        envelope["has_more"].item(),
        buckets,
        found,
    )


def _doubt(reason: object) -> None:
    if reason:
        raise _DoubtError


def _items(lists: pl.Series) -> pl.DataFrame:
    """Unfold lists of line items."""
    items = lists.explode(empty_as_null=False)
    _doubt(items.null_count())
    return items.struct.unnest()


def _item_schema(ask: Ask, kinds: Mapping[str, Kind]) -> dict[str, pl.DataType]:
    asked = {None, *ask.query.expand}
    members = {
        field.within or name
        for field in ORGANIZATION_USAGE.fields
        if field.expand in asked
        for name in field.names
    }
    item = {name: kind for name, kind in ORGANIZATION_USAGE.items.items() if name in members}
    # Read as Int64, 1.5 would become 1 in silence; as Float64 it is seen.
    return item | {
        name: pl.Float64() if kind == "int" else KIND_DTYPES[kind] for name, kind in kinds.items()
    }


def _count(tables: list[pl.DataFrame], body: bytes) -> Account:
    """Count the members that tables were read from, by the kind of their values.

    Args:
        tables: All that was read of the page's items, with the same columns.
        body: The page, or nothing if it spells out no null.
    """
    read = Account()
    for name in tables[0].columns:
        parts = [table[name] for table in tables]
        rows = sum(map(len, parts))
        nulls = sum(part.null_count() for part in parts)
        there = rows - nulls
        _doubt(nulls and name in _ALWAYS)
        match parts[0].dtype:
            case pl.String():
                read += Account(texts=there)
            case pl.Boolean():
                read += Account(words=there)
            case pl.Struct():
                inner = [part.drop_nulls().struct.unnest() for part in parts]
                read += Account(objects=there) + _count(inner, body)
            case _:
                _doubt(name not in ORGANIZATION_USAGE.items and any(map(_beyond_exact, parts)))
                read += Account(numbers=there)
        if nulls and body:
            read += Account(nulls=_spelled_nulls(name, body, nulls=nulls, rows=rows))
    return read


def _spelled_nulls(name: str, body: bytes, *, nulls: int, rows: int) -> int:
    """Count the nulls of a member that the body spells out; if none, the members are left out.

    If it spells some, one could stand for a member left out beside another that came twice. So
    either all rows are null, or every item holds the member just once.
    """
    named = _named_nulls(name, body)
    _doubt(named not in {0, nulls} or (0 < named < rows and not _is_in_each(name, body, rows)))
    return named


def _is_in_each(name: str, body: bytes, rows: int) -> bool:
    """Return whether each item holds the member once: beside one that each has just once."""
    known, found = (
        np.array([match.start() for match in re.finditer(f'"{each}":'.encode(), body)])
        for each in (_ANCHOR, name)
    )
    if not len(known) == len(found) == rows:
        return False
    ends = np.array([match.start() for match in _ENDS_ITEM.finditer(body)])
    return bool((np.searchsorted(ends, known) == np.searchsorted(ends, found)).all())


def _named_nulls(name: str, body: bytes) -> int:
    # Without its quotes' escapes and in the usual spacing: what else there is stays unaccounted.
    quoted = f'"{name}"'.encode()
    spelt = (quoted + b":null", quoted + b": null")
    escaped = sum(body.count(b"\\" + text) for text in spelt) if b"\\" in body else 0
    return sum(map(body.count, spelt)) - escaped


def _around_lists(body: bytes) -> bytes:
    """Give what stands before the first list and after the last: the envelope's, not an item's."""
    return body[: body.find(b"[")] + body[body.rfind(b"]") :]


def _beyond_exact(series: pl.Series) -> bool:
    largest = series.abs().max()
    return isinstance(largest, float) and largest >= EXACT


def _settle(table: pl.DataFrame, kinds: dict[str, Kind]) -> pl.DataFrame:
    """Bring a table read fast into the form that `Answer` promises."""
    for name, kind in kinds.items():
        if kind == "null" and table[name].null_count() < table.height:
            kinds[name] = "string"
        if kind == "int":
            whole = table[name].cast(pl.Int64)
            if (whole.cast(pl.Float64) == table[name]).all():
                table = table.with_columns(whole)
            else:
                kinds[name] = "float"
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, table.height)
    objects = {
        name: table[name].struct.unnest()
        for name in ORGANIZATION_USAGE.objects
        if name in table.columns
    }
    columns = [
        _column(field, table if field.within is None else objects.get(field.within), nothing)
        for field in ORGANIZATION_USAGE.fields
    ]
    return pl.DataFrame([*columns, *(table[name] for name in kinds)])


def _column(field: Field, holder: pl.DataFrame | None, nothing: pl.Series) -> pl.Series:
    """Return a field's column, of whichever of its names were sent; they must agree."""
    names = [name for name in field.names if holder is not None and name in holder.columns]
    if holder is None or not names:
        return nothing.cast(field.dtype).alias(field.name)
    values, *others = (holder[name] for name in names)
    for other in others:
        if other.null_count() == len(other):
            continue
        if values.null_count() < len(values):
            _doubt(_differ(values, other))
        values = values.fill_null(other)
    _doubt(len(field.names) > 1 and field.required and values.null_count())
    return values.alias(field.name)


def _differ(one: pl.Series, other: pl.Series) -> bool:
    if not one.dtype.is_float():
        return bool((one != other).any())
    largest = pl.select(pl.max_horizontal(one.abs(), other.abs())).to_series()
    return bool(((one - other).abs() > AGREE * largest).any())


def _check_filters(table: pl.DataFrame, ask: Ask) -> None:
    shown = {None, *ask.query.expand}
    sent = {field.name: field.expand for field in ORGANIZATION_USAGE.fields}
    for name, allowed in ask.chunk:
        column = ORGANIZATION_USAGE.asked[name].column
        if column is None or sent[column] not in shown:
            continue
        stray = set(table[column].drop_nulls().unique()) - set(allowed)
        if stray:
            hint = (
                "; give several names apart, not joined by commas"
                if "," in "".join(allowed)
                else ""
            )
            raise ProtocolError(f"{column} {min(stray)[:80]!r} was not asked for{hint}")


def _with_instants(rows: pl.DataFrame, buckets: list[tuple[str, int]], ask: Ask) -> pl.DataFrame:
    """Put the instants at which the buckets start and end before their rows."""
    counts = [count for _, count in buckets]
    # A query that is not bound to its timeframe may begin inside its first bucket.
    first = ask.query.first_bucket if ask.start == ask.query.start else ask.start
    starts = np.array([_start(text, rows, first, ask) for text, rows in buckets], dtype=np.int64)
    # Through numpy: an expression for each page would cost more than the repeating itself.
    when = {
        name: pl.Series(name, np.repeat(instants, counts)).cast(INSTANT)
        for name, instants in (("bucket", starts), ("bucket_end", _ends(starts, ask)))
    }
    return pl.DataFrame([*when.values(), *rows])


def _start(text: str, rows: int, first: datetime, ask: Ask) -> int:
    """Return when a bucket starts, in microseconds; reject rows outside the window."""
    start = _bucket(text)
    if rows and not first <= start < ask.end:
        raise ProtocolError(
            f"bucket {text} is outside the window {utc_text(ask.start)} to {utc_text(ask.end)}"
        )
    return microseconds(start)


def _ends(starts: npt.NDArray[np.int64], ask: Ask) -> npt.NDArray[np.int64]:
    """Give each bucket the end of the query's own that begins there.

    A bucket of another calendar than the one asked for gets the length of its timeframe, the most
    that it can cover, so that a transform that would cut it says so.
    """
    grid = edges(ask.query)
    at = np.clip(np.searchsorted(grid, starts, side="right") - 1, 0, len(grid) - 2)
    ours = (grid[at] == starts) | (starts == microseconds(ask.query.first_bucket))
    at_most = _AT_MOST[ask.query.timeframe] // timedelta(microseconds=1)
    return np.where(ours, grid[at + 1], starts + at_most)


def _bucket(text: str) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ProtocolError(f"bucket {text[:80]!r} is not an ISO 8601 instant") from None
    if start.tzinfo is None:
        raise ProtocolError(f"bucket {text[:80]!r} has no UTC offset, so it names no instant")
    return start.astimezone(UTC)
