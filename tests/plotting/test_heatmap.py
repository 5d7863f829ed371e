from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import falusage as fu

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)


def hours(costs: dict[int, float], currency: str = "USD", *, length: int = 1) -> pl.DataFrame:
    """A usage table of the columns that matter: cost by hours since a Monday's midnight in UTC."""
    return pl.DataFrame(
        {
            "bucket": [MONDAY + timedelta(hours=hour) for hour in costs],
            "bucket_end": [MONDAY + timedelta(hours=hour + length) for hour in costs],
            "currency": [currency] * len(costs),
            "cost": list(costs.values()),
        },
        schema_overrides=dict.fromkeys(("bucket", "bucket_end"), pl.Datetime("us", "UTC")),
    )


def squares(ax: Axes, gid: str) -> dict[tuple[int, int], tuple[float, ...]]:
    """Return the colours of squares by weekday and hour."""
    (found,) = (one for one in ax.collections if one.get_gid() == gid)
    corners = [path.vertices[0] for path in found.get_paths()]
    colors = [tuple(color) for color in found.get_facecolor()] or [()] * len(corners)
    return {(int(y), int(x)): color for (x, y), color in zip(corners, colors, strict=True)}


def facts(ax: Axes) -> str:
    """Give the line under the title."""
    return next(text.get_text() for text in ax.texts if text.get_gid() == "facts")


def test_a_cell_is_a_mean_over_its_hours() -> None:
    """Four on one Monday and two on the next is three; an hour of one Monday only is half."""
    from falusage.plotting._heatmap import means

    spent = pl.DataFrame(
        {
            "period": [MONDAY, MONDAY + timedelta(hours=168), MONDAY + timedelta(hours=1)],
            "cost": [4.0, 2.0, 1.0],
        }
    )
    held = pl.DataFrame({"period": [MONDAY + timedelta(hours=hour) for hour in range(170)]})
    found = means(spent, held)
    assert [3.0, 0.5, 0.0] == found[0][:3]
    assert 0.0 == found[6][23]


def test_hours_and_weekdays_are_those_of_the_zone() -> None:
    """Monday midnight in UTC is Sunday 19:00 in New York, in March before clocks change."""
    ax = fu.plot_heatmap(hours({0: 5.0, 30: 1.0}), timezone="America/New_York")
    shades = squares(ax, "cells")
    assert (6, 19) == max(shades, key=lambda cell: shades[cell][3])
    assert "America/New_York" in facts(ax)


def test_what_the_range_does_not_hold_is_blank() -> None:
    """A day's usage leaves the other six hatched, and an hour without usage in it is a zero."""
    ax = fu.plot_heatmap(hours({0: 5.0, 23: 1.0}))
    blank = squares(ax, "blank")
    assert {day for day, _ in blank} == {1, 2, 3, 4, 5, 6}
    assert 144 == len(blank)
    whole = fu.plot_heatmap(hours({0: 5.0}), start="2025-03-03", end="2025-03-10")
    assert {} == squares(whole, "blank")
    assert facts(whole).startswith("3 – 9 Mar 2025 · UTC")


@pytest.mark.slow
@given(st.dictionaries(st.integers(0, 400), st.floats(0.01, 1e6), min_size=1, max_size=20))
def test_means_agree_with_plain_python(costs: dict[int, float]) -> None:
    """The mean of a cell is what a loop over the hours gives, across a clock change too."""
    from falusage.plotting._heatmap import means

    zone = ZoneInfo("America/New_York")
    held: dict[tuple[int, int], list[float]] = {}
    for hour in range(401):
        local = (MONDAY + timedelta(hours=hour)).astimezone(zone)
        held.setdefault((local.weekday(), local.hour), []).append(costs.get(hour, 0.0))
    period = pl.Datetime("us", "UTC")
    spent = pl.DataFrame(
        {"period": [MONDAY + timedelta(hours=hour) for hour in costs], "cost": costs.values()},
        schema_overrides={"period": period},
        strict=False,
    )
    every = pl.DataFrame(
        {"period": [MONDAY + timedelta(hours=hour) for hour in range(401)]},
        schema_overrides={"period": period},
    )
    local = pl.col("period").dt.convert_time_zone("America/New_York")
    found = means(spent.with_columns(local), every.with_columns(local))
    for (day, hour), known in held.items():
        assert sum(known) / len(known) == pytest.approx(found[day][hour], rel=1e-9, abs=1e-9)


def test_days_have_no_hours() -> None:
    """Daily usage cannot say at which hour it was: refused, like usage outside the range."""
    with pytest.raises(fu.AlignmentError):
        fu.plot_heatmap(hours({0: 5.0}, length=24))
    with pytest.raises(fu.QueryError, match="outside start and end"):
        fu.plot_heatmap(hours({0: 5.0, 40: 1.0}), start="2025-03-03", end="2025-03-04")
    with pytest.raises(fu.QueryError, match="only one"):
        fu.plot_heatmap(hours({0: 5.0}), start="2025-03-03")


def test_the_range_is_that_of_the_coverage() -> None:
    """Hours without rows count as zero, open hours are left out, and a gap is an error."""
    two_weeks = fu.Coverage(start=MONDAY, end=MONDAY + timedelta(days=14))
    usage = hours({0: 5.0, 170: 1.0})

    whole = fu.plot_heatmap(usage, coverage=two_weeks)
    assert "3 – 16 Mar 2025 · UTC · $6 total (USD)" == facts(whole)

    read = attrs.evolve(two_weeks, closed_until=MONDAY + timedelta(days=7))
    until = fu.plot_heatmap(usage, coverage=read)
    assert "3 – 9 Mar 2025 · UTC · without hours that may still grow · $5 total (USD)" == facts(
        until
    )

    days = MONDAY + timedelta(days=2), MONDAY + timedelta(days=3)
    with pytest.raises(fu.CoverageError, match="2025-03-05T00:00:00"):
        fu.plot_heatmap(usage, coverage=attrs.evolve(two_weeks, gaps=[days]))
    with pytest.raises(fu.CoverageError, match="had not ended"):
        fu.plot_heatmap(usage, coverage=read, start="2025-03-03", end="2025-03-17")


def test_currencies_and_nothing() -> None:
    """A panel each, the currency of the most rows first; an empty table says so."""
    frame = pl.concat([hours({0: 1.0}, "EUR"), hours({0: 1.0, 1: 1.0})])
    ax = fu.plot_heatmap(frame)
    assert [True, False] == ["(USD)" in facts(panel) for panel in ax.figure.axes]
    with pytest.raises(fu.MixedCurrencyError):
        fu.plot_heatmap(frame, ax=Figure().subplots())
    nothing = fu.plot_heatmap(frame.clear())
    assert "no spend in this range" in [text.get_text() for text in nothing.texts]


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_a_week() -> Figure:
    """Two weeks of office hours, and a weekend that ends early."""
    costs = {h: 10.0 + (h % 24) if 8 <= h % 24 < 18 else 2.0 for h in range(156)}
    return fu.plot_heatmap(hours(costs)).figure
