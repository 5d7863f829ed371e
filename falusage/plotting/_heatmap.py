"""Cost by hour of the week: a cell for each hour of each weekday, darker if it costs more.

A cell is a mean over all such hours of the range. So a fourth Monday, or the hour that a clock
change repeats, does not look like more use.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._usage.currencies import currencies
from falusage._usage.table import Eager, Lazy, take
from falusage._wording.dates import Moment, range_facts, span
from falusage._wording.money import short_amount
from falusage.columns import total
from falusage.coverage import Coverage
from falusage.errors import QueryError
from falusage.plotting._palette import FALL, Rgb
from falusage.plotting._panels import axes_for
from falusage.plotting._style import Look, heading, no_spend, quiet, read_look, size_in_points
from falusage.timeframes import boundaries, ceil, floor, instant, zone
from falusage.transforms import rollup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NEEDS: Final = ("bucket", "bucket_end", "currency", "cost")
_TITLE: Final = "Cost of an hour of the week, on average"
_PALEST: Final = 0.05
"""The opacity of an hour that cost nothing, which is not a blank."""
_SHADES: Final = 50
_STEPS: Final = 28
"""The shades of the cells, and of the key."""


def plot_heatmap(
    usage: Lazy | Eager,
    *,
    ax: Axes | None = None,
    timezone: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    coverage: Coverage | None = None,
) -> Axes:
    """Draw what an hour of the week costs on average: weekdays down, hours across.

    A cell is the cost of its hours divided by their number in the range, hours without spend
    included. Hours that are not in the range are blank, not zero. The scale starts at zero, so
    twice the colour is twice the cost.

    Args:
        usage: A load, a snapshot, a store or its view, or a usage table, in buckets of an hour or
            finer. Filter it to draw a part, such as one team.
        ax: The axes to draw on; by default a new figure with a panel for each currency.
        timezone: The IANA zone of weekdays and hours; by default that of the coverage, or UTC.
        start: The start of the range of the mean; by default that of the coverage, or the first
            `bucket`. A date is midnight in `timezone`.
        end: The end of the range, exclusive; by default `closed_until` of the coverage, or the
            last `bucket_end`. Buckets that may still grow are left out, and the picture says so.
        coverage: The range, gaps and finality of a bare frame.

    Returns:
        The axes drawn on. If there are several currencies, the axes of the first; the other
        panels are in `.figure.axes`.

    Raises:
        AlignmentError: A bucket is longer than an hour, or crosses the start of an hour.
        CoverageError: A part of the range was never read.
        MissingColumnError: This is not a usage table.
        MixedCurrencyError: There are several currencies, and `ax` is given.
        QueryError: Only one of `start` and `end` is given, a row with a cost is outside of them,
            or this is not a usage table.

    >>> from datetime import UTC
    >>> frame = pl.DataFrame({
    ...     "bucket": [datetime(2025, 1, 6, 9, tzinfo=UTC)],
    ...     "bucket_end": [datetime(2025, 1, 6, 10, tzinfo=UTC)],
    ...     "currency": ["USD"], "cost": [1.5],
    ... })
    >>> plot_heatmap(frame).get_title(loc="left")
    'Cost of an hour of the week, on average'
    """
    taken = take(usage, coverage).as_text()
    taken.require(_NEEDS)
    name = taken.zone(timezone)
    asked = range_facts(start, end, name)
    table = taken.rows.select(_NEEDS).collect()
    known = taken.coverage
    if known is None and not table.is_empty():
        known = Coverage.from_rows(table)
    shown = currencies(table)
    axes = axes_for(shown, ax)
    look = read_look(axes[0])
    if known is None:
        return no_spend(axes[0], look, _TITLE, asked or [name])
    first, last = known.start, known.closed_until
    if start is not None and end is not None:
        first, last = (
            instant(at, timezone=name, name=edge) for at, edge in ((start, "start"), (end, "end"))
        )
        known.require_closed(first, last, name="the range")
    known.require(first, last)
    local = zone(name)
    facts = asked or [span(first.astimezone(local), last.astimezone(local)), name]
    hourly = rollup(table, every="1h", timezone=name)
    start_of_hour = pl.col("period").dt.convert_time_zone("UTC")
    inside = start_of_hour.is_between(first, last, closed="left")
    within = hourly.filter(inside)
    if hourly.filter(~inside, pl.col("cost") != 0).height:
        if asked:
            raise QueryError("usage lies outside start and end; filter it to the range first")
        facts.append("without hours that may still grow")
    if not shown:
        return no_spend(axes[0], look, _TITLE, facts)
    hours = _hours(first, last, name)
    for panel, currency in zip(axes, shown, strict=True):
        rows = within.filter(pl.col("currency") == currency)
        spent: float = rows.select(total("cost")).item()
        said = [*facts, f"{short_amount(spent, currency)} total ({currency})"]
        if spent:
            quiet(panel, look)
            heading(panel, look, _TITLE, said)
            _draw(panel, means(rows, hours), currency, look)
        else:
            no_spend(panel, look, _TITLE, said)
    return axes[0]


def _hours(first: datetime, last: datetime, timezone: str) -> pl.DataFrame:
    """Return every hour that the range touches."""
    low, high = (
        edge(at, every="1h", timezone=timezone) for edge, at in ((floor, first), (ceil, last))
    )
    hours = boundaries(low, high, every="1h", timezone=timezone).head(-1)
    return hours.dt.convert_time_zone(timezone).rename("period").to_frame()


def means(rows: pl.DataFrame, hours: pl.DataFrame) -> list[list[float | None]]:
    """Return the mean cost of each hour of each weekday, Monday first; None if there is none."""
    at = pl.col("period")
    cells = (
        hours.join(rows.select("period", "cost"), on="period", how="left")
        .group_by(at.dt.weekday().alias("day"), at.dt.hour().alias("hour"))
        .agg(total("cost") / pl.len())
    )
    found = {(day, hour): cost for day, hour, cost in cells.iter_rows()}
    return [[found.get((day, hour)) for hour in range(24)] for day in range(1, 8)]


def _draw(ax: Axes, cells: list[list[float | None]], currency: str, look: Look) -> None:
    known = [cell for row in cells for cell in row if cell is not None]
    highest = max(known)
    squares = {(hour, day): cell for day, row in enumerate(cells) for hour, cell in enumerate(row)}
    filled = {at: cell / highest for at, cell in squares.items() if cell is not None}
    first = sorted(filled, key=filled.__getitem__)
    _add(ax, [_square(*at) for at in first], [filled[at] for at in first], gid="cells")
    blank = [_square(*at) for at, cell in squares.items() if cell is None]
    _add(ax, blank, None, stripes=look.rule, gid="blank")
    ax.set_ylim(7, 0)
    ax.set_yticks([day + 0.5 for day in range(7)], WEEKDAYS)
    hour = size_in_points(ax)[0] / 29  # about, because the key is beside the hours
    step = next((step for step in (2, 3, 6) if step * hour > 3.6 * look.size), 12)
    ax.set_xticks(range(0, 25, step), [f"{hour:02}:00" for hour in range(0, 25, step)])
    key = [0, highest / 2, highest]
    size = 0.9 * look.size
    text = max(len(short_amount(amount, currency)) for amount in key) * 0.62 * size
    per_point = 25.9 / max(size_in_points(ax)[0] - text - look.size, 1)
    ax.set_xlim(0, 25.9 + (text + look.size) * per_point)
    steps = [step / _STEPS for step in range(_STEPS)]
    high = 7 / _STEPS
    _add(
        ax,
        [(25, 7 * step, 0.7, high) for step in steps],
        [1 - step for step in steps],
        gid="key",
    )
    for amount in key:
        ax.annotate(
            short_amount(amount, currency),
            xy=(25.7, 7 * (1 - amount / highest)),
            xytext=(0.5 * look.size, 0),
            textcoords="offset points",
            va={0: "bottom", highest: "top"}.get(amount, "center"),
            fontsize=size,
            color=look.muted,
            annotation_clip=False,
        )


def _square(hour: int, day: int) -> tuple[float, float, float, float]:
    """Return the place of a cell, with a gap around it."""
    return hour + 0.03, day + 0.04, 0.94, 0.92


def _add(
    ax: Axes,
    places: Sequence[tuple[float, float, float, float]],
    parts: Sequence[float] | None,
    *,
    stripes: Rgb | None = None,
    gid: str,
) -> None:
    """Add rectangles (x, y, width, height) in one colour, as opaque as their part of the highest.

    Without parts they are striped.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in places]
    shades = [_PALEST + (1 - _PALEST) * round(part * _SHADES) / _SHADES for part in parts or ()]
    rectangles = PolyCollection(
        corners,
        facecolors=[(*to_rgb(FALL), shade) for shade in shades] or "none",
        edgecolors="none" if stripes is None else [stripes],
        linewidths=0.0,
        hatch=None if stripes is None else "////",
        gid=gid,
    )
    ax.add_collection(rectangles, autolim=False)
