from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

import falusage as fu
from falusage.plotting._palette import MAIN, OTHER

NEW_YORK = ZoneInfo("America/New_York")
SIZES = pytest.mark.parametrize("size", [(9, 4.5), (13.33, 7.5)], ids=["notebook", "slide"])


def trend(*names: str, days: int = 30, currency: str = "USD", cut: bool = False) -> pl.DataFrame:
    """What `trend(usage, by="username")` gives: the first name spends most, the last least."""
    start = datetime(2025, 2, 20, tzinfo=NEW_YORK)
    series = []
    for place, name in enumerate(names):
        cost = [(100 + 7 * (day % 5) + day) / (place + 1) for day in range(days)]
        means = [None if day < 6 else sum(cost[day - 6 : day + 1]) / 7 for day in range(days)]
        series.append(
            pl.DataFrame(
                {
                    "period": [start + timedelta(days=day) for day in range(days)],
                    "username": [name] * days,
                    "currency": [currency] * days,
                    "cost": cost,
                    "previous": [None, *cost[:-1]],
                    "change": [None, *np.diff(cost)],
                    "pct_change": [None, *np.diff(cost)],
                    "rolling_mean": means,
                    "complete": [not cut or day < days - 1 for day in range(days)],
                },
                schema_overrides={"period": pl.Datetime("us", "America/New_York")},
            )
        )
    return pl.concat(series)


def line(ax: Axes, label: str) -> Line2D:
    """Return the line of that name."""
    return next(line for line in ax.lines if line.get_label() == label)


def texts(ax: Axes) -> list[str]:
    """Return what stands beside and in the data."""
    return [text.get_text() for text in ax.texts]


def facts(ax: Axes) -> str:
    """Return the line under the title."""
    return next(text.get_text() for text in ax.texts if text.get_gid() == "facts")


def assert_apart(artists: list[Text]) -> None:
    """Fail where two texts overlap."""
    boxes = [Text.get_window_extent(artist) for artist in artists if artist.get_text()]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_a_line_is_the_frames_cost() -> None:
    """Each name's line goes through its cost at its periods, to the last bit."""
    frame = trend("ml", "web")
    ax = fu.plot_trend(frame)
    for name in ("ml", "web"):
        rows = frame.filter(username=name)
        assert rows["cost"].to_list() == list(line(ax, name).get_ydata())
        drawn = line(ax, name).get_xdata(orig=False)
        np.testing.assert_array_equal(date2num(rows["period"].to_list()), drawn)
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > frame["cost"].max()


@pytest.mark.parametrize("kind", ["lazy", "pandas", "pyarrow"])
def test_frames_of_other_libraries(kind: str) -> None:
    """A lazy frame, a pandas frame and an Arrow table draw the same lines."""
    if kind == "pandas":
        pytest.importorskip("pandas")
    frame = trend("ml", "web")
    other = {"lazy": frame.lazy, "pandas": frame.to_pandas, "pyarrow": frame.to_arrow}[kind]()
    expected, ax = fu.plot_trend(frame), fu.plot_trend(other)
    for one, drawn in zip(expected.lines, ax.lines, strict=True):
        np.testing.assert_array_equal(one.get_ydata(), drawn.get_ydata())
    assert facts(expected) == facts(ax)


def test_what_the_transform_returns_is_drawn() -> None:
    """The sample organization's trend is drawn as `trend` returns it."""
    from falusage.transforms.trend import trend as trend_of

    usage = fu.sample_usage(start="2025-03-01", end="2025-03-15").usage
    frame = trend_of(usage, by="product").filter(currency="USD")
    ax = fu.plot_trend(frame)
    for (product,), rows in frame.group_by("product"):
        assert rows.sort("period")["cost"].to_list() == list(line(ax, product).get_ydata())


def test_the_title_says_what_when_where_and_in_what() -> None:
    """The title names the step and the breakdown, the range, the zone, the sum and currency."""
    ax = fu.plot_trend(trend("ml", "web", days=10))
    assert ax.get_title(loc="left") == "Cost per day by team"
    assert facts(ax) == "20 Feb – 1 Mar 2025 · America/New_York · $1.78k total (USD)"


def test_the_rest_are_other() -> None:
    """Names beyond `top` become one grey line, which is their sum, and nothing is lost."""
    frame = trend("a", "b", "c", "d")
    ax = fu.plot_trend(frame, top=2)
    rest = frame.filter(pl.col("username").is_in(["c", "d"])).group_by("period").agg(pl.sum("cost"))
    assert rest.sort("period")["cost"].to_list() == pytest.approx(line(ax, "other").get_ydata())
    assert to_hex(line(ax, "other").get_color()) == OTHER
    assert {"a", "b", "other"} == set(texts(ax)) - {facts(ax)}
    drawn = [line(ax, name).get_ydata() for name in ("a", "b", "other")]
    assert np.sum(drawn) == pytest.approx(frame["cost"].sum())


def test_a_frame_that_has_other_already() -> None:
    """Rows that are called `other` go into the rest, however large."""
    frame = trend("other", "a", "b")
    ax = fu.plot_trend(frame, top=1)
    expected = frame.filter(pl.col("username") != "a").group_by("period").agg(pl.sum("cost"))
    assert expected.sort("period")["cost"].to_list() == pytest.approx(line(ax, "other").get_ydata())


def test_days_are_faint_behind_their_mean() -> None:
    """Weekends hide a trend, so the labelled, solid line is the mean, and the title says so."""
    frame = trend("ml", "web")
    ax = fu.plot_trend(frame)
    means = [one for one in ax.lines if one.get_label() == "rolling mean"]
    for name, mean in zip(("ml", "web"), means, strict=True):
        wanted = frame.filter(username=name)["rolling_mean"].drop_nulls()
        assert wanted.to_list() == list(mean.get_ydata()[6:])
        assert line(ax, name).get_color() == mean.get_color()
        assert line(ax, name).get_alpha() < 0.5
        assert mean.get_alpha() is None
        assert line(ax, name).get_linewidth() < mean.get_linewidth()
    assert "line: rolling mean; faint: each day" in facts(ax)


def test_a_single_line_is_its_mean() -> None:
    """Without names, the label says what the line is."""
    ax = fu.plot_trend(trend("ml").drop("username"))
    assert ax.get_title(loc="left") == "Cost per day"
    assert "rolling mean" in texts(ax)
    assert {MAIN} == {to_hex(one.get_color()) for one in ax.lines}


def test_no_mean_where_it_hides_nothing() -> None:
    """Ten days have too few means, months have no weekends, and a mean over one is the cost."""
    days = trend("a", "b")
    month = pl.format("{}mo", pl.int_range(30).over("username"))
    months = days.with_columns(pl.col("period").min().dt.month_start().dt.offset_by(month))
    alone = days.with_columns(rolling_mean="cost")
    for frame in (trend("a", "b", days=10), months, alone):
        ax = fu.plot_trend(frame)
        assert "faint" not in facts(ax)
        assert 2 == len(ax.lines)


def test_two_names_of_one_color_differ_in_their_dashes() -> None:
    """The smaller one is dashed, in the same colour as in any other picture."""
    ax = fu.plot_trend(trend("a", "b", days=10), colors={"a": "teal", "b": "teal"})
    assert ["-", "--"] == [line(ax, name).get_linestyle() for name in "ab"]
    assert {"teal"} == {line(ax, name).get_color() for name in "ab"}


def test_two_pictures_share_their_scale() -> None:
    """On axes with `sharey`, before and after have the limits of the larger one, in any order."""
    small = trend("ml", "web")
    large = small.with_columns(pl.col("cost") * 10, pl.col("rolling_mean") * 10)
    for pair in ((small, large), (large, small)):
        figure, axes = plt.subplots(1, 2, sharey=True)
        for frame, ax in zip(pair, axes, strict=True):
            fu.plot_trend(frame, ax=ax)
        figure.canvas.draw()
        assert axes[0].get_ylim() == axes[1].get_ylim()
        assert axes[0].get_ylim()[1] > large["cost"].max()
        for ax in axes:
            assert_apart([text for text in ax.texts if text.get_gid() != "facts"])


def test_a_period_cut_short_is_no_drop() -> None:
    """The solid line ends before it; it is hollow, a dotted line leads there, the title says so."""
    frame = trend("ml", "web", cut=True)
    ax = fu.plot_trend(frame)
    assert "hollow: incomplete day" in facts(ax)
    assert np.isnan(line(ax, "ml").get_ydata()[-1])
    hollow = [one for one in ax.lines if one.get_linestyle() == "None"]
    assert frame.filter(~pl.col("complete"))["cost"].to_list() == [
        value for one in hollow for value in one.get_ydata()
    ]
    assert {to_hex(one.get_markerfacecolor()) for one in hollow} == {"#ffffff"}
    dotted = [one for one in ax.lines if one.get_linestyle() == ":"]
    assert [np.isfinite(one.get_ydata()).sum() for one in dotted] == [2, 2]
    assert "hollow" not in facts(fu.plot_trend(trend("ml", "web")))


def test_a_name_has_one_color_in_every_picture() -> None:
    """Lines and columns of the same names have the same colours, whatever their order."""
    names = ("ml", "web", "ops", "data", "growth", "legal", "qa")
    frame = trend(*names)
    lines = fu.plot_trend(frame)
    few = fu.plot_trend(frame.filter(pl.col("username").is_in(["qa", "ops"])))
    columns = fu.plot_stack(frame)
    for name, color in fu.colors_of(names).items():
        assert color == line(lines, name).get_color()
        (column,) = (one for one in columns.containers if one.get_label() == name)
        assert color == to_hex(column.patches[0].get_facecolor())
    assert line(few, "qa").get_color() == line(lines, "qa").get_color()


def test_given_colors() -> None:
    """`colors` decides, for the names that it knows."""
    ax = fu.plot_trend(trend("ml", "web"), colors={"web": "black", "gone": "red"})
    assert line(ax, "web").get_color() == "black"


@pytest.mark.parametrize(
    "size", [None, (9, 4.5), (13.33, 7.5)], ids=["new figure", "notebook", "slide"]
)
def test_labels_do_not_overlap_or_leave_the_axes(size: tuple[float, float] | None) -> None:
    """Nine lines that end at the same height are labelled apart, inside the axes."""
    frame = trend(*(f"fal-ai/model-{n}/with/a/very/long/name-of-it" for n in range(9)))
    frame = frame.with_columns(cost=pl.lit(5.0) + 0.01 * pl.col("cost"))
    ax = fu.plot_trend(frame, ax=size and plt.figure(figsize=size).subplots(), top=8)
    ax.figure.canvas.draw()
    labels = [text for text in ax.texts if text.get_gid() != "facts"]
    assert len(labels) == 9
    assert_apart(labels)
    inside = ax.get_window_extent()
    for label in labels:
        box = Text.get_window_extent(label)
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1 + 1
        assert inside.y0 <= box.y0 < box.y1 <= inside.y1


@SIZES
@pytest.mark.parametrize("days", [1, 2, 5, 10, 31, 90, 400, 1200])
def test_dates_do_not_collide(size: tuple[float, float], days: int) -> None:
    """However long the range, the dates under the axis stand apart."""
    _, ax = plt.subplots(figsize=size)
    fu.plot_trend(trend("ml", "web", days=days), ax=ax)
    ax.figure.canvas.draw()
    assert_apart(ax.get_xticklabels())
    assert ax.get_xticklabels()


def test_amounts_on_the_axis() -> None:
    """The axis has few, round, compact amounts in the frame's currency."""
    frame = trend("ml", currency="CHF").with_columns(pl.col("cost") * 20)
    ax = fu.plot_trend(frame)
    ax.figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert shown[:4] == ["CHF 0", "CHF 1k", "CHF 2k", "CHF 3k"]


def test_a_panel_for_each_currency() -> None:
    """Currencies get axes of their own, the one most spent in first, lined up."""
    frame = pl.concat([trend("paris", currency="EUR"), trend("ml", "web")])
    ax = fu.plot_trend(frame)
    panels = ax.figure.axes
    assert len(panels) == 2
    assert ax is panels[0]
    assert "(USD)" in facts(panels[0])
    assert "(EUR)" in facts(panels[1])
    assert panels[0].get_xlim() == panels[1].get_xlim()


def test_currencies_do_not_share_axes() -> None:
    """Two currencies are refused on one pair of axes, and nothing is drawn."""
    _, ax = plt.subplots()
    frame = pl.concat([trend("paris", currency="EUR"), trend("ml")])
    with pytest.raises(fu.MixedCurrencyError, match="EUR, USD cannot share one axis"):
        fu.plot_trend(frame, ax=ax)
    assert not ax.has_data()


def test_axes_are_passed_through() -> None:
    """With `ax`, that is drawn on and returned, and no figure is made."""
    figure = Figure()
    ax = figure.subplots()
    assert fu.plot_trend(trend("ml"), ax=ax) is ax
    assert not plt.get_fignums()


def test_no_global_setting_is_touched() -> None:
    """Settings are the same before and after."""
    before = mpl.rcParams.copy()
    fu.plot_trend(trend("ml", "web", cut=True)).figure.canvas.draw()
    assert before == mpl.rcParams


def test_dark_paper() -> None:
    """Text takes the reader's ink, so that it can be read on dark paper."""
    with mpl.rc_context({"text.color": "white", "axes.facecolor": "black"}):
        ax = fu.plot_trend(trend("ml", "web"))
    titles = [text for text in ax.findobj(Text) if text.get_text() == "Cost per day by team"]
    assert [to_hex(title.get_color()) for title in titles] == ["#ffffff"]


def test_names_are_shown_as_they_stand() -> None:
    """Dollars are no mathematics, and emoji do not vanish; one warning says which are missing."""
    frame = trend("pay_$x^2$_team", "🚀 launch", "50% \\frac{", "a\x00b")
    both = pl.concat([frame, frame.with_columns(currency=pl.lit("EUR"))])
    with pytest.warns(fu.MissingGlyphWarning, match=r"🚀 \(ROCKET\).*Install a font") as told:
        ax = fu.plot_trend(both)
    ax.figure.canvas.draw()
    assert 1 == len(told)
    assert {"pay_$x^2$_team", ":rocket: launch", "50% \\frac{", "a b"} <= set(texts(ax))
    assert not any(text.get_parse_math() for text in ax.texts)


def test_nothing_spent() -> None:
    """An empty frame, and one of zeros, say so instead of failing."""
    for frame in (trend("ml").clear(), trend("ml").with_columns(cost=pl.lit(0.0))):
        ax = fu.plot_trend(frame)
        assert "no spend in this range" in texts(ax)
        assert "America/New_York" in facts(ax)


def test_a_wrong_frame() -> None:
    """A frame that `trend` did not make is refused, with the name of the one that makes it."""
    with pytest.raises(fu.MissingColumnError, match=r"what trend\(\) returns") as caught:
        fu.plot_trend(trend("ml").drop("rolling_mean"))
    assert caught.value.column == "rolling_mean"
    with pytest.raises(fu.QueryError, match="a list cannot be drawn"):
        fu.plot_trend([1, 2])  # type: ignore[arg-type]
    naive = trend("ml").with_columns(pl.col("period").dt.replace_time_zone(None))
    with pytest.raises(fu.QueryError, match="with a time zone"):
        fu.plot_trend(naive)
    with pytest.raises(fu.QueryError, match="top is 0"):
        fu.plot_trend(trend("ml"), top=0)


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_names() -> Figure:
    """Many names, one of them folded, with a day cut short."""
    names = [f"fal-ai/model-{n}/image-to-video" for n in range(9)]
    return fu.plot_trend(trend(*names, cut=True)).figure


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_one() -> Figure:
    """One line in each of two currencies."""
    frame = pl.concat([trend("ml", days=90), trend("paris", days=90, currency="EUR")])
    return fu.plot_trend(frame).figure
