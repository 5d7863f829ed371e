"""What cost went to: bars by falling cost or, over periods, columns of the whole in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, cast

import polars as pl

from falusage.columns import total
from falusage.errors import QueryError
from falusage.plotting.dates import (
    NOUNS,
    covered,
    every_of,
    mark_labels,
    marks,
    span,
    without_gaps,
)
from falusage.plotting.formats import money, percent
from falusage.plotting.labels import GAP, End, label_ends, make_room, shown
from falusage.plotting.lettering import LITERAL
from falusage.plotting.palette import MAIN, OTHER, colors_of, contrast
from falusage.plotting.panels import (
    TOP,
    Frame,
    Series,
    axes_for,
    currencies_of,
    keys,
    named,
    series_of,
    table_of,
    words,
)
from falusage.plotting.style import Look, heading, look_of, no_spend, points_of, quiet
from falusage.timeframes import instant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Moment = date | datetime | str

_NEEDS: Final = ("currency", "cost", "share")
_MEASURES: Final = (*_NEEDS, "period", "cumulative_share", "rank")
_SUMS: Final = (total("cost"), pl.col("share").sum())


def plot_share(
    share: Frame,
    *,
    ax: Axes | None = None,
    top: int = TOP,
    other: str = "other",
    colors: Mapping[str, str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    timezone: str = "UTC",
) -> Axes:
    """Draw what `cost_share` returns: who, or what, the money went to.

    Without a `period`, a bar for each name by falling cost, with its amount and its share, and
    `other` last in grey. With one, a column for each period, all of the same height, cut into
    the shares, with the period's cost above it. A name has the same colour in both, and in
    `plot_trend`.

    Args:
        share: The frame: `period` or none, any *by*, `currency`, `cost`, `share`.
        ax: Where to draw. Without it a new figure is made, with a panel for each currency.
        top: How many names are drawn in each currency, by falling cost; the rest are `other`.
        other: The name of the rest; rows that bear it already are added to it.
        colors: Colours by name, such as `colors_of` gives for a whole report; several *by* make
            one name, joined by " · ".
        start: Where the range begins that the shares are of, for the title; a share without
            periods does not carry it. A date is midnight in `timezone`.
        end: Where it ends, exclusive.
        timezone: The zone that `start` and `end` are said in.

    Returns:
        The axes drawn on. Where there are several currencies, those of the one that most rows
        were spent in; the other panels are in `.figure.axes`, below.

    Raises:
        MissingColumnError: The frame is not one that `cost_share` made.
        MixedCurrencyError: There are several currencies, and only one `ax`.
        QueryError: `top` is below 1, only one of `start` and `end` is given, or this is no frame.

    >>> frame = pl.DataFrame({
    ...     "username": ["ml", "web"], "currency": ["USD", "USD"],
    ...     "cost": [75.0, 25.0], "share": [0.75, 0.25],
    ... })
    >>> ax = plot_share(frame, start="2025-01-01", end="2025-02-01")
    >>> [text.get_text() for text in ax.texts if "%" in text.get_text()]
    ['$75 · 75%', '$25 · 25%']
    """
    if top < 1:
        raise QueryError(f"top is {top}; expected at least 1 name to draw")
    table = table_of(share, needs=_NEEDS, made_by="cost_share")
    asked = _asked(start, end, timezone)
    title = f"Cost{words(keys(table, _MEASURES))}"
    rows = named(table, measures=_MEASURES, other=other)
    currencies = currencies_of(rows)
    axes = axes_for(currencies, ax)
    if not currencies:
        return no_spend(axes[0], title, asked)
    shares = [
        series_of(rows.filter(pl.col("currency") == currency), top=top, other=other, sums=_SUMS)
        for currency in currencies
    ]
    chosen = colors_of(
        sorted({one.name for series in shares for one in series if not one.folded}), colors
    )
    for panel, currency, series in zip(axes, currencies, shares, strict=True):
        spent: float = pl.concat([one.rows for one in series]).select(total("cost")).item()
        facts = [*asked, f"{money(spent, currency)} in all ({currency})"]
        draw = _columns if "period" in table.columns else _bars
        draw(panel, series, currency, title=title, facts=facts, colors={**chosen, "": MAIN})
    return axes[0]


def _asked(start: Moment | None, end: Moment | None, timezone: str) -> list[str]:
    if start is None and end is None:
        return []
    if start is None or end is None:
        raise QueryError("only one of start and end is given; expected both, or neither")
    first = instant(start, timezone=timezone, name="start")
    return [span(first, instant(end, timezone=timezone, name="end")), timezone]


def _bars(
    ax: Axes,
    series: Sequence[Series],
    currency: str,
    *,
    title: str,
    facts: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    look = look_of(ax)
    costs = [float(one.rows["cost"].sum()) for one in series]
    parts = [float(one.rows["share"].sum()) for one in series]
    if not any(costs):
        no_spend(ax, title, facts)
        return
    quiet(ax, look, grid="x")
    ax.grid(visible=False)
    ax.set_xticks([])
    heading(ax, look, title, facts)
    fills = [OTHER if one.folded else colors[one.name] for one in series]
    ax.barh(range(len(series)), costs, height=0.7, color=fills)
    # Two bars are not drawn as thick as the page.
    ax.set_ylim(max(len(series), 5) - 0.5, -0.5)
    ax.set_yticks([])
    names = shown([one.name for one in series], ax, look.size)
    beside = {"textcoords": "offset points", "va": "center_baseline", "fontsize": look.size}
    left = [
        ax.annotate(
            names[one.name] or "all",
            xy=(0, row),
            xytext=(-0.7 * look.size, 0),
            ha="right",
            color=look.ink,
            annotation_clip=False,
            **beside,
            **LITERAL,
        )
        for row, one in enumerate(series)
    ]
    right = [
        ax.annotate(
            f"{money(cost, currency)} · {percent(part)}",
            xy=(cost, row),
            xytext=(0.6 * look.size, 0),
            ha="left",
            color=look.muted if one.folded else look.ink,
            annotation_clip=False,
            **beside,
            **LITERAL,
        )
        for row, (one, cost, part) in enumerate(zip(series, costs, parts, strict=True))
    ]
    make_room(ax, 0, max(costs), left=left, right=right, margin=look.size)


def _columns(
    ax: Axes,
    series: Sequence[Series],
    currency: str,
    *,
    title: str,
    facts: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    look = look_of(ax)
    drawn = pl.concat([one.rows for one in series])
    found: list[datetime] = drawn["period"].unique().sort().to_list()
    timezone = str(found[0].tzinfo)
    periods = without_gaps(found, timezone)
    every = every_of(found)
    facts = [covered(found, timezone), timezone, facts[-1]]
    title = title.replace("Cost", f"Share of cost per {NOUNS.get(every or '', 'period')}", 1)
    spent = _over(drawn.group_by("period").agg(total("cost")), "cost", periods)
    if not any(spent):
        no_spend(ax, title, facts)
        return
    quiet(ax, look, grid="y")
    heading(ax, look, title, facts)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])

    names = shown([one.name for one in series], ax, look.size)
    bottom = [0.0] * len(periods)
    ends: list[End] = []
    for one in series:
        color = OTHER if one.folded else colors[one.name]
        parts = _over(one.rows, "share", periods)
        ax.bar(
            range(len(periods)),
            parts,
            bottom=bottom,
            width=0.8,
            color=color,
            edgecolor=look.paper,
            linewidth=0.6,
            label=names[one.name],
        )
        middle = bottom[-1] + parts[-1] / 2
        ends.append(End(len(periods) - 0.6, middle, names[one.name] or "all", color))
        bottom = [a + b for a, b in zip(bottom, parts, strict=True)]
    ax.set_ylim(0, 1.08)
    low, high = -0.6, len(periods) - 0.4
    ax.set_xlim(low, high)
    labels = label_ends(ax, ends, look, beyond=len(periods) - 0.6)
    make_room(ax, low, high, right=labels, margin=(GAP + 0.4) * look.size)
    ax.spines["bottom"].set_bounds(low, high)
    ax.grid(visible=False)
    _write_in(ax, spent, currency, look)
    column = points_of(ax)[0] / (ax.get_xlim()[1] - ax.get_xlim()[0])
    places = marks(periods, max(int(column * len(periods) / (4.5 * look.size)), 1))
    ax.set_xticks(places, mark_labels([periods[place] for place in places], every))


def _over(rows: pl.DataFrame, column: str, periods: Sequence[datetime]) -> list[float]:
    """Give a column's values period by period, zero where there is no row or no total."""
    values = dict(rows.select("period", pl.col(column).fill_null(0.0)).iter_rows())
    return [cast("float", values.get(period, 0.0)) for period in periods]


def _write_in(ax: Axes, spent: Sequence[float], currency: str, look: Look) -> None:
    """Write each period's cost over its column, and the shares into parts with room for them."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    width, height = points_of(ax)
    column = 0.8 * width / (ax.get_xlim()[1] - ax.get_xlim()[0])
    line = 1.5 * look.size * (ax.get_ylim()[1] - ax.get_ylim()[0]) / height
    small = 0.9 * look.size
    if column >= 3.4 * small:
        for part in ax.patches:
            if isinstance(part, Rectangle) and part.get_height() >= line:
                fill = to_rgb(part.get_facecolor())
                ax.text(
                    part.get_x() + part.get_width() / 2,
                    part.get_y() + part.get_height() / 2,
                    percent(part.get_height()),
                    ha="center",
                    va="center",
                    fontsize=small,
                    color=max(look.ink, look.paper, key=lambda color: contrast(color, fill)),
                )
    if column >= 4 * small:
        for place, cost in enumerate(spent):
            ax.annotate(
                money(cost, currency),
                xy=(place, 1 if cost else 0),
                xytext=(0, 0.35 * look.size),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=small,
                color=look.muted,
                **LITERAL,
            )
