"""Billing events of the usage that is served: what each endpoint of events answers.

Every row of the model APIs in US dollars becomes one to three requests (`_requests`), which sum to
it to the nano dollar. Other currencies have no events, because an event is charged in US dollars.
The requests are made when they are asked for, a few thousand rows at a time, so that a long range
needs no memory. A row's requests depend on the row alone: any range is a slice of one history.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from starlette.exceptions import HTTPException

from falusage import columns
from falusage.contract import MODELS_EVENTS, Endpoint
from falusage.emulator import _wire as wire
from falusage.emulator._ledger import OWN, TAGS, UNTAGGED
from falusage.emulator._requests import LEAST, requests_of
from falusage.errors import QueryError

if TYPE_CHECKING:
    from falusage.emulator._app import Served
    from falusage.emulator._parameters import Parameters

_ROWS: Final = 2_000
"""About how many rows of usage have their requests made at once."""

_KEPT: Final = 32
"""How many such parts are kept."""


class Journal:
    """The billed requests of one endpoint, made from rows of usage.

    Args:
        rows: Rows of usage, with discounts filled in.
        endpoint: The endpoint.
    """

    def __init__(self, rows: pl.DataFrame, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        billed = rows.filter(
            pl.col("product") == "model_apis", pl.col("currency") == columns.HOME
        ).sort("bucket", maintain_order=True)
        self._parts = _parts(billed)
        self._names = {
            name: frozenset(billed[name].drop_nulls().unique())
            for name in {each.column for each in endpoint.asked.values()} - {None, "request_id"}
            if name is not None
        }
        self._made: OrderedDict[int, pl.DataFrame] = OrderedDict()
        self._lock = threading.Lock()

    def holds(self, column: str, name: str) -> bool:
        """Return whether a column that a parameter filters contains a value."""
        return name in self._names.get(column, ())

    def between(self, start: datetime, end: datetime) -> Iterator[pl.DataFrame]:
        """Yield the requests of a range in the order of time, a part at a time."""
        for number, part in enumerate(self._parts):
            if part["ends"].max() > start and part["bucket"].min() < end:  # type: ignore[operator]
                made = self._made_of(number)
                yield made.filter(pl.col("timestamp").is_between(start, end, closed="left"))

    def _made_of(self, number: int) -> pl.DataFrame:
        # With the lock, eight workers that ask for one part at once cost one computation.
        with self._lock:
            made = self._made.pop(number, None)
            if made is None:
                made = requests_of(self._parts[number]).sort("timestamp", "request_id")
            self._made[number] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
            return made


def _parts(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Split rows at instants that no bucket crosses, about every `_ROWS` rows."""
    if rows.is_empty():
        return []
    ends = pl.coalesce("bucket_end", pl.col("bucket") + LEAST)
    at = pl.int_range(pl.len())
    begins = pl.col("bucket") >= pl.col("ends").cum_max().shift(1)
    part = pl.when(begins.fill_null(True)).then(at).forward_fill() // _ROWS
    return (
        rows.with_columns(ends=ends)
        .with_columns(part=part)
        .partition_by("part", maintain_order=True, include_key=False)
    )


def answer(asked: Parameters, served: Served) -> bytes:
    """Return a page of events."""
    journal = served.books.journal(asked.endpoint)
    start, end = _range(asked, served.clock())
    after = _position(asked.asked("cursor"))
    usual = min(served.page_size, asked.endpoint.most_on_page or served.page_size)
    most = min(asked.asked("limit") or usual, usual)
    wanted = _wanted(asked, journal)
    found: list[pl.DataFrame] = []
    count = 0
    for part in journal.between(start if after is None else max(start, after[0]), end):
        chosen = part.filter(*wanted, *([] if after is None else [_is_after(*after)]))
        found.append(chosen.head(most + 1 - count))
        count += found[-1].height
        if count > most:
            break
    if asked.asked("request_id") and after is None and not count:
        raise HTTPException(404, "These requests have no billing event in this range.")
    page = pl.concat(found) if found else None
    return _written(page, asked, most)


def _range(asked: Parameters, now: datetime) -> tuple[datetime, datetime]:
    try:
        start, end = asked.range(now)
    except OverflowError as error:
        raise QueryError("start and end must lie between the years 1 and 9999") from error
    most = asked.endpoint.most_days
    if most is not None and end - start > timedelta(days=most):
        raise QueryError(f"start and end are more than {most} days apart")
    return start, end


def _wanted(asked: Parameters, journal: Journal) -> list[pl.Expr]:
    """Return what an event must be to be part of the answer."""
    names = asked.names(journal.holds)
    has_tags = [_has_tag(key, values) for key, values in asked.tags().items()]
    return [*(pl.col(name).is_in(kept) for name, kept in names.items() if kept), *has_tags]


def _has_tag(key: str, values: list[str]) -> pl.Expr:
    value = pl.col(TAGS).map_elements(
        lambda text: json.loads(text).get(key), return_dtype=pl.String
    )
    return value.fill_null(UNTAGGED).is_in(values)


def _written(page: pl.DataFrame | None, asked: Parameters, most: int) -> bytes:
    events = b""
    more = page is not None and page.height > most
    ends: dict[str, Any] = {"next_cursor": None, "has_more": more}
    if page is not None:
        shown = page.head(most)
        item = shown.select(_item(asked, tuple(shown.columns)))
        events = item.to_series().str.join(",").item().encode()
        if more:
            ends["next_cursor"] = _cursor(*shown.select("timestamp", "request_id").row(-1))
    listed = f'{{"{asked.endpoint.rows}":['.encode()
    return b"".join([listed, events, b"],", json.dumps(ends, separators=(",", ":")).encode()[1:]])


def _item(asked: Parameters, names: tuple[str, ...]) -> pl.Expr:
    extras = [pl.col(name).alias(name[len(OWN) :]) for name in names if name.startswith(OWN)]
    is_tagged = asked.endpoint is MODELS_EVENTS and asked.asked("source") == "tagged-billed"
    tags = [wire.optional_json(TAGS, TAGS)] if is_tagged else []
    edition = max(asked.endpoint.editions)
    return wire.items(asked.endpoint, edition, asked.shown(), extras, tags)


def _is_after(moment: datetime, request: str) -> pl.Expr:
    later = pl.col("timestamp") > moment
    return later | ((pl.col("timestamp") == moment) & (pl.col("request_id") > request))


def _cursor(moment: datetime, request: str) -> str:
    """Write the last event of a page as a cursor."""
    return base64.b64encode(f"{moment.isoformat()} {request}".encode()).decode()


@functools.lru_cache(maxsize=256)
def _position(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the event that a cursor names, or raise a `QueryError`."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor.encode(), validate=True).decode()
        when, _, request = text.partition(" ")
        moment = datetime.fromisoformat(when)
        if _cursor(moment, request) == cursor and moment.utcoffset() == timedelta(0):
            return moment, request
    except (binascii.Error, ValueError):
        pass
    raise QueryError(f"cursor {cursor!r} was not issued by this server")
