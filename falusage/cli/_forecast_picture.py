"""The picture of `forecast --out`: the coming periods after those before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from falusage.cli._pictures import save

if TYPE_CHECKING:
    import polars as pl

    from falusage.api.load import UsageLoad
    from falusage.cli._saved import Saved


def days_left(outlook: pl.DataFrame) -> int:
    """Return how many days to draw: those to the end of the month, at least one."""
    from falusage.timeframes import floor, month_span

    if outlook.is_empty():
        return 1
    month, as_of = outlook.select("month", "as_of").row(0)
    timezone = str(outlook["as_of"].dtype.time_zone)  # pyright: ignore[reportAttributeAccessIssue] -- of an instant
    now = floor(as_of, every="1d", timezone=timezone)
    return max(1, round((month_span(month, timezone=timezone)[1] - now) / timedelta(days=1)))


def draw(
    usage: UsageLoad | Saved,
    out: Path,
    backtest: pl.DataFrame | None,
    *,
    by: tuple[str, ...],
    horizon: int,
    every: Any,
    timezone: str | None,
    **options: Any,
) -> None:
    """Draw the forecast after its history, and write the picture."""
    import warnings

    import falusage as fu

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fu.IncompletePeriodWarning)  # it was printed above
        warnings.simplefilter("ignore", fu.ShortHistoryWarning)
        found = fu.forecast(
            usage, horizon=horizon, every=every, by=by, timezone=timezone, **options
        )
    ahead = found.lazy().collect()
    before = fu.trend(usage, by=by, every=every, timezone=timezone).lazy().collect()
    history = before.filter(before["complete"] & (before["period"] < ahead["period"].min()))
    shown = history.tail(_shown(history, horizon))
    save(lambda: fu.plot_forecast(ahead, history=shown, backtest=backtest), out)


def _shown(history: pl.DataFrame, horizon: int) -> int:
    """Return the number of rows of about three horizons of history."""
    series = history.height // max(history["period"].n_unique(), 1)
    return max(1, series) * max(3 * horizon, 28)
