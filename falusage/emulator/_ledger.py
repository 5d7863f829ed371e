"""The line items of a usage table that answer a question of one endpoint.

A row belongs to the calendar bucket that contains its own `bucket`. If it covers only a part of
that bucket, it is merged with rows of the same key, so hours are served as days. If it covers all
of it, it is an item of its own, duplicates included, so a table that is read at its own timeframe
comes back row for row. Answers are kept, so a further page costs only its own length.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import polars as pl

from falusage import columns, timeframes
from falusage.contract import Endpoint
from falusage.emulator._wire import Written, items, optional_json

KEPT_BYTES: Final = 512 * 2**20
OWN: Final = "own "
"""A prefix for extra columns, whose names might be those of columns used here."""

TAGS: Final = "tags"
"""The tags of a row, as JSON text. They are served only from a tagged source."""

UNTAGGED: Final = "(untagged)"


def has_tag(rows: pl.DataFrame, key: str, values: Sequence[str]) -> pl.Expr:
    """Return whether a row has one of the values of a tag; `UNTAGGED` means that it has none."""
    if TAGS not in rows.columns:
        return pl.lit(UNTAGGED in values)
    value = pl.col(TAGS).map_elements(
        lambda text: json.loads(text).get(key), return_dtype=pl.String
    )
    return value.fill_null(UNTAGGED).is_in(values)


_Answer = TypeVar("_Answer", Written, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request asks for, with every default resolved.

    Attributes:
        start: The first instant, inclusive.
        end: The last instant, exclusive.
        timeframe: The length of a bucket.
        timezone: The zone whose calendar cuts the buckets.
        only: For each filtered column, the values to keep.
        tags: For each key of a tag, the values to keep.
        search: A part of the app's name, in lower case; empty for any.
        shown: Which further fields are served and identify an item, by their value of `expand`.
        tagged: Whether tags are served and identify an item.
    """

    start: datetime
    end: datetime
    timeframe: timeframes.Timeframe
    timezone: str = "UTC"
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    search: str = ""
    shown: tuple[str, ...] = ()
    tagged: bool = False


class Ledger:
    """The rows of one endpoint, prepared for questions.

    Args:
        rows: The columns of the endpoint, the buckets, and extra columns that begin with `OWN`,
            which are served as extra fields; rows that differ in them are never merged.
        endpoint: The endpoint.
        edition: The edition of the contract to write.
    """

    def __init__(self, rows: pl.DataFrame, endpoint: Endpoint, *, edition: int) -> None:
        self._endpoint, self._edition = endpoint, edition
        self._line = endpoint.named("key", "rate", "label")
        self._amounts = endpoint.named("amount")
        self.extras = tuple(name for name in rows.columns if name.startswith(OWN))
        has_tags = TAGS in endpoint.sparse_names and TAGS in rows.columns
        self._callers = (*endpoint.named("caller"), *([TAGS] if has_tags else []))
        self._rows = rows.sort("bucket", *self._line, *self._callers, maintain_order=True)
        self._names = {
            name: frozenset(self._rows[name].drop_nulls().unique())
            for name in (parameter.column for parameter in endpoint.asked.values())
            if name is not None
        }
        self._kept: dict[tuple[str, Question], Any] = {}
        self._lock = threading.Lock()

    def holds(self, column: str, name: str) -> bool:
        """Return whether a column that a parameter filters contains a value."""
        return name in self._names[column]

    def time_series(self, question: Question) -> Written:
        """Write the line items of each bucket.

        They are sorted by bucket, then by the columns of text and prices in the table's order,
        then by the shown auth columns. Items that are equal in all of these keep their order.
        """
        with self._lock:
            wider = next((asked for asked in self._kept if _covers(asked, question)), None)
        if wider is None or wider[1] == question:
            return self._recall(question, self._time_series)
        every = timeframes.EVERY[question.timeframe]
        # Without bound_to_timeframe, the first bucket still has the name of a whole one.
        start = timeframes.floor(question.start, every=every, timezone=question.timezone)
        return self._recall(wider[1], self._time_series).within(start, question.end)

    def summary(self, question: Question) -> bytes:
        """Write the line items of the whole range, as a JSON array in the same order."""
        return self._recall(question, self._summary)

    def _recall(self, question: Question, make: Callable[[Question], _Answer]) -> _Answer:
        key = (make.__name__, question)
        # With the lock, eight workers that ask the same question at once cost one computation.
        with self._lock:
            found = self._kept.pop(key, None)
            answer = make(question) if found is None else found
            self._kept[key] = answer
            while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > KEPT_BYTES:
                del self._kept[next(iter(self._kept))]
        return answer

    def _time_series(self, question: Question) -> Written:
        rows = self._asked(question)
        calendar = _calendar(rows, question)
        rows = rows.join(
            calendar, on=["bucket", "bucket_end"], nulls_equal=True, maintain_order="left"
        )
        shown = self._shown(question)
        key = ["period", *self._line, *shown, *self.extras]
        hidden = [
            name
            for name in self._callers
            if name not in shown and rows[name].null_count() < rows.height
        ]
        if hidden:
            # Rows that differ only in a hidden column are one item. The first row of each caller
            # is merged with the first of the others, the second with the second, and so on, so
            # that duplicates stay.
            nth = pl.int_range(pl.len()).over("period", *self._line, *self._callers, *self.extras)
            rows = rows.with_columns(pl.when("part").then(-1).otherwise(nth).alias("nth"))
            lines = self._merged(rows, [*key, "nth"])
        else:
            whole, parts = rows.filter(~pl.col("part")), rows.filter("part")
            lines = whole if parts.is_empty() else _stacked(whole, self._merged(parts, key))
        lines = lines.sort("period", *self._line, *shown, maintain_order=True)
        labels = calendar.select("period", pl.col("label").alias("bucket")).unique()
        return Written.from_lines(
            lines.select("period", self._items(question).alias("item")).join(
                labels, on="period", maintain_order="left"
            )
        )

    def _summary(self, question: Question) -> bytes:
        shown = self._shown(question)
        lines = self._merged(self._asked(question), [*self._line, *shown, *self.extras])
        lines = lines.sort(*self._line, *shown, maintain_order=True)
        item = lines.select(self._items(question)).to_series()
        return f"[{item.str.join(',').item()}]".encode()

    def _items(self, question: Question) -> pl.Expr:
        tags = [optional_json(TAGS, TAGS)] if TAGS in self._shown(question) else []
        extras = [pl.col(name).alias(name[len(OWN) :]) for name in self.extras]
        return items(self._endpoint, self._edition, question.shown, extras, tags)

    def _shown(self, question: Question) -> list[str]:
        """Return the columns of callers and tags that are served and identify an item."""
        asked = [each.name for each in self._endpoint.fields if each.expand in question.shown]
        return [*asked, *(name for name in self._callers if name == TAGS and question.tagged)]

    def _asked(self, question: Question) -> pl.DataFrame:
        inside = pl.col("bucket").is_between(
            pl.lit(question.start).dt.convert_time_zone("UTC"),
            pl.lit(question.end).dt.convert_time_zone("UTC"),
            closed="left",
        )
        return self._rows.filter(
            inside,
            *(pl.col(name).is_in(values) for name, values in question.only),
            *(has_tag(self._rows, key, values) for key, values in question.tags),
            *(
                [pl.col("app").str.to_lowercase().str.contains(question.search, literal=True)]
                if question.search
                else []
            ),
        )

    def _merged(self, rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
        # A single row keeps its numbers to the last bit; sums are rounded to 1e-12. An amount
        # that is null in every row stays null.
        return rows.group_by(by, maintain_order=True).agg(
            pl.when((pl.len() == 1) | (pl.col(name).count() == 0))
            .then(pl.col(name).first())
            .otherwise(columns.total(name))
            .alias(name)
            for name in self._amounts
        )


def _calendar(rows: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Return the distinct buckets: `period`, its `label`, and whether each is a `part` of it."""
    every = timeframes.EVERY[question.timeframe]
    start = timeframes.period_start(pl.col("bucket"), every=every, timezone=question.timezone)
    end = timeframes.period_end(pl.col("bucket"), every=every, timezone=question.timezone)
    distinct = rows.select("bucket", "bucket_end").unique()
    inside = (pl.col("bucket") > pl.col("period")) | (pl.col("bucket_end") < pl.col("period_end"))
    unsaid = (pl.col("bucket") != pl.col("period")).any()
    return (
        distinct.with_columns(period=start, period_end=end)
        .with_columns(label=pl.col("period").dt.to_string("%Y-%m-%dT%H:%M:%S%:z"))
        .with_columns(pl.col("period", "period_end").dt.convert_time_zone("UTC"))
        .select(
            "bucket",
            "bucket_end",
            "period",
            "label",
            part=pl.when(pl.col("bucket_end").is_null())
            .then(unsaid)
            .otherwise(inside & (pl.col("bucket_end") <= pl.col("period_end"))),
        )
    )


def _covers(kept: tuple[str, Question], question: Question) -> bool:
    """Return whether whole buckets of an earlier answer are the answer to this question."""
    name, wider = kept
    return (
        name == "_time_series"
        and wider.start <= question.start < question.end <= wider.end
        and replace(wider, start=question.start, end=question.end) == question
        and all(
            bound in (wider.start, wider.end) or _is_boundary(bound, question)
            for bound in (question.start, question.end)
        )
    )


def _is_boundary(moment: datetime, question: Question) -> bool:
    every = timeframes.EVERY[question.timeframe]
    return moment == timeframes.floor(moment, every=every, timezone=question.timezone)


def _stacked(whole: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([whole.select(merged.columns), merged], how="vertical_relaxed")


def _size(answer: Written | bytes) -> int:
    return len(answer.text) if isinstance(answer, Written) else len(answer)
