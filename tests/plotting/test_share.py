from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import matplotlib as mpl
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

import falusage as fu
from falusage.plotting._palette import MAIN, OTHER

PARIS = ZoneInfo("Europe/Paris")
COSTS = {"ml": 500.0, "web": 300.0, "ops": 150.0, "qa": 50.0}
SIZES = pytest.mark.parametrize("size", [(9, 4.5), (13.33, 7.5)], ids=["notebook", "slide"])


def share(costs: dict[str, float] = COSTS, currency: str = "USD") -> pl.DataFrame:
    """What `cost_share(usage, by="username")` gives."""
    frame = pl.DataFrame({"username": list(costs), "cost": list(costs.values())})
    part = pl.col("cost") / pl.col("cost").sum()
    return frame.select(
        "username",
        pl.lit(currency).alias("currency"),
        "cost",
        share=pl.when(pl.col("cost").sum() > 0).then(part),
        cumulative_share=part.cum_sum(),
        rank=pl.int_range(1, pl.len() + 1),
    )


def months(*numbers: int, currency: str = "USD") -> pl.DataFrame:
    """What `cost_share(usage, by="username", every="1mo")` gives; costs grow by the month."""
    return pl.concat(
        share({name: cost * month for name, cost in COSTS.items()}, currency).select(
            pl.lit(datetime(2025, month, 1)).dt.replace_time_zone("Europe/Paris").alias("period"),
            pl.all(),
        )
        for month in numbers
    )


def bars(ax: Axes) -> list[Rectangle]:
    """Give the bars, or the parts of columns, in the order drawn."""
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def texts(ax: Axes) -> list[str]:
    """Give what stands beside and in the data."""
    return [text.get_text() for text in ax.texts if text.get_gid() != "facts"]


def facts(ax: Axes) -> str:
    """Give the line under the title."""
    return next(text.get_text() for text in ax.texts if text.get_gid() == "facts")


def test_bars_are_the_frames_cost() -> None:
    """Bars by falling cost from the top, whatever the order of rows, each with what it says."""
    ax = fu.plot_share(share().reverse())
    assert [500, 300, 150, 50] == [bar.get_width() for bar in bars(ax)]
    assert [0, 0, 0, 0] == [bar.get_x() for bar in bars(ax)]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert texts(ax) == [
        *("ml", "web", "ops", "qa"),
        *("$500 · 50%", "$300 · 30%", "$150 · 15%", "$50 · 5%"),
    ]


def test_other_is_last_and_grey() -> None:
    """The rest are one bar at the end in grey, and the sums are kept."""
    ax = fu.plot_share(share({"other": 400.0, **COSTS}), top=2)
    assert [500, 300, 600] == [bar.get_width() for bar in bars(ax)]
    assert to_hex(bars(ax)[-1].get_facecolor()) == OTHER
    assert "$600 · 43%" in texts(ax)


def test_what_is_folded_already_is_not_folded_again() -> None:
    """Ten of a table that `cost_share` folded at ten are ten bars and `other`, unless asked."""
    ten = {f"team-{n}": 100.0 - n for n in range(10)}
    assert 11 == len(bars(fu.plot_share(share({**ten, "other": 5.0}))))
    assert 8 == len(bars(fu.plot_share(share(ten))))
    assert 4 == len(bars(fu.plot_share(share({**ten, "other": 5.0}), top=3)))


def test_bars_have_one_color() -> None:
    """The label is the name, so a colour would mean nothing; the rest is grey, and last."""
    ax = fu.plot_share(share({f"team-{n}": 10.0 - n for n in range(9)}), top=2)
    assert [MAIN, MAIN, OTHER] == [to_hex(bar.get_facecolor()) for bar in bars(ax)]
    assert bars(ax)[2].get_width() > bars(ax)[0].get_width()


def test_a_given_color_is_a_bars_color() -> None:
    """One name can be pointed out."""
    ax = fu.plot_share(share({"a": 2.0, "b": 1.0}), colors={"b": "#bd1f01"})
    assert [MAIN, "#bd1f01"] == [to_hex(bar.get_facecolor()) for bar in bars(ax)]


def test_several_by_are_one_name() -> None:
    """Names of several parts are joined; what is folded in every part is other."""
    frame = share().with_columns(product=pl.Series(["a", "b", None, "d"]))
    frame = pl.concat(
        [frame, frame.with_columns(username=pl.lit("other"), product=pl.lit("other"))]
    )
    ax = fu.plot_share(frame)
    assert {"ml · a", "ops · (none)", "other"} <= set(texts(ax))
    assert ax.get_title(loc="left") == "Cost by team and product"


def test_the_title_says_the_range_that_is_given() -> None:
    """A share without periods does not know its range: `start` and `end` say it."""
    ax = fu.plot_share(share(), start="2025-01-01", end="2025-02-01", timezone="Asia/Tokyo")
    assert facts(ax) == "Jan 2025 · Asia/Tokyo · $1k total (USD)"
    assert facts(fu.plot_share(share())) == "$1k total (USD)"
    with pytest.raises(fu.QueryError, match="only one of start and end"):
        fu.plot_share(share(), start="2025-01-01")


def test_columns_are_the_frames_shares() -> None:
    """With periods, a column of the whole for each, the largest at the bottom, cost on top."""
    frame = months(1, 2, 3)
    ax = fu.plot_share(frame)
    heights = [bar.get_height() for bar in bars(ax)]
    expected = frame.sort("username", "period")["share"].to_list()
    assert sorted(expected) == pytest.approx(sorted(heights))
    assert heights[:3] == pytest.approx([0.5, 0.5, 0.5])
    tops = {}
    for bar in bars(ax):
        tops[bar.get_x()] = max(tops.get(bar.get_x(), 0), bar.get_y() + bar.get_height())
    assert list(tops.values()) == pytest.approx([1, 1, 1])
    assert ax.get_title(loc="left") == "Share of cost per month by team"
    assert facts(ax) == "Jan – Mar 2025 · Europe/Paris · $6k total (USD)"
    assert {"$1k", "$2k", "$3k", "50%", "ml", "qa"} <= set(texts(ax))
    ax.figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Jan\n2025", "Feb", "Mar"]


def test_a_period_without_spend_is_a_gap() -> None:
    """A month that is missing from the frame has its place, and nothing in it."""
    ax = fu.plot_share(months(1, 2, 4))
    places = sorted({round(bar.get_x() + bar.get_width() / 2) for bar in bars(ax)})
    assert places == [0, 1, 2, 3]
    assert sum(bar.get_height() for bar in bars(ax) if round(bar.get_x() + 0.4) == 2) == 0
    assert "$0" in texts(ax)


def test_null_shares_are_nothing() -> None:
    """A period whose total is zero has null shares, and an empty column."""
    none = months(2).with_columns(cost=pl.lit(0.0), share=pl.lit(None, pl.Float64))
    ax = fu.plot_share(pl.concat([months(1), none]))
    assert sum(bar.get_height() for bar in bars(ax)) == pytest.approx(1)


def test_what_the_transform_returns_is_drawn() -> None:
    """The sample organization's shares are drawn as `cost_share` returns them, folded or not."""
    from falusage.transforms.cost_share import cost_share

    usage = fu.sample_usage(start="2025-03-01", end="2025-03-15").usage
    frame = cost_share(usage, by="endpoint_id", top=4).filter(currency="USD")
    ax = fu.plot_share(frame)
    assert frame.sort("rank")["cost"].to_list() == [bar.get_width() for bar in bars(ax)]
    assert to_hex(bars(ax)[-1].get_facecolor()) == OTHER
    ax = fu.plot_share(cost_share(usage, by="product", every="1w"))
    assert len(ax.figure.axes) == 2


@SIZES
@pytest.mark.parametrize("kind", ["bars", "columns"])
def test_texts_do_not_overlap_or_leave_the_axes(size: tuple[float, float], kind: str) -> None:
    """Names and amounts stand apart, and inside the axes."""
    _, ax = plt.subplots(figsize=size)
    frame = share() if kind == "bars" else months(1, 2, 3, 4, 5)
    long = "type: gpu_1x_h100_sxm5 (my-application, production) " + pl.col("username")
    fu.plot_share(frame.with_columns(username=long), ax=ax)
    ax.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in ax.texts if text.get_gid() != "facts"]
    inside = ax.get_window_extent()
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert inside.x0 - 1 <= box.x0 < box.x1 <= inside.x1 + 1


def test_currencies() -> None:
    """A panel each in a new figure; refused on one pair of axes."""
    frame = pl.concat([share(currency="EUR", costs={"a": 9e9}), share()])
    ax = fu.plot_share(frame)
    assert ["(USD)" in facts(panel) for panel in ax.figure.axes] == [True, False]
    with pytest.raises(fu.MixedCurrencyError):
        fu.plot_share(frame, ax=plt.figure().subplots())


def test_axes_and_settings_are_the_callers() -> None:
    """With `ax`, that is drawn on and returned; settings stay as they are."""
    before = mpl.rcParams.copy()
    ax = Figure().subplots()
    assert fu.plot_share(months(1, 2), ax=ax) is ax
    assert not plt.get_fignums()
    assert before == mpl.rcParams


def test_nothing_spent() -> None:
    """Empty frames, and zeros, say so."""
    nothing = share({"ml": 0.0})
    for frame in (nothing, share().clear(), months(1).clear(), months(1).with_columns(cost=0.0)):
        assert "no spend in this range" in texts(fu.plot_share(frame))


def test_a_wrong_frame() -> None:
    """A frame that `cost_share` did not make is refused, with the name of the one that does."""
    with pytest.raises(fu.MissingColumnError, match=r"what cost_share\(\) returns"):
        fu.plot_share(share().drop("share"))
    with pytest.raises(fu.QueryError, match="top is -1"):
        fu.plot_share(share(), top=-1)


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_bars() -> Figure:
    """One month by name, the rest folded."""
    names = {f"fal-ai/model-{n}/v2.1/master/text-to-image": 900.0 / n for n in range(1, 12)}
    return fu.plot_share(share(names), start="2025-01-01", end="2025-02-01").figure


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_columns() -> Figure:
    """Half a year by month, in two currencies."""
    return fu.plot_share(pl.concat([months(*range(1, 7)), months(2, 3, currency="JPY")])).figure
