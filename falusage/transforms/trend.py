"""How cost moves: each period compared with the one before, and with a moving mean.

A period without usage counts as zero. A period that is cut short, or may still grow, is never
compared as if it were whole: a month to date would always look like a fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import cast, overload

import polars as pl

from falusage._usage.arguments import free, key, names
from falusage._usage.periods import EVER, LONGEST, Range, check_every
from falusage._usage.table import Eager, Lazy, Table, take
from falusage.columns import INSTANT, MONEY
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import Every, boundaries, ceil, floor
from falusage.transforms.rollup import exact_sums

_RESULTS = {
    "cost": pl.Float64(),
    "previous": pl.Float64(),
    "change": pl.Float64(),
    "pct_change": pl.Float64(),
    "rolling_mean": pl.Float64(),
    "complete": pl.Boolean(),
}


@overload
def trend(
    usage: Lazy,
    *,
    by: str | Sequence[str] = (),
    every: Every = "1d",
    timezone: str | None = None,
    window: int = 7,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def trend(
    usage: Eager,
    *,
    by: str | Sequence[str] = (),
    every: Every = "1d",
    timezone: str | None = None,
    window: int = 7,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def trend(
    usage: Lazy | Eager,
    *,
    by: str | Sequence[str] = (),
    every: Every = "1d",
    timezone: str | None = None,
    window: int = 7,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Return the cost of every period, its change, and its moving mean.

    change(t) = cost(t) − cost(t−1); pct_change(t) = change(t) / cost(t−1), null from zero;
    rolling_mean(t) = (cost(t) + … + cost(t−window+1)) / window. A series is a combination of `by`
    and `currency` in the table, and every series has every period, with zero where it spent
    nothing.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Nulls in `by` are a series of
            their own.
        by: The columns that make a series. `currency` is always among them.
        every: The period, as in `rollup`.
        timezone: The IANA zone in which periods are cut and a date means midnight; by default
            that of the coverage, or UTC.
        window: How many periods the rolling mean covers.
        start: Where the range starts: a date, an aware datetime or ISO 8601 text. By default the
            `start` of the coverage; for a bare frame, its first `bucket`.
        end: Where the range ends, exclusive. By default the `end` of the coverage; for a bare
            frame, its last `bucket_end`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (Datetime in `timezone`, the period's start), the columns of `by`, `currency`;
        `cost`, `previous`, `change`, `pct_change` (a fraction) and `rolling_mean` (Float64);
        `complete` (Boolean), false if the range cuts the period short or, by the coverage, a
        bucket of it may still grow. `change` and `pct_change` of such a period and of the one
        after it are null, and so is every `rolling_mean` over one. Sorted by `period`, *by*,
        `currency`. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a store is; then
        nothing is collected.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every`, or `start` or `end`. From a
            LazyFrame, when it is collected.
        CoverageError: A part of the range was never read.
        MissingColumnError: The table lacks a column.
        QueryError: An argument is invalid.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 6.4.2.1, the trailing moving average.

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2, 4)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "cost": [2.0, 3.0, 1.0],
    ...     "currency": "USD",
    ... })
    >>> trend(usage, window=2).drop("currency")
    shape: (4, 7)
    ┌─────────────────────────┬──────┬──────────┬────────┬────────────┬──────────────┬──────────┐
    │ period                  ┆ cost ┆ previous ┆ change ┆ pct_change ┆ rolling_mean ┆ complete │
    │ ---                     ┆ ---  ┆ ---      ┆ ---    ┆ ---        ┆ ---          ┆ ---      │
    │ datetime[μs, UTC]       ┆ f64  ┆ f64      ┆ f64    ┆ f64        ┆ f64          ┆ bool     │
    ╞═════════════════════════╪══════╪══════════╪════════╪════════════╪══════════════╪══════════╡
    │ 2025-01-01 00:00:00 UTC ┆ 2.0  ┆ null     ┆ null   ┆ null       ┆ null         ┆ true     │
    │ 2025-01-02 00:00:00 UTC ┆ 3.0  ┆ 2.0      ┆ 1.0    ┆ 0.5        ┆ 2.5          ┆ true     │
    │ 2025-01-03 00:00:00 UTC ┆ 0.0  ┆ 3.0      ┆ -3.0   ┆ -1.0       ┆ 1.5          ┆ true     │
    │ 2025-01-04 00:00:00 UTC ┆ 1.0  ┆ 0.0      ┆ 1.0    ┆ null       ┆ 0.5          ┆ true     │
    └─────────────────────────┴──────┴──────────┴────────┴────────────┴──────────────┴──────────┘
    """
    table = take(usage, coverage)
    return table.result(
        follow(
            table,
            by=by,
            every=every,
            timezone=table.zone(timezone),
            window=window,
            start=start,
            end=end,
        )
    )


def follow(
    table: Table,
    *,
    by: str | Sequence[str],
    every: Every,
    timezone: str,
    window: int,
    start: date | datetime | str | None,
    end: date | datetime | str | None,
) -> pl.LazyFrame:
    """Return what `trend` returns, lazy, for a table from `take`."""
    columns = names(by, argument="by")
    free(columns, reserved=("period", *_RESULTS))
    check_every(every)
    if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= LONGEST:
        raise QueryError(
            f"window is {window!r}; expected a whole number of periods, from 1 to {LONGEST:,}"
        )
    span = Range.read(start, end, timezone=timezone)
    table.require_covered(span.start, span.end)
    sums = exact_sums(
        table,
        by=columns,
        every=every,
        timezone=timezone,
        values=["cost"],
        span=span,
        also=[
            pl.col("bucket").min().cast(INSTANT).alias("_first"),
            pl.col("bucket_end").max().cast(INSTANT).alias("_last"),
        ],
    )
    group = key(columns)
    # One function over the small sums: a plan that used them three times could scan three times.
    return sums.map_batches(
        partial(
            _followed,
            group=group,
            every=every,
            timezone=timezone,
            window=window,
            span=span,
            coverage=table.coverage,
        ),
        schema={
            "period": pl.Datetime("us", timezone),
            **{column: table.schema[column] for column in group},
            **_RESULTS,
        },
    )


def _followed(
    sums: pl.DataFrame,
    *,
    group: Sequence[str],
    every: str,
    timezone: str,
    window: int,
    span: Range,
    coverage: Coverage | None,
) -> pl.DataFrame:
    first, last = cast("tuple[datetime | None, datetime | None]", _ends(sums))
    whole = EVER
    if coverage is not None:
        whole = _whole(coverage)
        first = coverage.start if first is None else min(first, coverage.start)
        last = coverage.end if last is None else max(last, coverage.end)
    calendar = _calendar(
        Range(span.start or first, span.end or last), whole, every=every, timezone=timezone
    )
    cost, complete = pl.col("cost"), pl.col("complete")
    previous = cost.shift(1)
    comparable = complete & complete.shift(1)
    costs, wholes = cost.cum_sum(), complete.cast(pl.Int64).cum_sum()
    summed = costs - costs.shift(window, fill_value=pl.lit(0, dtype=MONEY))
    whole = (wholes - wholes.shift(window, fill_value=0)).over(group)
    # By a column, because Polars divides by a scalar as times its reciprocal, a last bit off.
    mean = summed.over(group).cast(pl.Float64) / whole
    change = pl.when(comparable.over(group)).then((cost - previous).over(group))
    return (
        calendar.join(sums.select(group).unique(), how="cross")
        .join(sums, on=["period", *group], how="left", nulls_equal=True)
        .with_columns(cost.fill_null(0))
        .sort("period", *group)
        .with_columns(
            previous.over(group).alias("previous"),
            change.alias("change"),
            pl.when(whole == window).then(mean).alias("rolling_mean"),
        )
        .select(
            "period",
            *group,
            pl.col("cost", "previous", "change").cast(pl.Float64),
            _ratio(pl.col("change"), pl.col("previous")).alias("pct_change"),
            "rolling_mean",
            "complete",
        )
    )


def _whole(coverage: Coverage) -> Range:
    """Return the range whose buckets were all read after their end; rows alone do not limit it."""
    if coverage.known:
        return Range(coverage.start, coverage.closed_until)
    return Range(None, coverage.closed_until if coverage.closed_until < coverage.end else None)


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part.cast(pl.Float64) / whole.cast(pl.Float64))


def _ends(sums: pl.DataFrame) -> tuple[object, object]:
    return sums["_first"].min(), sums["_last"].max()


def _calendar(span: Range, whole: Range, *, every: str, timezone: str) -> pl.DataFrame:
    """Return every period of a range, and whether it is complete.

    Args:
        span: The range.
        whole: The range whose buckets were all read after their end.
        every: The period.
        timezone: The zone in which periods are cut.
    """
    start, end = span.start, span.end
    if start is None or end is None or start >= end:
        edges = pl.Series(dtype=INSTANT)
    else:
        first, last = (
            floor(start, every=every, timezone=timezone),
            ceil(end, every=every, timezone=timezone),
        )
        edges = boundaries(first, last, every=every, timezone=timezone)
    edge = (pl.col("period"), pl.col("until"))
    return pl.DataFrame({"period": edges.head(-1), "until": edges.slice(1)}).select(
        pl.col("period").dt.convert_time_zone(timezone),
        complete=span.holds(*edge) & whole.holds(*edge),
    )
