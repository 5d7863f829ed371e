from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import falusage as fu
from falusage.plotting._palette import OTHER

DAYS = [datetime(2025, 6, 1, tzinfo=UTC) + timedelta(days=n) for n in range(20)]


def anomalies(currency: str = "USD") -> pl.DataFrame:
    """What `anomalies(usage, by="username")` gives, by falling excess."""
    rows = [(DAYS[10], "growth", 610.0, 150.0), (DAYS[10], "ml", 330.0, 300.0)]
    rows += [(DAYS[5], "web", 20.0, 90.0)]
    schema = {"period": pl.Datetime("us", "UTC"), "username": pl.String}
    schema |= dict.fromkeys(("cost", "expected"), pl.Float64)
    excess = pl.col("cost") - pl.col("expected")
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        currency=pl.lit(currency), excess=excess, score=excess / 5
    )


def history(zone: str = "UTC") -> pl.DataFrame:
    """What `trend(usage, by="username")` gives; one name has no anomaly."""
    return pl.concat(
        pl.DataFrame({"period": DAYS, "username": name, "currency": "USD", "cost": cost})
        for name, cost in (("growth", 150.0), ("ml", 300.0), ("quiet", 900.0))
    ).with_columns(
        pl.col("period").dt.cast_time_unit("us").dt.convert_time_zone(zone),
        rolling_mean=pl.lit(None, pl.Float64),
        complete=pl.lit(value=True),
    )


def dots(ax: Axes, gid: str = "cost") -> list[tuple[float, float, str]]:
    """Give the dots as dates, amounts and colours."""
    found = next(one for one in ax.collections if one.get_gid() == gid)
    colors = found.get_facecolors() if gid == "cost" else found.get_edgecolors()
    return [
        (float(x), float(y), to_hex(color))
        for (x, y), color in zip(found.get_offsets().data, colors, strict=True)
    ]


def texts(ax: Axes) -> list[str]:
    """Give what stands beside the dots."""
    return [text.get_text() for text in ax.texts if text.get_gid() != "facts"]


def test_dots_are_what_it_cost_and_what_was_expected() -> None:
    """A full dot at the cost, a hollow one at expected, and a stem between them."""
    ax = fu.plot_anomalies(anomalies())
    assert [20.0, 610.0, 330.0] == [cost for _, cost, _ in dots(ax)]
    assert [90.0, 150.0, 300.0] == [cost for _, cost, _ in dots(ax, "expected")]
    assert_allclose([x for x, _, _ in dots(ax)], date2num([DAYS[5], DAYS[10], DAYS[10]]))
    assert {"growth, 11 Jun: +$460", "ml, 11 Jun: +$30", "web, 6 Jun: −$70"} == set(texts(ax))
    assert "Unusual cost by team" == ax.get_title(loc="left")
    facts = next(text.get_text() for text in ax.texts if text.get_gid() == "facts")
    assert "6 – 11 Jun 2025 · UTC · $490 above, $70 below expected (USD)" == facts


def test_history_is_drawn_behind_the_names_that_are_off() -> None:
    """A line for each name with an anomaly, none for the others, over the whole range."""
    ax = fu.plot_anomalies(anomalies(), history=history())
    assert [150.0, 300.0] == [line.get_ydata()[0] for line in ax.lines]
    assert "1 – 20 Jun 2025" in next(t.get_text() for t in ax.texts if t.get_gid() == "facts")
    assert ax.get_ylim()[1] < 900
    with pytest.raises(fu.QueryError, match="expected one zone"):
        fu.plot_anomalies(anomalies(), history=history("Asia/Tokyo"))


def test_names_beyond_top_are_grey_but_there() -> None:
    """No dot is left out: those that are least off have no colour of their own."""
    colors = [color for _, _, color in dots(fu.plot_anomalies(anomalies(), top=2))]
    assert 3 == len(colors)
    assert OTHER == colors[2]
    assert OTHER not in colors[:2]


def test_a_name_that_is_off_for_days_is_written_once() -> None:
    """With its largest excess, and the number of its other dots."""
    frame = anomalies().with_columns(username=pl.lit("growth"))
    assert ["growth, 11 Jun: +$460, and 2 more"] == texts(fu.plot_anomalies(frame))


@pytest.mark.parametrize("size", [(9, 4.5), (13.33, 7.5)], ids=["notebook", "slide"])
def test_labels_do_not_overlap_or_leave_the_axes(size: tuple[float, float]) -> None:
    """Nor do they stand on a dot of another name."""
    _, ax = plt.subplots(figsize=size)
    many = pl.concat(
        anomalies().with_columns(username=pl.lit(f"a-team-with-a-long-name-{n}")) for n in range(7)
    )
    fu.plot_anomalies(many, ax=ax)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_gid() != "facts"]
    inside = ax.get_window_extent()
    assert len(boxes) > 1
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert inside.x0 - 1 <= box.x0 < box.x1 <= inside.x1 + 1


def test_what_the_transform_returns_is_drawn() -> None:
    """The sample's planted day is a dot, with its name beside it."""
    sample = fu.sample_usage(start="2025-03-26", end="2025-06-24", every="1d")
    usage, (planted,) = sample.usage, sample.truth.anomalies
    ax = fu.plot_anomalies(
        fu.anomalies(usage, by="username"), history=fu.trend(usage, by="username")
    )
    assert any(
        text.startswith(f"{planted.username}, {planted.start.day} Jun: +") for text in texts(ax)
    )


def test_currencies_and_nothing() -> None:
    """A panel each; no anomaly is said, as it is good news."""
    frame = pl.concat([anomalies(), anomalies("EUR").head(1)])
    assert 2 == len(fu.plot_anomalies(frame).figure.axes)
    with pytest.raises(fu.MixedCurrencyError):
        fu.plot_anomalies(frame, ax=Figure().subplots())
    assert "nothing unusual" in texts(fu.plot_anomalies(frame.clear(), history=history()))


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_anomalies() -> Figure:
    """A day far above, one a little above, one below, and the lines that they left."""
    return fu.plot_anomalies(anomalies(), history=history()).figure


@pytest.mark.slow
def test_of_thousands_of_names_the_largest_are_named() -> None:
    """Each has its dot. Placing a label for each would take minutes, and leave no room to read."""
    many = pl.concat(
        anomalies().with_columns(
            pl.format("{}-{}", "username", pl.lit(n)), cost=pl.col("cost") * (1 + n / 1000)
        )
        for n in range(1_000)
    ).with_columns(excess=pl.col("cost") - pl.col("expected"))

    ax = fu.plot_anomalies(many)

    assert 3_000 == len(dots(ax))
    assert "growth-999" in texts(ax)[0]
    assert 1 <= len(texts(ax)) <= 40
