"""The series on which forecasts are measured: the same each time, of every kind, in two sets."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forecasting import families, real

ROOT = Path(__file__).parents[1]
SOURCES = {
    "choosing": {"sample", "flights", "hotels"},
    "blind": {"bicycles", "pages", "electricity", "births"},
}


def test_a_number_is_always_the_same_series() -> None:
    """A series does not depend on which others are drawn, or in which order."""
    alone = next(families.blind([5]))
    among = list(families.blind([9, 5, 3]))[1]
    np.testing.assert_array_equal(alone.days, among.days)
    assert (alone.name, alone.kind, alone.every) == (among.name, among.kind, among.every)
    assert (alone.start, alone.known) == (among.start, among.known)


def test_a_series_does_not_change_from_one_version_to_the_next() -> None:
    """Figures of two versions are about the same series."""
    series = next(families.blind([0]))
    drawn = (series.kind, series.start, series.every, series.known)
    assert ("intermittent", date(2014, 12, 3), "1d", 46) == drawn
    assert 683.990245 == pytest.approx(series.days.sum(), abs=1e-9)


@pytest.mark.parametrize("drawn", [families.choosing, families.blind])
def test_each_kind_and_period_is_drawn(drawn: object) -> None:
    """Eight kinds are equally frequent; some series are in weeks or months, all have spent."""
    assert callable(drawn)
    series = list(drawn(range(160)))
    kinds = [one.kind for one in series]
    assert dict.fromkeys(families.KINDS, 20) == {kind: kinds.count(kind) for kind in kinds}
    assert {"1d", "1w", "1mo"} == {one.every for one in series}
    assert all((one.costs[: one.known] > 0).sum() >= 3 for one in series)
    assert all(len(one.costs) == one.known + max(one.horizons) for one in series)
    assert all((one.days >= 0).all() for one in series)


def test_periods_are_those_of_the_calendar() -> None:
    """Weeks begin on Mondays, months on their first day, and each is the sum of its days."""
    for one in families.choosing(range(80)):
        starts = [one.start + timedelta(days=int(day)) for day in one.periods]
        if one.every == "1w":
            assert {0} == {day.weekday() for day in starts}
        if one.every == "1mo":
            assert {1} == {day.day for day in starts}
        assert one.costs.sum() == pytest.approx(one.days.sum())
        assert one.days[: one.known_days].sum() == pytest.approx(one.costs[: one.known].sum())


def test_month_ends_are_real() -> None:
    """The most expensive days of a month-end series are the last of their months."""
    several = (one for one in families.blind(range(400)) if one.kind == "month-end")
    series = [one for one in several if one.every == "1d" and one.known > 200]
    assert series
    for one in series:
        days = [one.start + timedelta(days=day) for day in range(len(one.days))]
        last = np.array([(day + timedelta(days=1)).month != day.month for day in days])
        assert one.days[last].mean() > 1.5 * one.days[~last].mean()


def test_the_sets_share_no_series() -> None:
    """What is only measured is nowhere in what constants are chosen on."""
    chosen = {one.days.tobytes() for one in families.choosing(range(160))}
    chosen |= {one.tobytes() for group in families.choosing_groups(range(8)) for one in group.days}
    blind = {one.days.tobytes() for one in families.blind(range(160))}
    blind |= {one.tobytes() for group in families.blind_groups(range(8)) for one in group.days}
    assert (200, 200) == (len(chosen), len(blind))
    assert set() == chosen & blind


def test_real_series_come_from_other_sources() -> None:
    """No source is in both sets."""
    found = {
        "choosing": {source.__name__.strip("_") for source in real.CHOOSING},
        "blind": {source.__name__.strip("_") for source in real.BLIND},
    }
    assert SOURCES == found


def test_real_series_are_cut_on_different_weekdays() -> None:
    """Each cut of a series has its own future, and the days before it."""
    totals = [one for one in real.choosing(2) if one.kind == "sample"][:2]
    assert [date(2024, 4, 1)] * 2 == [one.start for one in totals]
    assert 37 == totals[0].known - totals[1].known
    assert (7, 28, 90) == totals[0].horizons


@pytest.mark.slow
def test_the_package_knows_neither_set() -> None:
    """No module of the package imports what it is measured on."""
    imported: set[str] = set()
    for file in (ROOT / "falusage").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    assert "falusage.forecasting" in imported
    assert set() == {
        name for name in imported if name.split(".")[0] in ("benchmarks", "forecasting")
    }


@pytest.mark.slow
def test_the_benchmark_runs() -> None:
    """A few series of one set give every table, and each target is named."""
    done = subprocess.run(
        [sys.executable, "benchmarks/forecast.py", "--quick", "--set", "blind"],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert 0 == done.returncode, done.stderr
    assert "The set `blind`: only measured" in done.stdout
    assert "The set `choosing`" not in done.stdout
    for promised in ("target: at most 1.0", "target: within 3 points", "target: not below zero"):
        assert promised in done.stdout
