"""Cutting buckets into periods and ranges, or refusing to.

A bucket is one number for a stretch of time, so a boundary may run beside it but never through
it. The work is done once for each distinct bucket and joined back to the rows: a year of hourly
usage has 8,760 buckets, whatever its millions of rows. On a LazyFrame the check is part of the
plan, and its `AlignmentError` comes out of `collect`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
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
    "A bucket is one number, and no arithmetic can split it: ask in the time zone and at the grain "
    "that the usage was loaded in, or for periods that hold whole buckets"
)
"""What there is to do about a bucket that reaches over a boundary."""

_ADD_END = (
    "A period needs to know where each bucket ends. For hourly buckets, add it with "
    "usage.with_columns(bucket_end=pl.col('bucket').dt.offset_by('1h')); for days in New York, "
    "convert first: pl.col('bucket').dt.convert_time_zone('America/New_York').dt.offset_by('1d')."
)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time, from `start` to `end`, exclusive; None leaves that side open."""

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
                f"start {first.isoformat()} is not before end {last.isoformat()}; "
                "end is exclusive, so the day after the last one is meant"
            )
        return cls(first, last)

    def __str__(self) -> str:
        """Write the range in ISO 8601, an open side as `...`."""
        return " to ".join(
            "..." if edge is None else edge.isoformat() for edge in (self.start, self.end)
        )

    def holds(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Return whether a bucket lies within the range, whole."""
        after = pl.lit(True) if self.start is None else start >= _literal(self.start)
        before = pl.lit(True) if self.end is None else end <= _literal(self.end)
        return after & before

    def cuts(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Return whether an end of the range runs through the middle of a bucket."""
        inside = [
            (start < _literal(edge)) & (_literal(edge) < end)
            for edge in (self.start, self.end)
            if edge is not None
        ]
        return pl.any_horizontal(pl.lit(False), *inside)


EVER = Range()

LONGEST = 1_000_000
"""The most periods of a window or a season; hours of a century are fewer."""


def check_every(every: str) -> None:
    """Refuse a period that is not one of `Every`."""
    if every not in get_args(Every):
        every_known = get_args(Every)
        raise QueryError(
            f"every is {every!r}; expected one of {', '.join(every_known)}."
            f"{did_you_mean(every, every_known)}"
        )


def with_period(
    usage: pl.LazyFrame, columns: Sequence[str], *, every: str, timezone: str, span: Range = EVER
) -> pl.LazyFrame:
    """Give `columns` and each row's `period`: its start in `timezone`, or null outside `span`.

    Args:
        usage: Rows with `bucket` and `bucket_end`, each a Datetime with a time zone.
        columns: The columns to keep, besides those two; all are carried along, so name few.
        every: One of `Every`.
        timezone: The IANA zone whose calendar and clock the periods follow.
        span: The range that is asked about.

    Raises:
        AlignmentError: When collected, if a bucket reaches over a boundary of `every` or an end
            of `span`, or does not say when it starts and ends.
    """
    check_every(every)
    zone(timezone)
    period = period_start(_START, every=every, timezone=timezone)
    until = period_end(_START, every=every, timezone=timezone).dt.convert_time_zone("UTC")
    inside = span.holds(_START, _END)
    over = f"reaches over a boundary of every={every!r} in {timezone}"
    return _placed(
        usage,
        columns,
        spans=[span],
        added={"period": pl.when(inside).then(period)},
        dtypes={"period": pl.Datetime("us", timezone)},
        faults=[(inside & (until < _END), over)],
    )


def within(usage: pl.LazyFrame, columns: Sequence[str], *, span: Range) -> pl.LazyFrame:
    """Give `columns` of the rows whose bucket lies within `span`, in no order.

    Raises:
        AlignmentError: When collected, if an end of `span` runs through the middle of a bucket.
    """
    return _placed(usage, columns, spans=[span], kept=span.holds(_START, _END))


def among(usage: pl.LazyFrame, columns: Sequence[str], *, spans: Sequence[Range]) -> pl.LazyFrame:
    """Give `columns` of the rows within one of `spans`, and as `_range` its number, from 0.

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
    """Raise if one of `columns` is missing, or is no Datetime with a time zone."""
    require(schema, columns, hint=hint)
    for column in columns:
        dtype = schema[column]
        if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
            made = "str.to_datetime(time_zone='UTC')" if dtype == pl.String else _IN_UTC
            raise QueryError(
                f"column {column!r} is {dtype}, which names no instant; expected a Datetime with "
                f"a time zone, as pl.col({column!r}).{made} makes one"
            )


_FEW = 5_000
"""So many buckets are judged as fast as it is found that some of them are the same."""

_START, _END = pl.col("_start"), pl.col("_end")
_ALL = pl.lit(value=True)


def _literal(moment: datetime) -> pl.Expr:
    return pl.lit(moment.astimezone(UTC), dtype=INSTANT)


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
    """Put to the rows what is true of their buckets, or refuse a bucket, in one pass over them.

    The rows are taken batch by batch as they stream past. To join them with a second scan for the
    distinct buckets would have the optimizer keep the whole table for both.

    Args:
        usage: Rows with `bucket` and `bucket_end`.
        columns: The columns to keep, besides those two.
        spans: Ranges whose ends may not run through a bucket.
        kept: Whose rows to keep. This and the following are of `_START` and `_END`.
        added: Columns to add.
        dtypes: Their types.
        faults: What is refused, and in which words.
    """
    schema = usage.collect_schema()
    require_instants(schema, BUCKET, hint=_ADD_END)
    start, end = (
        pl.col(column).dt.convert_time_zone("UTC").dt.cast_time_unit("us") for column in BUCKET
    )
    faults = [
        ((_START >= _END).fill_null(value=True), "does not start before it ends"),
        *((span.cuts(_START, _END), f"is cut through by the range {span}") for span in spans),
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
            _refuse(buckets.with_columns(judged["_fault"]), [saying for _, saying in faults])
        marked = rows.with_columns(judged[name].gather(number) for name in added)
        return marked if judged["_kept"].all() else marked.filter(judged["_kept"].gather(number))

    carried = tuple(dict.fromkeys((*BUCKET, *columns)))
    return usage.select(carried).map_batches(
        placed, streamable=True, schema={**{name: schema[name] for name in carried}, **dtypes}
    )


def _buckets(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Give the buckets of some rows, and for each row the place of its own among them.

    Usage mostly comes in order of time, and then its runs of a bucket are all there is to know.
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


def _refuse(buckets: pl.DataFrame, sayings: Sequence[str]) -> NoReturn:
    first = buckets.drop_nulls("_fault").sort("_fault", *BUCKET).row(0, named=True)
    bucket, end = (_text(first[column]) for column in BUCKET)
    raise AlignmentError(
        f"the bucket from {bucket} to {end} {sayings[first['_fault']]}. {INDIVISIBLE}"
    )


def _text(moment: datetime | None) -> str:
    return "null" if moment is None else moment.isoformat()
