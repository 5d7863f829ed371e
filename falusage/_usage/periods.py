"""The period or range of each bucket.

A bucket is one number for a stretch of time, so no boundary may run through it. The work is done
once for each distinct bucket and joined to the rows: a year of hourly usage has 8,760 buckets,
however many rows. On a LazyFrame the check is part of the plan, and `collect` raises its
`AlignmentError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import NoReturn, get_args

import polars as pl

from falusage._suggestions import did_you_mean
from falusage._usage.table import require
from falusage.columns import INSTANT
from falusage.errors import AlignmentError, QueryError
from falusage.timeframes import Every, instant, period_end, period_start, zone

BUCKET = ("bucket", "bucket_end")
_IN_UTC = "dt.replace_time_zone('UTC')"

INDIVISIBLE = (
    "A bucket is one number and cannot be split: use the time zone and timeframe that the usage "
    "was loaded with, or periods of whole buckets"
)
"""What to do about a bucket that crosses a boundary."""

_ADD_END = (
    "Periods need the end of each bucket. For hourly buckets, add it with "
    "usage.with_columns(bucket_end=pl.col('bucket').dt.offset_by('1h')); for days in New York, "
    "convert first: pl.col('bucket').dt.convert_time_zone('America/New_York').dt.offset_by('1d')."
)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time, from `start` to `end`, exclusive; None means no limit on that side."""

    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def read(
        cls,
        start: date | datetime | str | None,
        end: date | datetime | str | None,
        *,
        timezone: str,
    ) -> Range:
        """Read a range as users write it: a date means midnight in `timezone`.

        >>> Range.read("2025-01-01", "2025-02-01", timezone="UTC").end.isoformat()
        '2025-02-01T00:00:00+00:00'
        """
        first = None if start is None else instant(start, timezone=timezone, name="start")
        last = None if end is None else instant(end, timezone=timezone, name="end")
        if first is not None and last is not None and first >= last:
            raise QueryError(
                f"start {first.isoformat()} is not before end {last.isoformat()}; end is "
                "exclusive, so for whole days pass the day after the last one"
            )
        return cls(first, last)

    def __str__(self) -> str:
        """Return the range in ISO 8601, with `...` for a side without a limit."""
        return " to ".join(
            "..." if edge is None else edge.isoformat() for edge in (self.start, self.end)
        )

    def holds(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Return whether a whole bucket lies within the range."""
        after = pl.lit(True) if self.start is None else start >= literal(self.start)
        before = pl.lit(True) if self.end is None else end <= literal(self.end)
        return after & before

    def cuts(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Return whether an end of the range runs through the middle of a bucket."""
        inside = [
            (start < literal(edge)) & (literal(edge) < end)
            for edge in (self.start, self.end)
            if edge is not None
        ]
        return pl.any_horizontal(pl.lit(False), *inside)


EVER = Range()

LONGEST = 1_000_000
"""The most periods of a window or a season; hours of a century are fewer."""


def check_every(every: str) -> None:
    """Raise if a period is not one of `Every`."""
    if every not in get_args(Every):
        every_known = get_args(Every)
        raise QueryError(
            f"every is {every!r}; expected one of {', '.join(every_known)}."
            f"{did_you_mean(every, every_known)}"
        )


def with_period(
    usage: pl.LazyFrame, columns: Sequence[str], *, every: str, timezone: str, span: Range = EVER
) -> pl.LazyFrame:
    """Return `columns` and each row's `period`: its start in `timezone`, or null outside `span`.

    Args:
        usage: Rows with `bucket` and `bucket_end`, each a Datetime with a time zone.
        columns: The columns to keep, besides those two; each one costs time.
        every: One of `Every`.
        timezone: The IANA zone whose calendar and clock the periods follow.
        span: The range of the periods.

    Raises:
        AlignmentError: When collected, if a bucket crosses a boundary of `every` or an end of
            `span`, or has no start or end.
    """
    check_every(every)
    zone(timezone)
    period = period_start(_START, every=every, timezone=timezone)
    until = period_end(_START, every=every, timezone=timezone).dt.convert_time_zone("UTC")
    inside = span.holds(_START, _END)
    over = f"crosses a boundary of every={every!r} in {timezone}"
    return _placed(
        usage,
        columns,
        spans=[span],
        added={"period": pl.when(inside).then(period)},
        dtypes={"period": pl.Datetime("us", timezone)},
        faults=[(inside & (until < _END), over)],
    )


def within(usage: pl.LazyFrame, columns: Sequence[str], *, span: Range) -> pl.LazyFrame:
    """Return `columns` of the rows whose bucket lies within `span`, in no order.

    Raises:
        AlignmentError: When collected, if an end of `span` runs through the middle of a bucket.
    """
    return _placed(usage, columns, spans=[span], kept=span.holds(_START, _END))


def among(usage: pl.LazyFrame, columns: Sequence[str], *, spans: Sequence[Range]) -> pl.LazyFrame:
    """Return `columns` of the rows within one of `spans`, and as `_range` its number, from 0.

    Raises:
        AlignmentError: When collected, if an end of a range runs through the middle of a bucket.
    """
    number = pl.coalesce(
        pl.when(span.holds(_START, _END)).then(pl.lit(number, dtype=pl.Int8))
        for number, span in enumerate(spans)
    )
    return _placed(
        usage,
        columns,
        spans=spans,
        kept=number.is_not_null(),
        added={"_range": number},
        dtypes={"_range": pl.Int8()},
    )


def require_buckets(schema: pl.Schema, *, every: str) -> None:
    """Raise if a table's buckets cannot be cut into periods of `every`."""
    check_every(every)
    require_instants(schema, BUCKET, hint=_ADD_END)


def require_instants(schema: pl.Schema, columns: Sequence[str], *, hint: str = "") -> None:
    """Raise if one of `columns` is missing, or is not a Datetime with a time zone."""
    require(schema, columns, hint=hint)
    for column in columns:
        dtype = schema[column]
        if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
            made = "str.to_datetime(time_zone='UTC')" if dtype == pl.String else _IN_UTC
            raise QueryError(
                f"column {column!r} is {dtype}, which is not an instant; expected a Datetime with "
                f"a time zone, as from pl.col({column!r}).{made}"
            )


_FEW = 5_000
"""Up to so many runs, checking each is as fast as finding the distinct ones."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START, _END = pl.col("_start"), pl.col("_end")
_ALL = pl.lit(value=True)


def literal(moment: datetime) -> pl.Expr:
    """Return an instant of any zone as an expression, to compare with a column of buckets.

    Polars computes a literal of a datetime with a zone at once, which takes 0.3 ms, and casts one
    of a number in the plan.
    """
    return pl.lit((moment - _EPOCH) // timedelta(microseconds=1), dtype=pl.Int64).cast(INSTANT)


def _placed(
    usage: pl.LazyFrame,
    columns: Sequence[str],
    *,
    spans: Sequence[Range],
    kept: pl.Expr = _ALL,
    added: Mapping[str, pl.Expr] = MappingProxyType({}),
    dtypes: Mapping[str, pl.DataType] = MappingProxyType({}),
    faults: Sequence[tuple[pl.Expr, str]] = (),
) -> pl.LazyFrame:
    """Add columns that depend on the bucket, or reject a bucket, in one pass over the rows.

    The rows are taken batch by batch as they stream. A join with a second scan for the distinct
    buckets would make the optimizer keep the whole table for both.

    Args:
        usage: Rows with `bucket` and `bucket_end`.
        columns: The columns to keep, besides those two.
        spans: Ranges whose ends must not run through a bucket.
        kept: Which rows to keep. This and the following are expressions of `_START` and `_END`.
        added: The columns to add.
        dtypes: Their types.
        faults: What is rejected, and the message for it.
    """
    schema = usage.collect_schema()
    require_instants(schema, BUCKET, hint=_ADD_END)
    start, end = (
        pl.col(column).dt.convert_time_zone("UTC").dt.cast_time_unit("us") for column in BUCKET
    )
    faults = [
        ((_START >= _END).fill_null(value=True), "does not start before it ends"),
        *((span.cuts(_START, _END), f"is cut by the range {span}") for span in spans),
        *faults,
    ]
    fault = pl.coalesce(
        pl.when(found).then(pl.lit(number, dtype=pl.Int8))
        for number, (found, _) in enumerate(faults)
    )

    def placed(rows: pl.DataFrame) -> pl.DataFrame:
        buckets, number = _buckets(rows)
        judged = buckets.select(start.alias("_start"), end.alias("_end")).select(
            fault.alias("_fault"), kept.alias("_kept"), **added
        )
        if judged["_fault"].null_count() < judged.height:
            _reject(buckets.with_columns(judged["_fault"]), [message for _, message in faults])
        marked = rows.with_columns(judged[name].gather(number) for name in added)
        return marked if judged["_kept"].all() else marked.filter(judged["_kept"].gather(number))

    carried = tuple(dict.fromkeys((*BUCKET, *columns)))
    require(schema, carried)
    return usage.select(carried).map_batches(
        placed, streamable=True, schema={**{name: schema[name] for name in carried}, **dtypes}
    )


def _buckets(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the buckets of some rows, and for each row the place of its own among them.

    Usage is mostly in order of time. Then there are few runs of equal buckets, and they are enough.
    """
    bucket = pl.struct(BUCKET)
    run = rows.select(bucket.rle_id()).to_series()
    runs = rows.select(bucket.rle().struct.field("value")).to_series().struct.unnest()
    if runs.height < _FEW:
        return runs, run
    buckets = runs.unique()
    places = runs.join(
        buckets.with_row_index("_place"), on=BUCKET, how="left", maintain_order="left"
    )
    return buckets, places["_place"].gather(run)


def _reject(buckets: pl.DataFrame, messages: Sequence[str]) -> NoReturn:
    first = buckets.drop_nulls("_fault").sort("_fault", *BUCKET).row(0, named=True)
    bucket, end = (_text(first[column]) for column in BUCKET)
    raise AlignmentError(
        f"the bucket from {bucket} to {end} {messages[first['_fault']]}. {INDIVISIBLE}"
    )


def _text(moment: datetime | None) -> str:
    return "null" if moment is None else moment.isoformat()
