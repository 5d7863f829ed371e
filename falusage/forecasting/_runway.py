"""How long a balance lasts: the day on which it runs out, with its band.

What is spent comes from the daily forecast. Each of its paths has a day on which it passes the
balance, and the band is that of these days; the bounds of single days are never added up.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from falusage._usage.table import Eager, Lazy, Table, take
from falusage.api.balance import Balance
from falusage.columns import exact
from falusage.coverage import Coverage
from falusage.errors import FalUsageWarning, IncompletePeriodWarning, QueryError, warn
from falusage.forecasting._exclusions import Excluded
from falusage.forecasting._futures import LONGEST_AHEAD, check_horizon, futures
from falusage.forecasting._history import histories, known_until
from falusage.forecasting._month_ahead import after_last_gap, elapsed
from falusage.forecasting._past import Floats
from falusage.forecasting._planned import read_planned
from falusage.forecasting._runway_result import Runway
from falusage.timeframes import instant, zone

_ROUNDING: Final = 1 + 1e-9
_LEVELS: Final = (80, 95)


def runway(
    usage: Lazy | Eager,
    balance: Balance,
    *,
    horizon: int = 90,
    counted_from: date | datetime | str | None = None,
    exclude: Excluded = (),
    known: pl.DataFrame | pl.LazyFrame | None = None,
    timezone: str | None = None,
    end: date | datetime | str | None = None,
    coverage: Coverage | None = None,
) -> Runway:
    """Forecast the day on which a balance runs out.

    The daily forecast (`forecast`, `every="1d"`) is added up from `counted_from` on, and so is
    each of its thousand paths. Of the day that `counted_from` falls in, only the share counts that
    such days still had ahead at that hour. Usage that the table has after `counted_from` counts as
    it is, and the forecast follows where the usage ends.

    The provider shows a balance late, by an unknown time, so it may run out sooner. By default,
    nothing that was used before `read_at` is taken off the balance again. Pass an earlier
    `counted_from` if you know until when it had been taken off: that of the end of the usage is
    the cautious choice.

    Args:
        usage: The usage that the balance pays for, all of it, in buckets of a day or shorter: a
            load, a snapshot, a store or a frame. Usage in other currencies is left out, with a
            warning. That of a workspace has no compute, which the balance pays for, too.
        balance: What is left, from `load_balance`.
        horizon: How many days to look ahead, 1 to 5,000.
        counted_from: From when on spending takes the balance down; by default its `read_at`.
        exclude: Ranges that nothing is learned from, as in `forecast`.
        known: Costs that are known already, as in `forecast`.
        timezone: The IANA zone of days; by default that of the coverage, or UTC.
        end: Where the range of a bare frame ends, as for `forecast`.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        A `Runway`: `runs_out_on` with the bands `earliest_80` to `latest_80` and `earliest_95` to
        `latest_95` (dates in `timezone`, None if not within the horizon), and `chance`. As text it
        is a sentence.

    Warns:
        FalUsageWarning: The usage has other currencies, or was loaded with filters, so that the
            balance may pay for more.
        ShortHistoryWarning: As `forecast`.

    Raises:
        CoverageError: A part of the usage after `counted_from` was never read.
        MissingExtraError: statsforecast is not installed.
        QueryError: An argument is invalid, or no usage is in the currency of the balance.
        ShortHistoryError: Less than two weeks of whole days are known.

    >>> days = [datetime(2025, 3, 3, tzinfo=UTC) + timedelta(days=n) for n in range(49)]
    >>> usage = pl.DataFrame({
    ...     "bucket": days,
    ...     "bucket_end": [day + timedelta(days=1) for day in days],
    ...     "cost": 10.0,
    ...     "currency": "USD",
    ... })
    >>> balance = Balance(
    ...     username="acme", current_balance=100.0, currency="USD",
    ...     read_at=datetime(2025, 4, 21, tzinfo=UTC),
    ... )
    >>> print(runway(usage, balance))
    100.00 USD of acme: it runs out on 1 May 2025 (80% band: 30 Apr – 1 May 2025)
    """
    if not isinstance(balance, Balance):
        raise QueryError(f"balance is {balance!r}; expected a Balance, as load_balance returns it")
    if not math.isfinite(balance.current_balance) or balance.read_at.utcoffset() is None:
        raise QueryError(
            f"balance is {balance!r}; expected a finite number, and a read_at with a time zone"
        )
    check_horizon(horizon)
    table = take(usage, coverage)
    timezone = table.zone(timezone)
    start = balance.read_at
    if counted_from is not None:
        start = instant(counted_from, timezone=timezone, name="counted_from")
    if balance.current_balance <= 0:
        return _found(balance, start, horizon, None, [start.astimezone(zone(timezone)).date()])
    table = _paid_for(table, balance)
    until = _known(table, end=end, timezone=timezone)
    used = _used(table, start, until)
    passed = used.filter(pl.col("sum") > balance.current_balance * _ROUNDING)
    if passed.height:
        out: datetime = passed["bucket"][0]
        return _found(balance, start, horizon, None, [out.astimezone(zone(timezone)).date()])
    left = balance.current_balance - (used["sum"][-1] if used.height else 0.0)
    return _ahead(
        table,
        balance,
        start=start,
        now=max(start, until),
        left=left,
        horizon=horizon,
        end=end,
        timezone=timezone,
        exclude=exclude,
        known=known,
    )


def _paid_for(table: Table, balance: Balance) -> Table:
    """Return the usage in the currency of the balance; warn of what else there is, and is not."""
    table.require(("currency",))
    table.require_numbers(("cost",))
    seen = table.rows.filter(pl.col("cost") != 0).select(pl.col("currency").unique()).collect()
    others = sorted(set(seen["currency"]) - {balance.currency})
    if others and balance.currency not in set(seen["currency"]):
        raise QueryError(
            f"the balance is in {balance.currency}, but the usage is in {', '.join(others)}; pass "
            "the usage that the balance pays for"
        )
    if others:
        warn(
            f"usage in {', '.join(others)} is left out, because the balance is in "
            f"{balance.currency}",
            FalUsageWarning,
        )
    if table.coverage is not None and table.coverage.filters:
        warn(
            f"the usage has only {'; '.join(table.coverage.filters)}; if the balance pays for "
            "more, it runs out sooner",
            FalUsageWarning,
        )
    return replace(table, rows=table.rows.filter(pl.col("currency") == balance.currency))


def _known(table: Table, *, end: date | datetime | str | None, timezone: str) -> datetime:
    """Return until when the usage is known."""
    _, last = known_until(table, as_of=None, end=end, timezone=timezone)
    if table.coverage is not None:
        return table.coverage.closed_until
    return min(last, datetime.now(UTC))


def _used(table: Table, start: datetime, known: datetime) -> pl.DataFrame:
    """Return the buckets from an instant on, with the `sum` so far; one that it cuts, in part."""
    if start >= known:
        return pl.DataFrame(schema={"bucket": pl.Datetime("us", "UTC"), "sum": pl.Float64()})
    table.require_covered(start, known)
    bucket, until = (pl.col(name).dt.convert_time_zone("UTC") for name in ("bucket", "bucket_end"))
    part = ((until - start) / (until - bucket)).clip(0.0, 1.0)
    return (
        table.rows.filter(until > start, bucket < known)
        .select(bucket.alias("bucket"), cost=pl.col("cost") * part)
        .group_by("bucket")
        .agg(exact("cost").sum())
        .sort("bucket")
        .select("bucket", sum=pl.col("cost").cum_sum().cast(pl.Float64))
        .collect()
    )


def _ahead(
    table: Table,
    balance: Balance,
    *,
    start: datetime,
    now: datetime,
    left: float,
    horizon: int,
    end: date | datetime | str | None,
    timezone: str,
    exclude: Excluded,
    known: pl.DataFrame | pl.LazyFrame | None,
) -> Runway:
    """Return the runway of what is left at an instant, from the forecast of the days after it."""
    with warnings.catch_warnings():
        # The cost so far of a day is in `left`, or was taken off the balance before it was read.
        warnings.simplefilter("ignore", IncompletePeriodWarning)
        parts, whole = histories(
            table,
            [(), ()],
            every="1d",
            timezone=timezone,
            end=end,
            start=after_last_gap(table, now),
            exclude=exclude,
        )
    days = -((parts.until - now) // timedelta(days=1)) + horizon
    if days > LONGEST_AHEAD:
        raise QueryError(
            f"the usage is known until {parts.until.isoformat()}, {days - horizon:,} days before "
            "the balance was read; load newer usage"
        )
    ahead = parts.ahead(days)
    planned = read_planned(
        known, parts, usage=table.schema, group=parts.keys.columns, horizon=days
    ).of((balance.currency,))
    (future,) = futures(parts, whole, horizon=days, model="auto")
    weights: list[float] = []
    for first, until in ahead.select(
        pl.col("period").dt.convert_time_zone("UTC"), "until"
    ).iter_rows():
        weight = float(first >= now)
        if first < now < until:
            weight = 1.0 - elapsed(table, balance.currency, first, now, timezone=timezone)
        weights.append(weight)
    dates = ahead["period"].dt.date().to_list()
    weight = np.array(weights)
    certain = planned * (weight > 0)
    return _found(
        balance,
        start,
        horizon,
        future.model,
        dates,
        expected=_day_passed(future.cost[None, :] * weight + certain, left)[0],
        paths=_day_passed(future.paths * weight + certain, left),
    )


def _day_passed(costs: Floats, left: float) -> Floats:
    """Return the place of the day on which each path passes what is left; infinity for none."""
    over = costs.cumsum(axis=1) > left * _ROUNDING
    return np.where(over.any(axis=1), over.argmax(axis=1), np.inf)


def _found(
    balance: Balance,
    start: datetime,
    horizon: int,
    model: str | None,
    dates: list[date],
    *,
    expected: float = 0.0,
    paths: Floats | None = None,
) -> Runway:
    """Return the runway, from places in `dates`; by default it is the first of them for sure."""
    places = np.zeros(1) if paths is None else paths
    bands: dict[str, date | None] = {}
    for level in _LEVELS:
        tail = (1 - level / 100) / 2
        low, high = np.quantile(places, [tail, 1 - tail], method="inverted_cdf")
        bands[f"earliest_{level}"] = _date(min(low, expected), dates)
        bands[f"latest_{level}"] = _date(max(high, expected), dates)
    return Runway(
        balance=balance,
        counted_from=start.astimezone(UTC),
        horizon=horizon,
        model=model,
        runs_out_on=_date(expected, dates),
        chance=float(np.isfinite(places).mean()),
        **bands,
    )


def _date(place: float, dates: list[date]) -> date | None:
    return dates[int(place)] if np.isfinite(place) else None
