"""The errors of each candidate's forecasts, and how often the cost was within its bands.

This is the full track record by which `forecast` chooses: an auditor can repeat the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, overload

import numpy as np
import polars as pl

from falusage._usage.arguments import free, key, names
from falusage._usage.table import Eager, Lazy, take
from falusage.coverage import Coverage
from falusage.forecasting._candidates import MODELS, forecasters
from falusage.forecasting._exclusions import Excluded
from falusage.forecasting._futures import check_horizon, check_levels, seed_of
from falusage.forecasting._history import histories
from falusage.forecasting._measured import measured_coverage
from falusage.forecasting._paths import Doubt
from falusage.forecasting._rhythms import Rhythm
from falusage.forecasting._track_record import TrackRecord, track_record
from falusage.timeframes import Every


@overload
def backtest(
    usage: Lazy,
    *,
    horizon: int,
    every: Every = "1d",
    by: str | Sequence[str] = (),
    timezone: str | None = None,
    levels: Sequence[float] = (80, 95),
    exclude: Excluded = (),
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.LazyFrame: ...


@overload
def backtest(
    usage: Eager,
    *,
    horizon: int,
    every: Every = "1d",
    by: str | Sequence[str] = (),
    timezone: str | None = None,
    levels: Sequence[float] = (80, 95),
    exclude: Excluded = (),
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame: ...


def backtest(
    usage: Lazy | Eager,
    *,
    horizon: int,
    every: Every = "1d",
    by: str | Sequence[str] = (),
    timezone: str | None = None,
    levels: Sequence[float] = (80, 95),
    exclude: Excluded = (),
    as_of: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """Forecast the past with every candidate; return its error and the coverage of its bands.

    From up to twenty earlier periods, each candidate forecasts the periods that followed, from the
    history before them alone. error = mean |actual − forecast| / scale, where the scale is the
    recent mean absolute seasonal difference of the history, and at least a tenth of the largest
    scale: an error of 1 is as good as repeating the last season. The bands of a window are drawn
    from windows that share no period with it.

    Args:
        usage: A usage table, as for `forecast`.
        horizon: How many periods each window looks ahead; at least a season of days, months or
            quarters, and at most a third of the history.
        every: The period, as in `forecast`.
        by: The columns that make a series. `currency` is always among them.
        timezone: The IANA zone in which periods are cut; by default that of the coverage, or UTC.
        levels: The nominal coverage of the bands, in percent.
        exclude: Ranges that nothing is learned from, as in `forecast`.
        as_of: Buckets that end after it are still open, as in `forecast`.
        end: Where the range of a bare frame ends, as in `forecast`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The columns of `by`, `currency`; `model` (String); `windows` and `ahead` (Int64, how many
        windows, and how many periods each); `error` (Float64) and `total_error` (Float64, that of
        a window's total, per period); `bias` (Float64, mean (forecast − actual) / scale, above
        zero if forecasts are too high); `weight` (Float64, the model's share in the average, null
        if it has none); `chosen` (Boolean, what `forecast` uses: the average, or `level`
        for a series of less than two weeks); for each level `coverage_80`, … (Float64, the measured
        share of periods within the band, null if there are fewer than three other windows). Sorted
        by *by*, `currency`, then with the average first. Series of zeros or of a single period
        have no rows. A LazyFrame if `usage` is lazy, as a LazyFrame, a snapshot or a store is.

    Raises:
        AlignmentError: A bucket crosses a boundary of `every` in `timezone`.
        CoverageError: A part of the table's range was never read.
        MissingColumnError: The table lacks a column.
        MissingExtraError: statsforecast is not installed.
        QueryError: An argument is invalid.
        ShortHistoryError: There are fewer than two whole periods, or they span less than two weeks.

    Source: R. J. Hyndman and A. B. Koehler, Another look at measures of forecast accuracy,
    International Journal of Forecasting 22 (2006), the scaled error; here each window's scale is
    that of its own origin.

    >>> from datetime import UTC, datetime, timedelta
    >>> days = [datetime(2025, 1, 6, tzinfo=UTC) + timedelta(days=n) for n in range(84)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "cost": [4.0 if day.weekday() > 4 else 10.0 + day.day % 3 for day in days],
    ...     "currency": "USD",
    ... })
    >>> backtest(usage, horizon=7).filter("chosen").select("model", "windows", "error").item(0, 0)
    'average'
    """
    columns = names(by, argument="by")
    check_horizon(horizon)
    wanted = check_levels(levels)
    rhythm = Rhythm.from_every(every)
    coverages = {f"coverage_{level:g}": pl.Float64() for level in wanted}
    results = {**_RESULTS, **coverages}
    free(columns, reserved=results)
    table = take(usage, coverage)
    history = histories(
        table,
        [columns],
        every=every,
        timezone=table.zone(timezone),
        as_of=as_of,
        end=end,
        exclude=exclude,
    )[0]
    models = forecasters(rhythm)
    group = key(columns)
    rows: list[dict[str, Any]] = []
    for key_row, rates in zip(history.keys.rows(), history.rates, strict=True):
        spent = np.flatnonzero(rates)
        if not spent.size:
            continue
        past = rates[spent[0] :]
        record = track_record(past, horizon=horizon, rhythm=rhythm, models=models)
        if record is None:
            continue
        doubt, seed = Doubt.from_history(past, rhythm), seed_of(key_row)
        series = dict(zip(history.keys.columns, key_row, strict=True))
        for row in _rows(record):
            held = measured_coverage(record, row["model"], doubt, wanted, seed=seed)
            rows.append({**series, **row, **{f"coverage_{n:g}": held[n] for n in wanted}})
    schema = {**history.keys.schema, **results}
    result = pl.DataFrame(rows, schema=schema).sort(group, maintain_order=True)
    return table.result(result.lazy())


_RESULTS = {
    "model": pl.String(),
    "windows": pl.Int64(),
    "ahead": pl.Int64(),
    "error": pl.Float64(),
    "total_error": pl.Float64(),
    "bias": pl.Float64(),
    "weight": pl.Float64(),
    "chosen": pl.Boolean(),
}


def _rows(record: TrackRecord) -> list[dict[str, Any]]:
    return [
        {
            "model": name,
            "windows": len(record.origins),
            "ahead": record.span,
            "error": record.off(name)[0],
            "total_error": record.off(name)[1],
            "bias": float(-record.errors(name).mean()),
            "weight": record.weights.get(name),
            "chosen": name == record.chosen,
        }
        for name in MODELS
        if name in record.forecasts
    ]
