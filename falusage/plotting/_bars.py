"""One range as bars: the name to the left of each bar, its amount to the right, and no axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from falusage._wording.money import short_amount
from falusage._wording.numbers import short_percent
from falusage.plotting._labels import make_room, shown
from falusage.plotting._panels import Series, series_color
from falusage.plotting._style import Look, heading, no_spend, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_bars(
    ax: Axes,
    series: Sequence[Series],
    currency: str,
    *,
    look: Look,
    title: str,
    facts: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    """Draw a bar for each name, with its amount and its share.

    The names are beside the bars, so all have one colour, unless `colors` has another.
    """
    costs = [float(one.rows["cost"].sum()) for one in series]
    parts = [float(one.rows["share"].sum()) for one in series]
    if not any(costs):
        no_spend(ax, look, title, facts)
        return
    quiet(ax, look)
    ax.set_xticks([])
    heading(ax, look, title, facts)
    fills = [series_color(one, colors) for one in series]
    ax.barh(range(len(series)), costs, height=0.7, color=fills)
    # Two bars should not fill the whole page.
    ax.set_ylim(max(len(series), 5) - 0.5, -0.5)
    ax.set_yticks([])
    names = shown([one.name for one in series], ax, look, part=0.4)
    beside = {"textcoords": "offset points", "va": "center_baseline", "fontsize": look.size}
    left = [
        ax.annotate(
            names[one.name],
            xy=(0, row),
            xytext=(-0.7 * look.size, 0),
            ha="right",
            color=look.ink,
            annotation_clip=False,
            **beside,
            **look.lettering,
        )
        for row, one in enumerate(series)
    ]
    right = [
        ax.annotate(
            f"{short_amount(cost, currency)} · {short_percent(part)}",
            xy=(cost, row),
            xytext=(0.6 * look.size, 0),
            ha="left",
            color=look.muted if one.folded else look.ink,
            annotation_clip=False,
            **beside,
            **look.lettering,
        )
        for row, (one, cost, part) in enumerate(zip(series, costs, parts, strict=True))
    ]
    make_room(ax, 0, max(costs), left=left, right=right, margin=look.size)
