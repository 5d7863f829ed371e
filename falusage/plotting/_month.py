"""Where a month will end: its cost so far, added up, and the band of what is still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from falusage._wording.dates import moment
from falusage._wording.money import short_amount
from falusage.plotting._labels import GAP, End, label_ends, make_room
from falusage.plotting._palette import MAIN
from falusage.plotting._style import baseline, from_zero, heading, money_axis, quiet, read_look

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """Where a month will end.

    Attributes:
        at: The end of the month.
        projected: The expected total.
        low: The lower end of its 80% band.
        high: The upper end.
    """

    at: datetime
    projected: float
    low: float
    high: float


def plot_month(
    days: Sequence[datetime],
    sums: Sequence[float],
    end: MonthEnd,
    *,
    title: str,
    currency: str,
    before: Sequence[float] = (),
    ax: Axes,
) -> Axes:
    """Draw the cost of a month added up day by day, and where it will end.

    Args:
        days: The instants up to which the cost is known, from the start of the month on.
        sums: The cost of the month up to each of them.
        end: Where it will end.
        title: The title, with the month.
        currency: The currency of all amounts.
        before: The sums of the month before, at its start and at the end of each of its days, for a
            faint line; days that this month does not have are left out.
        ax: The axes to draw on.

    Returns:
        The axes drawn on.
    """
    import matplotlib.dates as mdates

    look = read_look(ax)
    quiet(ax, look)
    money_axis(ax, look, currency)
    now, spent = days[-1], sums[-1]
    said = f"until {moment(now)}: {short_amount(spent, currency)}"
    facts = [str(now.tzinfo), said, "shaded: 80% band"]
    if before:
        facts.append("faint: the month before")
    heading(ax, look, title, facts)
    x: list[float] = [float(mdates.date2num(day)) for day in (*days, end.at)]
    from_zero(ax, 1.06 * max([end.high, *before]))
    width = look.size / 5
    if before:
        places = [at for day in range(len(before)) if (at := x[0] + day) <= x[-1]]
        ax.plot(places, before[: len(places)], color=look.muted, linewidth=width / 2)
    ax.fill_between(
        [x[-2], x[-1]], [spent, end.low], [spent, end.high], color=MAIN, alpha=0.25, linewidth=0
    )
    ax.plot(x[:-1], sums, color=MAIN, linewidth=width)
    ax.plot(
        [x[-2], x[-1]], [spent, end.projected], color=MAIN, linewidth=width, linestyle=(0, (2, 1))
    )
    baseline(ax, look, x[0], x[-1])
    text = short_amount(end.projected, currency)
    labels = label_ends(ax, [End(end.projected, text, MAIN)], look, beyond=x[-1])
    make_room(ax, x[0], x[-1], right=labels, margin=GAP * look.size)
    marks = [day for day in (*days, end.at) if day.day in (1, 8, 15, 22)]
    ax.set_xticks([float(mdates.date2num(day)) for day in marks], [moment(day) for day in marks])
    return ax
