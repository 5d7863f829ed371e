"""The cost of each period ahead, with bands that were measured on the series' own past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, overload

import polars as pl

from falusage._usage.arguments import free, key, names
from falusage._usage.table import Eager, Lazy, take
from falusage.coverage import Coverage
from falusage.forecasting._exclusions import Excluded
from falusage.forecasting._futures import check_horizon, check_levels, check_model, futures
from falusage.forecasting._history import histories
from falusage.forecasting._paths import bounds
from falusage.forecasting._planned import read_planned
from falusage.timeframes import Every


@overload
def forecast(
    usage: Lazy,
    *,
    horizon: int,
    every: Every = "1d",
    by: str | Sequence[str] = (),
    timezone: str | None = None,
    model: str = "auto",
    levels: Sequence[float] = (80, 95),
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def forecast(
    usage: Eager,
    *,
    horizon: int,
    every: Every = "1d",
    by: str | Sequence[str] = (),
    timezone: str | None = None,
    model: str = "auto",
    levels: Sequence[float] = (80, 95),
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def forecast(
    usage: Lazy | Eager,
    *,
    horizon: int,
    every: Every = "1d",
    by: str | Sequence[str] = (),
    timezone: str | None = None,
    model: str = "auto",
    levels: Sequence[float] = (80, 95),
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Forecast cost, period by period, with bands.

    The candidates: `level` (the recent median level with the pattern of the season), `smoothing`
    and `theta` (from statsforecast, on the logarithm of the level), `trend` (the same around a
    line), the `average` of these, `seasonal_naive` and `drift`. Each forecasts the series' own
    past, from up to twenty earlier periods. The smaller the errors of a model were, the larger is
    its share in the average; `backtest` shows both. `"auto"` is this average, or `level` for a
    series of less than two weeks. A series begins with its first cost; after that, a period without
    usage counts as zero. The forecast is a mean, so that days add up to a month.

    The bands are quantiles of a thousand paths: the forecast with errors that the model made over
    whole windows of that past, in proportion to the present level, and with what a level may do
    that the past does not show. They are never below zero. `backtest` measures how often they
    held. The same table gives the same forecast.

    With `by`, the parts are scaled, period by period, so that they sum to the forecast of the whole
    of their currency, and so are their paths, in which uncertain parts give way first.

    Args:
        usage: A usage table: a load, a snapshot, a store or a frame. Lazy rows are collected at
            once. If it has a column `settled` (Boolean), nothing is learned from rows where that
            is not true.
        horizon: How many periods ahead.
        every: The period: `"1h"`, `"1d"`, `"1w"`, `"1mo"`, `"1q"` or `"1y"`. Their seasons are
            168, 7, 52, 12, 4 and 1 periods.
        by: The columns that make a series. `currency` is always among them; nulls are a series of
            their own.
        timezone: The IANA zone in which periods are cut; by default that of the coverage, or UTC.
        model: `"auto"`, or one of the candidates for every series. A series too short for it gets
            `level`.
        levels: The nominal coverage of the bands, in percent.
        exclude: Ranges of (start, end), end exclusive, that nothing is learned from, such as a
            test that will not come again; or `"anomalies"`, for the spikes that `anomalies` finds
            (at most three unusual periods in a row; more are a new level). What such a period
            cost counts as usual cost at its place in the season.
        known: Costs that are known already, such as a launch or a planned job, to be added to what
            is forecast: a frame of `period` (Date or Datetime: when), the columns of `by`,
            `currency` and `cost`. Names that the usage lacks are series of their own. Costs after
            the last period are for later forecasts.
        as_of: Buckets that end after it are still open: a date, an aware datetime or ISO 8601
            text; by default now. With a coverage, so are buckets after its `closed_until`.
        end: Where the range of a bare frame ends, if that is later than its last bucket: the time
            between is then known to be without cost. A date, an aware datetime or ISO 8601 text.
            A coverage says so itself.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        `period` (Datetime in `timezone`, the period's start), the columns of `by`, `currency`,
        `model` (String, the candidate that was used); `cost` and, for each level, `lo_80`,
        `hi_80`, … (Float64, in `currency`). Sorted by `period`, *by*, `currency`. It begins with
        the first period that is not whole, which is forecast and not learned from. A LazyFrame if
        `usage` is lazy, as a LazyFrame, a snapshot or a store is.

    Warns:
        IncompletePeriodWarning: The last period is cut short, open or not settled; or a whole one
            lies between the table's end and the given `as_of`.
        ShortHistoryWarning: A series is too short for its season, or for a track record.
        UnmatchedWarning: `known` has a name that the usage lacks; the message has the closest one.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every` in `timezone`.
        CoverageError: A part of the table's range was never read.
        MissingColumnError: A table lacks a column.
        MissingExtraError: statsforecast is not installed.
        QueryError: An argument is invalid, or `exclude` leaves too little to learn from.
        ShortHistoryError: There are fewer than two whole periods, or they span less than two weeks.

    Source: R. J. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd
    edition: 5.5 for the paths, 5.10 for the rolling origin, 11.3 for the parts scaled to their
    whole.

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 1, 6, tzinfo=UTC) + timedelta(days=n) for n in range(56)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "cost": [4.0 if day.weekday() > 4 else 10.0 for day in days],
    ...     "currency": "USD",
    ... })
    >>> forecast(usage, horizon=7, levels=[80]).drop("currency").tail(3)
    shape: (3, 5)
    ┌─────────────────────────┬─────────┬──────┬──────────┬───────────┐
    │ period                  ┆ model   ┆ cost ┆ lo_80    ┆ hi_80     │
    │ ---                     ┆ ---     ┆ ---  ┆ ---      ┆ ---       │
    │ datetime[μs, UTC]       ┆ str     ┆ f64  ┆ f64      ┆ f64       │
    ╞═════════════════════════╪═════════╪══════╪══════════╪═══════════╡
    │ 2025-03-07 00:00:00 UTC ┆ average ┆ 10.0 ┆ 9.593782 ┆ 10.434979 │
    │ 2025-03-08 00:00:00 UTC ┆ average ┆ 4.0  ┆ 3.835592 ┆ 4.174086  │
    │ 2025-03-09 00:00:00 UTC ┆ average ┆ 4.0  ┆ 3.834801 ┆ 4.175914  │
    └─────────────────────────┴─────────┴──────┴──────────┴───────────┘
    """
    columns = names(by, argument="by")
    check_horizon(horizon)
    check_model(model)
    wanted = check_levels(levels)
    labels = {level: (f"lo_{level:g}", f"hi_{level:g}") for level in wanted}
    taken = [name for pair in labels.values() for name in pair]
    free(columns, reserved=("period", "model", "cost", *taken))
    table = take(usage, coverage)
    zone = table.zone(timezone)
    parts, whole = histories(
        table, [columns, ()], every=every, timezone=zone, as_of=as_of, end=end, exclude=exclude
    )
    group = key(columns)
    planned = read_planned(known, parts, usage=table.schema, group=group, horizon=horizon)
    parts, whole = planned.included(parts, whole)
    ahead = parts.ahead(horizon)
    found = futures(parts, whole, horizon=horizon, model=model)
    frames: list[pl.DataFrame] = []
    for row, (future, series) in enumerate(zip(found, parts.keys.rows(), strict=True)):
        more = planned.of(series)
        values: dict[str, Any] = {
            "model": pl.lit(future.model),
            "cost": pl.Series(future.cost + more),
        }
        for level, band in bounds(future.paths, wanted, around=future.cost).items():
            for name, bound in zip(labels[level], band, strict=True):
                values[name] = pl.Series(bound + more)
        of_series = ahead.select("period").join(parts.keys[row], how="cross")
        frames.append(of_series.with_columns(**values))
    result = pl.concat(frames).sort("period", *group, maintain_order=True)
    return table.result(result.lazy())
