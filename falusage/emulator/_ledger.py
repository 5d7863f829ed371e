"""The table that is served, and the line items that a question makes of it.

Rows fall into the calendar bucket that their own `bucket` lies in. A row that covers only a part
of that bucket is merged with its like, so hours are served as days; a row that fills it is an
item of its own, duplicates included, so a table asked for at its own grain comes back row for
row. Work is done once per question and kept, so a further page costs its own length.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import polars as pl

from falusage import columns, timeframes
from falusage.contract import ORGANIZATION_USAGE
from falusage.emulator._wire import Written, items
from falusage.errors import MissingColumnError, QueryError

KEPT_BYTES: Final = 512 * 2**20
_OWN: Final = "own "
"""Before the names of further columns, which might be those that the work itself uses."""

_FILTERED: Final = tuple(
    parameter.column for parameter in ORGANIZATION_USAGE.asked.values() if parameter.column
)

_Answer = TypeVar("_Answer", Written, bytes)
_DISCOUNTS_SINCE: Final = next(
    field.since for field in ORGANIZATION_USAGE.fields if field.name == "percent_discount"
)
_LINE: Final = ORGANIZATION_USAGE.named("key", "rate", "label")
"""What tells line items apart, in the order that they are served in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request asks of the table, with every default resolved.

    Attributes:
        start: The first instant, inclusive.
        end: The last instant, exclusive.
        timeframe: The length of a bucket.
        timezone: The zone whose calendar cuts the buckets.
        only: For each filtered column, the values to keep.
        shown: Which further fields tell items apart, by their value of `expand`.
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
    """A usage table made ready to be asked.

    Args:
        usage: A usage table. `bucket_end` and the auth columns may be missing; without
            `bucket_end` the rows are taken as whole buckets of a timeframe if every `bucket` is
            one of its boundaries, and as parts of one if not. Columns beyond `columns.USAGE`
            are served as extra fields, and rows that differ in them are never merged.

    Raises:
        MissingColumnError: If a required column is missing.
        QueryError: If `bucket` has no time zone, or a number is not finite or absurd.
    """

    def __init__(self, usage: pl.DataFrame, *, edition: int) -> None:
        self._edition = edition
        if not isinstance(usage, pl.DataFrame):
            raise QueryError(
                f"usage is a {type(usage).__name__}; expected a DataFrame of Polars, as a load's "
                "`usage` is one and pl.DataFrame() makes one of other libraries' tables"
            )
        for name in ("bucket", *columns.REQUIRED):
            if name not in usage.columns:
                raise MissingColumnError(name, usage.columns)
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
        """Return whether a value stands in one of the columns that a parameter filters."""
        return name in self._names[column]

    def time_series(self, question: Question) -> Written:
        """Write the line items of each bucket.

        They stand by bucket, then the columns of text and prices in the table's order, and the
        shown auth columns; items that are alike in all of these keep the table's order.
        """
        with self._lock:
            wider = next((asked for asked in self._kept if _covers(asked, question)), None)
        if wider is None or wider[1] == question:
            return self._recall(question, self._time_series)
        every = timeframes.EVERY[question.timeframe]
        # A range that is not bound to its timeframe has the whole name of its first bucket.
        start = timeframes.floor(question.start, every=every, timezone=question.timezone)
        return self._recall(wider[1], self._time_series).within(start, question.end)

    def summary(self, question: Question) -> bytes:
        """Write the line items of the whole range, as a JSON array in the same order."""
        return self._recall(question, self._summary)

    def _recall(self, question: Question, make: Callable[[Question], _Answer]) -> _Answer:
        key = (make.__name__, question)
        # One at a time: eight workers that ask the same question at once cost one computation.
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
            # Rows that differ in a hidden column are one item: the first of each caller with
            # the first of the others, the second with the second, so that duplicates stay.
            nth = pl.int_range(pl.len()).over("period", *_LINE, *columns.AUTH, *self.extras)
            rows = rows.with_columns(pl.when("part").then(-1).otherwise(nth).alias("nth"))
            lines = _merged(rows, [*key, "nth"])
        else:
            whole, parts = rows.filter(~pl.col("part")), rows.filter("part")
            lines = whole if parts.is_empty() else _joined(whole, _merged(parts, key))
        lines = lines.sort("period", *_LINE, *question.columns, maintain_order=True)
        labels = calendar.select("period", pl.col("label").alias("bucket")).unique()
        return Written.of(
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
    """Fill in what rows say nothing of: without a subtotal, nothing was taken off their cost.

    An edition without discounts has the price that is paid as its price.
    """
    subtotal = pl.coalesce("cost_subtotal", pl.col("cost") + pl.col("cost_discount"), "cost")
    paid = pl.col("unit_price") * (1.0 - pl.col("percent_discount").fill_null(0.0) / 100.0)
    taken_off = (subtotal - pl.col("cost")).clip(0.0)  # never below by the noise of doubles
    return rows.with_columns(
        cost_subtotal=subtotal,
        cost_discount=pl.coalesce("cost_discount", taken_off),
        unit_price="unit_price" if edition >= _DISCOUNTS_SINCE else paid,
    )


def _calendar(rows: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Give each distinct bucket its `period`, that period's `label`, and whether it is a `part`."""
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
    # A row that is alone keeps its numbers to the last bit; sums are rounded at 1e-12. An amount
    # that no row has stays null.
    return rows.group_by(by, maintain_order=True).agg(
        pl.when((pl.len() == 1) | (pl.col(name).count() == 0))
        .then(pl.col(name).first())
        .otherwise(columns.total(name))
        .alias(name)
        for name in columns.AMOUNTS
    )


def _covers(kept: tuple[str, Question], question: Question) -> bool:
    """Say whether whole buckets of a question that was answered before answer this one."""
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


def _joined(whole: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([whole.select(merged.columns), merged], how="vertical_relaxed")


def _size(answer: Written | bytes) -> int:
    return len(answer.text) if isinstance(answer, Written) else len(answer)
