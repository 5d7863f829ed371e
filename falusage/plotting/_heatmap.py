"""When in the week money goes: a cell for each hour of each weekday, darker where it costs more.

A cell is a mean over the hours of that name in the range, so a fourth Monday, or a night that a
clock change repeats, does not look like more use.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._usage.currencies import currencies
from falusage._wording.dates import Moment, range_facts, span
from falusage._wording.money import money
from falusage.columns import total
from falusage.errors import QueryError
from falusage.plotting._palette import FALL, blend
from falusage.plotting._panels import Frame, axes_for, table_of
from falusage.plotting._style import Look, heading, look_of, no_spend, points_of, quiet
from falusage.timeframes import boundaries, ceil, floor, instant, zone
from falusage.transforms import rollup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NEEDS: Final = ("bucket", "bucket_end", "currency", "cost")
_TITLE: Final = "Cost of an hour of the week, on average"


def plot_heatmap(
    usage: Frame,
    *,
    ax: Axes | None = None,
    timezone: str = "UTC",
    start: Moment | None = None,
    end: Moment | None = None,
) -> Axes:
    """Draw what an hour of the week costs on average: weekdays down, hours of `timezone` across.

    A cell is the cost of its hours divided by how many of them the range holds, those in which
    nothing was spent included. Hours that the range does not hold are blank, not zero. The scale
    begins at zero, so that twice the colour is twice the cost.

    Args:
        usage: The usage table itself, in buckets of an hour or finer; a part of it, as one team's,
            by `filter`.
        ax: Where to draw. Without it a new figure is made, with a panel for each currency.
        timezone: The zone whose weekdays and hours are meant.
        start: Where the range begins that the mean is over. None is the first `bucket`. A date is
            midnight in `timezone`.
        end: Where it ends, exclusive. None is the last `bucket_end`.

    Returns:
        The axes drawn on. Where there are several currencies, those of the one that most rows
        were spent in; the other panels are in `.figure.axes`, below.

    Raises:
        AlignmentError: A bucket is longer than an hour, or lies across one.
        MissingColumnError: This is not a usage table.
        MixedCurrencyError: There are several currencies, and only one `ax`.
        QueryError: Only one of `start` and `end` is given, or this is no frame.

    >>> from datetime import UTC
    >>> frame = pl.DataFrame({
    ...     "bucket": [datetime(2025, 1, 6, 9, tzinfo=UTC)],
    ...     "bucket_end": [datetime(2025, 1, 6, 10, tzinfo=UTC)],
    ...     "currency": ["USD"], "cost": [1.5],
    ... })
    >>> plot_heatmap(frame).get_title(loc="left")
    'Cost of an hour of the week, on average'
    """
    table = table_of(usage, needs=_NEEDS, made_by="load_usage")
    facts = range_facts(start, end, timezone)
    hourly = rollup(table, every="1h", timezone=timezone)
    shown = currencies(table)
    axes = axes_for(shown, ax)
    look = look_of(axes[0])
    if not shown:
        return no_spend(axes[0], look, _TITLE, facts or [timezone])
    first, last = table.select(pl.col("bucket").min(), pl.col("bucket_end").max()).row(0)
    if start is not None and end is not None:
        first, last = (
            instant(at, timezone=timezone, name=name)
            for at, name in ((start, "start"), (end, "end"))
        )
        held = hourly.filter(pl.col("period").is_between(first, last, closed="left"))
        if held.height < hourly.height and held["cost"].sum() != hourly["cost"].sum():
            raise QueryError("usage lies outside start and end; filter it to the range first")
    else:
        local = zone(timezone)
        facts = [span(first.astimezone(local), last.astimezone(local)), timezone]
    held = _hours(first, last, timezone)
    for panel, currency in zip(axes, shown, strict=True):
        rows = hourly.filter(pl.col("currency") == currency)
        spent: float = rows.select(total("cost")).item()
        said = [*facts, f"{money(spent, currency)} in all ({currency})"]
        if spent:
            quiet(panel, look)
            heading(panel, look, _TITLE, said)
            _draw(panel, means(rows, held), currency, look)
        else:
            no_spend(panel, look, _TITLE, said)
    return axes[0]


def _hours(first: datetime, last: datetime, timezone: str) -> pl.DataFrame:
    """Give every hour that the range touches."""
    low, high = (
        edge(at, every="1h", timezone=timezone) for edge, at in ((floor, first), (ceil, last))
    )
    hours = boundaries(low, high, every="1h", timezone=timezone).head(-1)
    return hours.dt.convert_time_zone(timezone).rename("period").to_frame()


def means(rows: pl.DataFrame, hours: pl.DataFrame) -> list[list[float | None]]:
    """Give the mean cost of each hour of each weekday, Monday first; None where there is none."""
    at = pl.col("period")
    cells = (
        hours.join(rows.select("period", "cost"), on="period", how="left")
        .group_by(at.dt.weekday().alias("day"), at.dt.hour().alias("hour"))
        .agg(total("cost") / pl.len())
    )
    found = {(day, hour): cost for day, hour, cost in cells.iter_rows()}
    return [[found.get((day, hour)) for hour in range(24)] for day in range(1, 8)]


def _draw(ax: Axes, cells: list[list[float | None]], currency: str, look: Look) -> None:
    from matplotlib.patches import Rectangle

    known = [cell for row in cells for cell in row if cell is not None]
    highest = max(known)
    shades = _shades(look)
    for day, row in enumerate(cells):
        for hour, cell in enumerate(row):
            part = Rectangle((hour, day), 1, 1, facecolor="none", edgecolor=look.paper, gid="cell")
            if cell is None:
                part.set(edgecolor=look.rule, hatch="////", linewidth=0)
            else:
                part.set_facecolor(shades(cell / highest))
            ax.add_patch(part)
    ax.set_ylim(7, 0)
    ax.set_yticks([day + 0.5 for day in range(7)], WEEKDAYS)
    step = 3 if points_of(ax)[0] < 40 * look.size else 2
    ax.set_xticks(range(0, 25, step), [f"{hour:02}:00" for hour in range(0, 25, step)])
    key = [0, highest / 2, highest]
    size = 0.9 * look.size
    text = max(len(money(amount, currency)) for amount in key) * 0.62 * size
    per_point = 25.9 / max(points_of(ax)[0] - text - look.size, 1)
    ax.set_xlim(0, 25.9 + (text + look.size) * per_point)
    for step in range(70):
        shade = shades(1 - (step + 0.5) / 70)
        ax.add_patch(Rectangle((25, step / 10), 0.7, 0.11, facecolor=shade, linewidth=0, gid="key"))
    for amount in key:
        ax.annotate(
            money(amount, currency),
            xy=(25.7, 7 * (1 - amount / highest)),
            xytext=(0.5 * look.size, 0),
            textcoords="offset points",
            va={0: "bottom", highest: "top"}.get(amount, "center"),
            fontsize=size,
            color=look.muted,
            annotation_clip=False,
        )


def _shades(look: Look) -> Colormap:
    """Give a scale in one hue, from near the paper through it towards the ink."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    hue = to_rgb(FALL)
    steps = [blend(look.paper, hue, 0.06), hue, blend(hue, look.ink, 0.75)]
    return LinearSegmentedColormap.from_list("cost", steps)
