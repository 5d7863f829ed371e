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

from falusage.api.accounting import Account, held_by, is_absurd
from falusage.api.answers import (
    EXACT,
    KIND_DTYPES,
    STRUCTURED,
    STRUCTURED_FIELDS,
    TABLE,
    Answer,
    Kind,
)
from falusage.api.careful import read_carefully
from falusage.api.query import Ask, edges, microseconds, utc_text
from falusage.columns import INSTANT, ITEM
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
        rows, counted = _items(results, body, held)
        read += counted + Account(texts=len(buckets), lists=len(buckets))
    if ask.summary:
        summary, counted = _items(envelope["summary"], body, held)
        read += counted
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


def _items(lists: pl.Series, body: bytes, held: Account) -> tuple[pl.DataFrame, Account]:
    """Unfold lists of line items, and count what was read of them."""
    items = lists.explode(empty_as_null=False)
    _doubt(items.null_count())
    table = items.struct.unnest()
    return table, _count(table, body, held)


def _item_schema(ask: Ask, kinds: Mapping[str, Kind]) -> dict[str, pl.DataType]:
    item: dict[str, pl.DataType] = dict(ITEM)
    if ask.query.auth_method:
        item["auth_method"] = pl.String()
    if ask.query.auth_method_structured:
        item[STRUCTURED] = pl.Struct(dict.fromkeys(STRUCTURED_FIELDS, pl.String()))
    # Read as Int64, 1.5 would become 1 in silence; as Float64 it is seen.
    return item | {
        name: pl.Float64() if kind == "int" else KIND_DTYPES[kind] for name, kind in kinds.items()
    }


def _count(table: pl.DataFrame, body: bytes, held: Account) -> Account:
    """Count the members that a table was read from, by the kind of their values."""
    read = Account()
    for name in table.columns:
        series = table[name]
        nulls = series.null_count()
        there = table.height - nulls
        _doubt(name in ITEM and nulls)
        _doubt(series.dtype == pl.Float64 and name not in ITEM and _beyond_exact(series))
        match series.dtype:
            case pl.String():
                read += Account(texts=there)
            case pl.Boolean():
                read += Account(words=there)
            case pl.Struct():
                inner = series.drop_nulls().struct.unnest()
                read += Account(objects=there) + _count(inner, body, held)
            case _:
                read += Account(numbers=there)
        if nulls and held.nulls:
            read += Account(nulls=_nulls(series, body))
    return read


def _nulls(series: pl.Series, body: bytes) -> int:
    """Count the nulls that the body spells out; where it spells none, the members are left out.

    Where it spells some, one could stand for a member left out beside another that came twice.
    """
    named = _named_nulls(series.name, body)
    _doubt(named not in {0, series.len()})
    return named


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
    columns = {name: table[name] for name in table.columns}
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, table.height)
    members = columns[STRUCTURED].struct.unnest() if STRUCTURED in columns else None
    for member, column in STRUCTURED_FIELDS.items():
        columns[column] = (nothing if members is None else members[member]).alias(column)
    columns.setdefault("auth_method", nothing.alias("auth_method"))
    return pl.DataFrame([columns[name] for name in (*TABLE, *kinds)])


def _check_filters(table: pl.DataFrame, ask: Ask) -> None:
    asked = {
        "username": ask.query.team_username,
        "product": ask.query.product,
        "endpoint_id": ask.endpoint_id,
    }
    if ask.query.auth_method_structured:
        asked["api_key_id"] = ask.api_key_id
    for name, allowed in asked.items():
        if not allowed:
            continue
        stray = set(table[name].drop_nulls().unique()) - set(allowed)
        if stray:
            hint = (
                "; give several names apart, not joined by commas"
                if "," in "".join(allowed)
                else ""
            )
            raise ProtocolError(f"{name} {min(stray)[:80]!r} was not asked for{hint}")


def _with_instants(rows: pl.DataFrame, buckets: list[tuple[str, int]], ask: Ask) -> pl.DataFrame:
    """Put the instants at which the buckets start and end before their rows."""
    counts = [count for _, count in buckets]
    # A query that is not bound to its timeframe may begin inside its first bucket.
    first = ask.query.first_bucket if ask.start == ask.query.start else ask.start
    starts = np.array([_start(text, first, ask) for text, _ in buckets], dtype=np.int64)
    # Through numpy: an expression for each page would cost more than the repeating itself.
    when = {
        name: pl.Series(name, np.repeat(instants, counts)).cast(INSTANT)
        for name, instants in (("bucket", starts), ("bucket_end", _ends(starts, ask)))
    }
    return pl.DataFrame([*when.values(), *rows])


def _start(text: str, first: datetime, ask: Ask) -> int:
    """Read when a bucket starts, in microseconds; refuse one outside the window."""
    start = _bucket(text)
    if not first <= start < ask.end:
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
