"""What is learned from: whole periods alone, from the first to the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from falusage._usage.table import take
from falusage.errors import IncompletePeriodWarning
from falusage.forecasting._history import histories
from tests.forecasting.cost_tables import table

HOUR = timedelta(hours=1)


def test_days_that_the_table_cuts_short_are_not_learned_from() -> None:
    """Neither the nine hours that it begins with nor the five that it ends with."""
    usage = table(
        [1.0] * (9 + 20 * 24 + 5), start=datetime(2025, 1, 1, 15, tzinfo=UTC), length=HOUR
    )

    with pytest.warns(IncompletePeriodWarning):
        (history,) = histories(take(usage), [()], every="1d", timezone="UTC")

    assert [[24.0] * 20] == history.rates.tolist()
    assert datetime(2025, 1, 22, tzinfo=UTC) == history.until


def test_the_periods_ahead_follow_each_other() -> None:
    """Local days, of 23 hours where the clock changes, until the horizon."""
    start = datetime(2025, 2, 10, 5, tzinfo=UTC)
    usage = table([1.0] * 24 * 26, start=start, length=HOUR)
    (history,) = histories(take(usage), [()], every="1d", timezone="America/New_York")

    ahead = history.ahead(3)

    assert ["2025-03-08", "2025-03-09", "2025-03-10"] == (
        ahead["period"].dt.strftime("%Y-%m-%d").to_list()
    )
    assert [1.0, 23 / 24, 1.0] == pytest.approx(ahead["length"].to_list())
    assert (
        ahead["until"].to_list()[:-1] == ahead["period"].dt.convert_time_zone("UTC").to_list()[1:]
    )
