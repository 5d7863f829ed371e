from __future__ import annotations

import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

import falusage as fu
from falusage.plotting._palette import FALL, OTHER, RISE

AMOUNTS = [
    ("ml", "image", "price", 250.0),
    ("ml", "image", "volume", 100.0),
    ("ml", "second", "new", 400.0),
    ("web", "image", "volume", -80.0),
    ("web", "image", "mix", -20.0),
    ("ops", "image", "retired", -300.0),
]


def bridge(currency: str = "USD") -> pl.DataFrame:
    """What `cost_bridge(..., by="username")` gives."""
    schema = ["username", "unit", "effect", "amount"]
    return pl.DataFrame(AMOUNTS, schema=schema, orient="row").with_columns(
        currency=pl.lit(currency)
    )


def bars(ax: Axes) -> list[tuple[float, float, str]]:
    """Return where each bar begins and ends, and its colour, from the top down."""
    return [
        (p.get_x(), p.get_x() + p.get_width(), to_hex(p.get_facecolor()))
        for p in ax.patches
        if isinstance(p, Rectangle)
    ]


def texts(ax: Axes) -> list[str]:
    """Return what stands beside the bars."""
    return [text.get_text() for text in ax.texts if text.get_gid() != "facts"]


def test_each_bar_begins_where_the_last_one_ended() -> None:
    """Effects in their own order, from nothing to the total change, which is their sum."""
    ax = fu.plot_bridge(bridge())
    assert texts(ax)[:6] == ["price", "volume", "mix", "new", "retired", "total change"]
    assert texts(ax)[6:] == ["+$250", "+$20", "−$20", "+$400", "−$300", "+$350"]
    *steps, whole = bars(ax)
    assert [0.0, 250.0, 270.0, 250.0, 650.0] == [begin for begin, _, _ in steps]
    assert [250.0, 270.0, 250.0, 650.0, 350.0] == [end for _, end, _ in steps]
    assert [RISE, RISE, FALL, RISE, FALL] == [color for _, _, color in steps]
    assert (0.0, 350.0) == whole[:2]


def test_discounts_and_days_have_their_place_among_the_effects() -> None:
    """In the order of `cost_bridge`, whatever their amounts, and none is folded."""
    names = ["retired", "new", "mix", "volume", "days", "discount", "price"]
    frame = pl.DataFrame({"effect": names, "amount": [-8.0, 1, 2, 3, 4, -5, 6]}).with_columns(
        unit=pl.lit("image"), currency=pl.lit("USD")
    )

    assert [*reversed(names), "total change"] == texts(fu.plot_bridge(frame))[:8]


def test_steps_are_columns_of_the_bridge() -> None:
    """By team, by falling amount; what is beyond `top`, the smallest either way, is folded."""
    ax = fu.plot_bridge(bridge(), steps="username", top=2)
    assert texts(ax) == ["ml", "ops", "other", "total change", "+$750", "−$300", "−$100", "+$350"]
    assert OTHER == bars(ax)[2][2]
    assert "Change in cost by team" == ax.get_title(loc="left")
    both = fu.plot_bridge(bridge(), steps=("username", "effect"))
    assert "ml · new" == texts(both)[0]
    with pytest.raises(fu.MissingColumnError, match="usernam"):
        fu.plot_bridge(bridge(), steps="usernam")


def test_the_title_says_the_ranges_that_are_given() -> None:
    """A bridge does not know its ranges: `baseline` and `comparison` say them."""
    april, may = ("2025-04-01", "2025-05-01"), ("2025-05-01", "2025-06-01")
    ax = fu.plot_bridge(bridge(), baseline=april, comparison=may)
    facts = next(text.get_text() for text in ax.texts if text.get_gid() == "facts")
    assert "May 2025 compared with Apr 2025 · UTC · +$350 total (USD)" == facts
    with pytest.raises(fu.QueryError, match="only one"):
        fu.plot_bridge(bridge(), baseline=april)


APRIL, MAY = ("2025-04-01", "2025-05-01"), ("2025-05-01", "2025-06-01")


def test_the_ends_are_the_costs_of_both_ranges() -> None:
    """The steps lead from what the earlier range cost to what the later one cost."""
    ax = fu.plot_bridge(bridge(), baseline=(*APRIL, 1000.0), comparison=(*MAY, 1350.0))
    names = ["Apr 2025", "price", "volume", "mix", "new", "retired", "May 2025"]
    assert names == texts(ax)[:7]
    assert ["$1k", "+$250", "+$20", "−$20", "+$400", "−$300", "$1.35k"] == texts(ax)[7:]
    first, *steps, last = bars(ax)
    assert (0.0, 1000.0) == first[:2]
    assert [1000.0, 1250.0, 1270.0, 1250.0, 1650.0] == [begin for begin, _, _ in steps]
    assert [1250.0, 1270.0, 1250.0, 1650.0, 1350.0] == [end for _, end, _ in steps]
    assert (0.0, 1350.0) == last[:2]


def test_long_ends_are_cut_so_that_steps_are_seen() -> None:
    """Of a hundred thousand, steps of a hundred would be nothing; the picture says that it cut."""
    ends = {"baseline": (*APRIL, 1e5), "comparison": (*MAY, 1e5 + 350)}
    ax = fu.plot_bridge(bridge(), **ends)
    assert "end bars are cut" in next(text.get_text() for text in ax.texts)
    first, *_, last = bars(ax)
    assert 0 < first[0] == last[0] < 1e5
    assert (1e5, 1e5 + 350) == pytest.approx((first[1], last[1]))
    assert 2 == len([one for one in ax.lines if one.get_gid() == "cut"])
    whole = fu.plot_bridge(bridge(), baseline=(*APRIL, 400.0), comparison=(*MAY, 750.0))
    assert "cut" not in next(text.get_text() for text in whole.texts)


def test_costs_that_the_bridge_does_not_join_are_rejected() -> None:
    """A picture whose end bar is not where its steps end would be wrong in one of them."""
    with pytest.raises(fu.QueryError, match=r"changes cost by 350.* differ by 300"):
        fu.plot_bridge(bridge(), baseline=(*APRIL, 1000.0), comparison=(*MAY, 1300.0))
    with pytest.raises(fu.QueryError, match="only one of baseline and comparison has a cost"):
        fu.plot_bridge(bridge(), baseline=(*APRIL, 1000.0), comparison=MAY)
    with pytest.raises(fu.QueryError, match="expected a finite number"):
        fu.plot_bridge(bridge(), baseline=(*APRIL, float("nan")), comparison=(*MAY, float("nan")))
    with pytest.raises(fu.QueryError, match=r"expected \(start, end\) or"):
        fu.plot_bridge(bridge(), baseline="2025-04", comparison="2025-05")  # type: ignore[arg-type]


def test_each_currency_has_its_own_ends() -> None:
    """With several, the costs are by currency; a currency that is missing cost nothing before."""
    frame = pl.concat([bridge(), bridge("EUR")])
    before, after = {"USD": 1000.0}, {"USD": 1350.0, "EUR": 350.0}
    ax = fu.plot_bridge(frame, baseline=(*APRIL, before), comparison=(*MAY, after))
    ends = [(bars(panel)[0][1], bars(panel)[-1][1]) for panel in ax.figure.axes]
    assert [(0.0, 350.0), (1000.0, 1350.0)] == sorted(ends)
    with pytest.raises(fu.MixedCurrencyError, match="by currency"):
        fu.plot_bridge(frame, baseline=(*APRIL, 1000.0), comparison=(*MAY, 1350.0))


def test_a_given_color_is_a_steps_color() -> None:
    """Red and blue stand for more and less, unless `colors` has another colour for a step."""
    ax = fu.plot_bridge(bridge(), colors={"new": "#188460"})
    assert [RISE, RISE, FALL, "#188460", FALL] == [color for _, _, color in bars(ax)[:-1]]


def test_what_the_transform_returns_is_drawn() -> None:
    """The steps of the sample's bridge sum to the change in its cost."""
    usage = fu.sample_usage(start="2025-03-01", end="2025-04-12", every="1d").usage
    usage = usage.filter(pl.col("currency") == "USD")
    before, after = ("2025-03-01", "2025-03-22"), ("2025-03-22", "2025-04-12")
    why = fu.cost_bridge(usage, baseline=before, comparison=after, by=("username", "product"))
    for steps in ("effect", "username", ("product", "effect")):
        *parts, whole = bars(fu.plot_bridge(why, steps=steps))
        assert whole[1] == pytest.approx(why["amount"].sum())
        assert whole[1] == pytest.approx(parts[-1][1])


@pytest.mark.parametrize("size", [(9, 4.5), (13.33, 7.5)], ids=["notebook", "slide"])
def test_texts_do_not_overlap_or_leave_the_axes(size: tuple[float, float]) -> None:
    """Names and amounts stand apart, and inside the axes, where all falls too."""
    _, ax = plt.subplots(figsize=size)
    long = "type: gpu_1x_h100_sxm5 (my-application, production) " + pl.col("username")
    frame = bridge().with_columns(username=long, amount=-pl.col("amount").abs())
    fu.plot_bridge(frame, steps=("username", "effect"), ax=ax)
    ax.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in ax.texts if text.get_gid() != "facts"]
    inside = ax.get_window_extent()
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert inside.x0 - 1 <= box.x0 < box.x1 <= inside.x1 + 1


def test_currencies_and_nothing() -> None:
    """A panel each; an empty bridge says so."""
    frame = pl.concat([bridge(), bridge("EUR").head(2)])
    assert 2 == len(fu.plot_bridge(frame).figure.axes)
    with pytest.raises(fu.MixedCurrencyError):
        fu.plot_bridge(frame, ax=Figure().subplots())
    assert "no spend in this range" in texts(fu.plot_bridge(frame.clear()))


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_a_bridge() -> Figure:
    """All effects, up and down."""
    return fu.plot_bridge(bridge()).figure


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_a_bridge_between_two_months() -> Figure:
    """End bars that are cut, with the dates of both ranges."""
    ends = {"baseline": (*APRIL, 5000.0), "comparison": (*MAY, 5350.0)}
    return fu.plot_bridge(bridge(), **ends).figure
