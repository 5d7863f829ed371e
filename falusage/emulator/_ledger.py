"""The table that is served, and the line items that answer a question.

A row belongs to the calendar bucket that contains its own `bucket`. If it covers only a part of
that bucket, it is merged with rows of the same key, so hours are served as days. If it covers all
of it, it is an item of its own, duplicates included, so a table that is read at its own timeframe
comes back row for row. Answers are kept, so a further page costs only its own length.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import polars as pl

from falusage import columns, timeframes
from falusage._usage.table import Eager, Lazy, collected, take
from falusage.contract import ORGANIZATION_USAGE
from falusage.emulator._wire import Written, items
from falusage.errors import QueryError

KEPT_BYTES: Final = 512 * 2**20
_OWN: Final = "own "
"""A prefix for extra columns, whose names might be those of columns used here."""

_FILTERED: Final = tuple(
    parameter.column for parameter in ORGANIZATION_USAGE.asked.values() if parameter.column
)

_Answer = TypeVar("_Answer", Written, bytes)
_DISCOUNTS_SINCE: Final = next(
    field.since for field in ORGANIZATION_USAGE.fields if field.name == "percent_discount"
)
_LINE: Final = ORGANIZATION_USAGE.named("key", "rate", "label")
"""The columns that identify a line item, in the order in which items are served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request asks for, with every default resolved.

    Attributes:
        start: The first instant, inclusive.
        end: The last instant, exclusive.
        timeframe: The length of a bucket.
        timezone: The zone whose calendar cuts the buckets.
        only: For each filtered column, the values to keep.
        shown: Which further fields are served and identify an item, by their value of `expand`.
    """

    start: datetime
    end: datetime
    timeframe: timeframes.Timeframe
    timezone: str = "UTC"
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns that `shown` adds."""
        return [field.name for field in ORGANIZATION_USAGE.fields if field.expand in self.shown]


class Ledger:
    """A usage table, prepared for questions.

    Args:
        usage: A usage table. `bucket_end` and the auth columns may be missing. Without
            `bucket_end`, the rows are whole buckets of a timeframe if every `bucket` is one of
            its boundaries, and parts of buckets otherwise. Columns that are not in
            `columns.USAGE` are served as extra fields, and rows that differ in them are never
            merged.

    Raises:
        MissingColumnError: If a required column is missing.
        CoverageError: If a part of the table's range was never read.
        QueryError: If it is not a table, `bucket` has no time zone, or a number is not finite or
            is absurd.
    """

    def __init__(self, usage: Lazy | Eager, *, edition: int) -> None:
        self._edition = edition
        table = take(usage).as_text()
        table.require(("bucket", *columns.REQUIRED))
        table.require_covered()
        usage = collected(table.rows)
        for name in ("bucket", "bucket_end"):
            dtype = usage.schema.get(name, columns.INSTANT)
            if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
                raise QueryError(f"{name} is {dtype}; expected a Datetime with a time zone")
        numbers = [name for name in columns.NUMBERS if name in usage.columns]
        sound = pl.col(numbers).cast(pl.Float64).abs().lt(columns.ABSURD).fill_null(True)
        if not usage.select(pl.all_horizontal(sound.all())).item():
            raise QueryError(f"{', '.join(numbers)} must be finite and below {columns.ABSURD}")
        beyond = [name for name in usage.columns if name not in columns.USAGE]
        self.extras = tuple(map(_OWN.__add__, beyond))
        self._rows = (
            columns.widened(usage.rename(dict(zip(beyond, self.extras, strict=True))))
            .pipe(_with_discount, edition)
            .with_columns(pl.col("bucket", "bucket_end").cast(columns.INSTANT))
            .sort("bucket", *_LINE, *columns.AUTH, maintain_order=True)
        )
        self._names = {
            name: frozenset(self._rows[name].drop_nulls().unique()) for name in _FILTERED
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
        key = ["period", *_LINE, *question.columns, *self.extras]
        hidden = [
            name
            for name in columns.AUTH
            if name not in question.columns and rows[name].null_count() < rows.height
        ]
        if hidden:
            # Rows that differ only in a hidden column are one item. The first row of each caller
            # is merged with the first of the others, the second with the second, and so on, so
            # that duplicates stay.
            nth = pl.int_range(pl.len()).over("period", *_LINE, *columns.AUTH, *self.extras)
            rows = rows.with_columns(pl.when("part").then(-1).otherwise(nth).alias("nth"))
            lines = _merged(rows, [*key, "nth"])
        else:
            whole, parts = rows.filter(~pl.col("part")), rows.filter("part")
            lines = whole if parts.is_empty() else _stacked(whole, _merged(parts, key))
        lines = lines.sort("period", *_LINE, *question.columns, maintain_order=True)
        labels = calendar.select("period", pl.col("label").alias("bucket")).unique()
        return Written.from_lines(
            lines.select("period", self._items(question).alias("item")).join(
                labels, on="period", maintain_order="left"
            )
        )

    def _summary(self, question: Question) -> bytes:
        lines = _merged(self._asked(question), [*_LINE, *question.columns, *self.extras])
        lines = lines.sort(*_LINE, *question.columns, maintain_order=True)
        item = lines.select(self._items(question)).to_series()
        return f"[{item.str.join(',').item()}]".encode()

    def _items(self, question: Question) -> pl.Expr:
        return items(
            self._edition,
            question.shown,
            [pl.col(name).alias(name[len(_OWN) :]) for name in self.extras],
        )

    def _asked(self, question: Question) -> pl.DataFrame:
        inside = pl.col("bucket").is_between(
            pl.lit(question.start).dt.convert_time_zone("UTC"),
            pl.lit(question.end).dt.convert_time_zone("UTC"),
            closed="left",
        )
        return self._rows.filter(
            inside, *(pl.col(name).is_in(values) for name, values in question.only)
        )


def _with_discount(rows: pl.DataFrame, edition: int) -> pl.DataFrame:
    """Fill in missing amounts: without a subtotal, there was no discount.

    In an edition without discounts, the price is the price paid.
    """
    subtotal = pl.coalesce("cost_subtotal", pl.col("cost") + pl.col("cost_discount"), "cost")
    paid = pl.col("unit_price") * (1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0)
    taken_off = (subtotal - pl.col("cost")).clip(0.0)  # float noise must not make it negative
    return rows.with_columns(
        cost_subtotal=subtotal,
        cost_discount=pl.coalesce("cost_discount", taken_off),
        unit_price="unit_price" if edition >= _DISCOUNTS_SINCE else paid,
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


def _merged(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    # A single row keeps its numbers to the last bit; sums are rounded to 1e-12. An amount that is
    # null in every row stays null.
    return rows.group_by(by, maintain_order=True).agg(
        pl.when((pl.len() == 1) | (pl.col(name).count() == 0))
        .then(pl.col(name).first())
        .otherwise(columns.total(name))
        .alias(name)
        for name in columns.AMOUNTS
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
