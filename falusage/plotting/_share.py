"""What cost went to: bars by falling cost or, over periods, columns of the whole in parts."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from falusage._wording.dates import NOUNS, Moment, covered, every_of, range_facts, without_gaps
from falusage._wording.money import money
from falusage.columns import total
from falusage.plotting._bars import draw_bars
from falusage.plotting._panels import Frame, chosen_colors, same_width, sheet_of, words
from falusage.plotting._stacks import draw_stacks
from falusage.plotting._style import no_spend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDS: Final = ("currency", "cost", "share")
_MEASURES: Final = (*_NEEDS, "period", "cumulative_share", "rank")
_SUMS: Final = (total("cost"), pl.col("share").sum())


def plot_share(
    share: Frame,
    *,
    ax: Axes | None = None,
    top: int | None = None,
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
            None draws seven, or all where `cost_share` has folded the rest already.
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
    asked = range_facts(start, end, timezone)
    sheet = sheet_of(
        share, needs=_NEEDS, measures=_MEASURES, made_by="cost_share", ax=ax, other=other
    )
    title = f"Cost{words(sheet.by)}"
    drawn = sheet.series(top=top, sums=_SUMS)
    if sheet.empty:
        return no_spend(sheet.ax, sheet.look, title, asked)
    chosen = chosen_colors(drawn, colors)
    found: list[datetime] = (
        sheet.rows["period"].unique().sort().to_list() if "period" in sheet.rows else []
    )
    if found:
        asked = [covered(found, sheet.zone), sheet.zone]
        title = f"Share of cost per {NOUNS.get(every_of(found) or '', 'period')}{words(sheet.by)}"
    periods = without_gaps(found, sheet.zone)
    for (panel, currency), series in zip(sheet.panels, drawn, strict=True):
        spent: float = pl.concat([one.rows for one in series]).select(total("cost")).item()
        facts = [*asked, f"{money(spent, currency)} in all ({currency})"]
        draw = (
            functools.partial(draw_stacks, column="share", periods=periods) if found else draw_bars
        )
        draw(panel, series, currency, look=sheet.look, title=title, facts=facts, colors=chosen)
    if found:
        same_width([panel for panel, _ in sheet.panels if panel.patches])
    return sheet.ax
