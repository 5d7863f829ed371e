"""The month day by day, and where it will end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pytest

from falusage.plotting import MonthEnd, plot_month

START = datetime(2025, 6, 1, tzinfo=UTC)


def test_the_month_before_is_drawn_day_by_day_to_its_end() -> None:
    """Ten days into June, 10 a day; the 30 days of May that June has cost 20 a day."""
    days = [START + timedelta(days=day) for day in range(11)]
    end = MonthEnd(datetime(2025, 7, 1, tzinfo=UTC), 300.0, 280.0, 320.0)
    may = [20.0 * day for day in range(32)]
    _, ax = plt.subplots()

    plot_month(
        days,
        [10.0 * day for day in range(11)],
        end,
        title="June",
        currency="USD",
        before=may,
        ax=ax,
    )

    faint = ax.lines[0]
    assert [float(mdates.date2num(START)) + day for day in range(31)] == pytest.approx(
        list(faint.get_xdata())  # type: ignore[arg-type]
    )
    assert may[:31] == list(faint.get_ydata())  # type: ignore[arg-type]
    plt.close(ax.figure)  # type: ignore[arg-type]
