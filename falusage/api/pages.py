"""One page's bytes turned into columns, without a Python object per row.

Polars reads the JSON against an explicit schema. That is fast, and blind: fields outside the
schema vanish, a name given twice loses one value, `true` becomes 1.0, 5 becomes "5". So the
bytes are counted: every member and every text of a page has its quotes, every truth value its
word. What was read is counted so that it never claims more than is there; then, if it accounts
for all of them, nothing was hidden. If anything is left over, or looks odd in any other way, the
page is read again with care.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

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
from falusage.api.query import Ask, edges, utc_text
from falusage.columns import INSTANT, ITEM
from falusage.errors import PaginationError, ProtocolError

_NUMERIC: Final = bytes.maketrans(b"0123456789.eE+-", b"0" * 15)
_LONG_NUMBER: Final = b"0" * 100
_SMALL: Final = 2**20
_MOST_VALUES: Final = 4_000_000
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
    if _is_absurd(body):
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


def _is_absurd(body: bytes) -> bool:
    """Tell whether a large body is dense with values that cost far more memory than bytes."""
    if len(body) <= _SMALL:
        return False
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    return values > min(_MOST_VALUES, len(body) // 6)


class _DoubtError(Exception):
    """What the fast path raises where it cannot vouch for a page."""


def _read_fast(body: bytes, ask: Ask, kinds: Mapping[str, Kind]) -> Answer:
    """Read with Polars alone, or raise where it cannot be vouched for that nothing was lost."""
    _doubt(
        not body.startswith(b"{")
        or (b"\\" in body and (b"\\\\" in body or _SURROGATE.search(body)))
        or _LONG_NUMBER in body.translate(_NUMERIC)
        or "json" in kinds.values()
    )
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
    if cursor is None:
        _doubt(_named_nulls("next_cursor", body) != 1)
    tally = _Tally(members=len(schema), texts=cursor is not None, words=1)
    _doubt(cursor is not None and _maybe_numbers(envelope["next_cursor"]))
    rows: pl.DataFrame | None = None
    summary: pl.DataFrame | None = None
    buckets: list[tuple[str, int]] = []
    if ask.time_series:
        entries = envelope["time_series"].item().struct.unnest()
        results = entries["results"]
        _doubt(entries["bucket"].null_count() or results.null_count())
        buckets = list(zip(entries["bucket"].to_list(), results.list.len().to_list(), strict=True))
        tally = tally.plus(members=2 * len(buckets), texts=len(buckets))
        rows, tally = _items(results, tally, body)
    if ask.summary:
        summary, tally = _items(envelope["summary"], tally, body)
    _doubt(not tally.accounts_for(body))
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


def _items(lists: pl.Series, tally: _Tally, body: bytes) -> tuple[pl.DataFrame, _Tally]:
    """Unfold lists of line items, and add their members, texts and words to the tally."""
    items = lists.explode(empty_as_null=False)
    _doubt(items.null_count())
    table = items.struct.unnest()
    return table, _count(table, tally, body)


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


@dataclass(frozen=True, slots=True)
class _Tally:
    """What was surely read, in what it must have cost in bytes."""

    members: int
    texts: int
    words: int

    def plus(self, *, members: int = 0, texts: int = 0, words: int = 0) -> _Tally:
        return _Tally(self.members + members, self.texts + texts, self.words + words)

    def accounts_for(self, body: bytes) -> bool:
        """Tell whether the body holds these names, texts and words, and no other."""
        quotes = body.count(b'"') - (body.count(b'\\"') if b"\\" in body else 0)
        return (
            quotes == 2 * (self.members + self.texts)
            and body.count(b"true") + body.count(b"false") == self.words
        )


def _count(table: pl.DataFrame, tally: _Tally, body: bytes) -> _Tally:
    """Add a table's members, texts and words to the tally."""
    for name in table.columns:
        series = table[name]
        if name == STRUCTURED:
            inner = series.drop_nulls()
            tally = tally.plus(members=inner.len() + _nulls(series, body))
            tally = _count(inner.struct.unnest(), tally, body)
            continue
        nulls = series.null_count()
        _doubt(name in ITEM and nulls)
        _doubt(series.dtype == pl.Float64 and name not in ITEM and _beyond_exact(series))
        _doubt(series.dtype == pl.String and _maybe_numbers(series))
        there = table.height - nulls
        tally = tally.plus(
            members=there + _nulls(series, body),
            texts=there if series.dtype == pl.String else 0,
            words=there if series.dtype == pl.Boolean else 0,
        )
    return tally


def _nulls(series: pl.Series, body: bytes) -> int:
    """Count the nulls that the body spells out; where it spells none, the members are left out.

    Where it spells some, one could stand for a member left out beside another that came twice.
    """
    if not series.null_count():
        return 0
    named = _named_nulls(series.name, body)
    _doubt(named not in {0, series.len()})
    return named


def _named_nulls(name: str, body: bytes) -> int:
    # Without its quotes' escapes and in the usual spacing: what else there is stays unaccounted.
    quoted = f'"{name}"'.encode()
    spelt = (quoted + b":null", quoted + b": null")
    escaped = sum(body.count(b"\\" + text) for text in spelt) if b"\\" in body else 0
    return sum(map(body.count, spelt)) - escaped


def _maybe_numbers(texts: pl.Series) -> bool:
    """Tell whether any text may have been a number, which Polars reads as text in silence."""
    return texts.cast(pl.Float64, strict=False).null_count() < texts.len()


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
    nothing = pl.Series([], dtype=pl.String).extend_constant(None, table.height)
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
            raise ProtocolError(f"{name} {min(stray)[:80]!r} was not asked for")


def _with_instants(rows: pl.DataFrame, buckets: list[tuple[str, int]], ask: Ask) -> pl.DataFrame:
    """Put the instants at which the buckets start and end before their rows."""
    spans = [_span(text, ask) for text, _ in buckets]
    counts = pl.Series("rows", [count for _, count in buckets], pl.UInt32)
    when = pl.DataFrame(
        {"bucket": [start for start, _ in spans], "bucket_end": [end for _, end in spans]},
        schema={"bucket": INSTANT, "bucket_end": INSTANT},
    ).select(pl.all().repeat_by(counts).explode(empty_as_null=False))
    return pl.DataFrame([*when, *rows])


def _span(text: str, ask: Ask) -> tuple[datetime, datetime]:
    """Read a bucket; it ends where the query's next one begins, or where the query does."""
    start = _bucket(text)
    grid = edges(ask.query)
    at = bisect.bisect_right(grid, start) - 1
    # A query that is not bound to its timeframe may begin inside its first bucket.
    inside = start >= ask.start or (ask.start == grid[0] and start >= ask.query.first_bucket)
    if not inside or start >= ask.end:
        raise ProtocolError(
            f"bucket {text} is outside the window {utc_text(ask.start)} to {utc_text(ask.end)}"
        )
    return start, grid[max(at, 0) + 1]


def _bucket(text: str) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ProtocolError(f"bucket {text[:80]!r} is not an ISO 8601 instant") from None
    if start.tzinfo is None:
        raise ProtocolError(f"bucket {text[:80]!r} has no UTC offset, so it names no instant")
    return start
