from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import falusage as fu

TODAY = datetime(2025, 6, 21, tzinfo=UTC)


def forecast(*names: str, currency: str = "USD", days: int = 10) -> pl.DataFrame:
    """What `forecast(usage, horizon=10, by="username")` gives."""
    frames = [
        pl.DataFrame(
            {
                "period": [TODAY + timedelta(days=day) for day in range(days)],
                "username": name,
                "currency": currency,
                "model": "AutoETS",
                "cost": [100.0 / place + day for day in range(days)],
            },
            schema_overrides={"period": pl.Datetime("us", "UTC")},
        )
        for place, name in enumerate(names, 1)
    ]
    cost = pl.col("cost")
    return pl.concat(frames).with_columns(
        lo_80=cost - 10, hi_80=cost + 10, lo_95=cost - 20, hi_95=cost + 20
    )


def history(*names: str, cut: bool = False) -> pl.DataFrame:
    """What `trend(usage, by="username")` gives, of the month before."""
    days = [TODAY - timedelta(days=30 - day) for day in range(30)]
    return pl.concat(
        pl.DataFrame(
            {"period": days, "username": name, "currency": "USD", "cost": 90.0 / place}
        ).with_columns(
            pl.col("period").dt.cast_time_unit("us").dt.convert_time_zone("UTC"),
            rolling_mean=pl.lit(None, pl.Float64),
            complete=pl.lit(not cut) | (pl.col("period") < days[-1]),
        )
        for place, name in enumerate(names, 1)
    )


def line(ax: Axes, label: str) -> Line2D:
    """Give the line of that name."""
    return next(line for line in ax.lines if line.get_label() == label)


def band(ax: Axes, label: str) -> PolyCollection:
    """Give the band of that name."""
    return next(one for one in ax.collections if one.get_label() == label)


def facts(ax: Axes) -> str:
    """Give the line under the title."""
    return next(text.get_text() for text in ax.texts if text.get_gid() == "facts")


def test_the_line_and_bands_are_the_frames() -> None:
    """A dashed line through the cost, and a band between the ends of each interval."""
    frame = forecast("ml")
    ax = fu.plot_forecast(frame)
    assert frame["cost"].to_list() == list(line(ax, "ml").get_ydata())
    assert "-" != line(ax, "ml").get_linestyle()
    for level in (80, 95):
        edges = {float(y) for _, y in band(ax, f"ml {level}%").get_paths()[0].vertices}
        assert {*frame[f"lo_{level}"], *frame[f"hi_{level}"]} == edges
    said = "21 – 30 Jun 2025 · UTC · $1.04k total (USD) · model: AutoETS · bands: 80% and 95%"
    assert said == facts(ax)
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > frame["hi_95"].max()


def test_a_band_below_nothing_is_cut_at_nothing() -> None:
    """No bill is negative, whatever a model says."""
    ax = fu.plot_forecast(forecast("ml").with_columns(lo_95=pl.lit(-50.0)))
    assert 0.0 == min(float(y) for _, y in band(ax, "ml 95%").get_paths()[0].vertices)


def test_several_names_have_their_narrowest_band() -> None:
    """Two bands each would hide the lines; what is folded has none, as intervals have no sum."""
    ax = fu.plot_forecast(forecast("ml", "web", "ops", "qa"), top=2)
    labels = {one.get_label() for one in ax.collections}
    assert {"ml 80%", "web 80%"} == {one for one in labels if "%" in str(one)}
    assert line(ax, "other").get_ydata()[0] == pytest.approx(100 / 3 + 100 / 4)
    assert facts(ax).endswith("bands: 80%")


def test_history_is_a_trend_or_the_usage() -> None:
    """Solid before the dashes, a cut day hollow; of a usage table the same trend is made."""
    ax = fu.plot_forecast(forecast("ml", "web"), history=history("ml", "web", cut=True))
    assert [90.0] * 29 == list(line(ax, "ml so far").get_ydata())[:29]
    assert "-" == line(ax, "ml so far").get_linestyle()
    usage = history("ml", "web").select(
        pl.col("period").alias("bucket"),
        pl.col("period").dt.offset_by("1d").alias("bucket_end"),
        "username",
        "currency",
        "cost",
    )
    ax = fu.plot_forecast(forecast("ml", "web"), history=usage)
    assert [45.0] * 30 == list(line(ax, "web so far").get_ydata())
    with pytest.raises(fu.QueryError, match="of one period is not known"):
        fu.plot_forecast(forecast("ml", days=1), history=usage)


def test_names_that_are_folded_have_their_history_folded() -> None:
    """What came before `other` is the sum of all names without a line of their own."""
    ax = fu.plot_forecast(forecast("ml", "web", "ops"), history=history("ml", "web", "ops"), top=1)
    assert 45.0 + 30.0 == line(ax, "other so far").get_ydata()[0]


def record(*names: str) -> pl.DataFrame:
    """What `backtest(usage, horizon=10, by="username")` gives, of two models each."""
    return pl.DataFrame(
        {
            "username": name,
            "currency": "USD",
            "model": model,
            "error": worse + place / 10,
            "coverage_80": 0.7 + place / 25,
            "coverage_95": 0.9 + place / 50,
        }
        for place, name in enumerate(names, 1)
        for model, worse in (("level", 3.0), ("AutoETS", 0.5))
    )


def test_the_track_record_stands_under_the_title() -> None:
    """The error of the model that was taken, and what its bands held; of several, the means."""
    ax = fu.plot_forecast(forecast("ml"), backtest=record("ml"))
    said = "model: AutoETS, error 0.60 in backtest · bands: 80% (held 74%) and 95% (held 92%)"
    assert facts(ax).replace("\n", " · ").endswith(said)
    ax = fu.plot_forecast(forecast("ml", "web"), backtest=record("ml", "web", "ops").lazy())
    said = "model: AutoETS, error 0.65 in backtest · bands: 80% (held 76%)"
    assert facts(ax).replace("\n", " · ").endswith(said)


def test_a_track_record_claims_nothing_that_it_does_not_say() -> None:
    """No figure of another model, of a currency without one, or of a coverage not measured."""
    other = record("ml").filter(pl.col("model") == "level")
    assert facts(fu.plot_forecast(forecast("ml"))) == facts(
        fu.plot_forecast(forecast("ml"), backtest=other)
    )
    ax = fu.plot_forecast(
        pl.concat([forecast("ml"), forecast("ml", currency="EUR")]),
        backtest=record("ml").with_columns(coverage_95=pl.lit(None, pl.Float64)),
    )
    euros, dollars = sorted((facts(one) for one in ax.figure.axes), key=lambda said: "USD" in said)
    assert euros.endswith("model: AutoETS · bands: 80% and 95%")
    assert dollars.replace("\n", " · ").endswith("bands: 80% (held 74%) and 95%")
    with pytest.raises(fu.MissingColumnError, match="username"):
        fu.plot_forecast(forecast("ml"), backtest=record("ml").drop("username"))


def test_other_zones_and_frames_are_refused() -> None:
    """History in another zone has other days; a band has two sides."""
    tokyo = history("ml").with_columns(pl.col("period").dt.convert_time_zone("Asia/Tokyo"))
    with pytest.raises(fu.QueryError, match="expected one zone"):
        fu.plot_forecast(forecast("ml"), history=tokyo)
    with pytest.raises(fu.MissingColumnError, match="hi_80"):
        fu.plot_forecast(forecast("ml").drop("hi_80"))
    with pytest.raises(fu.MissingColumnError, match="model"):
        fu.plot_forecast(forecast("ml").drop("model"))


def test_currencies_and_nothing() -> None:
    """A panel each; an empty forecast says so; one period is a dot."""
    frame = pl.concat([forecast("ml"), forecast("ml", currency="EUR")])
    assert 2 == len(fu.plot_forecast(frame).figure.axes)
    with pytest.raises(fu.MixedCurrencyError):
        fu.plot_forecast(frame, ax=Figure().subplots())
    empty = fu.plot_forecast(frame.clear())
    assert "nothing to forecast" in [text.get_text() for text in empty.texts]
    assert "o" == line(fu.plot_forecast(forecast("ml", days=1)), "ml").get_marker()


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_a_forecast() -> Figure:
    """A month, and ten days ahead in two bands."""
    alone = forecast("ml").drop("username")
    return fu.plot_forecast(alone, history=history("ml").drop("username")).figure


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_a_track_record() -> Figure:
    """Ten days ahead, how far such forecasts were off, and what their bands held."""
    return fu.plot_forecast(forecast("ml"), history=history("ml"), backtest=record("ml")).figure


@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, style="default", tolerance=8)
def test_picture_of_forecasts() -> Figure:
    """Three names, one folded."""
    names = ("ml", "web", "ops", "qa")
    return fu.plot_forecast(forecast(*names), history=history(*names), top=3).figure
