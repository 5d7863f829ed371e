"""Unusual periods: what each cost, and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from falusage._wording.dates import covered, moment
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.errors import QueryError
from falusage.plotting._labels import shown
from falusage.plotting._palette import MAIN, OTHER, colors_of, readable
from falusage.plotting._panels import (
    Frame,
    Sheet,
    named,
    period_zone,
    read_frame,
    read_sheet,
    words,
)
from falusage.plotting._style import (
    Look,
    from_zero,
    heading,
    money_axis,
    no_spend,
    quiet,
    size_in_points,
)
from falusage.plotting._timeline import places, time_axis
from falusage.plotting._trend import MEASURES as TREND
from falusage.timeframes import boundaries

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox
    from numpy.typing import NDArray

_NEEDS: Final = ("period", "currency", "cost", "expected", "excess", "score")
_LABELS: Final = 40
"""The most labels of a panel, where five thousand teams may have a dot each."""


def plot_anomalies(
    anomalies: Frame,
    *,
    ax: Axes | None = None,
    history: Frame | None = None,
    top: int | None = None,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """Draw what `anomalies` returns: a dot for each, and a line from its expected cost.

    The largest dot of each name has its name, date and excess, if there is room: those of at most
    forty names, the largest first.

    Args:
        anomalies: The frame: `period`, any *by*, `currency`, `cost`, `expected`, `excess`,
            `score`.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        history: What `trend` returns with the same *by*, *every* and zone: a faint line for each
            name that has an anomaly.
        top: How many names have their own colour, by total excess, up or down; the dots of the
            others are grey. By default seven.
        other: The name that is always grey.
        colors: Colours by name that replace those of `colors_of`; several *by* make one name,
            joined by " · ".

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        MissingColumnError: The frame is not what `anomalies` returns, or `history` not a trend.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: `top` is below 1, this is not a frame, or `history` is in another time zone.

    >>> from datetime import UTC
    >>> frame = pl.DataFrame({
    ...     "period": [datetime(2025, 6, 11, tzinfo=UTC)], "username": ["growth"],
    ...     "currency": ["USD"], "cost": [610.0], "expected": [150.0], "excess": [460.0],
    ...     "score": [41.0],
    ... })
    >>> [text.get_text() for text in plot_anomalies(frame).texts if "Jun" in text.get_text()][1:]
    ['growth, 11 Jun: +$460']
    """
    sheet = read_sheet(
        anomalies, needs=_NEEDS, measures=_NEEDS, made_by="anomalies", ax=ax, other=other
    )
    lines = _history(history, sheet)
    title = f"Unusual cost{words(sheet.by)}"
    leading = sheet.leading(top)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, title, [sheet.zone], saying="nothing unusual")
    chosen = _colors(sheet, leading, colors)
    for panel, currency in sheet.panels:
        found = sheet.in_currency(currency).sort("period", "name")
        beside = lines.filter(pl.col("currency") == currency).join(found, on="name", how="semi")
        _draw(
            panel,
            found,
            beside.sort("name", "period"),
            currency=currency,
            sheet=sheet,
            title=title,
            colors=chosen,
        )
    return sheet.ax


def _history(history: Frame | None, sheet: Sheet) -> pl.DataFrame:
    """Return the lines behind the dots: `period`, `name`, `currency` and `cost`."""
    wanted = ("name", "period", "currency", "cost")
    if history is None:
        return sheet.rows.clear().select(wanted)
    table = read_frame(history, needs=("period", "currency", "cost"), made_by="trend")
    if not sheet.empty and period_zone(table) != sheet.zone:
        raise QueryError(
            f"history is in {period_zone(table)}, the anomalies in {sheet.zone}; expected one zone"
        )
    return named(table, measures=TREND, other=sheet.other).select(wanted)


def _colors(sheet: Sheet, leading: int, colors: Mapping[str, str] | None) -> dict[str, str]:
    """Return the colours: grey, except for the names with the most excess in each currency."""
    off = (
        sheet.rows.filter(pl.col("name") != sheet.other)
        .group_by("currency", "name")
        .agg(pl.col("excess").abs().sum())
        .sort("excess", "name", descending=[True, False])
    )
    first = off.group_by("currency", maintain_order=True).head(leading)["name"].unique().sort()
    found = colors_of((name for name in first if name), colors)
    if not sheet.by:
        return found | {"": MAIN}
    grey = {name: OTHER for name in sheet.rows["name"] if name not in first}
    return found | grey


def _beyond(found: pl.DataFrame, currency: str) -> str:
    """Return how much was above and how much below expected, each alone: they do not cancel out."""
    sides = (
        (found.filter(wanted).select(total("excess")).item(), word)
        for wanted, word in ((pl.col("excess") > 0, "above"), (pl.col("excess") < 0, "below"))
    )
    said = [f"{short_amount(abs(amount), currency)} {word}" for amount, word in sides if amount]
    return f"{', '.join(said)} expected" if said else "as expected"


def _draw(
    ax: Axes,
    found: pl.DataFrame,
    lines: pl.DataFrame,
    *,
    currency: str,
    sheet: Sheet,
    title: str,
    colors: Mapping[str, str],
) -> None:
    look = sheet.look
    periods = _periods(lines if len(lines) else found, sheet.zone)
    facts = [covered(periods, sheet.zone), sheet.zone, f"{_beyond(found, currency)} ({currency})"]
    quiet(ax, look)
    money_axis(ax, look, currency)
    heading(ax, look, title, facts)
    highest = pl.concat([found["cost"], found["expected"], lines["cost"]]).max()
    from_zero(ax, 1.12 * float(highest or 1))  # pyright: ignore[reportArgumentType] -- of floats
    time_axis(ax, periods, [], look)
    low, high = ax.get_xlim()
    ax.set_xlim(low, high + (high - low) / 40)  # so that a dot on the last period is not cut
    for (name,), line in lines.group_by("name", maintain_order=True):
        color = colors[str(name)]
        ax.plot(places(line), line["cost"], color=color, alpha=0.4, linewidth=look.size / 9)
    fills = [colors[name] for name in found["name"]]
    at, edge = places(found), look.size / 9
    ax.vlines(at, found["expected"], found["cost"], colors=fills, linewidth=look.size / 6, zorder=3)
    ax.scatter(
        at,
        found["expected"],
        s=look.size * 2,
        facecolors=[look.paper] * len(found),
        edgecolors=fills,
        linewidths=edge,
        zorder=4,
        gid="expected",
    )
    ax.scatter(at, found["cost"], s=look.size * 4, c=fills, linewidths=edge, zorder=4, gid="cost")
    _name_dots(ax, found, currency, look, colors)


def _periods(rows: pl.DataFrame, timezone: str) -> list[datetime]:
    """Return the periods of the lines; without lines, all days from the first dot to the last."""
    found: list[datetime] = rows["period"].unique().sort().to_list()
    days = boundaries(found[0], found[-1], every="1d", timezone=timezone)
    return sorted({*found, *days.dt.convert_time_zone(timezone)}, key=datetime.timestamp)


def _name_dots(
    ax: Axes, found: pl.DataFrame, currency: str, look: Look, colors: Mapping[str, str]
) -> None:
    """Write a label beside the largest dot of each name, if it covers nothing.

    A name with many dots has one label, with the number of its other dots.
    """
    import numpy as np
    from matplotlib.colors import to_rgb

    largest = (
        found.sort(pl.col("excess").abs(), descending=True)
        .group_by("name", maintain_order=True)
        .agg(pl.col("period", "cost", "excess").first(), pl.len())
        .head(_LABELS)
    )
    names = shown(largest["name"].sort(), ax, look, part=0.3)
    inside = ax.get_window_extent()
    taken = _dots(ax, found, 0.5 * look.size)
    for name, period, cost, excess, count in largest.iter_rows():
        sign = "+" if excess > 0 else ""
        said = f"{moment(period)}: {sign}{short_amount(excess, currency)}"
        if name:
            said = f"{names[name]}, {said}"
        for x, y, ha, va in _SIDES:
            text = ax.annotate(
                said if count == 1 else f"{said}, and {count - 1} more",
                xy=(period, cost),
                xytext=(x * look.size, y * look.size),
                textcoords="offset points",
                ha=ha,
                va=va,
                fontsize=look.size,
                color=readable(to_rgb(colors[name]), ink=look.ink, paper=look.paper),
                bbox={"facecolor": look.paper, "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
                annotation_clip=False,
                zorder=3.5,
                **look.lettering,
            )
            box = text.get_window_extent()
            held = inside.x0 <= box.x0 and box.x1 <= inside.x1
            held = held and inside.y0 <= box.y0 and box.y1 <= inside.y1
            if held and not _overlaps(box, taken):
                taken = np.vstack([taken, box.extents])
                break
            text.remove()


def _overlaps(box: Bbox, taken: NDArray[np.float64]) -> bool:
    """Return whether a box overlaps any of those that are taken."""
    x0, y0, x1, y1 = taken.T
    beside = (x0 > box.x1) | (x1 < box.x0) | (y0 > box.y1) | (y1 < box.y0)
    return not beside.all()


def _dots(ax: Axes, found: pl.DataFrame, radius: float) -> NDArray[np.float64]:
    """Return the boxes of all dots, as drawn: a row of x0, y0, x1 and y1 for each."""
    import numpy as np
    from matplotlib.dates import date2num

    x = np.asarray(date2num(places(found)))
    size = radius * ax.get_window_extent().width / size_in_points(ax)[0]
    at = np.vstack(
        [ax.transData.transform(np.column_stack([x, found[y]])) for y in ("cost", "expected")]
    )
    return np.hstack([at - size, at + size])


_SIDES: Final[Sequence[tuple[float, float, Any, Any]]] = tuple(
    (x * far, y * far, ha, va)
    for far in (0.8, 2.2, 4.0, 6.0)
    for x, y, ha, va in (
        (1, 0, "left", "center"),
        (-1, 0, "right", "center"),
        (0, 1, "center", "bottom"),
        (-0.5, 1, "right", "bottom"),
        (0.5, 1, "left", "bottom"),
        (0, -1, "center", "top"),
    )
)
