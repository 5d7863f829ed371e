from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import falusage as fu
from falusage.plotting._palette import OTHER

COSTS = {"ml": [500.0, 550.0, 600.0], "web": [300.0, 0.0, 200.0], "ops": [50.0, 60.0, 70.0]}


def costs(currency: str = "USD", *, complete: bool | None = None) -> pl.DataFrame:
    """What `rollup(usage, by="username", every="1mo")` gives, or `trend`, its last month cut."""
    frame = pl.DataFrame(
        [
            {
                "period": datetime(2025, month + 1, 1, tzinfo=UTC),
                "username": name,
                "currency": currency,
                "cost": series[month],
                "complete": complete is not False or month < 2,
            }
            for month in range(3)
            for name, series in COSTS.items()
        ],
        schema_overrides={"period": pl.Datetime("us", "UTC")},
    )
    return frame if complete is not None else frame.drop("complete")


def parts(ax: Axes) -> list[Rectangle]:
    """Give the parts of columns, name by name, in the order of periods."""
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def facts(ax: Axes) -> str:
    """Give the line under the title."""
    return next(text.get_text() for text in ax.texts if text.get_gid() == "facts")


def test_parts_are_the_frames_cost() -> None:
    """The largest name is at the bottom, each part as high as its cost, from where one ended."""
    ax = fu.plot_stack(costs())
    heights = [float(part.get_height()) for part in parts(ax)]
    assert [*COSTS["ml"], *COSTS["web"], *COSTS["ops"]] == heights
    assert [0.0, 0.0, 0.0] == [part.get_y() for part in parts(ax)][:3]
    assert [800.0, 550.0, 800.0] == [float(part.get_y()) for part in parts(ax)][6:]
    assert "Cost per month by team" == ax.get_title(loc="left")
    assert "Jan – Mar 2025 · UTC · $2.33k total (USD)" == facts(ax)
    assert {"$850", "$610", "$870"} <= {text.get_text() for text in ax.texts}


def test_incomplete_periods_are_hatched() -> None:
    """Of a trend, a month cut short is drawn apart in every part, and the title says so."""
    ax = fu.plot_stack(costs(complete=False))
    assert ["", "", "////"] * 3 == [part.get_hatch() or "" for part in parts(ax)]
    assert facts(ax).endswith("hatched: incomplete month")
    assert "hatched" not in facts(fu.plot_stack(costs(complete=True)))


def test_the_rest_are_other() -> None:
    """Names beyond `top` become one grey part at the top, and nothing is lost."""
    ax = fu.plot_stack(costs(), top=1)
    assert [350.0, 60.0, 270.0] == [float(part.get_height()) for part in parts(ax)][3:]
    assert OTHER == to_hex(parts(ax)[-1].get_facecolor())


def test_what_the_transforms_return_is_drawn() -> None:
    """A rollup, a trend and shares of the sample draw the same totals."""
    usage = fu.sample_usage(start="2025-03-03", end="2025-03-24", every="1d").usage
    dollars = usage.filter(pl.col("currency") == "USD")
    expected = fu.rollup(dollars, every="1w")["cost"].to_list()
    for frame in (
        fu.rollup(dollars, by="product", every="1w"),
        fu.trend(dollars, by="product", every="1w"),
        fu.cost_share(dollars, by="product", every="1w"),
    ):
        tops = [0.0, 0.0, 0.0]
        for place, part in enumerate(parts(fu.plot_stack(frame))):
            tops[place % 3] += float(part.get_height())
        assert expected == pytest.approx(tops)


def test_one_series_is_labelled_as_all() -> None:
    """Where nothing is broken down, the label is not a name."""
    ax = fu.plot_stack(costs().drop("username").group_by("period", "currency").sum())
    assert "all" in [text.get_text() for text in ax.texts]


def test_currencies() -> None:
    """A panel each in a new figure; refused on one pair of axes."""
    frame = pl.concat([costs(), costs("EUR").filter(pl.col("username") == "ml")])
    ax = fu.plot_stack(frame)
    assert [True, False] == ["(USD)" in facts(panel) for panel in ax.figure.axes]
    with pytest.raises(fu.MixedCurrencyError):
        fu.plot_stack(frame, ax=Figure().subplots())


def test_nothing_spent_and_wrong_frames() -> None:
    """An empty frame says so; one without periods is refused."""
    ax = fu.plot_stack(costs().clear())
    assert "no spend in this range" in [text.get_text() for text in ax.texts]
    with pytest.raises(fu.MissingColumnError, match="period"):
        fu.plot_stack(costs().drop("period"))


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_stacks() -> Figure:
    """Three months, the last cut short, in two currencies."""
    return fu.plot_stack(pl.concat([costs(complete=False), costs("EUR", complete=False)])).figure
