"""Unusual periods: cost compared with the same place in earlier seasons.

A Tuesday is expected to cost the median of the Tuesdays before it. The usual distance from that is
the median distance of the days before it. Medians, because one bad day in the past must not hide
the next; the past only, because an alarm cannot wait for what comes after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, overload

import polars as pl

from falusage._usage.arguments import free, key, names
from falusage._usage.periods import LONGEST
from falusage._usage.table import Eager, Lazy, take
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.timeframes import USUAL_LENGTH, Every, period_end
from falusage.transforms.trend import follow

_OWN = ("period", "cost", "expected", "excess", "score")
MAD_TO_SIGMA = 1.4826
_SEASONS = 8
_LEAST_LIKE = 3
_LEAST_EXCESSES = 14
_FLOOR = 0.01
THRESHOLD: Final = 3.5


def learned_from(season: int) -> int:
    """Return how many periods a series needs before the first one that is judged."""
    return _LEAST_LIKE * season + max(_LEAST_EXCESSES, 2 * season)


@overload
def anomalies(
    usage: Lazy,
    *,
    by: str | Sequence[str] = (),
    every: Every = "1d",
    timezone: str | None = None,
    season: int = 7,
    threshold: float = THRESHOLD,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def anomalies(
    usage: Eager,
    *,
    by: str | Sequence[str] = (),
    every: Every = "1d",
    timezone: str | None = None,
    season: int = 7,
    threshold: float = THRESHOLD,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def anomalies(
    usage: Lazy | Eager,
    *,
    by: str | Sequence[str] = (),
    every: Every = "1d",
    timezone: str | None = None,
    season: int = 7,
    threshold: float = THRESHOLD,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Return the periods whose cost is far above or below what their own past leads to expect.

    expected(t) = median of cost(t − season), cost(t − 2·season), … , at most 8 of them, at the
    length of t (a day of 25 hours is expected to cost 25/24); excess(t) = cost(t) − expected(t);
    scale(t) = 1.4826 · median of |excess| over the 8·season periods before t;
    score(t) = excess(t) / scale(t), and a period with |score| > `threshold` is returned. The scale
    is at least 1 % of `expected`, and 0.01 in `currency`: after a past without noise, a cent is no
    anomaly.

    A series begins with the first period in which it spent; after that, a period without usage
    counts as zero. It is judged once it has 2·season excesses (at least 14), each from at least 3
    earlier seasons: from the sixth season on. A shorter series has no rows. Periods that the range
    cuts short, or that may still grow by the coverage, are not judged and not learned from.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Nulls in `by` are a series of
            their own.
        by: The columns that make a series. `currency` is always among them.
        every: The period, as in `rollup`.
        timezone: The IANA zone in which periods are cut; by default that of the coverage, or UTC.
        season: After how many periods the pattern repeats: 7 for the days of a week, 24 or 168
            for hours, 1 for none.
        threshold: How many robust standard deviations are too many.
        start: Where the range starts, as in `trend`.
        end: Where the range ends, exclusive, as in `trend`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (Datetime in `timezone`, the period's start), the columns of `by`, `currency`;
        `cost`, `expected`, `excess` and `score` (Float64; the last two negative for a drop), by
        falling `excess`, so overspend first and drops last. A LazyFrame if `usage` is lazy, as a
        LazyFrame, a snapshot or a store is; then nothing is collected.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every` in `timezone`, or `start` or `end`.
            From a LazyFrame, when it is collected.
        CoverageError: A part of the range was never read.
        MissingColumnError: The table lacks a column.
        QueryError: An argument is invalid.

    Source: B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers (ASQC, 1993): the
    modified z-score and its threshold of 3.5. The baseline is the seasonal naïve forecast (R. J.
    Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 5.2), taken
    as a median over seasons.

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(42)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "cost": [90.0 if n == 37 else 10.0 + n % 7 + n % 3 for n in range(42)],
    ...     "currency": "USD",
    ... })
    >>> anomalies(usage).drop("currency")
    shape: (1, 5)
    ┌─────────────────────────┬──────┬──────────┬────────┬───────────┐
    │ period                  ┆ cost ┆ expected ┆ excess ┆ score     │
    │ ---                     ┆ ---  ┆ ---      ┆ ---    ┆ ---       │
    │ datetime[μs, UTC]       ┆ f64  ┆ f64      ┆ f64    ┆ f64       │
    ╞═════════════════════════╪══════╪══════════╪════════╪═══════════╡
    │ 2025-02-07 00:00:00 UTC ┆ 90.0 ┆ 13.0     ┆ 77.0   ┆ 51.935788 │
    └─────────────────────────┴──────┴──────────┴────────┴───────────┘
    """
    columns = names(by, argument="by")
    free(columns, reserved=_OWN)
    if isinstance(season, bool) or not isinstance(season, int) or not 1 <= season <= LONGEST:
        raise QueryError(
            f"season is {season!r}; expected a whole number of periods, from 1 to {LONGEST:,}"
        )
    if not isinstance(threshold, int | float) or not 0 < threshold < math.inf:
        raise QueryError(f"threshold is {threshold!r}; expected a number above 0, as 3.5")
    table = take(usage, coverage)
    zone = table.zone(timezone)
    followed = follow(table, by=columns, every=every, timezone=zone, window=1, start=start, end=end)
    group = key(columns)
    found = judged(followed, group=group, every=every, timezone=zone, season=season)
    return table.result(
        found.filter(pl.col("score").abs() > threshold)
        .select("period", *group, "cost", "expected", "excess", "score")
        .sort("excess", "period", *group, descending=[True, *(False for _ in ("period", *group))]),
    )


def judged(
    followed: pl.LazyFrame, *, group: Sequence[str], every: str, timezone: str, season: int
) -> pl.LazyFrame:
    """Return each period's `expected`, `excess` and `score`, null where its past is too short."""
    period, cost, known, length = (pl.col(name) for name in ("period", "cost", "_known", "_length"))
    expected, excess = pl.col("expected"), pl.col("excess")
    begun = cost.cum_sum().over(group) > 0
    lasts = (period_end(period, every=every, timezone=timezone) - period) / USUAL_LENGTH[every]
    enough = max(_LEAST_EXCESSES, 2 * season)
    baseline = (known / length).shift(1).rolling_median(_SEASONS, min_samples=_LEAST_LIKE)
    spread = (
        excess.abs().shift(1).rolling_median(max(_SEASONS * season, enough), min_samples=enough)
    )
    scale = pl.max_horizontal(pl.col("_spread") * MAD_TO_SIGMA, expected * _FLOOR, _FLOOR)
    return (
        followed.with_columns(
            pl.when(pl.col("complete") & begun).then(cost).alias("_known"),
            lasts.alias("_length"),
            (pl.int_range(pl.len()).over(group) % season).alias("_place"),
        )
        .with_columns((baseline.over(*group, "_place") * length).alias("expected"))
        .with_columns((known - expected).alias("excess"))
        .with_columns(spread.over(group).alias("_spread"))
        .with_columns(pl.when(pl.col("_spread").is_not_null()).then(excess / scale).alias("score"))
    )
